"""Refunds: never more than there is, and sometimes they come back."""

import pytest
import stripe

from tests.support.dealings import new_key, refund, take, told
from tests.support.sandbox import SandboxProcess, SandboxWorld


async def test_refunds_never_exceed_the_charge(client: stripe.StripeClient) -> None:
    """The provider is the last fence behind our own reservation."""
    intent = take(client, 1000)
    refund(client, intent, 400)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        refund(client, intent, 601)
    rest = refund(client, intent)
    with pytest.raises(stripe.InvalidRequestError) as done:
        refund(client, intent)

    assert rest.amount == 600
    assert done.value.code == "charge_already_refunded"


async def test_a_refund_may_fail_days_later(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """An expired card sends the money back: it is the platform's again, and owed again."""
    intent = take(client, 1000)
    paid = refund(client, intent, 400)
    await world.fail_refund(paid.id, at="2018-05-01T00:00:00+00:00")
    seen = client.v1.refunds.retrieve(paid.id, {"expand": ["failure_balance_transaction"]})
    entries = client.v1.balance_transactions.list({"source": paid.id}).data
    again = refund(client, intent, 1000)

    assert (paid.status, seen.status) == ("succeeded", "failed")
    assert seen.failure_reason == "expired_or_canceled_card"
    assert [(entry.type, entry.net) for entry in entries] == [
        ("refund_failure", 400),
        ("refund", -400),
    ]
    assert again.status == "succeeded"


async def test_a_refund_may_stay_pending(client: stripe.StripeClient, world: SandboxWorld) -> None:
    """Until it has arrived the money is in transit, and the order is not done."""
    await world.change(auto_refunds=False)
    pending = refund(client, take(client))
    done = await world.succeed_refund(pending.id)

    assert (pending.status, done["status"]) == ("pending", "succeeded")


async def test_a_refund_waits_for_a_short_balance(own_sandbox: SandboxProcess) -> None:
    """Without an overdraft it stays pending, takes nothing, and is paid once money is there."""
    client = own_sandbox.place.stripe()
    async with SandboxWorld(own_sandbox.place) as world:
        await world.change(overdraw=False)
        waiting = refund(client, take(client, 1000))
        before = (await world.books())["currencies"]["brl"]
        await world.top_up(100, "brl")
        paid = client.v1.refunds.retrieve(waiting.id)
        after = (await world.books())["currencies"]["brl"]

    assert waiting.status == "pending"
    assert before["refunded"] == 0
    assert paid.status == "succeeded"
    assert (after["refunded"], after["platform_balance"]) == (1000, 1000 - 59 + 100 - 1000)


async def test_refunds_are_listed_by_payment_with_their_keys(client: stripe.StripeClient) -> None:
    """How a retry long after the first attempt finds out that it had worked."""
    intent = take(client, 1000)
    keys = [new_key("refund") for _ in range(3)]
    for key in keys:
        refund(client, intent, 100, key=key)
    listed = client.v1.refunds.list({"payment_intent": intent.id})

    assert [told(each)["key"] for each in listed.data] == keys[::-1]


async def test_an_unpaid_intent_has_nothing_to_refund(client: stripe.StripeClient) -> None:
    """An authorisation is cancelled, not refunded."""
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        refund(client, take(client, capture="manual"))
