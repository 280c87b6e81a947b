"""Carriers' bills in the books: set aside, paid, given back. Part of the steps that buy."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import order_workflow_id
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
        """The execution that it belongs to."""
        return order_workflow_id(self.label.order)


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
    # Locked before it looks: another run of this very step may have reserved it.
    payable = await tx.ledger.balance(account, bill.currency)
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
    if effect.is_new:
        legs = labels.charged(bill.label.bearer, bill.label.seller, bill.amount, payable)
        await _post(tx, bill, "charged", legs)
    return effect


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
    await tx.funds.finish(bill.key, "failed", failure=code)


async def give_back(tx: Transaction, bill: Bill) -> None:
    """The carrier has paid it back: to the seller's debt first, if they bore it."""
    account = Account(Kind.PAYABLE, bill.label.seller)
    await tx.ledger.balance(account, bill.currency)
    owed = 0
    if bill.label.bearer is Bearer.SELLER:
        debt = Account(Kind.DEBT, bill.label.seller)
        for_ever = datetime.max.replace(tzinfo=bill.at.tzinfo)
        owed = -await tx.ledger.held_as_of(debt, bill.currency, for_ever)
    legs = labels.given_back(bill.provider, bill.label.bearer, bill.label.seller, bill.amount, owed)
    await _post(tx, bill, "given-back", legs)


async def _post(tx: Transaction, bill: Bill, step: str, legs: tuple[Leg, ...]) -> None:
    if not legs:
        return
    name = step.replace("-", "_")
    await tx.ledger.post(
        Posting(
            key=f"{bill.key}/{step}",
            kind=f"{bill.kind}_{name}",
            process=bill.process,
            currency=bill.currency,
            effective_at=bill.at,
            legs=legs,
        )
    )
