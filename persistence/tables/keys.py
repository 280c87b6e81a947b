"""Keys of persons and of executions, each wrapped: worthless without the master keys."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime
from sqlmodel import Field, SQLModel


class PersonKey(SQLModel, table=True):
    """The key of one person.

    Erasure destroys it and leaves the row as a tombstone: no later message makes a new one.
    """

    __tablename__ = "persons"  # pyright: ignore[reportAssignmentType] - SQLModel's own form
    __table_args__ = (
        CheckConstraint("(wrapped IS NULL) = (erased_at IS NOT NULL)", name="persons_erased"),
    )

    person: str = Field(primary_key=True)
    wrapped: bytes | None = None
    master_id: str
    erased_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class DataKeyRow(SQLModel, table=True):
    """The key of one execution's payloads.

    It is wrapped by the person it concerns ("person"), else by the master key `wrapped_by`.
    """

    __tablename__ = "data_keys"  # pyright: ignore[reportAssignmentType] - SQLModel's own form

    key_id: str = Field(primary_key=True)
    workflow_id: str = Field(unique=True)
    person: str | None = Field(default=None, index=True, foreign_key="persons.person")
    wrapped: bytes
    wrapped_by: str
