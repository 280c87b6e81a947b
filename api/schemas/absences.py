"""Absences of the staff, as they are entered and shown."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.schemas.common import Form, Instant, Reason, View
from api.schemas.work import Person
from persistence.absences import Absence


class AbsenceIn(Form):
    """Somebody is away from now on; what they have goes to somebody else, or into the queue."""

    person: Person = Field(min_length=1, examples=["support-agent:agent-1"])
    until: Instant = Field(examples=["2026-12-01T08:00:00Z"])
    cover: Person = Field(default="", description="Who has their work; empty: the queue.")
    why: Reason = Field(default="", examples=["on leave"])


class AbsenceView(View):
    """Who is away, until when, and who has their work."""

    id: int
    person: str
    cover: str
    why: str
    entered_by: str
    begins_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, absence: Absence) -> Self:
        """Show it."""
        told = {name: value for name, value in vars(absence).items() if name != "absence"}
        return cls(id=absence.absence, **told)


class HandedOverView(AbsenceView):
    """An absence with what was handed over as it began."""

    handed_over: list[str] = Field(description="What that work is about.", examples=[["order/o-1"]])

    @classmethod
    def made(cls, absence: Absence, subjects: list[str]) -> Self:
        """Show what was entered."""
        return cls(**AbsenceView.of(absence).model_dump(), handed_over=subjects)
