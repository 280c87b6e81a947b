"""What has not been heard of for long, in SQL; and how what was found out enters the inbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlmodel import col

from domain.payout.state import PayoutState, Stage
from persistence import inbox, records, waiting
from persistence.chargebacks import reading
from persistence.inbox import Arrived
from persistence.port import EffectRecord
from persistence.tables.business import Alarm, ParcelRow, PayoutRow
from persistence.tables.casework import WorkItem
from persistence.tables.ledger import MoneyEffect
from persistence.tables.traffic import Fact
from persistence.upkeep_port import Found, SilentParcel, SilentPayment

_REFUNDS: Final = ("refund", "late_refund")
_PAYMENTS: Final = text("""
    SELECT "order", intent, coalesce(state->'others', '[]'::jsonb) FROM order_views
    WHERE ended_at IS NULL AND intent <> ''
        AND (state->>'payment' IN ('awaiting', 'authorised')
            OR coalesce(state->'others', '[]'::jsonb) <> '[]'::jsonb)
        AND placed_at < :before AND "order" > :after
    ORDER BY "order" LIMIT :limit
""")
OVERDUE: Final = "work_overdue"
_OVERDUE: Final = text("""
    INSERT INTO alarms (kind, subject, detail, facts, raised_at, cleared_by, note)
    SELECT :kind, subject, 'work for a person is overdue: ' || string_agg(kind, ', ' ORDER BY kind),
           jsonb_build_object('due_at', min(due_at)), :at, '', ''
    FROM work_items WHERE due_at < :at GROUP BY subject
    ON CONFLICT DO NOTHING RETURNING id
""")
_PURCHASES: Final = text("""
    SELECT purchase, intent, coalesce(state->'others', '[]'::jsonb) FROM purchase_views
    WHERE ended_at IS NULL AND intent <> '' AND placed_at < :before AND purchase > :after
    ORDER BY purchase LIMIT :limit
""")

_REPAYMENTS: Final = text("""
    SELECT "order", state->>'intent' FROM repayments
    WHERE state->>'stage' = 'awaiting_payment' AND state->>'intent' <> ''
        AND (state->>'asked_at')::timestamptz < :before AND "order" > :after
    ORDER BY "order" LIMIT :limit
""")


class SqlSilence:
    """Keeps `persistence.port.Silence`; each call is a transaction of its own."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Read and write through *engine*; its owner closes it."""
        self._engine = engine

    async def parcels(self, before: datetime, limit: int) -> Sequence[SilentParcel]:
        """Those that were looked at the longest ago."""
        query = (
            select(
                col(ParcelRow.parcel),
                col(ParcelRow.order),
                col(ParcelRow.tracker),
                col(ParcelRow.milestone),
            )
            .where(
                col(ParcelRow.is_watched),
                col(ParcelRow.looked_at) < before,
                col(ParcelRow.tracker) != "",
            )
            .order_by(col(ParcelRow.looked_at), col(ParcelRow.parcel))
            .limit(limit)
        )
        async with self._engine.connect() as db:
            return [SilentParcel(*row) for row in (await db.execute(query)).all()]

    async def looked_at(self, parcels: Sequence[str], at: datetime) -> None:
        """Let these wait their turn again."""
        async with self._engine.begin() as db:
            await db.execute(
                update(ParcelRow).where(col(ParcelRow.parcel).in_(parcels)).values(looked_at=at)
            )

    async def payments(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """Orders that have an intent and no money, or further payments that may still arrive."""
        values = {"before": before, "after": after, "limit": limit}
        async with self._engine.connect() as db:
            rows = (await db.execute(_PAYMENTS, values)).all()
        return [SilentPayment(order, intent, tuple(others)) for order, intent, others in rows]

    async def purchases(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """Purchases that have an intent and no money."""
        values = {"before": before, "after": after, "limit": limit}
        async with self._engine.connect() as db:
            return [SilentPayment(*row) for row in (await db.execute(_PURCHASES, values)).all()]

    async def repayments(self, before: datetime, after: str, limit: int) -> Sequence[SilentPayment]:
        """What is to be paid again, and has not been."""
        values = {"before": before, "after": after, "limit": limit}
        async with self._engine.connect() as db:
            return [SilentPayment(*row) for row in (await db.execute(_REPAYMENTS, values)).all()]

    async def refunds(self, after: str, limit: int) -> Sequence[EffectRecord]:
        """Refunds that are not final."""
        query = (
            select(MoneyEffect)
            .where(
                col(MoneyEffect.kind).in_(_REFUNDS),
                col(MoneyEffect.state) == "pending",
                col(MoneyEffect.key) > after,
            )
            .order_by(col(MoneyEffect.key))
            .limit(limit)
        )
        async with AsyncSession(self._engine) as session:
            rows = (await session.execute(query)).scalars().all()
        return [records.effect_record(row, is_new=False) for row in rows]

    async def payouts(self, after: str, limit: int) -> Sequence[PayoutState]:
        """Payouts that a bank may send back."""
        query = (
            select(col(PayoutRow.state))
            .where(col(PayoutRow.stage) == str(Stage.SENT), col(PayoutRow.payout) > after)
            .order_by(col(PayoutRow.payout))
            .limit(limit)
        )
        async with self._engine.connect() as db:
            states = (await db.execute(query)).scalars().all()
        return [records.PAYOUT_STATE.validate_python(state) for state in states]

    async def overdue(self, at: datetime) -> int:
        """In one transaction: what is late is alarmed about once, for as long as it is."""
        late = select(col(WorkItem.subject)).where(col(WorkItem.due_at) < at)
        async with self._engine.begin() as db:
            await db.execute(
                update(Alarm)
                .where(
                    col(Alarm.kind) == OVERDUE,
                    col(Alarm.cleared_at).is_(None),
                    col(Alarm.subject).not_in(late),
                )
                .values(cleared_at=at)
            )
            raised = await db.execute(_OVERDUE, {"at": at, "kind": OVERDUE})
            return len(raised.all())

    async def claim(self, chargeback: str, intent: str) -> tuple[str, bool, str]:
        """As the view has it."""
        async with self._engine.connect() as db:
            state = await reading.chargeback(db, chargeback)
            owner = await inbox.paid_by(db, intent)
        return ("", False, owner) if state is None else (str(state.stage), state.taken, owner)

    async def unheard(self, provider: str, reference: str, intent: str) -> str:
        """Asked of the inbox, which keeps every message.

        One that came before its payment was written down was nobody's then, and one that is parked
        has reached nobody: neither was heard.
        """
        heard = exists().where(
            col(Fact.provider) == provider,
            col(Fact.reference) == reference,
            col(Fact.subject) != "",
            col(Fact.state) != waiting.PARKED,
        )
        async with self._engine.connect() as db:
            if (await db.execute(select(heard))).scalar_one():
                return ""
            return await inbox.paid_by(db, intent)

    async def found(self, fact: Found) -> bool:
        """Keep it in the inbox, once; there is no body to keep."""
        async with self._engine.begin() as db:
            arrived = Arrived(
                provider=fact.provider,
                event_id=fact.event_id,
                kind=fact.kind,
                subject=fact.subject,
                reference=fact.reference,
                occurred_at=fact.at,
                received_at=fact.at,
                person=await inbox.person_of(db, fact.owner or fact.subject),
            )
            return await inbox.keep(db, arrived)
