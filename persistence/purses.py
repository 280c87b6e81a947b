"""What a seller's money waits for, in SQL: reserves by order, and what is on its way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_RESERVES: Final = text("""
    SELECT m.currency, m."order", m.reserved AS amount, (
        SELECT (clock->>'due_at')::timestamptz
        FROM jsonb_array_elements(v.state->'clocks') AS clock
        WHERE clock->>'name' = 'reserve' LIMIT 1
    ) AS ends_at
    FROM order_money m LEFT JOIN order_views v ON v."order" = m."order"
    WHERE m.seller = :seller AND m.reserved > 0
    ORDER BY ends_at NULLS LAST, m."order" LIMIT :most
""")
_IN_TRANSIT: Final = text("""
    SELECT l.currency, -sum(l.amount)::bigint AS amount
    FROM payouts p JOIN legs l ON l.kind = 'payouts_in_transit' AND l.owner = p.payout
    WHERE p.seller = :seller AND p.stage = 'due'
    GROUP BY l.currency HAVING sum(l.amount) <> 0
""")
MOST_RESERVES: Final = 1_000


@dataclass(frozen=True)
class Reserve:
    """What one order keeps in reserve; without an end as long as the buyer has not received."""

    currency: str
    order: str
    amount: int
    ends_at: datetime | None


async def reserves(db: AsyncConnection, seller: str) -> Sequence[Reserve]:
    """What each order of a seller keeps in reserve, the first to end first."""
    found = await db.execute(_RESERVES, {"seller": seller, "most": MOST_RESERVES})
    return [Reserve(*row) for row in found.all()]


async def in_transit(db: AsyncConnection, seller: str) -> dict[str, int]:
    """What has left a seller's balance and not reached the bank, per currency (minor units)."""
    found = await db.execute(_IN_TRANSIT, {"seller": seller})
    return {currency: int(amount) for currency, amount in found.all()}
