"""Chargebacks: the view, the orders that each concerns, and what the sides say to the bank."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class ChargebackRow(SQLModel, table=True):
    """The projection that lists and the API read; an older version never overwrites a newer."""

    __tablename__ = "chargebacks"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("chargebacks_status", "status", "seq"),)

    chargeback: str = Field(primary_key=True)
    seq: int | None = Field(sa_column=Column(BigInteger, Identity(), unique=True), default=None)
    version: int
    payment: str = Field(index=True)
    buyer: str
    status: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    opened_at: datetime
    ended_at: datetime | None = None
    state: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ChargebackOrder(SQLModel, table=True):
    """One order that a chargeback concerns; `number` counts those of the order."""

    __tablename__ = "chargeback_orders"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    chargeback: str = Field(primary_key=True)
    order: str = Field(primary_key=True, index=True)
    seller: str = Field(index=True)
    number: int


class ChargebackStatement(SQLModel, table=True):
    """What somebody says to the bank about a chargeback, sealed under its buyer's key."""

    __tablename__ = "chargeback_statements"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    chargeback: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    actor: str
    person: str
    sealed: bytes
    said_at: datetime
