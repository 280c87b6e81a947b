"""What the policy says about disputes, and what one dispute lives by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final, cast
from zoneinfo import ZoneInfo

from domain.calendar import Calendar, Span
from domain.policy_form import as_count, as_group, as_names, as_table, invalid, must_be_known

_Table = Mapping[str, int]
_NO_FIGURES: Final[_Table] = MappingProxyType({})
_PER_CURRENCY: Final = ("second_person_above", "no_return_up_to")


@dataclass(frozen=True)
class Waiver:
    """Days on which nothing could be delivered in some countries, and no seller is to blame."""

    countries: tuple[str, ...]
    begins: date
    ends: date


@dataclass(frozen=True)
class DisputeRules:
    """How long each side has, and what needs more than one person.

    Source of the defaults: the policy table "Dispute". Tables are minor units per currency; a
    currency without a figure has zero: every decision needs a second person, and every return is
    asked for. `own_reason` is "offered" or "refused"; `return_label` says who pays the label of a
    return that the platform buys for the buyer, or that it buys none ("refused").
    """

    earliest_after_shipment: Span = Span.parse("10d")
    short_promise: Span = Span.parse("5d")
    after_confirmation: Span = Span.parse("15d")
    seller_answers_within: Span = Span.parse("5d")
    buyer_answers_within: Span = Span.parse("5d")
    platform_steps_in_after: Span = Span.parse("7d")
    evidence_within: Span = Span.parse("3d")
    review_target: Span = Span.parse("7d")
    review_alarm: Span = Span.parse("14d")
    proposal_stands_for: Span = Span.parse("3d")
    approve_within: Span = Span.parse("3d")
    take_back_within: Span = Span.parse("10m")
    return_within: Span = Span.parse("10d")
    return_scan_within: Span = Span.parse("5bd")
    return_at_most: Span = Span.parse("30d")
    check_return_within: Span = Span.parse("7d")
    reship_within: Span = Span.parse("10d")
    reship_at_most: Span = Span.parse("60d")
    check_reship_within: Span = Span.parse("7d")
    object_arrival_within: Span = Span.parse("24h")
    appeal_within: Span = Span.parse("7d")
    appeal_review_within: Span = Span.parse("5bd")
    own_reason: str = "refused"
    return_label: str = "seller"
    second_person_above: _Table = field(default_factory=lambda: _NO_FIGURES)
    no_return_up_to: _Table = field(default_factory=lambda: _NO_FIGURES)
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True)
class DisputeTerms:
    """What one dispute lives by, of its order's policy version; flat, never changed afterwards.

    `zone` and `holidays` are those of its business days. Amounts are minor units of the order's
    currency. `waived_until` (UTC) is the end of a waiver that holds where the goods go.
    """

    policy: str
    windows: Mapping[str, Span]
    zone: str
    holidays: tuple[date, ...]
    own_reason: str
    second_person_above: int
    no_return_up_to: int
    waived_until: datetime | None = None
    return_label: str = "refused"

    def after(self, window: str, start: datetime) -> datetime:
        """The end of the window of that name, begun at *start* (UTC).

        A window that the policy did not have yet when the dispute was opened has its default.
        """
        calendar = Calendar(self.holidays)
        span = self.windows.get(window) or getattr(DisputeRules, window)
        return calendar.after(start, span, ZoneInfo(self.zone))


_WINDOWS: Final = tuple(
    item.name for item in fields(DisputeRules) if isinstance(item.default, Span)
)


def dispute_rules(value: object) -> DisputeRules:
    """Read the rules of a document. Raises `PolicyInvalid`, which names the key."""
    table = dict(as_table(value, "dispute"))
    waivers = table.pop("waiver", ())
    above, up_to = (_amounts(table.pop(name, {}), f"dispute.{name}") for name in _PER_CURRENCY)
    rules = DisputeRules(
        **as_group(DisputeRules(), table, "dispute"),
        second_person_above=above,
        no_return_up_to=up_to,
        waivers=tuple(
            _waiver(entry, f"dispute.waiver[{index}]") for index, entry in enumerate(waivers)
        ),
    )
    if rules.review_alarm.elapsed < rules.review_target.elapsed:
        raise invalid("dispute.review_alarm", "shorter than review_target")
    return rules


def _amounts(value: object, path: str) -> _Table:
    table = as_table(value, path)
    return MappingProxyType(
        {currency: as_count(raw, f"{path}.{currency}") for currency, raw in table.items()}
    )


def _waiver(entry: object, path: str) -> Waiver:
    table = as_table(entry, path)
    must_be_known(table, ("countries", "begins", "ends"), path)
    begins, ends = (_day(table.get(key), f"{path}.{key}") for key in ("begins", "ends"))
    if ends < begins:
        raise invalid(f"{path}.ends", "before it begins")
    return Waiver(as_names(table.get("countries"), f"{path}.countries"), begins, ends)


def _day(raw: object, path: str) -> date:
    """A day, as TOML or as JSON has it."""
    try:
        return raw if type(raw) is date else date.fromisoformat(cast("str", raw))
    except (TypeError, ValueError):
        raise invalid(path, f"{raw!r} is not a day; write it like 2026-11-30") from None


@dataclass(frozen=True)
class Days:
    """Whose days count as business days: a policy's label, its zone and its calendar."""

    policy: str
    zone: str
    calendar: Calendar


def terms_of(
    rules: DisputeRules, days: Days, currency: str, country: str, at: datetime
) -> DisputeTerms:
    """Resolve what a dispute lives by that is opened at that instant.

    *country* is where the goods go (ISO 3166).
    """
    return DisputeTerms(
        policy=days.policy,
        windows={name: getattr(rules, name) for name in _WINDOWS},
        zone=days.zone,
        holidays=days.calendar.that_matter(at),
        own_reason=rules.own_reason,
        second_person_above=rules.second_person_above.get(currency, 0),
        no_return_up_to=rules.no_return_up_to.get(currency, 0),
        return_label=rules.return_label,
        waived_until=_waived_until(rules.waivers, country, days.zone, at),
    )


def _waived_until(
    waivers: tuple[Waiver, ...], country: str, zone: str, at: datetime
) -> datetime | None:
    """The end of the last day of a waiver that holds there then; days are those of the policy."""
    local = ZoneInfo(zone)
    today = at.astimezone(local).date()
    ends = [
        one.ends for one in waivers if country in one.countries and one.begins <= today <= one.ends
    ]
    if not ends:
        return None
    first_after = max(ends) + timedelta(days=1)
    return datetime(first_after.year, first_after.month, first_after.day, tzinfo=local).astimezone(
        at.tzinfo
    )
