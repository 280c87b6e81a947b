"""Policy documents: read, checked, their calendar resolved, published as numbered versions."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import col

from domain.errors import NotKnown, PolicyInvalid
from domain.policy import Policy, from_document
from persistence.tables.business import PolicyRow

SHIPPED: Final = Path(__file__).parent.parent / "policies"
_YEARS: Final = 3
_PUBLISHING: Final = 3

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Figures = dict[str, Any]

log = structlog.get_logger(__name__)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class CalendarSource(_Part):
    """Whose public holidays are no business days, and which days are none besides."""

    country: str
    subdivision: str | None = None
    extra: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        self.days(range(2026, 2027))
        return self

    def days(self, years: range) -> tuple[date, ...]:
        """The public holidays of *years*, and the extra days, in order."""
        return tuple(
            sorted({*_public_holidays(self.country, self.subdivision, years), *self.extra})
        )


@lru_cache
def _public_holidays(country: str, subdivision: str | None, years: range) -> frozenset[date]:
    """Work them out, once: they are asked for whenever a document is checked."""
    import holidays  # noqa: PLC0415  # slow, and wanted only where a policy is published

    try:
        return frozenset(holidays.country_holidays(country, subdivision, years=years))
    except NotImplementedError:
        raise ValueError(f"no holidays are known of {country} {subdivision}") from None


class PolicyDocument(_Part):
    """A policy as people write it. The figures themselves are read by `domain.policy`."""

    name: Name
    about: str = Field(min_length=1, max_length=500)
    zone: str
    calendar: CalendarSource
    currencies: dict[CurrencyCode, Figures] = Field(min_length=1)
    order: Figures = Field(default_factory=Figures)
    release: Figures = Field(default_factory=Figures)
    refund: Figures = Field(default_factory=Figures)
    payout: Figures = Field(default_factory=Figures)
    fx: Figures = Field(default_factory=Figures)
    shipping: Figures = Field(default_factory=Figures)
    dispute: Figures = Field(default_factory=Figures)
    override: tuple[Figures, ...] = ()

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"{name!r} is no time zone; write it like America/Los_Angeles"
            ) from None
        return name


def _must_be_regular(policy: Policy) -> None:
    """Payouts run on a clock, which knows no holidays; a stored document stays readable."""
    for figure in ("every", "bank_change_cool_down", "confirm_bank_change_within"):
        if getattr(policy.payout, figure).business_days:
            key = f"payout.{figure}"
            raise PolicyInvalid(f"{key}: business days are not possible here", key=key)


@dataclass(frozen=True)
class LoadedPolicy:
    """A document that holds together: as it is stored, and as processes read it."""

    document: Mapping[str, Any]
    holidays: tuple[str, ...]
    policy: Policy

    def numbered(self, version: int) -> Self:
        """The same, as that version of its name."""
        return replace(self, policy=replace(self.policy, version=version))


def read(path: Path) -> dict[str, Any]:
    """Read a document from a TOML file. What is no TOML is `PolicyInvalid`, with its line."""
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{path.name}: {error}", key=path.name) from None


def load(document: Mapping[str, Any], version: int, at: datetime) -> LoadedPolicy:
    """Check a document and resolve its calendar for the year of *at* and the two that follow.

    Raises `PolicyInvalid`, which names each key that is wrong.
    """
    try:
        form = PolicyDocument.model_validate(document)
    except ValidationError as error:
        raise _invalid(error) from None
    stored = form.model_dump(mode="json")
    days = form.calendar.days(range(at.year, at.year + _YEARS))
    resolved = tuple(day.isoformat() for day in days)
    policy = from_document(stored, form.name, version, resolved)
    _must_be_regular(policy)
    return LoadedPolicy(stored, resolved, policy)


def shipped() -> list[dict[str, Any]]:
    """The documents that come with the product."""
    return [read(path) for path in sorted(SHIPPED.glob("*.toml"))]


async def publish(
    db: AsyncConnection, document: Mapping[str, Any], by: str, at: datetime
) -> LoadedPolicy:
    """Publish a document as the next version of its name; orders that run keep theirs.

    The newest version published again, word for word, stays the newest. Raises `PolicyInvalid`.
    """
    loaded = load(document, 1, at)
    name = loaded.policy.name
    await db.execute(
        text("SELECT pg_advisory_xact_lock(:kind, hashtext(:name))"),
        {"kind": _PUBLISHING, "name": name},
    )
    newest = await _newest(db, name)
    if newest and (await stored(db, name, newest)).document == loaded.document:
        return loaded.numbered(newest)
    loaded = loaded.numbered(newest + 1)
    await db.execute(
        insert(PolicyRow).values(
            name=name,
            version=newest + 1,
            document=dict(loaded.document),
            holidays=list(loaded.holidays),
            published_by=by,
            published_at=at,
        )
    )
    log.info("policy.published", policy=loaded.policy.label, by=by)
    return loaded


async def publish_shipped(engine: AsyncEngine, at: datetime) -> None:
    """Publish what comes with the product, unless a policy of that name was published before.

    *at* is business time (UTC): the calendar is resolved from its year on. Repeatable.
    """
    async with engine.begin() as db:
        for document in shipped():
            if not await _newest(db, document["name"]):
                await publish(db, document, "caravan", at)


@dataclass(frozen=True)
class StoredPolicy:
    """One published version, as the table has it."""

    name: str
    version: int
    document: Mapping[str, Any]
    holidays: tuple[str, ...]
    published_by: str
    published_at: datetime


_STORED: Final = select(
    col(PolicyRow.name),
    col(PolicyRow.version),
    col(PolicyRow.document),
    col(PolicyRow.holidays),
    col(PolicyRow.published_by),
    col(PolicyRow.published_at),
)


async def stored(db: AsyncConnection, name: str, version: int | None = None) -> StoredPolicy:
    """A published version, the newest unless one is named. Unknown: `NotKnown`."""
    query = _STORED.where(col(PolicyRow.name) == name)
    if version is not None:
        query = query.where(col(PolicyRow.version) == version)
    row = (await db.execute(query.order_by(col(PolicyRow.version).desc()).limit(1))).one_or_none()
    if row is None:
        raise NotKnown(f"there is no published policy {name}", policy=name)
    return StoredPolicy(row[0], row[1], row[2], tuple(row[3]), row[4], row[5])


async def published(db: AsyncConnection) -> list[StoredPolicy]:
    """The newest version of every policy, by name."""
    query = _STORED.ext(distinct_on(col(PolicyRow.name))).order_by(
        col(PolicyRow.name), col(PolicyRow.version).desc()
    )
    rows = (await db.execute(query)).all()
    return [StoredPolicy(row[0], row[1], row[2], tuple(row[3]), row[4], row[5]) for row in rows]


async def _newest(db: AsyncConnection, name: str) -> int:
    newest = select(func.max(col(PolicyRow.version))).where(col(PolicyRow.name) == name)
    return (await db.execute(newest)).scalar_one() or 0


def _invalid(error: ValidationError) -> PolicyInvalid:
    problems = [
        (".".join(str(part) for part in problem["loc"]) or "document", problem["msg"])
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return PolicyInvalid(
        "; ".join(f"{key}: {why.removeprefix('Value error, ')}" for key, why in problems),
        key=problems[0][0],
    )
