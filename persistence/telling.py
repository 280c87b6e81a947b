"""The one statement with which a step tells what it did.

View, timeline, letters, webhooks and what is done in the queue of work go to PostgreSQL together.
A statement each would be five round trips and more for every event, and the way there and back
costs more than what is done there. The text of a statement is all that SQLAlchemy has to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Integer, LargeBinary, String, Table, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from domain.notices import concerned
from persistence.port import Event

# What happened: the timeline has it once, in the order in which it was told. Only what is new there
# is written to people, and to the endpoints that asked for its kind, its family or everything.
#
# All of a statement sees the tables as they were before it. That is enough: a process tells one
# state after the other, and of two runs of one step the second waits for the view's row and then
# shows nothing.
_HAPPENED: Final = """
told AS (
    INSERT INTO timeline (subject, version, kind, part, actor, at, facts)
    SELECT :subject, :told_version, event.kind, event.part, event.actor, event.at, event.facts
    FROM ROWS FROM (
        jsonb_to_recordset(:events)
        AS (kind text, part integer, actor text, at timestamptz, facts jsonb)
    ) WITH ORDINALITY AS event (kind, part, actor, at, facts, number)
    ORDER BY event.number
    ON CONFLICT DO NOTHING
    RETURNING seq, kind, part, actor, at, facts
), written AS (
    INSERT INTO outbox (
        key, subject, channel, audience, recipient, template, facts, state, due_at, attempts,
        last_error, sealed
    )
    SELECT
        letter.key, :subject, 'mail', letter.audience, letter.recipient, told.kind,
        told.facts || jsonb_build_object('at', letter.at), 'waiting', now(), 0, '', :sealed
    FROM ROWS FROM (
        jsonb_to_recordset(:letters)
        AS (key text, kind text, part integer, audience text, recipient text, at text)
    ) WITH ORDINALITY AS letter (key, kind, part, audience, recipient, at, number)
    JOIN told USING (kind, part)
    ORDER BY letter.number
    ON CONFLICT DO NOTHING
), heard AS (
    INSERT INTO webhook_deliveries (endpoint, event, subject, version, kind, actor, at, facts)
    SELECT
        endpoint.id, 'evt_' || told.seq, :subject, :told_version, told.kind, told.actor, told.at,
        told.facts
    FROM told
    JOIN webhook_endpoints AS endpoint
        ON endpoint.is_enabled
        AND endpoint.owner IN ('', :concerned)
        AND endpoint.kinds
            && ARRAY[told.kind, split_part(told.kind, '.', 1) || '.*', '*']::varchar[]
    ORDER BY told.seq, endpoint.seq
    ON CONFLICT DO NOTHING
)
"""
_BINDS: Final = (
    bindparam("subject", type_=String),
    bindparam("told_version", type_=Integer),
    bindparam("events", type_=JSONB),
    bindparam("letters", type_=JSONB),
    bindparam("sealed", type_=LargeBinary),
    bindparam("concerned", type_=String),
)
TELLING: Final = text(f"WITH {_HAPPENED} SELECT count(*) FROM told").bindparams(*_BINDS)  # noqa: S608 - names of our own tables, never a value


@dataclass(frozen=True)
class View:
    """A row that shows a state: where it stands, what finds it, and what it says."""

    table: Table
    key: str
    values: Mapping[str, Any]

    @property
    def telling(self) -> TextClause:
        """The statement that shows it and says what happened."""
        return _showing(self.table, self.key, tuple(self.values))

    @property
    def shown(self) -> dict[str, Any]:
        """What that statement has to be told of it."""
        return {f"shown_{name}": value for name, value in self.values.items()}


@cache
def _showing(table: Table, key: str, names: tuple[str, ...]) -> TextClause:
    """The statement for an object with a view of these columns: a newer state stays shown.

    Its answer is the version that it has shown, or nothing.
    """
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(f":shown_{name}" for name in names)
    fresh = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name != key)
    return text(f"""
WITH shown AS (
    INSERT INTO {table.name} ({columns}) VALUES ({values})
    ON CONFLICT ("{key}") DO UPDATE SET {fresh} WHERE excluded.version > {table.name}.version
    RETURNING version
), done AS (
    DELETE FROM work_items USING shown
    WHERE work_items.subject = :subject AND work_items.kind <> ALL (:left)
), {_HAPPENED}
SELECT version FROM shown
""").bindparams(  # noqa: S608 - names of our own tables, never a value
        *_BINDS,
        bindparam("left", type_=ARRAY(String)),
        *(bindparam(f"shown_{name}", type_=table.columns[name].type) for name in names),
    )


def happened(
    subject: str,
    version: int,
    events: Sequence[Event],
    people: Mapping[str, str],
    purchase: str = "",
    sealed: bytes | None = None,
) -> dict[str, Any]:
    """What the statement has to be told of *events*; *people* are those whom they may concern.

    Each writes one letter for everybody whom it concerns; *sealed* goes with every one of them.
    """
    return {
        "subject": subject,
        "told_version": version,
        "events": [
            {
                "kind": event.kind,
                "part": event.part,
                "actor": event.actor,
                "at": event.at.isoformat(),
                "facts": dict(event.facts),
            }
            for event in events
        ],
        "letters": [
            {
                "key": _key(subject, version, event, audience),
                "kind": event.kind,
                "part": event.part,
                "audience": audience,
                "recipient": people[audience],
                "at": event.at.isoformat(),
            }
            for event in events
            for audience in concerned(event.kind, purchase)
        ],
        "sealed": sealed,
        "concerned": people.get("seller", ""),
    }


def _key(subject: str, version: int, event: Event, audience: str) -> str:
    part = f"/{event.part}" if event.part else ""
    return f"{subject}/{version}/{event.kind}/{audience}{part}"
