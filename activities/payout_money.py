"""What every step of a payout does with its money: put on record, undone, taken back, told."""

from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from activities.requests import PayoutStep
from adapters.payment.port import Effect, EffectStatus, PaymentGateway
from domain.ids import money_key
from domain.ledger import Leg, Posting
from domain.money import Money
from domain.payout import rules
from domain.payout import state as moves
from domain.payout.state import PayoutState
from domain.policy import Policy
from persistence.port import Database, EffectRecord, Event, SellerRecord, Transaction

log = structlog.get_logger()
TRANSFER: Final = "transfer"
PAYOUT: Final = "payout"
TAKE_BACK: Final = "take_back"


class PayoutMoney:
    """One payout's effects at the provider, and the entries around them."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post in *database* what *gateway* is asked for."""
        self._database = database
        self._gateway = gateway

    async def ask(self, state: PayoutState, kind: str, at: datetime) -> EffectRecord:
        """Put an effect on record before the provider hears of it, or find it there."""
        async with self._database.transaction() as tx:
            return await tx.funds.ask(self._effect(state, kind, at))

    async def ask_if_unchanged(
        self, state: PayoutState, kind: str, at: datetime
    ) -> tuple[EffectRecord, str]:
        """The same, and why it must not be asked for any more, "" if it may.

        Looked at in the transaction that puts it on record: the last moment before the provider.
        """
        async with self._database.transaction() as tx:
            seller = await tx.sellers.get(state.seller)
            policy = await tx.sellers.policy(seller.policy)
            why = rules.changed_since(payee_of(seller, policy), state.account, state.as_of)
            return await tx.funds.ask(self._effect(state, kind, at)), why or ""

    async def found_transfer(self, state: PayoutState) -> Effect | None:
        """The transfer, if the provider has it; none is made."""
        amount = Money(state.net, state.currency)
        return await self._gateway.find_transfer(key_of(state, TRANSFER), subject_of(state), amount)

    async def found_payout(self, state: PayoutState) -> Effect | None:
        """The payout, if the provider has it and the bank has not sent it back; none is made."""
        amount = Money(state.net, state.currency)
        found = await self._gateway.find_pay_out(key_of(state, PAYOUT), state.account, amount)
        return None if found is None or found.status is EffectStatus.FAILED else found

    async def transferred(self, state: PayoutState, reference: str, at: datetime) -> None:
        """The provider has moved the money to the seller's account there."""
        legs = rules.transferred(self._gateway.name, state.account, state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(entry(state, "transferred", at, legs))
            await tx.funds.finish(key_of(state, TRANSFER), "done", reference)

    async def take_back(self, state: PayoutState, transfer: str, at: datetime) -> None:
        """Move the money from the seller's account at the provider to ours again."""
        asked = await self.ask(state, TAKE_BACK, at)
        done = await self._gateway.take_back(
            asked.key,
            subject_of(state),
            transfer,
            Money(state.net, state.currency),
            again=not asked.is_new,
        )
        legs = rules.transferred(self._gateway.name, state.account, -state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(entry(state, "taken_back", at, legs))
            await tx.funds.finish(asked.key, "done", done.reference)

    async def fail(self, state: PayoutState, kind: str, why: str) -> None:
        """Put on record that an effect will never be: nothing may ask for it again."""
        async with self._database.transaction() as tx:
            await tx.funds.finish(key_of(state, kind), "failed", failure=why)

    async def give_up(self, state: PayoutState, kind: str, why: str, at: datetime) -> None:
        """The same, and the seller has again what was set aside, the fee as well."""
        subject = subject_of(state)
        async with self._database.transaction() as tx:
            reserved = await tx.ledger.entry(f"{subject}/reserved")
            if reserved is not None:
                undone = reserved.reversed(f"{subject}/reversed", "payout_reversed", at)
                await tx.ledger.post(undone)
            await tx.funds.finish(key_of(state, kind), "failed", failure=why)

    async def withheld(self, step: PayoutStep, reason: str) -> PayoutState:
        """Say that nothing is paid, and why; a final no of the provider asks for new details."""
        after = moves.withheld(step.state, reason, step.at)
        facts: dict[str, str | int] = {"reason": reason}
        events = [Event("payout.withheld", step.at, facts=facts)]
        async with self._database.transaction() as tx:
            if not rules.is_ours(reason):
                await tx.sellers.refuse_details(after.seller, after.account)
                facts = {"reason": reason, "amount": after.gross, "currency": after.currency}
                events.append(Event("payout.details_refused", step.at, facts=facts))
            await tx.story.tell_payout(after, *events)
            await tx.story.clear("parked", subject_of(after), step.at)
        log.info("payout.withheld", payout=after.payout, reason=reason)
        return after

    def _effect(self, state: PayoutState, kind: str, at: datetime) -> EffectRecord:
        return EffectRecord(
            key=key_of(state, kind),
            kind=kind,
            subject=subject_of(state),
            provider=self._gateway.name,
            currency=state.currency,
            amount=state.net,
            effective_at=at,
        )


def subject_of(state: PayoutState) -> str:
    """The payout's own name in books, effects and alarms."""
    return f"payout/{state.payout}"


def key_of(state: PayoutState, kind: str) -> str:
    """The key of one of its effects; each is asked for once."""
    return money_key(subject_of(state), kind, 1)


def entry(state: PayoutState, step: str, at: datetime, legs: tuple[Leg, ...]) -> Posting:
    """One of its entries, named by the step."""
    subject = subject_of(state)
    return Posting(f"{subject}/{step}", f"payout_{step}", subject, state.currency, at, legs)


def payee_of(seller: SellerRecord, policy: Policy) -> rules.Payee:
    """What decides whether a seller can be paid."""
    changed = seller.bank_changed_at
    until = changed and changed + policy.payout.bank_change_cool_down.elapsed
    return rules.Payee(
        seller.seller, seller.account, seller.standing, until, seller.refused_account
    )


async def as_shown(tx: Transaction, state: PayoutState) -> PayoutState:
    """A state that lacks what a step which failed had found out, with that read from the view."""
    shown = await tx.story.payout(state.payout)
    if shown is None or shown.stage is not state.stage:
        return state
    return replace(
        state, gross=shown.gross, fee=shown.fee, account=shown.account, netted=shown.netted
    )


def as_effect(record: EffectRecord) -> Effect:
    """An effect whose end is on record."""
    amount = Money(record.amount, record.currency)
    status = EffectStatus.FAILED if record.state == "failed" else EffectStatus.DONE
    return Effect(record.key, record.reference, status, amount, record.failure)
