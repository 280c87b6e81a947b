"""The queue of what needs a person, and how people look at it."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class WorkItem(SQLModel, table=True):
    """One thing that a person must do about an object ("order/o-1"); gone once it is done.

    A projection, written with the object's view. `roles` may do it; `assignee` ("support-agent:
    agent-1") has taken it, "" for nobody; `version` grows with every change of who has.
    """

    __tablename__ = "work_items"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        Index("work_items_due", "due_at", "subject", "kind"),
        Index("work_items_assignee", "assignee", "due_at"),
    )

    subject: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    roles: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    since: datetime
    due_at: datetime
    seller: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    why: str
    assignee: str = ""
    assigned_by: str = ""
    assigned_at: datetime | None = None
    version: int = 1


class SavedView(SQLModel, table=True):
    """A way to look at the queue that somebody wants to come back to: their name, their filter."""

    __tablename__ = "saved_views"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    owner: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    query: str


class Absence(SQLModel, table=True):
    """Somebody of the staff is away; `cover` has their work meanwhile, "" for the queue."""

    __tablename__ = "absences"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (Index("absences_person", "person", "ends_at"),)

    absence: int | None = Field(
        sa_column=Column(BigInteger, Identity(), primary_key=True), default=None
    )
    person: str
    cover: str
    why: str
    entered_by: str
    begins_at: datetime
    ends_at: datetime
