"""The contract of `PaymentGateway`: one effect per key, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.errors import Rejected, Unavailable
from adapters.payment.port import Effect, EffectStatus, Intent, PaymentGateway
from domain.money import Money
from tests.adapters.deeds import PRICE, Deed, deed, fresh, paid
from tests.support.sandbox import SandboxPlace, SandboxWorld

KINDS = ("open", "refund", "transfer", "take_back", "pay_out")
PART = Money(1_000, "EUR")


@pytest.fixture(params=KINDS)
async def effect(
    request: pytest.FixtureRequest, gateway: PaymentGateway, place: SandboxPlace
) -> Deed:
    """Each effect that the gateway can be asked for."""
    return await deed(request.param, gateway, place)


@pytest.fixture
async def done(world: SandboxWorld, effect: Deed) -> AsyncIterator[str]:
    """A key; at the end exactly one effect must stand under it in the provider's books."""
    key = effect.key()
    yield key
    found = await world.effects()
    assert len([line for line in found["lines"] if line["key"] == key]) == 1


async def test_a_repeat_changes_nothing_and_succeeds(effect: Deed, done: str) -> None:
    """Every step is repeated when its answer was lost, and money must move once."""
    first = await effect.do(done, PART)

    again = await effect.do(done, PART)

    assert again.reference == first.reference
    assert again.amount == first.amount == PART


@pytest.mark.case(56)
async def test_a_repeat_days_later_finds_the_first(
    effect: Deed, done: str, world: SandboxWorld
) -> None:
    """The provider forgets a key after a day; an outage may last longer."""
    first = await effect.do(done, PART)
    await world.expire_keys()

    again = await effect.do(done, PART, again=True)

    assert again.reference == first.reference
    assert again.amount == PART


async def test_looking_first_does_no_harm_where_there_is_nothing(effect: Deed, done: str) -> None:
    """Whoever is unsure whether there was an earlier attempt asks with `again`."""
    made = await effect.do(done, PART, again=True)

    assert made.amount == PART


async def test_a_key_never_means_another_amount(effect: Deed, done: str) -> None:
    """A key is one business fact; another amount under it is a mistake of ours."""
    await effect.do(done, PART)

    with pytest.raises(Rejected) as refused:
        await effect.do(done, Money(999, "EUR"))

    assert refused.value.code == "idempotency_error"


async def test_a_key_never_means_another_amount_days_later(
    effect: Deed, done: str, world: SandboxWorld
) -> None:
    """The same mistake must be noticed when the provider has forgotten the key."""
    await effect.do(done, PART)
    await world.expire_keys()

    with pytest.raises(Rejected) as refused:
        await effect.do(done, Money(999, "EUR"), again=True)

    assert refused.value.code == "idempotency_error"


@pytest.mark.case(56)
@pytest.mark.parametrize("fault", ["reset_after_effect", "timeout_after_effect"])
async def test_a_lost_answer_is_an_outage_and_the_repeat_finds_the_effect(
    effect: Deed, done: str, world: SandboxWorld, fault: str
) -> None:
    """The money has moved and nobody told us."""
    await world.fault(fault, effect.route, key=done, times=1, seconds=0.2)
    with pytest.raises(Unavailable):
        await effect.do(done, PART)

    again = await effect.do(done, PART)

    assert again.amount == PART


@pytest.mark.case(56)
async def test_a_lost_answer_is_found_days_later(
    effect: Deed, done: str, world: SandboxWorld
) -> None:
    """Lost answer and forgotten key together: only the metadata still knows."""
    await world.fault("reset_after_effect", effect.route, key=done, times=1)
    with pytest.raises(Unavailable):
        await effect.do(done, PART)
    await world.expire_keys()

    again = await effect.do(done, PART, again=True)

    assert again.amount == PART


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_an_error_before_the_effect_is_an_outage(
    effect: Deed, done: str, world: SandboxWorld, status: int
) -> None:
    """A provider that is down has refused nothing."""
    await world.fault("error", effect.route, key=done, times=1, status=status)
    with pytest.raises(Unavailable):
        await effect.do(done, PART)

    again = await effect.do(done, PART)

    assert again.amount == PART


async def test_a_broken_connection_is_an_outage(
    effect: Deed, done: str, world: SandboxWorld
) -> None:
    """Whether it happened is unknown, so it is asked again under the same key."""
    await world.fault("connection_reset", effect.route, key=done, times=1)
    with pytest.raises(Unavailable):
        await effect.do(done, PART)

    await effect.do(done, PART)


async def test_an_error_after_the_effect_does_not_repeat_it(
    effect: Deed, done: str, world: SandboxWorld
) -> None:
    """Stripe stores its own 500 and replays it for a day although the money has moved."""
    await world.fault("error_after_effect", effect.route, key=done, times=1)
    with pytest.raises(Unavailable):
        await effect.do(done, PART)

    again = await effect.do(done, PART)

    assert again.amount == PART


@pytest.mark.parametrize("failures", [1, 3])
async def test_a_stored_error_does_not_block_the_effect(
    effect: Deed, done: str, world: SandboxWorld, failures: int
) -> None:
    """Replayed for a day, it would hold a buyer's refund that long for nothing."""
    await world.fault("error", effect.route, key=done, times=failures, stored=True)
    for _ in range(failures):
        with pytest.raises(Unavailable):
            await effect.do(done, PART)

    made = await effect.do(done, PART)
    again = await effect.do(done, PART)

    assert again.reference == made.reference


async def test_two_at_once_make_one_effect(effect: Deed, done: str, world: SandboxWorld) -> None:
    """A step that timed out may still be running when it is tried again."""
    await world.fault("delay", effect.route, key=done, times=1, seconds=0.3)

    both = await asyncio.gather(*(effect.do(done, PART) for _ in range(4)), return_exceptions=True)

    made = {one.reference for one in both if isinstance(one, Intent | Effect)}
    others = [one for one in both if not isinstance(one, Intent | Effect)]
    assert len(made) == 1
    assert all(isinstance(one, Unavailable) for one in others)


