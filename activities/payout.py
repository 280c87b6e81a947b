"""A seller's money on its way to the bank: two keyed effects, each in three steps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from temporalio import activity

from activities import payout_money as money
from activities.payout_money import PAYOUT, TRANSFER, PayoutMoney, entry, key_of, subject_of
from activities.requests import CareForPayment, DuePayouts, PayoutDue, PayoutStep
from adapters.errors import Rejected
from adapters.payment.port import Effect, EffectStatus, PaymentGateway
from domain.errors import PayoutWithheld
from domain.ledger import Account, Posting
from domain.ledger import AccountKind as Kind
from domain.money import Money
from domain.payout import rules
from domain.payout import state as moves
from domain.payout.state import BY_HAND, PayoutState, Stage
from persistence.port import Database, EffectRecord, Event, Transaction

log = structlog.get_logger()


class PayoutActivities:
    """Pays sellers out: transfer to the connected account, then payout from it."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Reserve and settle in *database* what is asked of *gateway*."""
        self._database = database
        self._gateway = gateway
        self._money = PayoutMoney(database, gateway)

    @activity.defn(name="payout.list_due")
    async def list_due(self, request: DuePayouts) -> Sequence[PayoutDue]:
        """The balances that are payable as of a moment, in order, after a mark."""
        mark = (request.after_seller, request.after_currency)
        async with self._database.transaction() as tx:
            rows = await tx.sellers.payable(request.as_of, mark, request.limit, request.policy)
        return [PayoutDue(*row) for row in rows]

    @activity.defn(name="payout.send")
    async def send(self, step: PayoutStep) -> PayoutState:
        """Pay out what is payable as of the payout's moment, never more than the balance now.

        Safe to run any number of times. What may not be paid is withheld with its reason and
        stays payable; the provider's final no gives everything back, and so does a payee who has
        changed since (case 58). Debts are taken off first, whatever becomes of the rest.
        """
        step = replace(step, state=await self._netted(step.state, step.at))
        try:
            state = await self._reserved(step)
        except PayoutWithheld as no:
            return await self._money.withheld(step, str(no.facts["reason"]))
        state, transfer = await self._transferred(state, step.at)
        if transfer.status is EffectStatus.FAILED:
            return await self._money.withheld(replace(step, state=state), transfer.failure)
        return await self._paid_out(state, transfer, step.at)

    async def _netted(self, state: PayoutState, at: datetime) -> PayoutState:
        """What the seller owes is taken from what is payable before anything leaves."""
        async with self._database.transaction() as tx:
            # Locked before it looks: another run of this very step may be at it.
            payable = await tx.ledger.balance(Account(Kind.PAYABLE, state.seller), state.currency)
            before = await tx.ledger.entry(f"{subject_of(state)}/netted")
            if before is not None:
                return replace(state, netted=_sides(before)[Kind.PAYABLE])
            if await tx.ledger.entry(f"{subject_of(state)}/reserved") is not None:
                return state
            amount = min(payable, await _owed(tx, state))
            if amount > 0:
                legs = rules.netted(state.seller, amount)
                await tx.ledger.post(entry(state, "netted", at, legs))
        return replace(state, netted=max(0, amount))

    async def _reserved(self, step: PayoutStep) -> PayoutState:
        state, subject = step.state, subject_of(step.state)
        async with self._database.transaction() as tx:
            seller = await tx.sellers.get(state.seller)
            policy = await tx.sellers.policy(seller.policy)
            account = Account(Kind.PAYABLE, state.seller)
            # Locked before it looks: another run of this very step may have reserved it.
            now = await tx.ledger.balance(account, state.currency)
            before = await tx.ledger.entry(f"{subject}/reserved")
            if before is not None:
                shown = await tx.story.payout(state.payout)
                return _read_back(state, before, shown.account if shown else seller.account)
            due = await tx.ledger.held_as_of(account, state.currency, state.as_of)
            gross = min(now, due)
            minimum = policy.payout.minimum.get(state.currency, 0)
            rules.check(money.payee_of(seller, policy), gross, minimum, state.currency, state.as_of)
            fee = min(policy.payout.fee.get(state.currency, 0), gross - 1)
            legs = rules.reserved(state.payout, state.seller, gross, fee)
            await tx.ledger.post(entry(state, "reserved", step.at, legs))
            reserved = moves.reserved(state, gross, fee, seller.account)
            # The account is kept with it: a seller may change theirs before a retry.
            await tx.story.tell_payout(reserved)
            return reserved

    async def _transferred(self, state: PayoutState, at: datetime) -> tuple[PayoutState, Effect]:
        asked, changed = await self._money.ask_if_unchanged(state, TRANSFER, at)
        if asked.state in ("done", "failed"):
            return state, money.as_effect(asked)
        amount = Money(state.net, state.currency)
        # What may have been sent before is looked for, and goes on from there.
        found = await self._money.found_transfer(state) if changed and not asked.is_new else None
        if changed and found is None:
            await self._money.give_up(state, TRANSFER, changed, at)
            return state, Effect(asked.key, "", EffectStatus.FAILED, amount, changed)
        try:
            done = found or await self._gateway.transfer(
                asked.key, subject_of(state), state.account, amount, again=not asked.is_new
            )
        except Rejected as no:
            await self._money.give_up(state, TRANSFER, no.code, at)
            return state, Effect(asked.key, "", EffectStatus.FAILED, amount, no.code)
        await self._money.transferred(state, done.reference, at)
        return state, done

    async def _paid_out(self, state: PayoutState, transfer: Effect, at: datetime) -> PayoutState:
        asked, changed = await self._money.ask_if_unchanged(state, PAYOUT, at)
        if asked.state == "done":
            changed = ""
        try:
            done = await self._at_the_bank(state, asked, changed)
        except Rejected as no:
            # On record first: after the money is taken back nothing may ask for it again.
            await self._money.fail(state, PAYOUT, no.code)
            return await self._taken_back_unpaid(state, transfer, no.code, at)
        return await self._told_sent(state, transfer, done, at)

    async def _at_the_bank(self, state: PayoutState, asked: EffectRecord, changed: str) -> Effect:
        """Send it, or find that it was sent. `Rejected`: it was not and must not be, any more."""
        why = asked.failure if asked.state == "failed" else changed
        if why:
            # Another run may have asked the provider before this one was told to stop.
            found = None if asked.is_new else await self._money.found_payout(state)
            if found is None:
                raise Rejected(self._gateway.name, why, "the payee has changed")
            return found
        amount = Money(state.net, state.currency)
        return await self._gateway.pay_out(
            asked.key, subject_of(state), state.account, amount, again=not asked.is_new
        )

    async def _told_sent(
        self, state: PayoutState, transfer: Effect, done: Effect, at: datetime
    ) -> PayoutState:
        legs = rules.paid_out(self._gateway.name, state.account, state.payout, state.net)
        async with self._database.transaction() as tx:
            seller = await tx.sellers.get(state.seller)
            policy = await tx.sellers.policy(seller.policy)
            watch_until = policy.calendar.after(
                at, policy.payout.watch_return_for, ZoneInfo(policy.zone)
            )
            after = moves.sent(state, transfer.reference, done.reference, watch_until)
            await tx.ledger.post(entry(state, "paid", at, legs))
            await tx.funds.finish(done.key, "done", done.reference)
            facts: dict[str, str | int] = {
                "amount": state.net,
                "fee": state.fee,
                "currency": state.currency,
            }
            await tx.story.tell_payout(after, Event("payout.sent", at, facts=facts))
            await tx.story.clear("parked", subject_of(state), at)
        log.info("payout.sent", payout=state.payout, minor=state.net)
        return after

    @activity.defn(name="payout.watch")
    async def watch(self, step: PayoutStep) -> PayoutState:
        """See whether the bank sent it back: reversed if so; settled once the watch has ended."""
        state = step.state
        if state.stage is not Stage.SENT and state.stage is not Stage.SETTLED:
            return state
        if state.reference.startswith(BY_HAND):
            return state
        now = await self._gateway.payout_status(
            key_of(state, PAYOUT), state.account, state.reference
        )
        if now.status is EffectStatus.FAILED:
            return await self._returned(state, now.failure, step.at)
        is_over = state.watch_until is not None and step.at >= state.watch_until
        if state.stage is Stage.SETTLED or not is_over:
            return await self._seen_again(state, step.at) if state.parked else state
        after = moves.settled(state, step.at)
        async with self._database.transaction() as tx:
            await tx.story.tell_payout(after, Event("payout.settled", step.at))
            await tx.story.clear("parked", subject_of(state), step.at)
        return after

    async def _seen_again(self, state: PayoutState, at: datetime) -> PayoutState:
        """The provider answers: nobody need look after the payout any more."""
        after = moves.resumed(state)
        async with self._database.transaction() as tx:
            await tx.story.tell_payout(after)
            await tx.story.clear("parked", subject_of(state), at)
        return after

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
        """Owed again; the seller is asked for new details before it is tried again."""
        legs = rules.came_back(self._gateway.name, state.account, state.seller, state.net)
        async with self._database.transaction() as tx:
            await tx.ledger.post(entry(state, "returned", at, legs))
            # At once, and not after the transfer is taken back: no cycle may come between.
            await tx.sellers.refuse_details(state.seller, state.account)
        await self._money.take_back(state, state.transfer, at)
        after = moves.returned(state, code, at)
        async with self._database.transaction() as tx:
            facts: dict[str, str | int] = {
                "amount": state.net,
                "currency": state.currency,
                "reason": code,
            }
            await tx.story.alarm("payout_returned", subject_of(state), code, at, facts)
            await tx.story.tell_payout(after, Event("payout.returned", at, facts=facts))
        log.warning("payout.returned", payout=state.payout, code=code)
        return after

    async def _taken_back_unpaid(
        self, state: PayoutState, transfer: Effect, code: str, at: datetime
    ) -> PayoutState:
        await self._money.take_back(state, transfer.reference, at)
        await self._money.give_up(state, PAYOUT, code, at)
        return await self._money.withheld(PayoutStep(state, at), code)


async def _owed(tx: Transaction, state: PayoutState) -> int:
    """What stands on the seller's debt, in minor units, whenever it came to be."""
    for_ever = datetime.max.replace(tzinfo=state.as_of.tzinfo)
    return -await tx.ledger.held_as_of(Account(Kind.DEBT, state.seller), state.currency, for_ever)


def _sides(posting: Posting) -> dict[Kind, int]:
    return {leg.account.kind: leg.amount for leg in posting.legs}


def _read_back(state: PayoutState, reserved: Posting, account: str) -> PayoutState:
    amounts = _sides(reserved)
    return moves.reserved(state, amounts[Kind.PAYABLE], -amounts.get(Kind.FEES, 0), account)
