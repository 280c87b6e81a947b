"""What so many orders a day need: arithmetic over measured costs, every step of it shown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any, Final, Self

_DAY: Final = 86_400
_MONTH_DAYS: Final = 30
_WHOLE: Final = 100
_GB: Final = 1_000_000_000


class ReportUnusable(Exception):
    """There is no report of measured costs there, or it lacks a figure."""


@dataclass(frozen=True)
class Costs:
    """What one order costs, as measured (`benchmarks/report.json`). CPU in milliseconds."""

    worker_ms: float
    database_ms: float
    temporal_ms: float
    request_ms: float
    relay_ms: float
    actions: int
    events: int
    statements: int
    transactions: int
    history_bytes: int
    database_bytes: float
    cached_bytes: float

    @classmethod
    def read(cls, report: Path) -> Self:
        """Read a report. Raises `ReportUnusable`."""
        try:
            found: Mapping[str, Any] = json.loads(report.read_text())
            cpu, declared = found["floor"]["order"]["cpu_ms"], found["cost"]["declared"]
            return cls(
                worker_ms=cpu["order worker"],
                database_ms=cpu["PostgreSQL"],
                temporal_ms=cpu["Temporal"],
                request_ms=found["load"]["api_ms_per_request"],
                relay_ms=found["load"]["relay_ms_per_order"],
                actions=declared["billed"],
                events=declared["events"],
                statements=declared["statements"],
                transactions=declared["transactions"],
                history_bytes=declared["history_bytes"],
                database_bytes=found["floor"]["database_bytes_per_order"],
                cached_bytes=found["growth"]["bytes_per_open_order"],
            )
        except FileNotFoundError:
            raise ReportUnusable(f"there is no report at {report}: run `make bench`") from None
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ReportUnusable(f"{report} lacks a figure ({error}): run `make bench`") from None


@dataclass(frozen=True)
class Assumptions:
    """What nobody has measured. Each may be replaced by what a marketplace knows of itself."""

    peak: float = 3.0
    filled: float = 0.6
    days_open: float = 30.0
    requests: float = 12.0
    retention_days: float = 30.0

    def told(self) -> Sequence[str]:
        """Each in words."""
        words = {
            "peak": "the busiest hour has so many times the average",
            "filled": "of each core is used at the peak; the rest is for a lost machine",
            "days_open": "days lie between an order's checkout and its end",
            "requests": "HTTP requests concern one order, reads included",
            "retention_days": "days Temporal keeps the history of an order that has ended",
        }
        return [f"{getattr(self, one.name):g} {words[one.name]}" for one in fields(self)]


# What the figures leave out, so that nobody plans without it.
NOT_COUNTED: Final = (
    "the database's part of requests, of facts that come in, and of letters and webhooks sent",
    "disputes, returns, labels, chargebacks and payouts: an order here lives its happy path",
)


@dataclass(frozen=True)
class Need:
    """One thing that a deployment needs, and how it was computed."""

    name: str
    amount: float
    unit: str
    arithmetic: str

    @property
    def shown(self) -> str:
        """The amount to three digits, with its unit."""
        amount = f"{self.amount:,.0f}" if self.amount >= _WHOLE else f"{self.amount:.3g}"
        return f"{amount} {self.unit}".rstrip()


def needs(orders_per_day: int, costs: Costs, assumed: Assumptions) -> Sequence[Need]:
    """Return what *orders_per_day* need, in the order in which it is explained."""
    peak = orders_per_day / _DAY * assumed.peak
    return [
        Need(
            "orders at the peak",
            peak,
            "a second",
            f"{orders_per_day:,} / {_DAY:,} s x {assumed.peak:g}",
        ),
        *_cores(peak, costs, assumed),
        *_temporal(orders_per_day, peak, costs, assumed),
        *_database(orders_per_day, peak, costs),
        *_open(orders_per_day, costs, assumed),
    ]


def _cores(peak: float, costs: Costs, assumed: Assumptions) -> Sequence[Need]:
    def cores(ms: float) -> tuple[float, str]:
        shown = f"{peak:.4g}/s x {ms:.1f} ms / {assumed.filled:g}"
        return peak * ms / 1000 / assumed.filled, shown

    parts = {
        "workers": costs.worker_ms,
        "relays": costs.relay_ms,
        "API processes": costs.request_ms * assumed.requests,
    }
    processes = [
        Need(name, ceil(amount), "of one core each", shown)
        for name, ms in parts.items()
        for amount, shown in [cores(ms)]
    ]
    servers = {"PostgreSQL": costs.database_ms, "Temporal": costs.temporal_ms}
    return processes + [
        Need(f"{name} CPU", *cores(ms)[:1], "cores", cores(ms)[1]) for name, ms in servers.items()
    ]


def _temporal(per_day: int, peak: float, costs: Costs, assumed: Assumptions) -> Sequence[Need]:
    kept = per_day * costs.history_bytes * (assumed.days_open + assumed.retention_days)
    days = f"({assumed.days_open:g} + {assumed.retention_days:g} days)"
    return [
        Need(
            "Temporal actions",
            peak * costs.actions,
            "a second at the peak",
            f"{peak:.4g}/s x {costs.actions}",
        ),
        Need(
            "Temporal actions",
            per_day * _MONTH_DAYS * costs.actions / 1e6,
            "million a month",
            f"{per_day:,} x {_MONTH_DAYS} x {costs.actions}",
        ),
        Need(
            "Temporal histories",
            kept / _GB,
            "GB kept",
            f"{per_day:,} x {costs.history_bytes:,} bytes x {days}",
        ),
    ]


def _database(per_day: int, peak: float, costs: Costs) -> Sequence[Need]:
    return [
        Need(
            "database transactions",
            peak * costs.transactions,
            "a second at the peak",
            f"{peak:.4g}/s x {costs.transactions}",
        ),
        Need(
            "database statements",
            peak * costs.statements,
            "a second at the peak",
            f"{peak:.4g}/s x {costs.statements}",
        ),
        Need(
            "database storage",
            per_day * costs.database_bytes / _GB,
            "GB more a day",
            f"{per_day:,} x {costs.database_bytes:,.0f} bytes",
        ),
    ]


def _open(per_day: int, costs: Costs, assumed: Assumptions) -> Sequence[Need]:
    waiting = per_day * assumed.days_open
    return [
        Need("orders open at a time", waiting, "", f"{per_day:,} x {assumed.days_open:g} days"),
        Need(
            "memory to keep them all in workers",
            waiting * costs.cached_bytes / _GB,
            "GB (what does not fit is read again from its history)",
            f"{waiting:,.0f} x {costs.cached_bytes:,.0f} bytes",
        ),
    ]
