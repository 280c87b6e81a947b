"""Payments: what the provider does with cards and slow methods."""

from typing import Any

import httpx2
import pytest
import stripe

from tests.support.dealings import ask, error_of, new_key, problem_of, take, told
from tests.support.sandbox import SandboxPlace, SandboxWorld


async def test_a_card_payment_reaches_the_balance_less_its_fee(client: stripe.StripeClient) -> None:
    """The net amount, with the fee beside it, is what a reconciliation has to find."""
    intent = take(client, 9999)
    seen = client.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction"]}
    )
    charge = seen.latest_charge
    assert isinstance(charge, stripe.Charge)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)

    assert (intent.status, intent.amount_received) == ("succeeded", 9999)
    assert (entry.amount, entry.fee, entry.net) == (9999, 320, 9679)
    assert [part.amount for part in entry.fee_details] == [320]


@pytest.mark.parametrize(
    ("token", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
async def test_a_decline_leaves_the_intent_open(
    client: stripe.StripeClient, token: str, code: str, decline: str | None
) -> None:
    """The buyer may try another card on the same payment."""
    declined = problem_of(lambda: take(client, method=token))
    problem = error_of(declined)
    intent = problem["payment_intent"]
    retried = client.v1.payment_intents.confirm(intent["id"], {"payment_method": "pm_card_visa"})

    assert isinstance(declined, stripe.CardError)
    assert (problem["code"], problem.get("decline_code")) == (code, decline)
    assert intent["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["code"] == code
    assert retried.status == "succeeded"
    assert retried.last_payment_error is None


async def test_a_slow_payment_waits_for_its_money(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A voucher is a promise: nothing is captured until the bank says so."""
    intent = ask(client)
    chosen = await world.pay(intent.id, "slow")
    waiting = client.v1.charges.list({"payment_intent": intent.id})
    arrived = await world.arrive(intent.id, at="2018-03-04T10:00:00Z")
    charge = client.v1.charges.retrieve(arrived["latest_charge"])

    assert chosen["status"] == "requires_action"
    assert chosen["next_action"]["type"] == "boleto_display_details"
    assert waiting.data == []
    assert arrived["status"] == "succeeded"
    assert charge.created == 1520157600


@pytest.mark.parametrize("amount", [900, 1100])
async def test_a_voucher_may_bring_another_amount(
    client: stripe.StripeClient, world: SandboxWorld, amount: int
) -> None:
    """Buyers type amounts: short and excess payments are real, and have to be seen."""
    intent = ask(client, 1000)
    await world.pay(intent.id, "slow")
    await world.arrive(intent.id, amount=amount)
    seen = client.v1.payment_intents.retrieve(intent.id)

    assert (seen.amount, seen.amount_received) == (1000, amount)


async def test_a_voucher_that_lapses_leaves_the_intent_open(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """The buyer may still pay another way, until the order is closed."""
    intent = ask(client)
    await world.pay(intent.id, "slow")
    failed = await world.fail_payment(intent.id)

    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_payment_attempt_failed"


async def test_a_paid_intent_cannot_be_paid_again(client: stripe.StripeClient) -> None:
    """One intent takes money once, whatever the buyer clicks."""
    intent = take(client)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert refused.value.code == "payment_intent_unexpected_state"


async def test_an_authorisation_is_no_money_yet(client: stripe.StripeClient) -> None:
    """A reservation may be captured in part, once, and only then is it on the balance."""
    intent = take(client, 1000, capture="manual")
    entries = client.v1.balance_transactions.list({"source": str(intent.latest_charge)})
    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 600})
    after = client.v1.balance_transactions.list({"source": str(intent.latest_charge)})

    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1000)
    assert entries.data == []
    assert (captured.status, captured.amount_received) == ("succeeded", 600)
    assert [entry.amount for entry in after.data] == [600]


async def test_a_cancelled_intent_takes_no_money(client: stripe.StripeClient) -> None:
    """Closing an unpaid order closes the door for its payment too."""
    intent = ask(client)
    cancelled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")


async def test_lists_page_newest_first_without_gaps(client: stripe.StripeClient) -> None:
    """A reconciliation walks whole lists: a gap in them would be a wrong alarm or a missed one."""
    made = [ask(client).id for _ in range(5)]
    first = client.v1.payment_intents.list({"limit": 2})
    walked = [intent.id for intent, _ in zip(first.auto_paging_iter(), made, strict=False)]

    assert first.has_more
    assert walked == made[::-1]


async def test_metadata_is_laid_over_what_is_there(client: stripe.StripeClient) -> None:
    """An empty value takes a key away, as the provider documents."""
    intent = ask(client)
    client.v1.payment_intents.update(intent.id, {"metadata": {"note": "x"}})
    seen = client.v1.payment_intents.update(intent.id, {"metadata": {"key": ""}})

    assert set(told(seen)) == {"order", "note"}


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("kwd", 1010), ("jpy", 1001), ("brl", 1)],
)
async def test_an_amount_that_the_currency_can_carry_is_taken(
    client: stripe.StripeClient, currency: str, amount: int
) -> None:
    """Three-decimal currencies end in zero; the yen has no decimals at all."""
    assert take(client, amount, currency).amount_received == amount


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 1005), ("isk", 1050), ("xyz", 100)])
async def test_an_amount_that_the_currency_cannot_carry_is_refused(
    client: stripe.StripeClient, currency: str, amount: int
) -> None:
    """Our own money type must not make amounts that no provider moves."""
    problem = problem_of(lambda: take(client, amount, currency))

    assert (problem.http_status, error_of(problem)["type"]) == (400, "invalid_request_error")


async def test_an_unknown_parameter_is_refused_by_name(client: stripe.StripeClient) -> None:
    """A misspelt parameter must not be ignored, or the adapter's test proves nothing."""
    misspelt: dict[str, Any] = {"amount": 1, "currency": "brl", "metdata": {"key": new_key()}}
    raw: Any = client  # its untyped door: the typed one would not let the mistake through
    problem = problem_of(lambda: raw.raw_request("post", "/v1/payment_intents", **misspelt))

    assert error_of(problem)["code"] == "parameter_unknown"
    assert error_of(problem)["param"] == "metdata"


async def test_a_missing_object_is_a_404(client: stripe.StripeClient) -> None:
    """An object that is not there has to be told apart from a provider that is not."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.retrieve("pi_nothing")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


@pytest.mark.parametrize(("key", "status"), [("sk_test_of_curl", 200), ("sk_nobodys", 401)])
def test_a_key_may_be_given_as_the_user_name(
    shared_sandbox: SandboxPlace, key: str, status: int
) -> None:
    """The provider's own examples for curl give it with -u."""
    url = f"{shared_sandbox.stripe_base}/v1/balance"
    answer = httpx2.get(url, auth=(key, ""), trust_env=False)

    assert answer.status_code == status
