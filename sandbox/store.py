"""The world's own books: one SQLite file, one writer, committed before anything is answered."""

import json
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard

Json: TypeAlias = dict[str, Any]
Row: TypeAlias = sqlite3.Row


def is_table(value: object) -> TypeGuard[Json]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


_INDEXED: Final = (
    "payment_intent",
    "charge",
    "transfer",
    "destination",
    "transfer_group",
    "source",
    "metadata.key",
    "metadata.order",
    "tracking_code",
    "reference",
)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    account TEXT NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, account, seq);
CREATE TABLE IF NOT EXISTS entries (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, currency TEXT NOT NULL, type TEXT NOT NULL,
    source TEXT NOT NULL, amount INTEGER NOT NULL, fee INTEGER NOT NULL,
    created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS entries_account ON entries (account, currency, amount, fee);
CREATE TABLE IF NOT EXISTS answers (
    account TEXT NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, asked TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL, created INTEGER NOT NULL,
    PRIMARY KEY (account, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_created ON answers (created);
CREATE TABLE IF NOT EXISTS parcels (
    carrier TEXT NOT NULL COLLATE NOCASE, code TEXT NOT NULL, tracker TEXT, scans TEXT NOT NULL,
    promised TEXT, PRIMARY KEY (carrier, code));
CREATE TABLE IF NOT EXISTS carriage (
    seq INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT, subject TEXT, type TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS parcels_code ON parcels (code);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY, target TEXT NOT NULL, event TEXT NOT NULL, type TEXT NOT NULL,
    payload TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, born REAL NOT NULL, held INTEGER NOT NULL DEFAULT 0,
    copies INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS subjects (
    subject TEXT NOT NULL, delivery INTEGER NOT NULL,
    PRIMARY KEY (subject, delivery)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS subjects_delivery ON subjects (delivery);
CREATE TABLE IF NOT EXISTS attempts (
    delivery INTEGER NOT NULL, at REAL NOT NULL, status INTEGER, problem TEXT);
CREATE INDEX IF NOT EXISTS attempts_delivery ON attempts (delivery);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY, rule TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0,
    struck INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS mails (
    seq INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, sender TEXT NOT NULL,
    recipients TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL, raw TEXT NOT NULL,
    received INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS hooks (
    seq INTEGER PRIMARY KEY, path TEXT NOT NULL, message_id TEXT NOT NULL, headers TEXT NOT NULL,
    body TEXT NOT NULL, received INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS hooks_message ON hooks (message_id);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Page:
    """Which stretch of a list is wanted, newest first. Bounds on `created` are UTC seconds."""

    limit: int = 10
    after: str | None = None
    before: str | None = None
    created: Mapping[str, int] | None = None


_PLACE_OF: Final = "(SELECT seq FROM objects WHERE id = ?)"
_BOUNDS: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}


class Store:
    """Holds what the world remembers. Not for threads: the event loop is its one user."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        for field in _INDEXED:
            name = f"objects_{field.replace('.', '_')}"
            self._db.execute(
                f"CREATE INDEX IF NOT EXISTS {name} ON objects (json_extract(body, '$.{field}'))"
            )
        self._offset = int(self.fact("clock") or 0)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All of it or nothing; committed when the block ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, sql: str, *values: str | float | None) -> int:
        """Change rows; return how many."""
        return self._db.execute(sql, values).rowcount

    def insert(self, sql: str, *values: str | float | None) -> int:
        """Add one row; return its number."""
        return self._db.execute(sql, values).lastrowid or 0

    def rows(self, sql: str, *values: str | float | None) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: str | float | None) -> Row | None:
        found: Row | None = self._db.execute(sql, values).fetchone()
        return found

    def number(self, sql: str, *values: str | float | None) -> int:
        """The single integer that *sql* asks for; nothing counts as zero."""
        found = self.row(sql, *values)
        return int(found[0] or 0) if found is not None else 0

    def now(self) -> int:
        """The world's clock, UTC seconds. It may run ahead of the wall's, never behind."""
        return int(time.time()) + self._offset

    def advance(self, seconds: int) -> None:
        self._offset += seconds
        self.note("clock", str(self._offset))

    def fact(self, name: str) -> str | None:
        found = self.row("SELECT value FROM facts WHERE name = ?", name)
        return None if found is None else str(found["value"])

    def note(self, name: str, value: str) -> None:
        self.run("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value)

    def write(self, body: Json, account: str, *, created: int | None = None) -> None:
        """Keep an object as it is now; an earlier state of it is replaced."""
        self.run(
            "INSERT INTO objects (id, kind, account, created, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            body["id"],
            body["object"],
            account,
            created if created is not None else body["created"],
            json.dumps(body, separators=(",", ":")),
        )

    def read(self, kind: str | None, object_id: str, account: str | None = None) -> Json | None:
        """An object by its id, of any kind and any account where these are None."""
        found = self.row("SELECT kind, account, body FROM objects WHERE id = ?", object_id)
        if found is None or kind not in {None, found["kind"]}:
            return None
        if account not in {None, found["account"]}:
            return None
        return self._body(found)

    def find(
        self, kind: str, account: str, page: Page, where: Mapping[str, str]
    ) -> tuple[list[Json], bool]:
        """One page of objects whose fields equal *where*, and whether there are more."""
        sql = ["SELECT body FROM objects WHERE kind = ? AND account = ?"]
        values: list[str | int] = [kind, account]
        for field, wanted in where.items():
            # The path stands in the statement, or SQLite would not see its index.
            sql.append(f"AND json_extract(body, '$.{field}') = ?")
            values.append(wanted)
        for bound, moment in (page.created or {}).items():
            sql.append(f"AND created {_BOUNDS[bound]} ?")
            values.append(moment)
        backwards = page.before is not None and page.after is None
        for edge, sign in ((page.after, "<"), (page.before, ">")):
            if edge is not None:
                sql.append(f"AND seq {sign} " + _PLACE_OF)
                values.append(edge)
        sql.append(f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT ?")
        values.append(page.limit + 1)
        bodies = [self._body(row) for row in self.rows(" ".join(sql), *values)]
        kept = bodies[: page.limit]
        return (kept[::-1] if backwards else kept), len(bodies) > page.limit

    @staticmethod
    def _body(row: Row) -> Json:
        body: Json = json.loads(row["body"])
        return body
