"""The buyer's money on its way back: three steps in one, so that no gap can lose it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from temporalio import activity

from activities import exchange
from activities.requests import Refund, Step
from activities.returns import BALANCE_SHORT, tell_of_waiting
from adapters.errors import Rejected
from adapters.payment.port import Effect, EffectStatus, PaymentGateway
from domain.errors import KeyReused
from domain.ids import money_key, order_workflow_id
from domain.ledger import Account, Leg, Posting
from domain.ledger import AccountKind as Kind
from domain.money import Money
from domain.order import money_moves, moves, paying, postings
from domain.order.clocks import with_clocks
from domain.order.money import OrderFunds
from domain.order.state import ClockName, OrderState, Parked
from persistence.port import Database, EffectRecord, Event, Transaction

log = structlog.get_logger()
BY_HAND = "by_hand"
NO_MONEY = "no_money"


class RefundActivities:
    """Gives money back. The sum is set aside first, then the provider is asked, then it settles."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Reserve and settle in *database* what is asked of *gateway*."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="payment.refund")
    async def refund(self, request: Refund) -> OrderState:
        """Give `amount` back. Safe to run any number of times, also killed between its steps.

        Refuses more than is there (`AmountExceeded`), and another amount under a number that
        was used (`KeyReused`). The provider's final no undoes the reservation and parks the
        order; an outage is tried again under the same key. What an operator says was paid by
        hand is so only if the provider does not have it: an answer may have been lost.
        """
        key = money_key(order_workflow_id(request.state.order), "refund", request.number)
        async with self._database.transaction() as tx:
            effect = await self._reserve(tx, request, key)
        if effect.state == "failed":
            return await self._refused(request, key, effect.failure)
        try:
            done = await self._done(request, effect)
        except Rejected as no:
            return await self._refused(request, key, no.code)
        if done.status is EffectStatus.FAILED:
            return await self._refused(request, key, done.failure)
        return await self._settle(request, done)

    async def _done(self, request: Refund, effect: EffectRecord) -> Effect:
        amount = Money(effect.amount, request.state.currency)
        if not effect.amount:
            # All of it was paid by the platform: nothing goes to the buyer.
            return Effect(effect.key, NO_MONEY, EffectStatus.DONE, amount)
        if effect.reference.startswith(BY_HAND):
            return Effect(effect.key, effect.reference, EffectStatus.DONE, amount)
        if request.by_hand:
            note = f"{BY_HAND}: {request.by_hand}"
            found = await self._gateway.find_refund(effect.key, request.state.intent, amount)
            return found or Effect(effect.key, note, EffectStatus.DONE, amount)
        return await self._gateway.refund(
            effect.key, effect.subject, request.state.intent, amount, again=not effect.is_new
        )

    async def _reserve(self, tx: Transaction, request: Refund, key: str) -> EffectRecord:
        """Set the refund aside. Its effect is the buyer's share; the rest is the platform's."""
        state = request.state
        # A payment that several orders share is locked before any of them.
        payment = await tx.purchases.locked(state.paid_by) if state.paid_by else None
        funds = await tx.funds.locked(state.order)
        share = funds.share_of_refund(request.amount)
        effect = await tx.funds.ask(
            EffectRecord(
                key=key,
                kind="refund",
                subject=order_workflow_id(state.order),
                provider=self._gateway.name,
                currency=state.currency,
                amount=share.buyer,
                effective_at=request.at,
            )
        )
        if effect.is_new:
            sources = await sources_of(tx, funds)
            plan = postings.plan_refund(request.amount, sources)
            plan, abroad = await exchange.recovered(tx, funds, plan, sources)
            await tx.funds.put(funds.with_refund(request.amount, plan, share, abroad))
            if payment is not None:
                await tx.purchases.put(payment.with_refund(effect.amount))
            legs = postings.refund_reserved(state.order, state.seller, plan, share)
            entry = _entry(request, f"{key}/reserved", "refund_reserved", legs)
            await tx.ledger.post(entry)
            await exchange.post_recovered(tx, funds, abroad, entry)
        elif (first := await _whole(tx, effect)) != request.amount:
            raise KeyReused(f"{key} is a refund of {first}", asked=request.amount)
        return effect

    async def _settle(self, request: Refund, done: Effect) -> OrderState:
        state, key = request.state, done.key
        is_final, sent = done.status is EffectStatus.DONE, done.amount.minor
        paid_from = BY_HAND if done.reference.startswith(BY_HAND) else self._gateway.name
        legs = postings.refund_settled(paid_from, state.order, request.amount)
        async with self._database.transaction() as tx:
            after = money_moves.refund_sent(
                state,
                key,
                request.amount,
                is_final=is_final,
                at=request.at,
                recovered=await _recovered(tx, key),
                owed=request.owed,
            )
            if not is_final:
                until = await final_by(tx, state, request.at)
                after = paying.refund_watched(after, until, request.at)
                await tell_of_waiting(tx, order_workflow_id(state.order), done, request.at)
            if sent:
                legs = postings.refund_settled(paid_from, state.order, sent)
                await tx.ledger.post(_entry(request, f"{key}/settled", "refund_settled", legs))
            await tx.funds.finish(key, "done" if is_final else "pending", done.reference)
            events = [_sent_event(request, sent), *await _taken_back(tx, request, key)]
            await tx.story.tell(after, *events)
        log.info("refund.sent", key=key, minor=request.amount, final=is_final)
        return after

    async def _refused(self, request: Refund, key: str, code: str) -> OrderState:
        why = Parked("payment.refund", f"the provider refused the refund: {code}", key, request.at)
        after = money_moves.refund_refused(request.state, why)
        subject = order_workflow_id(after.order)
        async with self._database.transaction() as tx:
            effect = await tx.funds.found(key)
            if effect is not None and effect.state in ("done", "pending"):
                # It had left before, and that answer was lost: this is a return, not a refusal.
                await post_return(tx, self._gateway.name, effect, code, request.at)
            else:
                await _give_up(tx, after.order, key, code, request.at)
            facts: dict[str, str | int] = {"key": key, "reason": code}
            await tx.story.alarm("parked", subject, why.reason, request.at, facts)
            await tx.story.tell(after, Event("order.parked", request.at, facts=facts))
        log.warning("refund.refused", key=key, code=code)
        return after

    @activity.defn(name="payment.follow_refunds")
    async def follow(self, step: Step) -> OrderState:
        """See how the refunds stand; one that came back, even after it was final, parks the order.

        An answer of ours may have been lost: what the state still counts as sent, and the books
        have as returned, is told again.
        """
        state = step.state
        async with self._database.transaction() as tx:
            effects = await tx.funds.of(order_workflow_id(state.order), "refund")
            wholes = {effect.key: await _whole(tx, effect) for effect in effects}
        for effect in effects:
            if not _is_at_provider(effect) or not _is_counted(state, effect, effects, wholes):
                continue
            now = await self._now(effect)
            if now.status is EffectStatus.DONE and effect.key in state.open_refunds:
                state = await self._arrived(state, effect.key, step.at)
            elif now.status is EffectStatus.FAILED:
                state = await self._came_back(state, effect, now.failure, step.at)
        return state

    async def _now(self, effect: EffectRecord) -> Effect:
        if effect.state == "failed":
            amount = Money(effect.amount, effect.currency)
            return Effect(effect.key, effect.reference, EffectStatus.FAILED, amount, effect.failure)
        return await self._gateway.refund_status(effect.key, effect.reference)

    async def _arrived(self, state: OrderState, key: str, at: datetime) -> OrderState:
        after = _unwatched(money_moves.refund_arrived(state, key))
        async with self._database.transaction() as tx:
            await tx.funds.finish(key, "done")
            await _is_not_late(tx, after, at)
            await tx.story.tell(after, Event("order.refund_arrived", at, facts={"key": key}))
        return after

    async def _came_back(
        self, state: OrderState, effect: EffectRecord, code: str, at: datetime
    ) -> OrderState:
        why = Parked("payment.refund", f"the refund came back: {code}", effect.key, at)
        async with self._database.transaction() as tx:
            failed = money_moves.refund_failed(
                state,
                effect.key,
                await _whole(tx, effect),
                recovered=await _recovered(tx, effect.key),
            )
            after = moves.parked(_unwatched(failed), why)
            await _is_not_late(tx, after, at)
            await post_return(tx, self._gateway.name, effect, code, at)
            facts: dict[str, str | int] = {"key": effect.key, "reason": code}
            await tx.story.alarm("parked", order_workflow_id(state.order), why.reason, at, facts)
            await tx.story.tell(after, Event("order.refund_came_back", at, facts=facts))
        log.warning("refund.returned", key=effect.key, code=code)
        return after


