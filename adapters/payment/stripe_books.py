"""Stripe's own books, each line with the key that we gave its effect."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import stripe

from adapters.payment.port import BookLine
from adapters.payment.stripe_objects import key_in, line_of

if TYPE_CHECKING:
    from stripe.params import BalanceTransactionListParams

PAGE: Final = 100


def lines(client: stripe.StripeClient, account: str, since: datetime | None) -> list[BookLine]:
    """The lines of *account* ("" = the platform), oldest first; blocks until all are read."""
    read = _of_seller if account else _of_platform
    newest_first = list(read(client, account, since))
    return newest_first[::-1]


def _of_platform(
    client: stripe.StripeClient, account: str, since: datetime | None
) -> Iterator[BookLine]:
    params = _window(since) | {"expand": ["data.source"]}
    for entry in client.v1.balance_transactions.list(params).auto_paging_iter():
        yield line_of(entry, account, key_in(entry.source))


def _of_seller(
    client: stripe.StripeClient, account: str, since: datetime | None
) -> Iterator[BookLine]:
    keys = _keys_of_seller(client, account)
    listed = client.v1.balance_transactions.list(_window(since), {"stripe_account": account})
    for entry in listed.auto_paging_iter():
        yield line_of(entry, account, keys.get(str(entry.source), ""))


def _keys_of_seller(client: stripe.StripeClient, account: str) -> dict[str, str]:
    """Our key by what a seller's lines name as their source.

    A transfer arrives there as a payment without our metadata, and a reversal as its refund; the
    platform's side of both knows these names and the key.
    """
    keys: dict[str, str] = {}
    sent = client.v1.transfers.list({"destination": account, "limit": PAGE})
    for transfer in sent.auto_paging_iter():
        keys[str(transfer.destination_payment)] = key_in(transfer)
        for back in _reversals(client, transfer):
            keys[str(back.destination_payment_refund)] = key_in(back)
    options: stripe.RequestOptions = {"stripe_account": account}
    for payout in client.v1.payouts.list({"limit": PAGE}, options).auto_paging_iter():
        keys[payout.id] = key_in(payout)
    return keys


def _reversals(
    client: stripe.StripeClient, transfer: stripe.Transfer
) -> Iterator[stripe.TransferReversal]:
    if not transfer.amount_reversed:
        return iter(())
    listed = client.v1.transfers.reversals.list(transfer.id, {"limit": PAGE})
    return listed.auto_paging_iter()


def _window(since: datetime | None) -> "BalanceTransactionListParams":
    if since is None:
        return {"limit": PAGE}
    return {"limit": PAGE, "created": {"gte": int(since.timestamp())}}
