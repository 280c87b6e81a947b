"""Who is written to, in which language and by whose clock: what of it stays when words change."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from persistence import outbox
from persistence.vault import Vault

# What is known of a person besides where they live; it is kept sealed, and never shown.
CONTACT: Final = frozenset({"email", "name", "language", "zone"})


async def carried_over(
    db: AsyncConnection, vault: Vault, subject: str, said: Mapping[str, Any]
) -> bytes:
    """What is on file about *subject* of the person, under what was *said* now. Raises `Erased`.

    Whoever moves has not changed their language.
    """
    known = await outbox.particulars_of(db, subject)
    told: dict[str, Any] = {} if known is None else json.loads(await vault.open(*known))
    kept = {name: told[name] for name in (CONTACT | {"ship_from"}) & told.keys()}
    return json.dumps(kept | dict(said)).encode()
