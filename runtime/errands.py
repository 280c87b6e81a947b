"""Requests that one word makes of many processes: recorded together, delivered by the relay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import fingerprint
from persistence import idempotency
from persistence.idempotency import Entry
from persistence.vault import Vault
from runtime.commands import COMMANDS

_AT_ONCE: Final = timedelta(0)
# The relay listens to this; a request is not told of by itself, for mostly its caller delivers it.
_WAKE: Final = text("SELECT pg_notify('caravan_work', '')")


@dataclass(frozen=True)
class Errand:
    """One of them: what it concerns ("dispute/d-1"), what is asked, and whose key seals it."""

    object: str
    command: str
    message: Any
    person: str
    received_at: datetime


async def record(
    db: AsyncConnection, vault: Vault, caller: str, key: str, errands: Sequence[Errand]
) -> list[str]:
    """Put all of them on record in the caller's transaction; returns their requests' ids.

    Each is named by *key* and what it concerns: a repeat finds those of the first time.
    """
    found: list[str] = []
    for each in errands:
        clear = COMMANDS[each.command].message.dump_json(each.message)
        entry = Entry(
            caller=caller,
            route=each.command,
            object=each.object,
            key=key,
            body_hash=fingerprint(each.command, key),
            command=each.command,
            received_at=each.received_at,
            person=each.person,
            sealed=await vault.seal(each.person, clear),
        )
        row, _ = await idempotency.record(db, entry, _AT_ONCE)
        found.append(row.id)
    await db.execute(_WAKE)
    return found
