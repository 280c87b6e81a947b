"""Money that nobody waits for: kept apart, and given back in the three steps of all refunds."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from adapters.errors import Rejected
from adapters.payment.port import (
    Effect,
    EffectStatus,
    Intent,
    IntentStatus,
    PaymentGateway,
    WaitsFor,
)
from domain.ids import order_workflow_id, purchase_workflow_id
from domain.ledger import Leg, Posting
from domain.money import Money
from domain.order import postings
from domain.order.state import OrderState
from domain.purchase.state import PurchaseState
from persistence.port import Database, EffectRecord, Event, Facts, Transaction

KIND = "late_refund"
BALANCE_SHORT = "balance_short"
_ENDED_WELL = ("done", "pending")
log = structlog.get_logger()


@dataclass(frozen=True)
class Payer:
    """Whose payment it was: an order's or a purchase's; a dispute keeps apart what it gives back.

    `subject` is the process that hears how it went.
    """

    subject: str
    currency: str

    @property
    def account(self) -> str:
        """The owner of its money in the ledger: an order's bare name, else the subject."""
        return self.subject.removeprefix("order/")


@dataclass(frozen=True)
class Closed:
    """What became of further payments: which are `still_open`, and which were paid too."""

    still_open: tuple[str, ...]
    paid_too: tuple[tuple[Facts, bool], ...]


@dataclass(frozen=True)
class Owed:
    """What is to go back of one payment: its *key* is the effect's, *process* posts it."""

    payer: Payer
    intent: str
    amount: int
    key: str
    process: str
    at: datetime


def payer_of(state: OrderState | PurchaseState) -> Payer:
    """Who has paid, or was to."""
    if isinstance(state, OrderState):
        return Payer(order_workflow_id(state.order), state.currency)
    return Payer(purchase_workflow_id(state.purchase), state.currency)


def owed(payer: Payer, intent: str, amount: int, why: str, at: datetime) -> Owed:
    """What a running process gives back of a payment: once for each *why*."""
    key = f"{payer.subject}/{why}/{intent}"
    return Owed(payer, intent, amount, key, payer.subject, at)


def paid_twice(closed: Closed, whose: str, at: datetime) -> list[Event]:
    """What is told of the payments beside the one that counts; *whose*: "order", "purchase"."""
    return [
        Event(f"{whose}.paid_twice" if went else f"{whose}.paid_twice_and_kept", at, facts=facts)
        for facts, went in closed.paid_too
    ]


async def keep_apart(
    tx: Transaction, provider: str, payer: Payer, intent: Intent, process: str, at: datetime
) -> None:
    """Post money that nobody waits for (late, excess, another amount), once per payment."""
    legs = postings.received_unapplied(
        provider, payer.account, intent.captured.minor, intent.fee.minor
    )
    key = f"{payer.subject}/late/{intent.reference}"
    await tx.ledger.post(Posting(key, "unapplied_receipt", process, payer.currency, at, legs))


