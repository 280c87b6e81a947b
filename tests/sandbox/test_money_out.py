"""Money out: transfers to sellers, payouts to their banks, and the ways back."""

import pytest
import stripe

from tests.support.dealings import payout, seller, take, transfer
from tests.support.sandbox import SandboxProcess, SandboxWorld


def held(client: stripe.StripeClient, account: str | None = None) -> dict[str, int]:
    options: stripe.RequestOptions = {} if account is None else {"stripe_account": account}
    return {
        part.currency: part.amount for part in client.v1.balance.retrieve({}, options).available
    }


async def test_a_seller_is_paid_in_two_steps(client: stripe.StripeClient) -> None:
    """A transfer moves money to the seller's balance, a payout from there to the bank."""
    take(client, 10_000)
    account = seller(client)
    moved = transfer(client, account, 5000)
    between = held(client, account)
    sent = payout(client, account, 5000)
    seen = client.v1.payouts.retrieve(sent.id, {}, {"stripe_account": account})

    assert moved.destination == account
    assert between == {"brl": 5000}
    assert (sent.status, seen.status) == ("pending", "paid")
    assert held(client, account) == {"brl": 0}


async def test_no_more_than_the_balance_leaves(own_sandbox: SandboxProcess) -> None:
    """Per currency: what is there in one does not pay for another."""
    client = own_sandbox.place.stripe()
    take(client, 10_000, "usd")
    account = seller(client)
    problems: list[str | None] = []
    for currency, amount in (("brl", 1), ("usd", 9681)):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            transfer(client, account, amount, currency)
        problems.append(refused.value.code)
    transfer(client, account, 9680, "usd")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        payout(client, account, 9681, "usd")

    assert [*problems, refused.value.code] == ["balance_insufficient"] * 3


async def test_a_payout_may_come_back_after_it_was_paid(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Banks return money days later: it is on the seller's balance again, for another payout."""
    take(client, 10_000)
    account = seller(client)
    transfer(client, account, 5000)
    sent = payout(client, account, 5000)
    await world.fail_payout(sent.id, "account_closed", at="2018-06-01T08:00:00Z")
    seen = client.v1.payouts.retrieve(sent.id, {}, {"stripe_account": account})

    assert (seen.status, seen.failure_code) == ("failed", "account_closed")
    assert held(client, account) == {"brl": 5000}


async def test_a_payout_takes_its_time_where_the_bank_does(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """Between the order and the money lie days, in which the payout waits."""
    await world.change(auto_payouts=False)
    take(client, 10_000)
    account = seller(client)
    transfer(client, account, 500)
    sent = payout(client, account, 500)
    before = client.v1.payouts.retrieve(sent.id, {}, {"stripe_account": account})
    await world.pay_payout(sent.id)
    after = client.v1.payouts.retrieve(sent.id, {}, {"stripe_account": account})

    assert (before.status, after.status) == ("pending", "paid")


async def test_a_transfer_is_reversed_only_as_far_as_the_seller_has_it(
    client: stripe.StripeClient,
) -> None:
    """Undoing the first step is possible until the second has happened."""
    take(client, 10_000)
    account = seller(client)
    moved = transfer(client, account, 1000)
    back = client.v1.transfers.reversals.create(moved.id, {"amount": 300})
    payout(client, account, 700)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.reversals.create(moved.id, {"amount": 1})
    seen = client.v1.transfers.retrieve(moved.id)
    listed = client.v1.transfers.reversals.list(moved.id)

    assert [each.id for each in listed.data] == [back.id]
    assert (seen.amount_reversed, seen.reversed) == (300, False)
    assert refused.value.code == "balance_insufficient"


async def test_an_account_whose_schedule_is_not_manual_is_paid_out_by_itself(
    client: stripe.StripeClient,
) -> None:
    """Forgetting the manual schedule empties the balance before our payout looks at it."""
    take(client, 10_000)
    account = seller(client, "daily")
    transfer(client, account, 800)
    with pytest.raises(stripe.InvalidRequestError):
        payout(client, account, 800)
    listed = client.v1.payouts.list({}, {"stripe_account": account})

    assert [(each.amount, each.automatic) for each in listed.data] == [(800, True)]


async def test_an_account_without_payouts_is_refused(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A seller who owes the provider papers keeps the money on the balance."""
    take(client, 10_000)
    account = seller(client)
    transfer(client, account, 800)
    await world.change_account(account, payouts_enabled=False)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        payout(client, account, 800)

    assert refused.value.code == "payouts_not_allowed"


async def test_transfers_are_found_by_their_group(client: stripe.StripeClient) -> None:
    """Transfers cannot be searched by metadata: the group is how a late retry finds its own."""
    take(client, 10_000)
    moved = transfer(client, seller(client), 100)
    found = client.v1.transfers.list({"transfer_group": str(moved.transfer_group)})

    assert [each.id for each in found.data] == [moved.id]


async def test_a_foreign_account_is_refused(client: stripe.StripeClient) -> None:
    """A mistyped account id must not look like an empty one."""
    with pytest.raises(stripe.PermissionError):
        client.v1.payouts.list({}, {"stripe_account": "acct_somebody_else"})
