"""Outgoing webhooks: who is told, what they were told, and how each attempt went."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

_WAITING = text("state = 'waiting'")
_NOW = {"server_default": text("now()")}


class WebhookEndpoint(SQLModel, table=True):
    """An address that is told of events; `owner` is the seller whose own it sees, "" for all.

    `kinds`: what it asked for, such as "order.paid", "order.*" or "*". `failing_since`: nothing
    has reached it since then.
    """

    __tablename__ = "webhook_endpoints"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("webhook_endpoints_owner", "owner", "seq"),)

    id: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int = 1
    owner: str
    url: str
    description: str
    kinds: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    is_enabled: bool = True
    disabled_because: str = ""
    failing_since: datetime | None = None
    created_by: str
    created_at: datetime


class WebhookSecret(SQLModel, table=True):
    """What signs an endpoint's messages, sealed; the newest has no end (`valid_until`)."""

    __tablename__ = "webhook_secrets"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    endpoint: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    sealed: bytes
    made_at: datetime = Field(sa_column_kwargs=_NOW)
    valid_until: datetime | None = None


class WebhookDelivery(SQLModel, table=True):
    """One event on its way to one endpoint, written in the transaction that made it true.

    `event` is its id for the receiver, the same at every attempt. `state`: waiting, delivered,
    failed (given up), skipped (the endpoint was disabled).
    """

    __tablename__ = "webhook_deliveries"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("endpoint", "event"),
        Index("webhook_deliveries_due", "due_at", postgresql_where=_WAITING),
        Index("webhook_deliveries_line", "endpoint", "subject", "seq", postgresql_where=_WAITING),
        Index("webhook_deliveries_endpoint", "endpoint", "seq"),
    )

    seq: int | None = Field(
        sa_column=Column(BigInteger, Identity(), primary_key=True), default=None
    )
    endpoint: str
    event: str
    subject: str
    version: int
    kind: str
    actor: str
    at: datetime
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": "waiting"})
    queued_at: datetime = Field(sa_column_kwargs=_NOW)
    due_at: datetime = Field(sa_column_kwargs=_NOW)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    last_status: int | None = None
    last_error: str = Field(default="", sa_column_kwargs={"server_default": ""})
    delivered_at: datetime | None = None


class WebhookAttempt(SQLModel, table=True):
    """How one attempt went: the status, or why there was none, and what was answered in brief."""

    __tablename__ = "webhook_attempts"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    delivery: int = Field(sa_type=BigInteger, index=True)
    at: datetime
    status: int | None = None
    ms: int
    excerpt: str
    error: str
