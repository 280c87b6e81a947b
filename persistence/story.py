"""Views, the timeline, notices and alarms in PostgreSQL; and whether somebody has asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.casework import Work
from domain.chargeback import work as chargeback_work
from domain.chargeback.state import ChargebackState
from domain.dispute import work as dispute_work
from domain.dispute.state import DisputeState
from domain.ids import (
    chargeback_workflow_id,
    dispute_workflow_id,
    order_workflow_id,
    purchase_workflow_id,
)
from domain.order import work
from domain.order.state import OrderState
from domain.payout import work as payout_work
from domain.payout.state import PayoutState
from domain.purchase import work as purchase_work
from domain.purchase.state import PurchaseState
from persistence import casework, records
from persistence.idempotency import PARKED, REQUEST_PARKED, WAITING
from persistence.port import Event, Facts
from persistence.session import Session
from persistence.tables import table_of
from persistence.tables.business import Alarm, OrderViewRow, PayoutRow
from persistence.tables.chargebacks import ChargebackRow
from persistence.tables.disputes import DisputeViewRow
from persistence.tables.purchases import PurchaseViewRow
from persistence.tables.traffic import Request, TimelineEntry
from persistence.telling import TELLING, View, happened


class SqlStory:
    """Keeps `persistence.port.Story` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def tell(self, state: OrderState, *events: Event) -> None:
        """Show the new state unless a newer one is shown; say what happened, once."""
        subject = order_workflow_id(state.order)
        people = {"buyer": state.buyer, "seller": state.seller}
        view = View(table_of(OrderViewRow), "order", records.view_values(state))
        told = happened(subject, state.version, events, people, state.paid_by)
        await self._tell(view, told, work.work_of(state), _first_seen(events, state.placed_at))

    async def tell_payout(self, state: PayoutState, *events: Event) -> None:
        """The same for a payout."""
        view = View(table_of(PayoutRow), "payout", records.payout_values(state))
        told = happened(f"payout/{state.payout}", state.version, events, {"seller": state.seller})
        await self._tell(view, told, payout_work.work_of(state), _first_seen(events, state.as_of))

    async def tell_seller(self, seller: str, event: Event, sealed: bytes | None = None) -> None:
        """Say what happened to a seller, whose row the caller has locked: numbers do not race."""
        subject = f"seller/{seller}"
        newest = select(func.max(col(TimelineEntry.version))).where(
            col(TimelineEntry.subject) == subject
        )
        version = ((await self._session.execute(newest)).scalar_one() or 0) + 1
        told = happened(subject, version, [event], {"seller": seller}, sealed=sealed)
        await self._session.run(TELLING, told)

    async def tell_purchase(self, state: PurchaseState, *events: Event) -> None:
        """The same for a purchase."""
        subject = purchase_workflow_id(state.purchase)
        view = View(table_of(PurchaseViewRow), "purchase", records.purchase_values(state))
        told = happened(subject, state.version, events, {"buyer": state.buyer})
        left = purchase_work.work_of(state)
        await self._tell(view, told, left, _first_seen(events, state.placed_at))

    async def tell_dispute(self, state: DisputeState, *events: Event) -> None:
        """The same for a dispute."""
        subject = dispute_workflow_id(state.dispute)
        people = {"buyer": state.buyer, "seller": state.seller}
        view = View(table_of(DisputeViewRow), "dispute", records.dispute_values(state))
        told = happened(subject, state.version, events, people)
        left = dispute_work.work_of(state)
        await self._tell(view, told, left, _first_seen(events, state.opened_at))

    async def tell_chargeback(self, state: ChargebackState, *events: Event) -> None:
        """The same for a chargeback; nobody gets a letter of it but by an order's."""
        subject = chargeback_workflow_id(state.chargeback)
        view = View(table_of(ChargebackRow), "chargeback", records.chargeback_values(state))
        told = happened(subject, state.version, events, {})
        left = chargeback_work.work_of(state)
        await self._tell(view, told, left, _first_seen(events, state.opened_at))

    async def _tell(
        self, view: View, told: dict[str, Any], left: Sequence[Work], seen_at: datetime
    ) -> None:
        """Show and say it; the queue holds exactly the work that is left, unless it is old news."""
        kinds = {"left": [str(one.kind) for one in left]}
        shown = await self._session.run(view.telling, told | view.shown | kinds)
        if left and shown.scalar_one_or_none() is not None:
            await casework.add(self._session, told["subject"], left, seen_at)

    async def payout(self, payout: str) -> PayoutState | None:
        """The state that the payout's view shows."""
        found = await self._session.execute(
            select(col(PayoutRow.state)).where(col(PayoutRow.payout) == payout)
        )
        state = found.scalar_one_or_none()
        return None if state is None else records.PAYOUT_STATE.validate_python(state)

    async def is_asked(self, subject: str, by: datetime) -> bool:
        """Whether a request received by then still waits to be heard (mechanics, *Time*).

        One that our own fault has parked waits as well: its receipt counts, however late it is
        heard, and whose fault that is does not matter to who asked in time. It does not wait for
        ever: an alarm is open for as long as nobody has decided. Retried, it is heard; where the
        alarm is closed instead, it is given up for good, and the deadline acts.
        """
        came = (col(Request.object) == subject, col(Request.received_at) <= by)
        waits = exists().where(*came, col(Request.state) == WAITING)
        is_parked = exists().where(*came, col(Request.state) == PARKED)
        is_open = exists().where(
            col(Alarm.kind) == REQUEST_PARKED,
            col(Alarm.subject) == subject,
            col(Alarm.cleared_at).is_(None),
        )
        found = await self._session.execute(select(or_(waits, and_(is_open, is_parked))))
        return bool(found.scalar_one())

    async def alarm(
        self, kind: str, subject: str, detail: str, at: datetime, facts: Facts | None = None
    ) -> None:
        """Raise the alarm unless it is open already."""
        await self._session.execute(
            insert(Alarm)
            .values(
                kind=kind, subject=subject, detail=detail, raised_at=at, facts=dict(facts or {})
            )
            .on_conflict_do_nothing()
        )

    async def clear(self, kind: str, subject: str, at: datetime) -> None:
        """Close the alarm if it is open."""
        await self._session.execute(
            update(Alarm)
            .where(
                col(Alarm.kind) == kind,
                col(Alarm.subject) == subject,
                col(Alarm.cleared_at).is_(None),
            )
            .values(cleared_at=at)
        )


def _first_seen(events: Sequence[Event], otherwise: datetime) -> datetime:
    """When what a state needs was first seen: at the instant of what led to it."""
    return events[0].at if events else otherwise
