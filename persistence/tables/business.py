"""What processes are about: sellers, policies, orders, parcels, payouts, and their views."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class PolicyRow(SQLModel, table=True):
    """One published version of a policy: the document as written, and as resolved."""

    __tablename__ = "policies"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    holidays: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    published_by: str
    published_at: datetime


class Seller(SQLModel, table=True):
    """A seller as the marketplace knows them until onboarding exists.

    `account` is the connected account at the payment provider, `refused_account` the one that was
    turned down last; `standing`: active, suspended, closed; `level` decides the release tier;
    `settles_in` is the currency of the seller's accounts, "" for each order's own.
    """

    __tablename__ = "sellers"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    seller: str = Field(primary_key=True)
    version: int = 1
    account: str = ""
    country: str
    level: str = "standard"
    standing: str = "active"
    policy: str = "standard"
    bank_changed_at: datetime | None = None
    non_fulfilments: int = 0
    registered_at: datetime
    settles_in: str = Field(default="", sa_column_kwargs={"server_default": ""})
    refused_account: str = Field(default="", sa_column_kwargs={"server_default": ""})


class BankChange(SQLModel, table=True):
    """New bank details that a seller has named, until they are confirmed or come to nothing.

    `state`: awaiting_owner, awaiting_code, confirmed, withdrawn, replaced, refused; one that is
    open past `lapses_at` has lapsed. Of the code only a hash is kept.
    """

    __tablename__ = "bank_changes"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index(
            "bank_changes_open",
            "seller",
            unique=True,
            postgresql_where=text("state IN ('awaiting_owner', 'awaiting_code')"),
        ),
        Index("bank_changes_seller", "seller", "id"),
    )

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    seller: str = Field(foreign_key="sellers.seller")
    account: str
    state: str
    asked_by: str
    asked_at: datetime
    lapses_at: datetime
    code_hash: str = ""
    tries: int = 0
    decided_by: str = ""
    decided_at: datetime | None = None
    note: str = ""


class OrderRow(SQLModel, table=True):
    """What an order lives by: fixed when it was opened, never changed afterwards."""

    __tablename__ = "orders"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    order: str = Field(primary_key=True)
    buyer: str
    seller: str
    currency: str
    total: int = Field(sa_type=BigInteger)
    ship_to: str
    lines: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    terms: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    placed_at: datetime
    purchase: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Particulars(SQLModel, table=True):
    """Who to write to and where to send: personal, sealed under the person's own key."""

    __tablename__ = "particulars"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    subject: str = Field(primary_key=True)
    person: str = Field(index=True)
    sealed: bytes


class OrderViewRow(SQLModel, table=True):
    """The projection that lists and the API read; an older version never overwrites a newer."""

    __tablename__ = "order_views"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index("order_views_seller", "seller", "seq"),
        Index("order_views_buyer", "buyer", "seq"),
        Index("order_views_status", "status", "seq"),
        Index("order_views_attention", "seq", postgresql_where=text("needs_attention")),
    )

    order: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int
    buyer: str
    seller: str
    status: str
    needs_attention: bool = False
    currency: str
    total: int = Field(sa_type=BigInteger)
    intent: str = Field(default="", index=True)
    due_at: datetime | None = None
    placed_at: datetime
    ended_at: datetime | None = None
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class RepaymentRow(SQLModel, table=True):
    """What an order's buyer pays again for goods that came after their refund."""

    __tablename__ = "repayments"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    order: str = Field(primary_key=True, foreign_key="orders.order")
    buyer: str
    version: int
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ParcelRow(SQLModel, table=True):
    """One declared number and what the carrier's scans amount to."""

    __tablename__ = "parcels"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        UniqueConstraint("carrier", "number"),
        Index("parcels_silent", "looked_at", postgresql_where=text("is_watched")),
    )

    parcel: str = Field(primary_key=True)
    order: str = Field(index=True)
    carrier: str
    number: str
    tracker: str = Field(default="", index=True)
    milestone: str = "declared"
    is_watched: bool = True
    declared_at: datetime
    looked_at: datetime


class ScanRow(SQLModel, table=True):
    """One raw scan: event time and received time are both kept."""

    __tablename__ = "scans"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (UniqueConstraint("parcel", "milestone", "at", "message"),)

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    parcel: str = Field(foreign_key="parcels.parcel", index=True)
    milestone: str
    at: datetime
    received_at: datetime
    message: str
    city: str
    country: str
    is_withdrawn: bool = False


class PayoutRow(SQLModel, table=True):
    """The projection of a payout."""

    __tablename__ = "payouts"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("payouts_seller", "seller", "seq"),)

    payout: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int
    seller: str
    currency: str
    stage: str
    gross: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    reference: str = Field(default="", index=True)
    reason: str = ""
    as_of: datetime
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Alarm(SQLModel, table=True):
    """Something that a person must look at; open until cleared. `facts` name the postings."""

    __tablename__ = "alarms"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index(
            "alarms_open",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("cleared_at IS NULL"),
        ),
    )

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    kind: str
    subject: str
    detail: str
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    raised_at: datetime
    cleared_at: datetime | None = None
    cleared_by: str = Field(default="", sa_column_kwargs={"server_default": ""})
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Mark(SQLModel, table=True):
    """How far a repeated reading has come (the provider's books, the sweep)."""

    __tablename__ = "marks"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    name: str = Field(primary_key=True)
    at: datetime
