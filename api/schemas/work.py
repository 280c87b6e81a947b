"""The queue of what needs a person, as it is asked for and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.paging import PageQuery
from api.schemas.common import LARGEST_VERSION, Form, Id, Money, Sought, View
from domain.casework import WorkKind
from persistence.casework import Item, Load

Subject = Annotated[
    str, Field(max_length=200, pattern=r"^[a-z-]+/[A-Za-z0-9._/-]+$", examples=["order/o-1001"])
]
Person = Annotated[
    Sought,
    Field(
        description="Role and id; empty: nobody.",
        examples=["support-agent:agent-1"],
    ),
]


class WorkQuery(PageQuery):
    """Which work to list; what is absent is not asked for."""

    assignee: Person | None = Field(default=None, description="Empty: what nobody has taken.")
    kind: WorkKind | None = None
    seller: Id | None = None
    overdue: bool | None = None
    all: bool = Field(default=False, description="Also what your role may not do.")


class AssignmentIn(Form):
    """Give work to somebody, or back to nobody."""

    subject: Subject
    kind: WorkKind
    assignee: Person = Field(examples=["support-agent:agent-1"])
    seen: int = Field(
        ge=1,
        le=LARGEST_VERSION,
        strict=True,
        description="The version that you go by.",
        examples=[1],
    )


class WorkView(View):
    """One thing that a person must do."""

    subject: str
    kind: str
    roles: list[str] = Field(description="Who may do it.")
    since: datetime
    due_at: datetime
    is_overdue: bool
    seller: str
    amount: Money = Field(description="What waits for it.")
    why: str
    assignee: str = Field(description="Who has taken it; empty: nobody.")
    assigned_by: str
    assigned_at: datetime | None
    version: int

    @classmethod
    def of(cls, item: Item, at: datetime) -> "WorkView":
        """Show it as it stands *at* a moment."""
        return cls(
            subject=item.subject,
            kind=item.kind,
            roles=list(item.roles),
            since=item.since,
            due_at=item.due_at,
            is_overdue=item.due_at < at,
            seller=item.seller,
            amount=Money(amount=item.amount, currency=item.currency),
            why=item.why,
            assignee=item.assignee,
            assigned_by=item.assigned_by,
            assigned_at=item.assigned_at,
            version=item.version,
        )


class LoadView(View):
    """How much one person has taken; empty is what nobody has."""

    assignee: str
    items: int
    overdue: int

    @classmethod
    def of(cls, load: Load) -> "LoadView":
        """Show it."""
        return cls(assignee=load.assignee, items=load.items, overdue=load.overdue)


class QueueQuery(WorkQuery):
    """The same with words to look for."""

    q: Sought = ""
