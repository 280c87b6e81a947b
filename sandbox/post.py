"""The post office's counter: what has to be told to whom, kept until it has been."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Final

from sandbox.faults import Faults
from sandbox.rules import Rules
from sandbox.store import Json, Store

HOLD_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Notice:
    """One event for one receiver, and the things it is about."""

    target: str
    event: str
    type: str
    payload: Json
    subjects: frozenset[str]


class Post:
    """Takes notices in, inside the caller's transaction."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self.wake = asyncio.Event()

    def take(self, notice: Notice, rules: Rules) -> None:
        """Queue *notice*. With no endpoint registered there is nobody to tell, as at Stripe."""
        if not rules.endpoint(notice.target)[0]:
            return
        now = time.time()
        state, due, held, copies = "pending", now, 0, 0
        what = f"WEBHOOK {notice.target} {notice.type}"
        for fault in self._faults.strike(what, *sorted(notice.subjects)):
            match fault.kind:
                case "webhook_lose":
                    state = "lost"
                case "webhook_delay":
                    due = now + fault.seconds
                case "webhook_reorder":
                    due, held = now + HOLD_SECONDS, 1
                case _:
                    copies = 1
        self._insert(notice, state, due, held, copies)
        self.wake.set()

    def _insert(self, notice: Notice, state: str, due: float, held: int, copies: int) -> None:
        seq = self._store.insert(
            "INSERT INTO deliveries (target, event, type, payload, state, due, born, held, copies)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            notice.target,
            notice.event,
            notice.type,
            json.dumps(notice.payload, separators=(",", ":")),
            state,
            due,
            time.time(),
            held,
            copies,
        )
        for subject in notice.subjects:
            self._store.run("INSERT INTO subjects VALUES (?, ?)", subject, seq)

    def pending(self, subject: str | None = None) -> int:
        """How many notices (about *subject*) are still on their way."""
        if subject is None:
            return self._store.number("SELECT count(*) FROM deliveries WHERE state = 'pending'")
        return self._store.number(
            "SELECT count(*) FROM subjects JOIN deliveries ON seq = delivery"
            " WHERE subject = ? AND state = 'pending'",
            subject,
        )

    def listed(self, state: str | None, subject: str | None, limit: int) -> list[Json]:
        sql = ["SELECT * FROM deliveries WHERE 1"]
        values: list[str | int] = []
        if state is not None:
            sql.append("AND state = ?")
            values.append(state)
        if subject is not None:
            sql.append("AND seq IN (SELECT delivery FROM subjects WHERE subject = ?)")
            values.append(subject)
        rows = self._store.rows(" ".join([*sql, "ORDER BY seq DESC LIMIT ?"]), *values, limit)
        return [
            {name: row[name] for name in ("seq", "target", "event", "type", "state", "due")}
            | {"attempts": self._attempts(row["seq"]), "subjects": self._subjects(row["seq"])}
            for row in rows
        ]

    def _attempts(self, seq: int) -> list[Json]:
        found = self._store.rows("SELECT * FROM attempts WHERE delivery = ?", seq)
        return [
            {"at": row["at"], "status": row["status"], "problem": row["problem"]} for row in found
        ]

    def _subjects(self, seq: int) -> list[str]:
        found = self._store.rows("SELECT subject FROM subjects WHERE delivery = ?", seq)
        return [row["subject"] for row in found]
