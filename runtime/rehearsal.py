"""Rehearsals: what an act would do, found by doing it and taking all of it back.

What runs are the very steps that the process would run, inside one transaction that is never
committed, beside a provider that is not asked but taken to do as it is told.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import requests as steps
from activities.amount import AmountActivities
from activities.consent import ConsentActivities
from activities.escrow import EscrowActivities
from activities.fraud import FraudActivities
from activities.order import OrderActivities
from activities.payout import PayoutActivities
from activities.payout_operator import PayoutOperatorActivities
from activities.refund import RefundActivities
from adapters.payment.port import Effect, EffectStatus, Intent, IntentStatus, PaymentGateway
from domain.errors import Refusal
from domain.ids import money_key, order_workflow_id
from domain.money import Money
from domain.order import facts, postings, rules
from domain.order.money import OrderFunds
from domain.order.rules import Action
from domain.order.state import OrderState, Outcome
from domain.payout import rules as payout_rules
from domain.payout.state import PayoutState, Resolution
from persistence import reading
from persistence.database import SqlTransaction, inside
from persistence.port import Transaction
from persistence.reading import Happened, LedgerEntry, PostingFilter
from persistence.tables.ledger import PostingRow
from persistence.tables.traffic import Notice, TimelineEntry
from workflows.order import messages as said
from workflows.order import tasks
from workflows.order.hearing import Told, judge, step_of
from workflows.payout.messages import ResolvePayout

# The steps that can be played on a stage.
Cast = Callable[["Stage"], tuple[Callable[..., Any], ...]]
# Where the SDK keeps what it knows of a step.
_DEFINITION: Final = "__temporal_activity_definition"
_MOST_STEPS: Final = 6
_MOST_ROWS: Final = 100
_PAYOUT_STEPS: Final = {
    Resolution.RETRY: "payout.resume",
    Resolution.VOID: "payout.void",
    Resolution.SETTLE_BY_HAND: "payout.settle_by_hand",
}


@dataclass(frozen=True)
class Letter:
    """A notice that would go out: to whom, about which kind of event."""

    audience: str
    kind: str


@dataclass(frozen=True)
class Traces:
    """What the steps left: entries of the ledger, of the timeline, and letters."""

    entries: Sequence[LedgerEntry]
    events: Sequence[Happened]
    letters: Sequence[Letter]


@dataclass(frozen=True)
class OrderRehearsal:
    """How an order would stand after an act, and what would lead there."""

    before: OrderState
    after: OrderState
    funds_before: OrderFunds
    funds_after: OrderFunds
    traces: Traces


@dataclass(frozen=True)
class PayoutRehearsal:
    """The same for a payout."""

    before: PayoutState
    after: PayoutState
    traces: Traces


async def rehearse(engine: AsyncEngine, state: OrderState, request: Any) -> OrderRehearsal:  # noqa: ANN401 - one of said.Request, or said.Resolve
    """What *request* would do to an order that stands as *state*. Raises the rule's `Refusal`."""
    subject = order_workflow_id(state.order)
    async with on_stage(engine, subject, _steps_of) as stage:
        async with stage.transaction() as tx:
            before = await tx.funds.locked(state.order)
            told = await _first_steps(tx, state, request)
        after = state
        for step in told:
            after = await stage.play(step[0].name, replace(step[1], state=after))
        for _ in range(_MOST_STEPS):
            step_after = _follows(after, request)
            if step_after is None:
                break
            after = await stage.play(step_after[0].name, step_after[1])
        async with stage.transaction() as tx:
            funds = await tx.funds.locked(state.order)
        return OrderRehearsal(state, after, before, funds, await stage.traces())


async def rehearse_payout(
    engine: AsyncEngine, state: PayoutState, request: ResolvePayout
) -> PayoutRehearsal:
    """What an operator's word would do to a parked payout. Raises the rule's `Refusal`."""
    payout_rules.check_resolution(state, request.actor, request.resolution)
    async with on_stage(engine, f"payout/{state.payout}", _steps_of) as stage:
        word = steps.PayoutWord(state, request.received_at, str(request.actor), request.note)
        after = await stage.play(_PAYOUT_STEPS[request.resolution], word)
        if request.resolution is Resolution.RETRY:
            after = await stage.play("payout.send", steps.PayoutStep(after, after.as_of))
        return PayoutRehearsal(state, after, await stage.traces())


async def _first_steps(tx: Transaction, state: OrderState, request: Any) -> list[Told]:  # noqa: ANN401 - see above
    """The steps that the process takes because of *request*, and of nothing else."""
    match request:
        case said.Resolve():
            return await _resolving(tx, state, request)
        case said.RefundOrder():
            judge(state, request)
            return [_refund(state, request, request.amount)]
        case said.CancelOrder():
            judge(state, request)
            return []
        case _:
            judge(state, request)
            return [step_of(state, request)]


def _refund(state: OrderState, request: Any, amount: int, by_hand: str = "") -> Told:  # noqa: ANN401 - see above
    return tasks.REFUND, steps.Refund(
        state,
        request.received_at,
        state.refunds + 1,
        amount,
        str(request.actor),
        getattr(request, "reason", ""),
        by_hand,
    )