async def test_a_lagging_search_makes_no_second_payment(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """Stripe's search shows a new payment only after a minute; its list does at once."""
    await world.change(search_lag=120)
    subject = fresh()
    first = await gateway.open(f"{subject}/take/1", subject, PRICE, "pm_card_visa")
    await world.expire_keys()

    again = await gateway.open(f"{subject}/take/1", subject, PRICE, "pm_card_visa", again=True)

    assert again.reference == first.reference


async def test_a_provider_that_is_gone_is_an_outage(unreachable: PaymentGateway) -> None:
    """Nothing but the family of outages may leave the adapter, whatever the network does."""
    with pytest.raises(Unavailable):
        await unreachable.look("pi_1")
    with pytest.raises(Unavailable):
        _ = [line async for line in unreachable.books("", None)]


async def test_an_answer_that_never_comes_is_an_outage(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A call without an end would hold its worker for ever."""
    intent = await paid(gateway)
    await world.fault("hang_before_effect", "GET /v1/payment_intents", times=1, seconds=30)

    with pytest.raises(Unavailable):
        await gateway.look(intent.reference)


@pytest.mark.case(52)
async def test_a_transfer_waits_for_the_balance(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """The provider stores its refusal, but the money comes in and the seller must be paid."""
    short = await deed("transfer", gateway, place)
    key, amount = short.key(), Money(7_000_000_00, "EUR")
    with pytest.raises(Unavailable, match="insufficient"):
        await short.do(key, amount)
    await world.top_up(amount.minor, "eur")

    made = await short.do(key, amount)

    assert isinstance(made, Effect)
    assert made.status is EffectStatus.DONE


@pytest.mark.case(52)
async def test_a_refund_waits_for_the_balance(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """Pending is not lost: it is done when money is there again."""
    # A currency of its own: what others have earned in it would pay for the refund.
    intent = await paid(gateway, Money(2_000, "NOK"))
    await world.change(overdraw=False)
    waiting = await gateway.refund("r/1", fresh(), intent.reference, Money(2_000, "NOK"))
    assert waiting.status is EffectStatus.PENDING

    await world.top_up(5_000, "nok")

    status = await gateway.refund_status("r/1", waiting.reference)
    assert status.status is EffectStatus.DONE


async def test_more_than_was_captured_is_never_refunded(gateway: PaymentGateway) -> None:
    """A final no: the same request will never succeed."""
    intent = await paid(gateway)

    with pytest.raises(Rejected):
        await gateway.refund("too/much", fresh(), intent.reference, Money(10_001, "EUR"))


async def test_what_does_not_exist_is_a_final_no(gateway: PaymentGateway) -> None:
    """Asking for ever would not make it exist."""
    subject = fresh()

    with pytest.raises(Rejected):
        await gateway.look("pi_never")
    with pytest.raises(Rejected):
        await gateway.transfer(f"{subject}/t/1", subject, "acct_never", PART)
    with pytest.raises(Rejected):
        await gateway.pay_out(f"{subject}/p/1", subject, "acct_never", PART)


async def test_a_refund_that_comes_back_is_failed(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """The card was closed: the buyer has nothing yet, days after "succeeded"."""
    intent = await paid(gateway)
    key = f"{fresh()}/refund/1"
    subject = key.removesuffix("/refund/1")
    made = await gateway.refund(key, subject, intent.reference, PART)
    assert made.status is EffectStatus.DONE

    await world.fail_refund(made.reference)

    status = await gateway.refund_status(key, made.reference)
    assert await gateway.refund(key, subject, intent.reference, PART) == status
    assert status.status is EffectStatus.FAILED
    assert status.failure == "expired_or_canceled_card"
    assert status.key == key


@pytest.mark.case(57)
async def test_a_payout_that_comes_back_is_failed(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """A bank that said "paid" may say otherwise days later."""
    payout = await deed("pay_out", gateway, place)
    key = payout.key()
    made = await payout.do(key, PART)
    found = await world.effects()
    account = next(line["account"] for line in found["lines"] if line["key"] == key)
    before = await gateway.payout_status(key, account, made.reference)

    await world.fail_payout(made.reference, "account_closed")

    after = await gateway.payout_status(key, account, made.reference)
    assert (before.status, after.status) == (EffectStatus.DONE, EffectStatus.FAILED)
    assert after.failure == "account_closed"
    repeated = await payout.do(key, PART)
    assert isinstance(repeated, Effect)
    assert repeated.status is EffectStatus.FAILED


@pytest.mark.case(56, 58)
@pytest.mark.parametrize("kind", ["transfer", "pay_out"])
async def test_what_was_sent_to_a_seller_is_found_by_its_key_and_never_made(
    kind: str, gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """Whoever must decide whether money has left asks, and asking must move none."""
    sending = await deed(kind, gateway, place)
    key, other = sending.key(), sending.key()
    made = await sending.do(key, PART)
    lines = (await world.effects())["lines"]
    account = next(line["account"] for line in lines if line["key"] == key)
    await world.expire_keys()

    async def find(name: str, amount: Money) -> Effect | None:
        if kind == "transfer":
            return await gateway.find_transfer(name, sending.subject, amount)
        return await gateway.find_pay_out(name, account, amount)

    found = await find(key, PART)
    assert found is not None
    assert (found.reference, found.key) == (made.reference, key)
    assert await find(other, PART) is None
    with pytest.raises(Rejected):
        await find(key, Money(999, "EUR"))
    assert len((await world.effects())["lines"]) == len(lines)
