"""The double-entry ledger, the rows that money moves lock, and what is known of each effect."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel


class PostingRow(SQLModel, table=True):
    """One immutable entry. `effective_at` is business time, `recorded_at` the database's."""

    __tablename__ = "postings"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    key: str = Field(unique=True)
    kind: str
    process: str = Field(index=True)
    currency: str
    effective_at: datetime
    recorded_at: datetime | None = Field(
        default=None, sa_column_kwargs={"server_default": text("now()")}
    )


class LegRow(SQLModel, table=True):
    """One side of an entry in minor units, debit positive; its entry sums to zero (trigger)."""

    __tablename__ = "legs"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("legs_account", "kind", "owner", "currency"),)

    id: int | None = Field(sa_column=Column(BigInteger, Identity(), primary_key=True), default=None)
    posting: int = Field(sa_type=BigInteger, foreign_key="postings.id", index=True)
    kind: str
    owner: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    effective_at: datetime


class Balance(SQLModel, table=True):
    """The running sum of one locked account (debit positive), in minor units."""

    __tablename__ = "balances"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    kind: str = Field(primary_key=True)
    owner: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger, default=0)


def _counter() -> Any:  # noqa: ANN401 - SQLModel's own form
    """A sum that began at zero also in rows that were there before it."""
    return Field(sa_type=BigInteger, default=0, sa_column_kwargs={"server_default": text("0")})


class OrderMoney(SQLModel, table=True):
    """An order's money in minor units: the row that holds, refunds and releases all lock.

    `commission` is what the whole order would bear, `charged` what was kept so far; `subsidised`
    and `borne` are what the platform paid of what was captured, and `_back` what it had back.
    `settled` and `reserved` are in the currency that the seller settles in; `contributed` is what
    others than the seller paid of what disputes gave.
    """

    __tablename__ = "order_money"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    order: str = Field(primary_key=True)
    seller: str
    currency: str
    total: int = Field(sa_type=BigInteger)
    commission: int = Field(sa_type=BigInteger)
    captured: int = Field(sa_type=BigInteger, default=0)
    refunded: int = Field(sa_type=BigInteger, default=0)
    charged_back: int = Field(sa_type=BigInteger, default=0)
    held: int = Field(sa_type=BigInteger, default=0)
    released: int = Field(sa_type=BigInteger, default=0)
    reserved: int = Field(sa_type=BigInteger, default=0)
    recovered: int = Field(sa_type=BigInteger, default=0)
    charged: int = Field(sa_type=BigInteger, default=0)
    subsidised: int = _counter()
    subsidised_back: int = _counter()
    borne: int = _counter()
    borne_back: int = _counter()
    settles_in: str = Field(default="", sa_column_kwargs={"server_default": ""})
    settled: int = _counter()
    contributed: int = _counter()


_AGREED: Final = frozenset({"order", "seller", "currency", "settles_in", "total", "commission"})
# What changes of an order's money; the rest is agreed when it is opened.
COUNTED: Final = tuple(name for name in OrderMoney.model_fields if name not in _AGREED)


class Hold(SQLModel, table=True):
    """Money that may not be released: a stated share for a stated reason, until it is lifted."""

    __tablename__ = "holds"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    key: str = Field(primary_key=True)
    order: str = Field(index=True)
    amount: int = Field(sa_type=BigInteger)
    reason: str
    placed_by: str
    effective_at: datetime
    lifted_by: str = ""
    lifted_at: datetime | None = None


class MoneyEffect(SQLModel, table=True):
    """One effect asked of a provider, under its key of business facts.

    `state`: asked, done, pending (the provider has not finished), failed. `reference` is the
    provider's id, missing exactly when an answer was lost.
    """

    __tablename__ = "effects"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    key: str = Field(primary_key=True)
    kind: str
    subject: str = Field(index=True)
    provider: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    state: str = "asked"
    reference: str = Field(default="", index=True)
    failure: str = ""
    effective_at: datetime
    first_asked_at: datetime | None = Field(
        default=None, sa_column_kwargs={"server_default": text("now()")}
    )
