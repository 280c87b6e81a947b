"""The policy that a trace runs under, its calendar moved along with the trace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.errors import NotKnown
from domain.policy import Policy
from persistence.tables.business import PolicyRow
from runtime import policies
from runtime.trace.clocks import Shift

# After its last fact an order may live on for its promise, the buyer's answer and protection.
_YEARS_AFTER: Final = 2
_ANY_DAY: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - only its year is read


@dataclass(frozen=True)
class TracePolicy:
    """A policy document that holds together, not published yet."""

    document: Mapping[str, Any]
    policy: Policy

    @classmethod
    def find(cls, named: str) -> "TracePolicy":
        """A shipped policy by its name, or a document by its path.

        Raises `NotKnown` or `PolicyInvalid`.
        """
        path = Path(named)
        if path.suffix == ".toml" or path.exists():
            if not path.is_file():
                raise NotKnown(f"there is no policy document {named}", policy=named)
            document = policies.read(path)
        else:
            shipped = {str(one["name"]): one for one in policies.shipped()}
            if named not in shipped:
                known = ", ".join(sorted(shipped))
                raise NotKnown(
                    f"there is no policy {named}; name a file, or one of {known}", policy=named
                )
            document = shipped[named]
        loaded = policies.load(document, 1, _ANY_DAY)
        return cls(loaded.document, loaded.policy)

    def capturing(self, when: str) -> "TracePolicy":
        """The same rules under another name, with money taken `at_once` or `on_shipment`."""
        order = {**self.document["order"], "capture": when}
        name = f"{self.policy.name}-{when.replace('_', '-')}"
        loaded = policies.load({**self.document, "name": name, "order": order}, 1, _ANY_DAY)
        return TracePolicy(loaded.document, loaded.policy)

    async def publish(
        self, engine: AsyncEngine, shift: Shift, first: datetime, last: datetime
    ) -> Policy:
        """Publish it for a trace from *first* to *last* (its own dates) that is moved by *shift*.

        The holidays are those of the trace's own years, moved along, so that each stays between
        the same days.
        """
        source = policies.CalendarSource.model_validate(self.document["calendar"])
        days = source.days(range(first.year, last.year + _YEARS_AFTER))
        moved = tuple((day + _days(shift)).isoformat() for day in days)
        async with engine.begin() as db:
            await db.execute(
                insert(PolicyRow).values(
                    name=self.policy.name,
                    version=1,
                    document=dict(self.document),
                    holidays=list(moved),
                    published_by="trace",
                    published_at=shift.ahead(first),
                )
            )
        calendar = replace(
            self.policy.calendar, holidays=tuple(date.fromisoformat(day) for day in moved)
        )
        return replace(self.policy, calendar=calendar)


def _days(shift: Shift) -> timedelta:
    return timedelta(days=shift.by.days)
