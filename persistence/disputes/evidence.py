"""What was shown in a dispute, in the order in which it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from persistence.tables.disputes import DisputeRow, EvidenceRow


@dataclass(frozen=True)
class Shown:
    """One file: `number` in its dispute, `side` whose it is ("buyer", "seller", "platform").

    `actor` has sent it, `person` is whose key seals it; `size` is bytes in clear.
    """

    dispute: str
    number: int
    side: str
    actor: str
    person: str
    sha256: str
    media_type: str
    size: int
    received_at: datetime
    is_late: bool

    @property
    def place(self) -> str:
        """The name under which the store has it."""
        return f"evidence/{self.dispute}/{self.side}/{self.sha256}"


_COLUMNS = [col(getattr(EvidenceRow, name)) for name in Shown.__dataclass_fields__]


async def lock(db: AsyncConnection, dispute: str) -> None:
    """Let nobody else number anything in the dispute until this transaction ends."""
    row = select(col(DisputeRow.dispute)).where(col(DisputeRow.dispute) == dispute)
    # Rows that only refer to the dispute can be added meanwhile.
    await db.execute(row.with_for_update(key_share=True))


async def of(db: AsyncConnection, dispute: str) -> Sequence[Shown]:
    """Everything that was shown, the first one first."""
    found = await db.execute(
        select(*_COLUMNS).where(col(EvidenceRow.dispute) == dispute).order_by(_COLUMNS[1])
    )
    return [Shown(*row) for row in found.all()]


async def add(db: AsyncConnection, shown: Shown) -> None:
    """Put it on record. The caller has locked the dispute: numbers do not race."""
    await db.execute(insert(EvidenceRow).values(**vars(shown)))
