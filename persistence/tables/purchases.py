"""Purchases over several sellers: the payment, its allocations, and the view."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class PurchaseRow(SQLModel, table=True):
    """One payment of several orders: the row that captures and refunds of any of them lock.

    Amounts are minor units, windows seconds. `refunded` is the sum over the orders.
    """

    __tablename__ = "purchases"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    purchase: str = Field(primary_key=True)
    buyer: str
    currency: str
    total: int = Field(sa_type=BigInteger)
    captured: int = Field(sa_type=BigInteger, default=0)
    fee: int = Field(sa_type=BigInteger, default=0)
    refunded: int = Field(sa_type=BigInteger, default=0)
    charged_back: int = Field(sa_type=BigInteger, default=0)
    pay_within: int
    pending_within: int
    authenticate_within: int
    decide_within: int
    placed_at: datetime


class PurchaseAllocation(SQLModel, table=True):
    """What of a payment is one order's: its price less the subsidy, and its part of the fee."""

    __tablename__ = "purchase_allocations"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    order: str = Field(primary_key=True)
    purchase: str = Field(foreign_key="purchases.purchase", index=True)
    position: int
    seller: str
    amount: int = Field(sa_type=BigInteger)
    subsidy: int = Field(sa_type=BigInteger, default=0)
    fee: int = Field(sa_type=BigInteger, default=0)


class ChargebackAllocation(SQLModel, table=True):
    """What of one chargeback of a payment falls on one order."""

    __tablename__ = "purchase_chargebacks"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    chargeback: str = Field(primary_key=True)
    order: str = Field(primary_key=True)
    purchase: str = Field(foreign_key="purchases.purchase", index=True)
    amount: int = Field(sa_type=BigInteger)


class PurchaseViewRow(SQLModel, table=True):
    """The projection that lists and the API read; an older version never overwrites a newer."""

    __tablename__ = "purchase_views"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index("purchase_views_buyer", "buyer", "seq"),
        Index("purchase_views_status", "status", "seq"),
        Index(
            "purchase_views_awaiting",
            "purchase",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    purchase: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int
    buyer: str
    status: str
    needs_attention: bool = False
    currency: str
    total: int = Field(sa_type=BigInteger)
    intent: str = ""
    due_at: datetime | None = None
    placed_at: datetime
    ended_at: datetime | None = None
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
