"""Carriers' bills in the books: set aside, paid, given back. Part of the steps that buy."""

from dataclasses import dataclass
from datetime import datetime

from activities import exchange
from activities.exchange import EXCHANGE
from domain.fx.settlement import exchange_key
from domain.ids import process_of_label
from domain.ledger import Account, Leg, Posting
from domain.ledger import AccountKind as Kind
from domain.shipment import labels
from domain.shipment.labels import Bearer, Label
from persistence.port import EffectRecord, Transaction


@dataclass(frozen=True)
class Bill:
    """One thing that a carrier is paid for, under its own key, at a moment of business time."""

    key: str
    kind: str
    label: Label
    amount: int
    currency: str
    reference: str
    provider: str
    at: datetime

    @property
    def process(self) -> str:
        """The execution that it belongs to: an order's, or for a return its dispute's."""
        return process_of_label(self.label.key)


def of(effect: EffectRecord, label: Label, at: datetime) -> Bill:
    """The bill of a purchase that is on record."""
    return Bill(
        key=effect.key,
        kind=effect.kind,
        label=label,
        amount=effect.amount,
        currency=effect.currency,
        reference=effect.reference,
        provider=effect.provider,
        at=at,
    )


async def reserve(tx: Transaction, bill: Bill) -> EffectRecord:
    """Put the purchase on record with the provider's reference, and charge whom it is for.

    A repeat finds the first one, whatever it was asked for: its reference counts.
    """
    account = Account(Kind.PAYABLE, bill.label.seller)
    settles_in = await _settles_in(tx, bill)
    # Locked before it looks: another run of this very step may have reserved it.
    payable = await tx.ledger.balance(account, settles_in)
    effect = await tx.funds.ask(
        EffectRecord(
            key=bill.key,
            kind=bill.kind,
            subject=bill.process,
            provider=bill.provider,
            currency=bill.currency,
            amount=bill.amount,
            effective_at=bill.at,
            reference=bill.reference,
        )
    )
    if effect.is_new and settles_in == bill.currency:
        legs = labels.charged(bill.label.bearer, bill.label.seller, bill.amount, payable)
        await _post(tx, bill, "charged", legs)
    elif effect.is_new and bill.amount:
        terms = (await tx.orders.get(bill.label.order)).terms
        costs = await exchange.cost_of(tx, bill.amount, bill.currency, settles_in, terms, bill.at)
        legs = labels.charged_abroad(bill.label.seller, costs, payable)
        await _post(tx, bill, "charged", labels.exchanged(bill.amount))
        await _post_abroad(tx, bill, "charged", settles_in, legs)
    return effect


async def _settles_in(tx: Transaction, bill: Bill) -> str:
    """The currency in which whoever bears it is charged: the carrier's own for the platform."""
    if bill.label.bearer is Bearer.PLATFORM:
        return bill.currency
    record = await tx.orders.get(bill.label.order)
    return record.terms.settles_in or record.currency


async def settle(tx: Transaction, bill: Bill) -> None:
    """The carrier has been paid."""
    await _post(tx, bill, "paid", labels.paid(bill.provider, bill.amount))
    await tx.funds.finish(bill.key, "done", bill.reference)


async def give_up(tx: Transaction, bill: Bill, code: str) -> None:
    """Nothing was bought: what was set aside goes back."""
    charged = await tx.ledger.entry(f"{bill.key}/charged")
    if charged is not None:
        undone = charged.reversed(f"{bill.key}/uncharged", f"{bill.kind}_uncharged", bill.at)
        await tx.ledger.post(undone)
        await exchange.undo(tx, charged, undone)
    await tx.funds.finish(bill.key, "failed", failure=code)


async def give_back(tx: Transaction, bill: Bill) -> None:
    """The carrier has paid it back: to the seller's debt first, if they bore it."""
    seller, bearer = bill.label.seller, bill.label.bearer
    charged = await tx.ledger.entry(f"{bill.key}/charged")
    abroad = await exchange.beside(tx, charged) if charged else None
    currency = abroad.currency if abroad else bill.currency
    await tx.ledger.balance(Account(Kind.PAYABLE, seller), currency)
    owed = 0
    if bearer is Bearer.SELLER:
        for_ever = datetime.max.replace(tzinfo=bill.at.tzinfo)
        owed = -await tx.ledger.held_as_of(Account(Kind.DEBT, seller), currency, for_ever)
    if abroad is None:
        legs = labels.given_back(bill.provider, bearer, seller, bill.amount, owed)
        await _post(tx, bill, "given-back", legs)
        return
    costs = sum(leg.amount for leg in abroad.legs if leg.amount > 0)
    await _post(tx, bill, "given-back", labels.given_back_exchanged(bill.provider, bill.amount))
    legs = labels.given_back_abroad(seller, costs, owed)
    await _post_abroad(tx, bill, "given-back", currency, legs)


async def _post(tx: Transaction, bill: Bill, step: str, legs: tuple[Leg, ...]) -> None:
    if legs:
        key, kind = f"{bill.key}/{step}", f"{bill.kind}_{step.replace('-', '_')}"
        await tx.ledger.post(Posting(key, kind, bill.process, bill.currency, bill.at, legs))


async def _post_abroad(
    tx: Transaction, bill: Bill, step: str, currency: str, legs: tuple[Leg, ...]
) -> None:
    """What it is for the seller in their own currency, beside the entry of the same step."""
    key = exchange_key(f"{bill.key}/{step}")
    await tx.ledger.post(Posting(key, EXCHANGE, bill.process, currency, bill.at, legs))