def _is_at_provider(effect: EffectRecord) -> bool:
    return not effect.reference.startswith((BY_HAND, NO_MONEY))


def _is_counted(
    state: OrderState,
    effect: EffectRecord,
    effects: Sequence[EffectRecord],
    wholes: Mapping[str, int],
) -> bool:
    """Whether the state counts the refund as sent: it is, or its return was not heard of."""
    if effect.state in ("done", "pending"):
        return True
    standing = sum(wholes[other.key] for other in effects if other.state in ("done", "pending"))
    is_missed = effect.state == "failed" and bool(effect.reference)
    return is_missed and state.refunded >= standing + wholes[effect.key]


def _sent_event(request: Refund, sent: int) -> Event:
    facts: dict[str, str | int] = {"amount": sent, "currency": request.state.currency}
    if request.reason:
        facts["reason"] = request.reason
    kind = "order.refund_sent" if sent else "order.subsidy_returned"
    if sent != request.amount:
        facts["subsidy"] = request.amount - sent
    return Event(kind, request.at, request.actor, facts)


async def _taken_back(tx: Transaction, request: Refund, key: str) -> list[Event]:
    """What the seller gives for a refund, in their currency; nothing while escrow pays it all."""
    reserved = await tx.ledger.entry(f"{key}/reserved")
    if reserved is None:
        return []
    abroad = await exchange.beside(tx, reserved)
    plan = postings.plan_of(abroad or reserved)
    if not plan.from_seller:
        return []
    facts: dict[str, str | int] = {
        "amount": plan.from_seller,
        "debt": plan.debt,
        "currency": (abroad or reserved).currency,
    }
    return [Event("order.refund_recovered", request.at, facts=facts)]


