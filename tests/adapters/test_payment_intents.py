"""The contract of `PaymentGateway`: how a buyer's payment is told, and how it ends."""

from datetime import UTC, datetime

import pytest

from adapters.payment.port import IntentStatus, PaymentGateway
from domain.money import Money
from tests.adapters.deeds import PRICE, fresh, paid
from tests.support.sandbox import SandboxWorld


async def _opened(gateway: PaymentGateway, method: str = "", amount: Money = PRICE) -> str:
    subject = fresh()
    return (await gateway.open(f"{subject}/take/1", subject, amount, method)).reference


async def test_a_card_is_captured_with_its_fee(gateway: PaymentGateway) -> None:
    """What the provider keeps is posted with the payment, not guessed later."""
    intent = await paid(gateway)

    assert intent.status is IntentStatus.CAPTURED
    assert intent.amount == intent.captured == PRICE
    assert intent.fee == Money(320, "EUR")
    assert intent.captured_at is not None
    assert abs(datetime.now(UTC) - intent.captured_at).total_seconds() < 60
    assert await gateway.look(intent.reference) == intent


async def test_without_a_method_the_buyer_is_awaited(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """The buyer pays in the browser, with the secret that only they are given."""
    subject = fresh()
    opened = await gateway.open(f"{subject}/take/1", subject, PRICE)

    await world.pay(opened.reference)

    assert opened.status is IntentStatus.AWAITING_BUYER
    assert opened.client_secret.startswith(opened.reference)
    assert opened.captured == opened.fee == Money(0, "EUR")
    seen = await gateway.look(opened.reference)
    assert (seen.status, seen.captured) == (IntentStatus.CAPTURED, PRICE)


async def test_a_decline_awaits_the_buyer(gateway: PaymentGateway) -> None:
    """Another card may work: a decline is an answer, not an error."""
    subject, key = fresh(), f"{fresh()}/take/1"

    first = await gateway.open(key, subject, PRICE, "pm_card_chargeDeclinedInsufficientFunds")
    again = await gateway.open(key, subject, PRICE, "pm_card_chargeDeclinedInsufficientFunds")

    assert first.status is IntentStatus.AWAITING_BUYER
    assert first.decline == "insufficient_funds"
    assert again == first


@pytest.mark.parametrize("method", ["pm_of_another_shop", "card_1", "pm_boleto"])
async def test_a_method_that_cannot_be_used_awaits_the_buyer(
    gateway: PaymentGateway, world: SandboxWorld, method: str
) -> None:
    """Whoever sends a wrong token gets to choose again; no operator has to be called for it."""
    subject, key = fresh(), f"{fresh()}/take/1"
    first = await gateway.open(key, subject, PRICE, method)
    again = await gateway.open(key, subject, PRICE, method)
    await world.pay(first.reference)
    late = await gateway.open(key, subject, PRICE, method, again=True)

    assert first.status is IntentStatus.AWAITING_BUYER
    assert again == first
    assert (late.reference, late.status) == (first.reference, IntentStatus.CAPTURED)


@pytest.mark.parametrize("method", ["", "pm_card_chargeDeclined"])
async def test_a_repeat_tells_the_truth_of_now(
    gateway: PaymentGateway, world: SandboxWorld, method: str
) -> None:
    """The provider replays its first answer, which is out of date once the buyer has paid."""
    subject, key = fresh(), f"{fresh()}/take/1"
    opened = await gateway.open(key, subject, PRICE, method)
    await world.pay(opened.reference)

    again = await gateway.open(key, subject, PRICE, method)

    assert again.reference == opened.reference
    assert again.status is IntentStatus.CAPTURED


@pytest.mark.case(6)
async def test_a_bank_slip_is_seen_as_it_moves(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A pending payment must not be taken for an unpaid one, nor for a paid one."""
    price = Money(12_345, "BRL")
    reference = await _opened(gateway, amount=price)
    await world.pay(reference, "slow")
    waiting = await gateway.look(reference)

    await world.arrive(reference, at="2026-11-20T10:00:00Z")

    arrived = await gateway.look(reference)
    assert waiting.status in {IntentStatus.AWAITING_BUYER, IntentStatus.PROCESSING}
    assert waiting.captured == Money(0, "BRL")
    assert (arrived.status, arrived.captured) == (IntentStatus.CAPTURED, price)
    assert arrived.captured_at == datetime(2026, 11, 20, 10, tzinfo=UTC)


async def test_what_arrives_may_differ_from_what_was_asked(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A buyer types an amount at the bank; the books need the one that came."""
    reference = await _opened(gateway, amount=Money(12_345, "BRL"))
    await world.pay(reference, "slow")

    await world.arrive(reference, amount=12_000)

    seen = await gateway.look(reference)
    assert seen.amount == Money(12_345, "BRL")
    assert seen.captured == Money(12_000, "BRL")


async def test_a_direct_debit_is_processing(gateway: PaymentGateway, world: SandboxWorld) -> None:
    """The bank has days to say no; the order may not be closed as unpaid meanwhile."""
    reference = await _opened(gateway)
    await world.pay(reference, "slow")
    waiting = await gateway.look(reference)

    await world.fail_payment(reference)

    failed = await gateway.look(reference)
    assert waiting.status is IntentStatus.PROCESSING
    assert failed.status is IntentStatus.AWAITING_BUYER
    assert failed.decline


async def test_an_open_payment_can_be_closed(gateway: PaymentGateway) -> None:
    """The order timed out: the link in the buyer's mail must not take money any more."""
    reference = await _opened(gateway)

    closed = await gateway.cancel(reference)
    again = await gateway.cancel(reference)

    assert closed.status is IntentStatus.CANCELLED
    assert again == closed


async def test_a_captured_payment_is_not_closed(gateway: PaymentGateway) -> None:
    """The buyer was quicker: whoever wanted to close it must learn that."""
    intent = await paid(gateway)

    assert await gateway.cancel(intent.reference) == intent


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("amount", "fee"),
    [
        (Money(1_000, "JPY"), Money(59, "JPY")),
        (Money(12_340, "KWD"), Money(388, "KWD")),
    ],
)
async def test_currencies_without_or_with_many_decimals(
    gateway: PaymentGateway, amount: Money, fee: Money
) -> None:
    """A factor of a hundred or a thousand is the dearest kind of bug."""
    intent = await paid(gateway, amount)

    assert (intent.amount, intent.captured, intent.fee) == (amount, amount, fee)


@pytest.mark.case(49)
async def test_a_currency_that_the_provider_counts_in_its_own_way(
    gateway: PaymentGateway,
) -> None:
    """Stripe wants Icelandic krónur with two digits, which are none."""
    reference = await _opened(gateway, amount=Money(5_000, "ISK"))

    assert (await gateway.look(reference)).amount == Money(5_000, "ISK")
