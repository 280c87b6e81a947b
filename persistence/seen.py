"""Whether somebody decides by what is still so: of two who look at one version, one is first."""

from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import VersionConflict
from persistence.idempotency import WAITING, Recorded, lock_object
from persistence.tables.business import OrderViewRow, PayoutRow
from persistence.tables.chargebacks import ChargebackRow
from persistence.tables.disputes import DisputeViewRow
from persistence.tables.purchases import PurchaseViewRow
from persistence.tables.traffic import Request

_VERSIONS: Final = {
    "chargeback": (ChargebackRow.version, ChargebackRow.chargeback),
    "dispute": (DisputeViewRow.version, DisputeViewRow.dispute),
    "order": (OrderViewRow.version, OrderViewRow.order),
    "payout": (PayoutRow.version, PayoutRow.payout),
    "purchase": (PurchaseViewRow.version, PurchaseViewRow.purchase),
}


_STATUSES: Final = {
    "chargeback": ChargebackRow.status,
    "dispute": DisputeViewRow.status,
    "order": OrderViewRow.status,
    "purchase": PurchaseViewRow.status,
}


async def standing(db: AsyncConnection, subject: str) -> tuple[str, int] | None:
    """Status and version that are shown of what has a status; None of anything else."""
    kind, _, name = subject.partition("/")
    if kind not in _STATUSES:
        return None
    version, key = _VERSIONS[kind]
    shown = select(col(_STATUSES[kind]), col(version)).where(col(key) == name)
    found = await db.execute(shown)
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def must_be_current(db: AsyncConnection, row: Recorded, seen: int) -> None:
    """Refuse (`VersionConflict`) a request that goes by another version than is shown.

    So is one beside another that still waits: what that one will change, nobody has seen.
    """
    await lock_object(db, row.object)
    others = exists().where(
        col(Request.object) == row.object, col(Request.state) == WAITING, col(Request.id) != row.id
    )
    is_busy = (await db.execute(select(others))).scalar_one()
    if is_busy or await _shown(db, row.object) != seen:
        raise VersionConflict(f"{row.object} was changed since you looked", seen=seen)


async def _shown(db: AsyncConnection, subject: str) -> int:
    kind, _, name = subject.partition("/")
    version, key = _VERSIONS[kind]
    return (
        await db.execute(select(col(version)).where(col(key) == name))
    ).scalar_one_or_none() or 0