async def _resolving(tx: Transaction, state: OrderState, request: said.Resolve) -> list[Told]:
    """An operator's word, and the refund that it sends again or takes as paid."""
    rules.check(state, Action.RESOLVE, request.actor, request.received_at)
    going_on = steps.Park(state, request.received_at, None, str(request.actor), request.note)
    told: list[Told] = [(tasks.PARK, going_on)]
    parked = state.parked
    if parked is not None and parked.step == tasks.REFUND.name:
        next_key = money_key(order_workflow_id(state.order), "refund", state.refunds + 1)
        for key in (parked.tried, next_key):
            entry = await tx.ledger.entry(f"{key}/reserved")
            if entry is not None:
                amount = postings.share_of(entry).total
                is_by_hand = request.resolution is said.Resolution.SETTLE_BY_HAND
                by_hand = (request.note or str(request.actor)) if is_by_hand else ""
                return [*told, _refund(state, request, amount, by_hand)]
    return told


def _follows(state: OrderState, request: Any) -> Told | None:  # noqa: ANN401 - see above
    """What the process then does by itself with money, as `OrderWorkflow` does: at once."""
    at = request.received_at
    if state.ended_at is not None or state.parked is not None:
        return None
    if state.outcome is not Outcome.OPEN:
        if not rules.is_refund_due(state):
            return None
        why = str(state.outcome)
        return tasks.REFUND, steps.Refund(
            state, at, state.refunds + 1, facts.refundable(state), reason=why
        )
    owed = facts.owed_now(state) if state.owed and facts.is_owed_payable(state) else None
    if owed is not None:
        return tasks.REFUND, steps.Refund(
            state, at, state.refunds + 1, owed.amount, reason=owed.reason, owed=owed.name
        )
    return (tasks.RELEASE, steps.Step(state, at)) if rules.is_release_due(state) else None


class Stage:
    """One transaction in which steps run as they do for good; and what they have left in it."""

    def __init__(
        self, db: AsyncConnection, subject: str, cast_of: Cast, marks: tuple[int, int, int]
    ) -> None:
        """Only what comes after *marks* (of postings, timeline and notices) was left here."""
        self._db = db
        self._subject = subject
        self._marks = marks
        self._steps = {getattr(step, _DEFINITION).name: step for step in cast_of(self)}

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqlTransaction]:
        """A part of the one transaction: undone alone if it raises."""
        async with inside(self._db) as tx:
            yield tx

    @asynccontextmanager
    async def looking(self) -> AsyncGenerator[SqlTransaction]:
        """What only looks sees what the steps before it have left in the one transaction."""
        yield SqlTransaction(self._db)

    async def play(self, name: str, request: object) -> Any:  # noqa: ANN401 - the step's result
        """Run a step as a worker would."""
        return await ActivityEnvironment().run(self._steps[name], request)

    async def traces(self) -> Traces:
        """What the steps have left."""
        entries, events, letters = self._marks
        sent = await self._db.execute(
            select(col(Notice.audience), col(Notice.template))
            .where(col(Notice.subject) == self._subject, col(Notice.seq) > letters)
            .order_by(col(Notice.seq))
        )
        return Traces(
            await reading.postings(
                self._db, PostingFilter(process=self._subject), entries, _MOST_ROWS
            ),
            await reading.timeline(self._db, self._subject, events, _MOST_ROWS),
            [Letter(audience, kind) for audience, kind in sent.all()],
        )


@asynccontextmanager
async def on_stage(engine: AsyncEngine, subject: str, cast_of: Cast) -> AsyncGenerator[Stage]:
    """A stage for the steps of *cast_of*, which leaves nothing behind."""
    async with engine.connect() as db:
        try:
            marks = [
                (await db.execute(select(func.max(column)))).scalar_one() or 0
                for column in (col(PostingRow.id), col(TimelineEntry.seq), col(Notice.seq))
            ]
            with structlog.contextvars.bound_contextvars(is_rehearsal=True):
                yield Stage(db, subject, cast_of, (marks[0], marks[1], marks[2]))
        except ApplicationError as error:
            raise Refusal(error.message) from error
        finally:
            await db.rollback()


def _steps_of(stage: Stage) -> tuple[Callable[..., Any], ...]:
    """The steps that people's acts lead to, on a stage instead of in a database."""
    provider = cast("PaymentGateway", Obedient())
    order, consent = OrderActivities(stage), ConsentActivities(stage)
    escrow, fraud = EscrowActivities(stage), FraudActivities(stage, provider)
    payout = PayoutOperatorActivities(stage, provider)
    return (
        order.record,
        order.park,
        consent.settle,
        AmountActivities(stage, provider).decide,
        fraud.report,
        fraud.decide,
        RefundActivities(stage, provider).refund,
        escrow.hold,
        escrow.lift,
        escrow.release,
        payout.resume,
        payout.void,
        payout.settle_by_hand,
        PayoutActivities(stage, provider).send,
    )


class Obedient:
    """A provider that does what it is told, and has never been asked before."""

    name = "stripe"

    async def refund(
        self, key: str, subject: str, intent: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """Taken as done."""
        del subject, intent, again
        return Effect(key, "", EffectStatus.DONE, amount)

    async def open(self, key: str, subject: str, amount: Money, **how: object) -> Intent:
        """Taken as asked for."""
        del subject, how
        nothing = Money(0, amount.currency)
        return Intent(key, IntentStatus.AWAITING_BUYER, amount, nothing, nothing)

    transfer = pay_out = take_back = refund

    async def find_refund(self, *_: object) -> None:
        """Never asked before."""

    find_transfer = find_pay_out = find_refund
