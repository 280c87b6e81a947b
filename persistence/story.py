"""Views, the timeline, notices and alarms in PostgreSQL; and whether somebody has asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Table, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col

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
from domain.notices import concerned
from domain.order import work
from domain.order.state import OrderState
from domain.payout import work as payout_work
from domain.payout.state import PayoutState
from domain.purchase import work as purchase_work
from domain.purchase.state import PurchaseState
from persistence import casework, hooks, records
from persistence.port import Event, Facts
from persistence.tables import table_of
from persistence.tables.business import Alarm, OrderViewRow, PayoutRow
from persistence.tables.chargebacks import ChargebackRow
from persistence.tables.disputes import DisputeViewRow
from persistence.tables.purchases import PurchaseViewRow
from persistence.tables.traffic import Notice, Request, TimelineEntry

_View = type[OrderViewRow | PayoutRow | PurchaseViewRow | DisputeViewRow | ChargebackRow]
# Made once, on the tables themselves: putting a statement together, and taking it through the
# mapper, costs more than running it, and these are run for every step of every process.
_TIMELINE: Final = table_of(TimelineEntry)
_TELLING: Final = insert(_TIMELINE).on_conflict_do_nothing().returning(_TIMELINE.c.seq)
_WRITING: Final = insert(table_of(Notice)).values(due_at=func.now()).on_conflict_do_nothing()


@cache
def _showing(table: Table, key: str, columns: tuple[str, ...]) -> ReturningInsert[Any]:
    """The statement that shows a state unless a newer one is shown."""
    new = insert(table)
    return new.on_conflict_do_update(
        index_elements=[key],
        set_={name: new.excluded[name] for name in columns if name != key},
        where=new.excluded.version > table.c.version,
    ).returning(table.c.version)


class SqlStory:
    """Keeps `persistence.port.Story` inside one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def tell(self, state: OrderState, *events: Event) -> None:
        """Show the new state unless a newer one is shown; say what happened, once."""
        subject = order_workflow_id(state.order)
        if await self._show(OrderViewRow, "order", records.view_values(state)):
            await casework.keep(
                self._session, subject, work.work_of(state), _first_seen(events, state.placed_at)
            )
        people = {"buyer": state.buyer, "seller": state.seller}
        for event in events:
            await self._happened(subject, state.version, event, people, state.paid_by)

    async def tell_payout(self, state: PayoutState, *events: Event) -> None:
        """The same for a payout."""
        subject = f"payout/{state.payout}"
        if await self._show(PayoutRow, "payout", records.payout_values(state)):
            await casework.keep(
                self._session, subject, payout_work.work_of(state), _first_seen(events, state.as_of)
            )
        for event in events:
            await self._happened(subject, state.version, event, {"seller": state.seller})

    async def tell_seller(self, seller: str, event: Event, sealed: bytes | None = None) -> None:
        """Say what happened to a seller, whose row the caller has locked: numbers do not race."""
        subject = f"seller/{seller}"
        newest = select(func.max(col(TimelineEntry.version))).where(
            col(TimelineEntry.subject) == subject
        )
        version = ((await self._session.execute(newest)).scalar_one() or 0) + 1
        await self._happened(subject, version, event, {"seller": seller}, sealed=sealed)

    async def tell_purchase(self, state: PurchaseState, *events: Event) -> None:
        """The same for a purchase."""
        subject = purchase_workflow_id(state.purchase)
        if await self._show(PurchaseViewRow, "purchase", records.purchase_values(state)):
            await casework.keep(
                self._session,
                subject,
                purchase_work.work_of(state),
                _first_seen(events, state.placed_at),
            )
        for event in events:
            await self._happened(subject, state.version, event, {"buyer": state.buyer})

    async def tell_dispute(self, state: DisputeState, *events: Event) -> None:
        """The same for a dispute."""
        subject = dispute_workflow_id(state.dispute)
        if await self._show(DisputeViewRow, "dispute", records.dispute_values(state)):
            await casework.keep(
                self._session,
                subject,
                dispute_work.work_of(state),
                _first_seen(events, state.opened_at),
            )
        people = {"buyer": state.buyer, "seller": state.seller}
        for event in events:
            await self._happened(subject, state.version, event, people)

    async def tell_chargeback(self, state: ChargebackState, *events: Event) -> None:
        """The same for a chargeback; nobody gets a letter of it but by an order's."""
        subject = chargeback_workflow_id(state.chargeback)
        if await self._show(ChargebackRow, "chargeback", records.chargeback_values(state)):
            await casework.keep(
                self._session,
                subject,
                chargeback_work.work_of(state),
                _first_seen(events, state.opened_at),
            )
        for event in events:
            await self._happened(subject, state.version, event, {})

    async def payout(self, payout: str) -> PayoutState | None:
        """The state that the payout's view shows."""
        found = await self._session.execute(
            select(col(PayoutRow.state)).where(col(PayoutRow.payout) == payout)
        )
        state = found.scalar_one_or_none()
        return None if state is None else records.PAYOUT_STATE.validate_python(state)

    async def _show(self, table: _View, key: str, values: dict[str, Any]) -> bool:
        """Show a state; False if a newer one is shown."""
        written = await self._session.execute(_showing(table_of(table), key, tuple(values)), values)
        return written.scalar_one_or_none() is not None

    async def _happened(
        self,
        subject: str,
        version: int,
        event: Event,
        people: Mapping[str, str],
        purchase: str = "",
        sealed: bytes | None = None,
    ) -> None:
        told = {
            "subject": subject,
            "version": version,
            "kind": event.kind,
            "part": event.part,
            "actor": event.actor,
            "at": event.at,
            "facts": dict(event.facts),
        }
        written = await self._session.execute(_TELLING, told)
        seq = written.scalar_one_or_none()
        if seq is None:
            return
        recipients = {who: people[who] for who in concerned(event.kind, purchase)}
        await self._write_letters(subject, version, event, recipients, sealed)
        happening = hooks.Happening(
            seq,
            subject,
            version,
            event.kind,
            event.actor,
            event.at,
            event.facts,
            people.get("seller", ""),
        )
        await self._session.execute(hooks.FAN_OUT, hooks.fanned_out(happening))

    async def _write_letters(
        self,
        subject: str,
        version: int,
        event: Event,
        recipients: Mapping[str, str],
        sealed: bytes | None,
    ) -> None:
        """One statement for all whom it concerns."""
        part = f"/{event.part}" if event.part else ""
        letters = [
            {
                "key": f"{subject}/{version}/{event.kind}/{audience}{part}",
                "subject": subject,
                "channel": "mail",
                "audience": audience,
                "recipient": recipient,
                "template": event.kind,
                "facts": dict(event.facts) | {"at": event.at.isoformat()},
                "state": "waiting",
                "attempts": 0,
                "last_error": "",
                "sealed": sealed,
            }
            for audience, recipient in recipients.items()
        ]
        if letters:
            await self._session.execute(_WRITING, letters)

    async def is_asked(self, subject: str, by: datetime) -> bool:
        """Whether a request received by then still waits to be heard (mechanics, *Time*)."""
        found = await self._session.execute(
            select(
                exists().where(
                    col(Request.object) == subject,
                    col(Request.state) == "waiting",
                    col(Request.received_at) <= by,
                )
            )
        )
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
