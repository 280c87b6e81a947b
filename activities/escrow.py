"""Escrow: holds on it, and its release to the seller. Ledger only; no provider is asked."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from temporalio import activity

from activities import exchange
from activities.order import must_not_be_asked
from activities.requests import ChangeHold, Step
from domain.ids import order_workflow_id
from domain.ledger import Account, AccountKind, Leg, Posting
from domain.money import BASIS_POINTS
from domain.order import money_moves, moves, postings
from domain.order.money import OrderFunds
from domain.order.rules import is_doubted, is_settled
from domain.order.state import ClockName, Fraud, Fulfilment, OrderState, Outcome
from domain.payout.rules import Standing
from domain.policy import Terms, Tier
from persistence.port import Database, Event, Facts, SellerRecord, Transaction

log = structlog.get_logger()


class EscrowActivities:
    """Holds and releases lock the same row of an order's money: one of two wins, never both."""

    def __init__(self, database: Database) -> None:
        """Everything happens in *database*."""
        self._database = database

    @activity.defn(name="escrow.release")
    async def release(self, step: Step) -> OrderState:
        """Release what is captured less refunded, charged back and held, as found under the lock.

        What is left after it is held; with nothing left open the order ends. A seller who has
        closed the store waits longer. Refuses with `PendingRequest` while a request that came in
        by `at` waits to be heard.
        """
        state = step.state
        async with self._database.transaction() as tx:
            terms = (await tx.orders.get(state.order)).terms
            funds = await tx.funds.locked(state.order)
            # Looked for under the lock: another run of this very step may have posted it.
            done = await tx.ledger.entry(_release_key(state))
            if done is not None:
                plan = postings.release_of(done, await exchange.beside(tx, done))
                return await _after_release(tx, step, terms, (plan, funds.held))
            await must_not_be_asked(tx, state.order, step.at)
            seller = await tx.sellers.get(state.seller)
            if seller.standing is Standing.SUSPENDED:
                return await _frozen(tx, step)
            waits_until = _closed_until(seller, state, terms)
            if waits_until is not None and step.at < waits_until:
                after = money_moves.release_put_off(state, waits_until)
                return await _put_off(tx, after, step, waits_until)
            after = await self._release(tx, step, terms, funds)
        log.info("escrow.released", order=state.order, minor=after.released - state.released)
        return after

    async def _release(
        self, tx: Transaction, step: Step, terms: Terms, funds: OrderFunds
    ) -> OrderState:
        state = step.state
        plan = postings.plan_release(
            0 if is_doubted(state) else funds.releasable,
            released=funds.released,
            total=funds.total,
            commission=funds.commission,
            reserve_bp=_reserve_bp(state, terms),
        )
        if plan.gross:
            plan = await exchange.released(tx, terms, funds, plan, step.at)
            legs = postings.released(state.order, state.seller, plan)
            entry = _entry(state, _release_key(state), "release", step.at, legs)
            await tx.ledger.post(entry)
            await exchange.post_released(tx, funds, plan, entry)
            await tx.funds.put(funds.with_release(plan))
        return await _after_release(tx, step, terms, (plan, funds.held))

    @activity.defn(name="escrow.release_reserve")
    async def release_reserve(self, step: Step) -> OrderState:
        """Let the seller have what was kept in reserve for this order.

        It waits on while the seller is suspended or fraud is suspected, and longer for one who has
        closed the store.
        """
        state = step.state
        key = f"{order_workflow_id(state.order)}/reserve-release/{state.version}"
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            if await tx.ledger.entry(key) is None:
                await must_not_be_asked(tx, state.order, step.at)
                if (kept := await _kept(tx, step)) is not None:
                    return kept
                await _let_go(tx, funds, key, step)
            after = money_moves.reserve_released(state)
            events = [
                Event(
                    "order.reserve_released",
                    step.at,
                    facts={
                        "amount": state.reserved,
                        "currency": state.settles_in or state.currency,
                    },
                )
            ]
            if is_settled(after):
                after = moves.ended(after, step.at)
                events.append(Event("order.ended", step.at))
                await tx.orders.unwatched(state.order)
            await tx.story.tell(after, *events)
        log.info("escrow.reserve_released", order=state.order, minor=state.reserved)
        return after

    @activity.defn(name="escrow.hold")
    async def hold(self, request: ChangeHold) -> OrderState:
        """Put a stated share aside for a stated reason. Refuses more than is there.

        A hold of that name counts once: a repeat mirrors what the locked row says.
        """
        state = request.state
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            is_new = await tx.funds.place_hold(
                request.hold,
                state.order,
                request.amount,
                request.reason,
                request.actor,
                request.at,
            )
            if is_new:
                funds = funds.with_hold(request.amount)
                await tx.funds.put(funds)
            after = money_moves.held(state, funds.held - state.held)
            await tx.story.tell(after, _hold_event("order.held", request, request.amount))
        log.info("escrow.held", order=state.order, hold=request.hold, minor=request.amount)
        return after

    @activity.defn(name="escrow.lift")
    async def lift(self, request: ChangeHold) -> OrderState:
        """End a hold; what it kept may be released. Unknown: `NotKnown`; ended before: no effect.

        A repeat after a lost answer finds the hold ended and mirrors what the locked row says.
        """
        state = request.state
        async with self._database.transaction() as tx:
            funds = await tx.funds.locked(state.order)
            amount = await tx.funds.lift_hold(request.hold, state.order, request.actor, request.at)
            if amount:
                funds = funds.without_hold(amount)
                await tx.funds.put(funds)
            after = money_moves.held(state, funds.held - state.held)
            await tx.story.tell(after, _hold_event("order.hold_lifted", request, amount))
        log.info("escrow.hold_lifted", order=state.order, hold=request.hold, minor=amount)
        return after


