"""The contract of `PaymentGateway`: authorised now and captured later, or never."""

from datetime import timedelta

import pytest

from adapters.errors import Rejected, Unavailable
from adapters.payment.port import Capture, Intent, IntentStatus, PaymentGateway, Todo
from domain.money import Money
from tests.adapters.deeds import PRICE, fresh
from tests.support.sandbox import SandboxWorld

_WEEK = 7 * 86_400


async def authorised(gateway: PaymentGateway, amount: Money = PRICE) -> Intent:
    """A payment that the buyer's bank has agreed to, and nobody has taken yet."""
    about = fresh()
    return await gateway.open(
        f"{about}/take/1", about, amount, "pm_card_visa", capture=Capture.LATER
    )


@pytest.mark.case(11)
async def test_an_authorisation_is_no_money(gateway: PaymentGateway) -> None:
    """Posted as captured it would be paid out, and then expire."""
    intent = await authorised(gateway)

    assert intent.status is IntentStatus.AUTHORISED
    assert intent.capturable == PRICE
    assert intent.captured == intent.fee == Money(0, "EUR")
    assert intent.expires_at is not None
    assert intent.authorised_at is not None
    assert (intent.expires_at - intent.authorised_at).total_seconds() == _WEEK


@pytest.mark.case(11)
async def test_what_was_authorised_is_captured_once(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A step that is repeated, also days later, takes the buyer's money once."""
    intent = await authorised(gateway)
    key = f"{intent.reference}/capture"

    first = await gateway.capture(key, intent.reference, PRICE)
    await world.expire_keys()
    again = await gateway.capture(key, intent.reference, PRICE)

    assert first == again
    assert (first.status, first.captured) == (IntentStatus.CAPTURED, PRICE)
    assert first.capturable is None
    assert first.fee == Money(320, "EUR")


@pytest.mark.case(11)
@pytest.mark.parametrize("fault", ["reset_after_effect", "error_after_effect", "error"])
async def test_a_capture_survives_an_outage(
    gateway: PaymentGateway, world: SandboxWorld, fault: str
) -> None:
    """The provider stores its own 500: the repeat must neither fail for ever nor take twice."""
    intent = await authorised(gateway)
    key = f"{intent.reference}/capture"
    await world.fault(fault, "POST /v1/payment_intents/.*/capture$", times=1)
    with pytest.raises(Unavailable):
        await gateway.capture(key, intent.reference, PRICE)

    taken = await gateway.capture(key, intent.reference, PRICE)

    assert (taken.status, taken.captured) == (IntentStatus.CAPTURED, PRICE)


@pytest.mark.case(11)
async def test_an_expired_authorisation_takes_nothing(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """The bank gave the money free: whoever captures must learn that there is none."""
    intent = await authorised(gateway)
    await world.expire_authorisation(intent.reference)

    seen = await gateway.capture("late/capture", intent.reference, PRICE)

    assert seen.status is IntentStatus.CANCELLED
    assert seen.captured == Money(0, "EUR")
    assert seen.capturable is None


@pytest.mark.case(11)
async def test_a_cancelled_authorisation_costs_nobody(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """An order called off before it ships gives the money free: there is nothing to refund."""
    intent = await authorised(gateway)

    closed = await gateway.cancel(intent.reference)

    assert closed.status is IntentStatus.CANCELLED
    books = await world.effects()
    assert [line for line in books["lines"] if line["source"] == intent.reference] == []


async def test_another_amount_than_was_captured_is_refused(gateway: PaymentGateway) -> None:
    """A capture is one business fact; another amount under it is a mistake of ours."""
    intent = await authorised(gateway)
    await gateway.capture("a/capture", intent.reference, PRICE)

    with pytest.raises(Rejected) as refused:
        await gateway.capture("a/capture", intent.reference, Money(9_000, "EUR"))

    assert refused.value.code == "idempotency_error"


async def test_more_than_was_authorised_is_refused(gateway: PaymentGateway) -> None:
    """The buyer's bank agreed to one amount."""
    intent = await authorised(gateway)

    with pytest.raises(Rejected):
        await gateway.capture("b/capture", intent.reference, Money(10_001, "EUR"))


@pytest.mark.case(6)
async def test_a_challenge_is_told_from_an_idle_payment(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A buyer before their bank's page (3-D Secure) may have paid any moment."""
    about = fresh()
    begun = await gateway.open(f"{about}/take/1", about, PRICE, "pm_card_authenticationRequired")

    await world.arrive(begun.reference)

    assert (begun.status, begun.todo) == (IntentStatus.AWAITING_BUYER, Todo.AUTHENTICATION)
    proved = await gateway.look(begun.reference)
    assert (proved.status, proved.todo) == (IntentStatus.CAPTURED, Todo.NOTHING)


async def test_a_failed_challenge_awaits_the_buyer(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """Another card may work."""
    about = fresh()
    begun = await gateway.open(f"{about}/take/1", about, PRICE, "pm_card_authenticationRequired")

    await world.fail_payment(begun.reference)

    seen = await gateway.look(begun.reference)
    assert (seen.status, seen.todo) == (IntentStatus.AWAITING_BUYER, Todo.NOTHING)
    assert seen.decline == "payment_intent_authentication_failure"


@pytest.mark.case(5)
async def test_a_transfer_that_is_short_is_on_its_way(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """The provider keeps the part until the rest comes; to us it is no money yet."""
    about, price = fresh(), Money(50_000, "PLN")
    opened = await gateway.open(f"{about}/take/1", about, price)
    await world.pay(opened.reference, "slow")
    await world.arrive(opened.reference, amount=20_000)
    short = await gateway.look(opened.reference)

    await world.arrive(opened.reference, amount=30_000)

    assert (short.status, short.todo) == (IntentStatus.PROCESSING, Todo.TRANSFER)
    assert short.funded == Money(20_000, "PLN")
    assert short.captured == Money(0, "PLN")
    whole = await gateway.look(opened.reference)
    assert (whole.status, whole.captured) == (IntentStatus.CAPTURED, price)


@pytest.mark.case(8)
async def test_a_warning_of_fraud_is_read_from_the_payment(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A message only says that something was reported; what it is, is asked."""
    intent = await authorised(gateway)
    await gateway.capture("c/capture", intent.reference, PRICE)
    before = await gateway.fraud_signs(intent.reference)

    await world.warn(intent.reference)

    (sign,) = await gateway.fraud_signs(intent.reference)
    listed = await gateway.reported(sign.at - timedelta(hours=1))
    assert [one.sign for one in listed if one.intent == intent.reference] == [sign]
    assert intent.reference not in {
        one.intent for one in await gateway.reported(sign.at + timedelta(hours=1))
    }
    assert before == []
    assert (sign.kind, sign.reason, sign.is_open) == ("warning", "misc", True)


@pytest.mark.case(8)
@pytest.mark.parametrize("reason", ["approved", "refunded_as_fraud"])
async def test_a_review_ends_for_or_against_the_payment(
    gateway: PaymentGateway, world: SandboxWorld, reason: str
) -> None:
    """A review that found nothing must not keep a seller's money."""
    intent = await authorised(gateway)
    await world.review(intent.reference)
    (opened,) = await gateway.fraud_signs(intent.reference)

    await world.close_review(intent.reference, reason)

    (closed,) = await gateway.fraud_signs(intent.reference)
    assert (opened.kind, opened.is_open) == ("review", True)
    assert (closed.reference, closed.is_open) == (
        opened.reference,
        reason == "refunded_as_fraud",
    )
