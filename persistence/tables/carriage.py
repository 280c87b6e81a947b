"""Labels bought online, and the couriers who fetch their parcels."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel


class LabelRow(SQLModel, table=True):
    """One label under the key of its purchase; `cost` is minor units of `currency`.

    `shipment` and `rate` are the provider's, on record before anything is paid.
    """

    __tablename__ = "labels"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index("labels_void_asked", "key", postgresql_where=text("status = 'void_asked'")),
    )

    key: str = Field(primary_key=True)
    order: str = Field(index=True)
    seller: str
    carrier: str
    service: str
    cost: int = Field(sa_type=BigInteger)
    currency: str
    bearer: str
    shipment: str = Field(index=True)
    rate: str
    status: str
    number: str = ""
    tracker: str = ""
    url: str = ""
    asked_at: datetime
    bought_at: datetime | None = None


class PickupRow(SQLModel, table=True):
    """The fetching of one label's parcel, as its latest attempt stands."""

    __tablename__ = "pickups"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    label: str = Field(primary_key=True, foreign_key="labels.key")
    status: str
    attempt: int
    number: int
    begins: datetime | None = None
    ends: datetime | None = None
    due_at: datetime | None = None
    visit: str = ""
    confirmation: str = ""
