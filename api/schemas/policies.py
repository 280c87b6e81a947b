"""Policies as they are published and shown."""

from datetime import datetime
from typing import Any

from pydantic import Field

from api.schemas.common import View
from runtime.policies import StoredPolicy


class PolicyFigures(View):
    """The newest version of a policy, in a list."""

    name: str = Field(examples=["standard"])
    version: int
    about: str
    currencies: list[str]
    published_by: str
    published_at: datetime
    href: str

    @classmethod
    def of(cls, row: StoredPolicy) -> "PolicyFigures":
        """The line that a list shows."""
        return cls(
            name=row.name,
            version=row.version,
            about=row.document["about"],
            currencies=sorted(row.document["currencies"]),
            published_by=row.published_by,
            published_at=row.published_at,
            href=f"/v1/policies/{row.name}/{row.version}",
        )


class PolicyView(PolicyFigures):
    """One published version: the document as written, and its holidays as resolved."""

    document: dict[str, Any]
    holidays: list[str]

    @classmethod
    def of(cls, row: StoredPolicy) -> "PolicyView":
        """Show a version."""
        figures = PolicyFigures.of(row).model_dump()
        return cls(**figures, document=dict(row.document), holidays=list(row.holidays))
