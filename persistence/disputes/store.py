"""Disputes in PostgreSQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from domain.dispute.state import Claim, DisputeState, Pause
from domain.errors import AlreadyExists, NotKnown
from domain.ids import dispute_workflow_id
from persistence import records
from persistence.audit import Entry, adding
from persistence.disputes.port import Deed, DisputeRecord, OpenDispute
from persistence.session import Session
from persistence.tables.disputes import DisputeLine, DisputeRow, DisputeViewRow


class SqlDisputes:
    """Keeps `persistence.disputes.port.Disputes` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def open(self, record: DisputeRecord, claims: Sequence[Claim]) -> None:
        """Write the dispute; the index decides between two about one line."""
        await self._session.execute(
            insert(DisputeRow).values(
                dispute=record.dispute,
                order=record.order,
                buyer=record.buyer,
                seller=record.seller,
                carrier=record.carrier,
                terms=records.DISPUTE_TERMS.dump_python(record.terms, mode="json"),
                opened_at=record.opened_at,
            )
        )
        lines = [
            {
                "dispute": record.dispute,
                "line": claim.line,
                "order": record.order,
                "cap": claim.cap,
                "given": 0,
                "is_open": True,
            }
            for claim in claims
        ]
        try:
            await self._session.execute(insert(DisputeLine), lines)
        except IntegrityError:
            raise AlreadyExists(
                f"one of these lines of order {record.order} is disputed already",
                order=record.order,
            ) from None

    async def get(self, dispute: str) -> DisputeRecord:
        """What the dispute lives by."""
        row = await self._session.get(DisputeRow, dispute)
        if row is None:
            raise NotKnown(f"there is no dispute {dispute}", dispute=dispute)
        return DisputeRecord(
            dispute=row.dispute,
            order=row.order,
            buyer=row.buyer,
            seller=row.seller,
            carrier=row.carrier,
            terms=records.DISPUTE_TERMS.validate_python(row.terms),
            opened_at=row.opened_at,
        )

    async def state(self, dispute: str) -> DisputeState | None:
        """The state that the view shows."""
        found = await self._session.execute(
            select(col(DisputeViewRow.state)).where(col(DisputeViewRow.dispute) == dispute)
        )
        state = found.scalar_one_or_none()
        return None if state is None else records.DISPUTE_STATE.validate_python(state)

    async def open_of(self, order: str) -> Sequence[OpenDispute]:
        """Those with lines that are still disputed."""
        found = await self._session.execute(
            select(
                col(DisputeRow.dispute),
                func.array_agg(col(DisputeLine.line)),
                col(DisputeRow.opened_at),
            )
            .join(DisputeLine, col(DisputeLine.dispute) == col(DisputeRow.dispute))
            .where(col(DisputeRow.order) == order, col(DisputeLine.is_open))
            .group_by(col(DisputeRow.dispute))
            .order_by(col(DisputeRow.opened_at), col(DisputeRow.dispute))
        )
        return [OpenDispute(name, tuple(sorted(lines)), at) for name, lines, at in found.all()]

    async def waiting_for(self, chargeback: str, order: str) -> Sequence[str]:
        """The disputes of an order that stand still until a chargeback is decided."""
        state = col(DisputeViewRow.state)
        found = await self._session.execute(
            select(col(DisputeViewRow.dispute))
            .where(
                col(DisputeViewRow.order) == order,
                state["chargeback"].astext == chargeback,
                state["pause"].astext == str(Pause.PAUSED),
            )
            .order_by(col(DisputeViewRow.dispute))
        )
        return list(found.scalars())

    async def given(self, order: str) -> Mapping[str, int]:
        """The sums over all disputes of the order."""
        found = await self._session.execute(
            select(col(DisputeLine.line), func.sum(col(DisputeLine.given)))
            .where(col(DisputeLine.order) == order)
            .group_by(col(DisputeLine.line))
        )
        return {line: int(given) for line, given in found.all()}

    async def settle(self, dispute: str, given: Mapping[str, int]) -> None:
        """Close its lines."""
        for line, amount in given.items():
            await self._session.execute(
                update(DisputeLine)
                .where(col(DisputeLine.dispute) == dispute, col(DisputeLine.line) == line)
                .values(given=amount, is_open=False)
            )

    async def did(self, dispute: str, version: int, deed: Deed) -> None:
        """Add the deed unless this very one is there."""
        name = dispute_workflow_id(dispute)
        facts = dict(deed.facts)
        entry = Entry(0, name, version, deed.action, deed.actor, deed.at, deed.why, facts)
        await self._session.execute(adding(entry))
