"""A seller's money on its way to the bank: two keyed effects, each in three steps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from temporalio import activity

from activities.requests import CareForPayment, DuePayouts, PayoutDue, PayoutStep
from adapters.errors import Rejected
from adapters.payment.port import Effect, EffectStatus, PaymentGateway
from domain.errors import PayoutWithheld
from domain.ids import money_key
from domain.ledger import Account, Leg, Posting
from domain.ledger import AccountKind as Kind
from domain.money import Money
from domain.payout import rules
from domain.payout import state as moves
from domain.payout.state import PayoutState, Stage
from domain.policy import Policy
from persistence.port import Database, EffectRecord, Event, SellerRecord, Transaction

log = structlog.get_logger()


class PayoutActivities:
    """Pays sellers out: transfer to the connected account, then payout from it."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Reserve and settle in *database* what is asked of *gateway*."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="payout.list_due")
    async def list_due(self, request: DuePayouts) -> Sequence[PayoutDue]:
        """The balances that are payable as of a moment, in order, after a mark."""
        mark = (request.after_seller, request.after_currency)
        async with self._database.transaction() as tx:
            rows = await tx.sellers.payable(request.as_of, mark, request.limit)
        return [PayoutDue(*row) for row in rows]

    @activity.defn(name="payout.send")
    async def send(self, step: PayoutStep) -> PayoutState:
        """Pay out what is payable as of the payout's moment, never more than the balance now.

        Safe to run any number of times. What may not be paid is withheld with its reason and
        stays payable; the provider's final no gives everything back.
        """
        try:
            state = await self._reserved(step)
        except PayoutWithheld as no:
            return await self._withheld(step, str(no.facts["reason"]))
        state, transfer = await self._transferred(state, step.at)
        if transfer.status is EffectStatus.FAILED:
            return await self._withheld(replace(step, state=state), transfer.failure)
        return await self._paid_out(state, transfer, step.at)

    async def _reserved(self, step: PayoutStep) -> PayoutState:
        state, subject = step.state, _subject(step.state)
        async with self._database.transaction() as tx:
            seller = await tx.sellers.get(state.seller)
            policy = await tx.sellers.policy(seller.policy)
            account = Account(Kind.PAYABLE, state.seller)
            # Locked before it looks: another run of this very step may have reserved it.
            await tx.ledger.balance(account, state.currency)
            before = await tx.ledger.entry(f"{subject}/reserved")
            if before is not None:
                shown = await tx.story.payout(state.payout)
                return _read_back(state, before, shown.account if shown else seller.account)
            await _net_debt(tx, state, step.at)
            now = await tx.ledger.balance(account, state.currency)
            due = await tx.ledger.held_as_of(account, state.currency, state.as_of)
            gross = min(now, due)
            minimum = policy.payout.minimum.get(state.currency, 0)
            rules.check(_payee(seller, policy), gross, minimum, state.currency, state.as_of)
            fee = min(policy.payout.fee.get(state.currency, 0), gross - 1)
            legs = rules.reserved(state.payout, state.seller, gross, fee)
            await tx.ledger.post(_entry(state, "reserved", step.at, legs))
            reserved = replace(state, gross=gross, fee=fee, account=seller.account)
            # The account is kept with it: a seller may change theirs before a retry.
            await tx.story.tell_payout(reserved)
            return reserved

    async def _transferred(self, state: PayoutState, at: datetime) -> tuple[PayoutState, Effect]:
        key = money_key(_subject(state), "transfer", 1)
        asked = await self._ask(state, key, "transfer", at)
        if asked.state in ("done", "failed"):
            return state, _as_effect(asked)
        amount = Money(state.net, state.currency)
        try:
            done = await self._gateway.transfer(
                key, _subject(state), state.account, amount, again=not asked.is_new
            )
        except Rejected as no:
            await self._give_up(state, key, no.code, at)
            return state, Effect(key, "", EffectStatus.FAILED, amount, no.code)
        legs = rules.transferred(self._gateway.name, state.account, state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(_entry(state, "transferred", at, legs))
            await tx.funds.finish(key, "done", done.reference)
        return state, done

    async def _paid_out(self, state: PayoutState, transfer: Effect, at: datetime) -> PayoutState:
        key = money_key(_subject(state), "payout", 1)
        asked = await self._ask(state, key, "payout", at)
        if asked.state == "failed":
            return await self._taken_back_unpaid(state, transfer, asked.failure, at)
        try:
            done = await self._gateway.pay_out(
                key,
                _subject(state),
                state.account,
                Money(state.net, state.currency),
                again=not asked.is_new,
            )
        except Rejected as no:
            # On record first: after the money is taken back nothing may ask for it again.
            async with self._database.transaction() as tx:
                await tx.funds.finish(key, "failed", failure=no.code)
            return await self._taken_back_unpaid(state, transfer, no.code, at)
        legs = rules.paid_out(self._gateway.name, state.account, state.payout, state.net)
        async with self._database.transaction() as tx:
            seller = await tx.sellers.get(state.seller)
            policy = await tx.sellers.policy(seller.policy)
            watch_until = policy.calendar.after(
                at, policy.payout.watch_return_for, ZoneInfo(policy.zone)
            )
            after = moves.sent(state, transfer.reference, done.reference, watch_until)
            await tx.ledger.post(_entry(state, "paid", at, legs))
            await tx.funds.finish(key, "done", done.reference)
            facts: dict[str, str | int] = {
                "amount": state.net,
                "fee": state.fee,
                "currency": state.currency,
            }
            await tx.story.tell_payout(after, Event("payout.sent", at, facts=facts))
            await tx.story.clear("parked", _subject(state), at)
        log.info("payout.sent", payout=state.payout, minor=state.net)
        return after

    @activity.defn(name="payout.watch")
    async def watch(self, step: PayoutStep) -> PayoutState:
        """See whether the bank sent it back: reversed if so; settled once the watch has ended."""
        state = step.state
        if state.stage is not Stage.SENT and state.stage is not Stage.SETTLED:
            return state
        key = money_key(_subject(state), "payout", 1)
        now = await self._gateway.payout_status(key, state.account, state.reference)
        if now.status is EffectStatus.FAILED:
            return await self._returned(state, now.failure, step.at)
        is_over = state.watch_until is not None and step.at >= state.watch_until
        if state.stage is Stage.SETTLED or not is_over:
            return state
        after = moves.settled(state, step.at)
        async with self._database.transaction() as tx:
            await tx.story.tell_payout(after, Event("payout.settled", step.at))
        return after

    @activity.defn(name="payout.park")
    async def park(self, step: PayoutStep) -> None:
        """Raise an alarm: a step has failed for good, and an operator is needed."""
        subject = _subject(step.state)
        async with self._database.transaction() as tx:
            await tx.story.alarm("parked", subject, step.reason, step.at)
        log.warning("payout.parked", payout=step.state.payout)

    @activity.defn(name="aftercare.payout")
    async def care(self, request: CareForPayment) -> str:
        """News of a payout whose execution has ended: a late return is reversed all the same."""
        async with self._database.transaction() as tx:
            state = await tx.story.payout(request.subject)
        if state is None:
            return "unknown"
        after = await self.watch(PayoutStep(state, request.at))
        return str(after.stage) if after.stage is not state.stage else "nothing_to_do"

    async def _returned(self, state: PayoutState, code: str, at: datetime) -> PayoutState:
        legs = rules.came_back(self._gateway.name, state.account, state.seller, state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(_entry(state, "returned", at, legs))
        await self._take_back(state, state.transfer, at)
        after = moves.returned(state, code, at)
        async with self._database.transaction() as tx:
            facts: dict[str, str | int] = {
                "amount": state.net,
                "currency": state.currency,
                "reason": code,
            }
            await tx.story.alarm("payout_returned", _subject(state), code, at, facts)
            await tx.story.tell_payout(after, Event("payout.returned", at, facts=facts))
        log.warning("payout.returned", payout=state.payout, code=code)
        return after

    async def _taken_back_unpaid(
        self, state: PayoutState, transfer: Effect, code: str, at: datetime
    ) -> PayoutState:
        await self._take_back(state, transfer.reference, at)
        await self._give_up(state, money_key(_subject(state), "payout", 1), code, at)
        return await self._withheld(PayoutStep(state, at), code)

    async def _take_back(self, state: PayoutState, transfer: str, at: datetime) -> None:
        key = money_key(_subject(state), "take_back", 1)
        asked = await self._ask(state, key, "take_back", at)
        amount = Money(state.net, state.currency)
        done = await self._gateway.take_back(
            key, _subject(state), transfer, amount, again=not asked.is_new
        )
        legs = rules.transferred(self._gateway.name, state.account, -state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(_entry(state, "taken_back", at, legs))
            await tx.funds.finish(key, "done", done.reference)

    async def _give_up(self, state: PayoutState, key: str, code: str, at: datetime) -> None:
        async with self._database.transaction() as tx:
            reserved = await tx.ledger.entry(f"{_subject(state)}/reserved")
            if reserved is not None:
                undone = reserved.reversed(f"{_subject(state)}/reversed", "payout_reversed", at)
                await tx.ledger.post(undone)
            await tx.funds.finish(key, "failed", failure=code)

    async def _withheld(self, step: PayoutStep, reason: str) -> PayoutState:
        after = moves.withheld(step.state, reason, step.at)
        async with self._database.transaction() as tx:
            event = Event("payout.withheld", step.at, facts={"reason": reason})
            await tx.story.tell_payout(after, event)
        log.info("payout.withheld", payout=after.payout, reason=reason)
        return after

    async def _ask(self, state: PayoutState, key: str, kind: str, at: datetime) -> EffectRecord:
        async with self._database.transaction() as tx:
            return await tx.funds.ask(
                EffectRecord(
                    key=key,
                    kind=kind,
                    subject=_subject(state),
                    provider=self._gateway.name,
                    currency=state.currency,
                    amount=state.net,
                    effective_at=at,
                )
            )


def _subject(state: PayoutState) -> str:
    return f"payout/{state.payout}"


def _payee(seller: SellerRecord, policy: Policy) -> rules.Payee:
    changed = seller.bank_changed_at
    cool_down = policy.payout.bank_change_cool_down.elapsed
    return rules.Payee(
        seller.seller, seller.account, seller.standing, changed and changed + cool_down
    )


async def _net_debt(tx: Transaction, state: PayoutState, at: datetime) -> None:
    """What the seller owes is taken from what is payable before anything leaves."""
    payable = await tx.ledger.balance(Account(Kind.PAYABLE, state.seller), state.currency)
    owed = -await tx.ledger.held_as_of(
        Account(Kind.DEBT, state.seller), state.currency, datetime.max.replace(tzinfo=at.tzinfo)
    )
    amount = min(payable, owed)
    if amount > 0:
        legs = rules.netted(state.seller, amount)
        await tx.ledger.post(_entry(state, "netted", at, legs))


def _read_back(state: PayoutState, entry: Posting, account: str) -> PayoutState:
    amounts = {leg.account.kind: leg.amount for leg in entry.legs}
    return replace(
        state,
        gross=amounts[Kind.PAYABLE],
        fee=-amounts.get(Kind.FEES, 0),
        account=account,
    )


def _entry(state: PayoutState, step: str, at: datetime, legs: tuple[Leg, ...]) -> Posting:
    subject = _subject(state)
    return Posting(f"{subject}/{step}", f"payout_{step}", subject, state.currency, at, legs)


def _as_effect(record: EffectRecord) -> Effect:
    amount = Money(record.amount, record.currency)
    status = EffectStatus.FAILED if record.state == "failed" else EffectStatus.DONE
    return Effect(record.key, record.reference, status, amount, record.failure)