def _closed_until(seller: SellerRecord, state: OrderState, terms: Terms) -> datetime | None:
    if seller.standing is not Standing.CLOSED or state.shipped_at is None:
        return None
    return state.shipped_at + timedelta(seconds=terms.closed_seller_after_shipment)


async def _kept(tx: Transaction, step: Step) -> OrderState | None:
    """The order with its reserve waiting on; None where nothing keeps it."""
    state = step.state
    seller = await tx.sellers.get(state.seller)
    if seller.standing is Standing.SUSPENDED:
        return await _frozen(tx, step)
    if state.fraud is Fraud.SUSPECTED:
        after = money_moves.reserve_stopped(state)
        facts: Facts = {"reason": "payment_looked_at"}
        await tx.story.tell(after, Event("order.release_put_off", step.at, facts=facts))
        return after
    # What went back to the buyer in full protects nobody any more.
    terms = (await tx.orders.get(state.order)).terms
    waits_until = _closed_until(seller, state, terms)
    if state.outcome is not Outcome.OPEN or waits_until is None or step.at >= waits_until:
        return None
    return await _put_off(tx, money_moves.reserve_put_off(state, waits_until), step, waits_until)


async def _put_off(tx: Transaction, after: OrderState, step: Step, until: datetime) -> OrderState:
    facts: Facts = {"until": until.isoformat()}
    await tx.story.tell(after, Event("order.release_put_off", step.at, facts=facts))
    return after


async def _frozen(tx: Transaction, step: Step) -> OrderState:
    after = money_moves.release_frozen(step.state)
    facts: dict[str, str | int] = {"reason": "seller_suspended"}
    await tx.story.tell(after, Event("order.release_put_off", step.at, facts=facts))
    return after


def _release_key(state: OrderState) -> str:
    return f"{order_workflow_id(state.order)}/release/{state.version}"


async def _let_go(tx: Transaction, funds: OrderFunds, key: str, step: Step) -> None:
    """Make the order's reserve payable, as far as a later refund has not used it up."""
    reserve = Account(AccountKind.RESERVE, funds.seller)
    amount = min(funds.reserved, await tx.ledger.balance(reserve, funds.settlement))
    if amount:
        legs = postings.reserve_released(funds.seller, amount)
        entry = _entry(step.state, key, "reserve_release", step.at, legs)
        await tx.ledger.post(replace(entry, currency=funds.settlement))
    await tx.funds.put(funds.without_reserve())


async def _after_release(
    tx: Transaction, step: Step, terms: Terms, found: tuple[postings.ReleasePlan, int]
) -> OrderState:
    """A dispute may have been opened that the order has not heard of: what is held is mirrored."""
    plan, held = found
    state = money_moves.mirrored_hold(step.state, held)
    after = money_moves.released(state, plan.gross, plan.reserve)
    after = await exchange.mirrored(tx, after)
    if step.state.fulfilment is Fulfilment.RECEIVED and after.reserved:
        after = money_moves.reserve_kept(after, terms)
    return await _told(tx, after, step, plan)


async def _told(
    tx: Transaction, after: OrderState, step: Step, plan: postings.ReleasePlan
) -> OrderState:
    facts: dict[str, str | int] = {
        "amount": plan.gross,
        "payable": plan.payable,
        "reserve": plan.reserve,
        "commission": plan.commission,
        "currency": after.currency,
    }
    if after.settles_in:
        facts["settles_in"] = after.settles_in
    events = [Event("order.released" if plan.gross else "order.release_held", step.at, facts=facts)]
    if is_settled(after):
        after = moves.ended(after, step.at)
        events.append(Event("order.ended", step.at))
        await tx.orders.unwatched(after.order)
    await tx.story.tell(after, *events)
    return after


def _reserve_bp(state: OrderState, terms: Terms) -> int:
    """The early tier keeps a share in reserve until protection would have ended."""
    has_early = any(clock.name is ClockName.EARLY_RELEASE for clock in state.clocks)
    if terms.tier is Tier.EARLY and has_early:
        return BASIS_POINTS - terms.early_share_bp
    return 0


def _hold_event(kind: str, request: ChangeHold, amount: int) -> Event:
    facts: dict[str, str | int] = {"hold": request.hold, "amount": amount, "reason": request.reason}
    return Event(kind, request.at, request.actor, facts)


def _entry(state: OrderState, key: str, kind: str, at: datetime, legs: tuple[Leg, ...]) -> Posting:
    return Posting(key, kind, order_workflow_id(state.order), state.currency, at, legs)