async def final_by(tx: Transaction, state: OrderState, at: datetime) -> datetime:
    """When a refund sent at *at* has to be with the buyer, by the order's own policy."""
    name, _, version = state.policy.rpartition("/")
    policy = await tx.sellers.policy(name, int(version))
    return policy.calendar.after(at, policy.refund.final_within, ZoneInfo(policy.zone))


def _unwatched(state: OrderState) -> OrderState:
    """No clock waits for refunds once none is open. Part of a step, no version of its own."""
    if state.open_refunds:
        return state
    return replace(state, clocks=with_clocks(state, stop=(ClockName.REFUND,)))


async def _is_not_late(tx: Transaction, state: OrderState, at: datetime) -> None:
    if not state.open_refunds:
        for kind in ("refund_not_final", BALANCE_SHORT):
            await tx.story.clear(kind, order_workflow_id(state.order), at)


async def _give_up(tx: Transaction, order: str, key: str, code: str, at: datetime) -> None:
    reserved = await _put_back(tx, order, key)
    if reserved is not None:
        undone = reserved.reversed(f"{key}/reversed", "refund_reversed", at)
        await tx.ledger.post(undone)
        await exchange.undo(tx, reserved, undone)
    await tx.funds.finish(key, "failed", failure=code)


async def post_return(
    tx: Transaction, provider: str, effect: EffectRecord, code: str, at: datetime
) -> None:
    """Post that a refund came back: reversing entries, never an edit."""
    order = effect.subject.removeprefix("order/")
    reserved = await _put_back(tx, order, effect.key)
    if reserved is not None:
        legs = postings.refund_returned(provider, reserved)
        undone = Posting(
            f"{effect.key}/returned",
            "refund_returned",
            effect.subject,
            effect.currency,
            at,
            legs,
        )
        await tx.ledger.post(undone)
        await exchange.undo(tx, reserved, undone)
    await tx.funds.finish(effect.key, "failed", failure=code)


async def _put_back(tx: Transaction, order: str, key: str) -> Posting | None:
    """Undo a reservation in the locked funds; None if that has been done before."""
    payment = await tx.purchases.paying(order)
    funds = await tx.funds.locked(order)
    reserved = await tx.ledger.entry(f"{key}/reserved")
    effect = await tx.funds.found(key)
    if reserved is None or effect is None or effect.state == "failed":
        return None
    plan, share = postings.plan_of(reserved), postings.share_of(reserved)
    abroad = await exchange.given(tx, reserved)
    await tx.funds.put(funds.without_refund(share.total, plan, share, abroad))
    if payment is not None:
        await tx.purchases.put(payment.without_refund(effect.amount))
    return reserved


async def _whole(tx: Transaction, effect: EffectRecord) -> int:
    """What a refund came to with the platform's share in it, as its entry says."""
    reserved = await tx.ledger.entry(f"{effect.key}/reserved")
    return effect.amount if reserved is None else postings.share_of(reserved).total


async def _recovered(tx: Transaction, key: str) -> int:
    """How much of a refund was taken from outside escrow, as its entry says."""
    reserved = await tx.ledger.entry(f"{key}/reserved")
    return postings.plan_of(reserved).recovered if reserved is not None else 0


async def sources_of(tx: Transaction, funds: OrderFunds) -> postings.RefundSources:
    """What the refund can be taken from; balances are locked in the order of their accounts."""
    owner, currency = funds.seller, funds.settlement
    kinds = sorted((Kind.DEPOSIT, Kind.PAYABLE, Kind.RESERVE))
    if not funds.released:
        return postings.RefundSources(funds.releasable, 0, 0)
    found = {kind: await tx.ledger.balance(Account(kind, owner), currency) for kind in kinds}
    return postings.RefundSources(
        escrow=funds.releasable,
        released=funds.released - funds.recovered,
        commission=funds.charged,
        payable=found[Kind.PAYABLE],
        reserve=found[Kind.RESERVE],
        deposit=found[Kind.DEPOSIT],
    )


def _entry(request: Refund, key: str, kind: str, legs: tuple[Leg, ...]) -> Posting:
    subject = order_workflow_id(request.state.order)
    return Posting(key, kind, subject, request.state.currency, request.at, legs)
