"""Disputes: what each lives by, the lines that it is about, its view; and who decided what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class DisputeRow(SQLModel, table=True):
    """What a dispute lives by: fixed when it was opened, never changed afterwards."""

    __tablename__ = "disputes"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("disputes_order", "order", "opened_at"),)

    dispute: str = Field(primary_key=True)
    order: str = Field(foreign_key="orders.order")
    buyer: str
    seller: str
    carrier: str
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    opened_at: datetime


class DisputeLine(SQLModel, table=True):
    """One disputed line. While its dispute is open no other may be about it (`is_open`).

    `given` is what the buyer's side was given for it, in minor units.
    """

    __tablename__ = "dispute_lines"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index(
            "dispute_lines_open",
            "order",
            "line",
            unique=True,
            postgresql_where=text("is_open"),
        ),
    )

    dispute: str = Field(primary_key=True, foreign_key="disputes.dispute")
    line: str = Field(primary_key=True)
    order: str
    cap: int = Field(sa_type=BigInteger)
    given: int = Field(sa_type=BigInteger, default=0)
    is_open: bool = True


class DisputeViewRow(SQLModel, table=True):
    """The projection that lists and the API read; an older version never overwrites a newer."""

    __tablename__ = "dispute_views"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index("dispute_views_order", "order", "seq"),
        Index("dispute_views_seller", "seller", "seq"),
        Index("dispute_views_buyer", "buyer", "seq"),
        Index("dispute_views_status", "status", "seq"),
        Index("dispute_views_assignee", "assignee", "seq"),
    )

    dispute: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int
    order: str
    buyer: str
    seller: str
    status: str
    assignee: str = ""
    needs_attention: bool = False
    due_at: datetime | None = None
    opened_at: datetime
    ended_at: datetime | None = None
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class BulkRulingRow(SQLModel, table=True):
    """One decision on many disputes; how each of them then stands is in the dispute itself."""

    __tablename__ = "bulk_rulings"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    bulk: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    award: str
    borne_by: str
    why: str
    ruled_by: str
    ruled_at: datetime


class BulkCase(SQLModel, table=True):
    """A dispute that a bulk ruling is about: the revision judged, and the request that says so."""

    __tablename__ = "bulk_cases"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    bulk: str = Field(primary_key=True, foreign_key="bulk_rulings.bulk")
    dispute: str = Field(primary_key=True, foreign_key="disputes.dispute", index=True)
    revision: int
    request: str


class AuditEntry(SQLModel, table=True):
    """Who did what about something, and why; only ever added to."""

    __tablename__ = "audit_log"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("subject", "version", "action"),
        Index("audit_log_actor", "actor", "seq"),
    )

    seq: int | None = Field(
        sa_column=Column(BigInteger, Identity(), primary_key=True), default=None
    )
    subject: str
    version: int
    action: str
    actor: str
    at: datetime
    why: str = ""
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class EvidenceRow(SQLModel, table=True):
    """One file that somebody has shown; it lies sealed for `person` in the store of files."""

    __tablename__ = "evidence"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (UniqueConstraint("dispute", "side", "sha256"),)

    dispute: str = Field(primary_key=True, foreign_key="disputes.dispute")
    number: int = Field(primary_key=True)
    side: str
    actor: str
    person: str
    sha256: str
    media_type: str
    size: int = Field(sa_type=BigInteger)
    received_at: datetime
    is_late: bool
