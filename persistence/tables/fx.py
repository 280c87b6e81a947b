"""Reference rates as they were published, and the rate that each order keeps."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel


class FxRate(SQLModel, table=True):
    """What one euro bought of a currency on one day, word for word; never changed afterwards."""

    __tablename__ = "fx_rates"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("fx_rates_currency", "currency", "day"),)

    day: date = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    quote: str
    recorded_at: datetime | None = Field(
        default=None, sa_column_kwargs={"server_default": text("now()")}
    )


class OrderExchange(SQLModel, table=True):
    """The rate at which an order's money becomes its seller's: fixed once, at business time.

    `estimate` is minor units of `bought`.
    """

    __tablename__ = "order_exchanges"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    order: str = Field(primary_key=True)
    sold: str
    bought: str
    sold_per_euro: str
    bought_per_euro: str
    published_on: date
    fixed_at: datetime
    margin_bp: int
    estimate: int = Field(sa_type=BigInteger)