class Returns:
    """Gives unapplied money back. Safe to run any number of times, also killed in between."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Reserve and settle in *database* what is asked of *gateway*."""
        self._database = database
        self._gateway = gateway

    async def close(self, payer: Payer, references: tuple[str, ...], at: datetime) -> Closed:
        """Cancel payments that nobody waits for any more.

        One that was paid all the same is an excess: kept apart, and given back in full. A debit
        on its way cannot be cancelled and stays open.
        """
        still_open: list[str] = []
        paid_too: list[tuple[Facts, bool]] = []
        for reference in references:
            intent = await self._gateway.cancel(reference)
            if intent.status is IntentStatus.CAPTURED:
                went = await self._excess(payer, intent, at)
                amount = intent.captured.minor
                facts: Facts = {
                    "amount": amount,
                    "currency": payer.currency,
                    "payment": reference,
                }
                paid_too.append((facts, went))
            elif intent.status is not IntentStatus.CANCELLED:
                still_open.append(reference)
        return Closed(tuple(still_open), tuple(paid_too))

    async def _excess(self, payer: Payer, intent: Intent, at: datetime) -> bool:
        excess = owed(payer, intent.reference, intent.captured.minor, "excess-refund", at)
        async with self._database.transaction() as tx:
            await keep_apart(tx, self._gateway.name, payer, intent, payer.subject, at)
            effect = await self.reserve(tx, excess)
        return await self.carry_out(excess, effect)

    async def reserve(self, tx: Transaction, owed: Owed) -> EffectRecord:
        """Put it aside for the buyer, before the provider hears of it."""
        effect = await tx.funds.ask(
            EffectRecord(
                owed.key,
                KIND,
                owed.payer.subject,
                self._gateway.name,
                owed.payer.currency,
                owed.amount,
                owed.at,
            )
        )
        legs = postings.unapplied_refund_reserved(owed.payer.account, owed.amount)
        await tx.ledger.post(_entry(owed, "reserved", legs))
        return effect

    async def carry_out(self, owed: Owed, effect: EffectRecord) -> bool:
        """Ask the provider for what was put aside, and settle it.

        False after the provider's final no: it stays unapplied, and a person is told.
        """
        if effect.state != "asked":
            return effect.state in _ENDED_WELL
        sent = await self.ask(owed, effect)
        if sent.status is EffectStatus.FAILED:
            await self._refused(owed, sent.failure)
            return False
        async with self._database.transaction() as tx:
            await self.settle(tx, owed, sent, self._gateway.name)
        log.info("return.sent", key=owed.key, minor=owed.amount)
        return True

    async def ask(self, owed: Owed, effect: EffectRecord) -> Effect:
        """Ask the provider to send it; its final no is an effect that has failed."""
        payer = owed.payer
        amount = Money(owed.amount, payer.currency)
        try:
            return await self._gateway.refund(
                owed.key, payer.subject, owed.intent, amount, again=not effect.is_new
            )
        except Rejected as no:
            return Effect(owed.key, "", EffectStatus.FAILED, amount, no.code)

    async def settle(self, tx: Transaction, owed: Owed, sent: Effect, provider: str) -> None:
        """It has left *provider*'s balance."""
        legs = postings.refund_settled(provider, owed.payer.account, owed.amount)
        await tx.ledger.post(_entry(owed, "settled", legs))
        is_done = sent.status is EffectStatus.DONE
        await tx.funds.finish(owed.key, "done" if is_done else "pending", sent.reference)
        await tell_of_waiting(tx, owed.payer.subject, sent, owed.at)

    async def give_up(self, tx: Transaction, owed: Owed, code: str) -> None:
        """The provider's final no: the money is kept apart again."""
        reserved = await tx.ledger.entry(f"{owed.key}/reserved")
        if reserved is not None:
            undone = reserved.reversed(f"{owed.key}/reversed", "late_refund_reversed", owed.at)
            await tx.ledger.post(undone)
        await tx.funds.finish(owed.key, "failed", failure=code)

    async def _refused(self, owed: Owed, code: str) -> None:
        """The provider's final no: the money is unapplied again, and a person is told."""
        async with self._database.transaction() as tx:
            await self.give_up(tx, owed, code)
            facts: dict[str, str | int] = {"key": owed.key, "reason": code}
            words = "money that no order waits for could not be given back: find another way"
            await tx.story.alarm("late_refund_refused", owed.payer.subject, words, owed.at, facts)
        log.warning("return.refused", key=owed.key, code=code)

    async def follow(self, subject: str, at: datetime) -> int:
        """See how a process's returns stand; says how many came back, each with an alarm."""
        async with self._database.transaction() as tx:
            sent = [one for one in await tx.funds.of(subject, KIND) if one.state in _ENDED_WELL]
        return sum([await self._came_back(effect, at) for effect in sent])

    async def _came_back(self, effect: EffectRecord, at: datetime) -> bool:
        now = await self._gateway.refund_status(effect.key, effect.reference)
        if now.status is EffectStatus.DONE and effect.state == "pending":
            async with self._database.transaction() as tx:
                await tx.funds.finish(effect.key, "done")
                await tx.story.clear(BALANCE_SHORT, effect.subject, at)
        if now.status is not EffectStatus.FAILED:
            return False
        async with self._database.transaction() as tx:
            await post_return(tx, self._gateway.name, effect, now.failure, effect.subject, at)
            facts: dict[str, str | int] = {"key": effect.key, "reason": now.failure}
            words = "money that no order waits for came back from the buyer: find another way"
            await tx.story.alarm("refund_came_back", effect.subject, words, at, facts)
        log.warning("return.came_back", key=effect.key)
        return True


async def tell_of_waiting(tx: Transaction, subject: str, sent: Effect, at: datetime) -> None:
    """The platform's balance is short: the provider tries again, and somebody tops it up."""
    if sent.waits_for is WaitsFor.BALANCE:
        words = "a refund waits at the provider until the platform's balance is topped up"
        facts: Facts = {"key": sent.key, "amount": sent.amount.minor}
        await tx.story.alarm(BALANCE_SHORT, subject, words, at, facts)


async def post_return(
    tx: Transaction, provider: str, effect: EffectRecord, code: str, process: str, at: datetime
) -> None:
    """What came back from the buyer's bank is unapplied again; no order's funds are concerned."""
    legs = postings.unapplied_refund_returned(
        provider, effect.subject.removeprefix("order/"), effect.amount
    )
    await tx.ledger.post(
        Posting(
            f"{effect.key}/returned", "late_refund_returned", process, effect.currency, at, legs
        )
    )
    await tx.funds.finish(effect.key, "failed", failure=code)


def _entry(owed: Owed, step: str, legs: tuple[Leg, ...]) -> Posting:
    key = f"{owed.key}/{step}"
    return Posting(key, KIND, owed.process, owed.payer.currency, owed.at, legs)
