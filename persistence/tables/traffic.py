"""What comes in and what goes out: requests, the inbox, the outbox, and the timeline.

`attempts` counts every failed delivery and says how long to wait; `defects` counts those that were
our own fault, and they alone give a row up.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_WAITING = text("state = 'waiting'")


class Request(SQLModel, table=True):
    """Everything a caller asked, on record before Temporal hears of it; answers and refusals too.

    `state`: waiting, answered, or parked (poison, with an alarm). `sealed` is the command,
    encrypted under the key of `person`; it is dropped once answered.
    """

    __tablename__ = "requests"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("caller", "route", "object", "key"),
        Index("requests_waiting", "object", "received_at", postgresql_where=_WAITING),
        Index("requests_due", "due_at", postgresql_where=_WAITING),
        Index("requests_object", "object", "seq"),
        Index("requests_key", "caller", "key"),
    )

    id: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    caller: str
    route: str
    object: str
    key: str
    body_hash: str
    command: str
    person: str = ""
    sealed: bytes | None = None
    update_id: str
    received_at: datetime
    state: str = "waiting"
    due_at: datetime
    attempts: int = 0
    defects: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    last_error: str = ""
    status: int | None = None
    answer: dict[str, Any] | None = Field(sa_column=Column(JSONB), default=None)
    answered_at: datetime | None = None


class Fact(SQLModel, table=True):
    """One genuine message from a provider, kept under its event id before it is acknowledged.

    `subject` is what it concerns ("order/o-1"). What one provider tells of it is delivered in
    order.
    """

    __tablename__ = "inbox"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("inbox_due", "due_at", postgresql_where=_WAITING),
        Index("inbox_subject", "subject", "seq", postgresql_where=_WAITING),
        Index("inbox_reference", "reference", "provider"),
    )

    seq: int | None = Field(
        sa_column=Column(BigInteger, Identity(), primary_key=True), default=None
    )
    provider: str
    event_id: str
    kind: str
    subject: str
    reference: str
    person: str = ""
    sealed: bytes | None = None
    occurred_at: datetime
    received_at: datetime
    state: str = "waiting"
    due_at: datetime
    attempts: int = 0
    defects: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    last_error: str = ""


class Notice(SQLModel, table=True):
    """Words that must go out because something became true; written in the same transaction.

    `sealed` are facts for the recipient's eyes only, under their key; dropped once it has gone.
    """

    __tablename__ = "outbox"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("outbox_due", "due_at", postgresql_where=_WAITING),)

    key: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    subject: str
    channel: str = "mail"
    audience: str
    recipient: str
    template: str
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = "waiting"
    due_at: datetime
    attempts: int = 0
    defects: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    last_error: str = ""
    sealed: bytes | None = None


class TimelineEntry(SQLModel, table=True):
    """One thing that happened to an object, for people and for streams; no personal data.

    `part` tells several of one kind apart that left the object at one version.
    """

    __tablename__ = "timeline"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("subject", "version", "kind", "part"),
        Index("timeline_subject", "subject", "seq"),
    )

    seq: int | None = Field(
        sa_column=Column(BigInteger, Identity(), primary_key=True), default=None
    )
    subject: str
    version: int
    kind: str
    part: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    actor: str = ""
    at: datetime
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
