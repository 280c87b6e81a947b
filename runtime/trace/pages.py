"""The report as one page that needs nothing else: no script, no font, no other host."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from domain.money import Money
from runtime.trace.comparing import figures, words
from runtime.trace.report import Report

_MOST_LATE: Final = 60
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(("html",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Bar:
    """One row of a chart: a value per policy, as a length in per cent and as text."""

    name: str
    lengths: tuple[float, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """Horizontal bars, which a phone shows as well as a wall."""

    title: str
    about: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Column:
    """One place of an upright chart: a height in per cent per policy, and its label."""

    name: str
    heights: tuple[float, ...]
    texts: tuple[str, ...]
    is_labelled: bool


@dataclass(frozen=True)
class Upright:
    """Upright bars over time."""

    title: str
    about: str
    columns: tuple[Column, ...]
    unit: str


def page(reports: Sequence[Report]) -> str:
    """The page of one report, or of two side by side."""
    return _ENVIRONMENT.get_template("page.html").render(
        reports=reports,
        first=reports[0],
        charts=[_outcomes(reports), *_accounts(reports)],
        uprights=[_escrow(reports), *_payouts(reports)],
        figures=figures(reports),
        is_whole=all(report.is_whole for report in reports),
        most_late=_MOST_LATE,
        words=words,
        money=_money,
    )


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency))


def _outcomes(reports: Sequence[Report]) -> Chart:
    names = sorted(
        {name for report in reports for name in report.outcomes},
        key=lambda name: (-reports[0].outcomes.get(name, 0), name),
    )
    counts = {name: [report.outcomes.get(name, 0) for report in reports] for name in names}
    bars = _bars(
        {words(name): (values, [str(one) for one in values]) for name, values in counts.items()}
    )
    return Chart("How the orders ended", "Number of orders by outcome.", bars)


def _accounts(reports: Sequence[Report]) -> list[Chart]:
    return [
        Chart(
            f"Money by account at the end, {sums.currency}",
            "What stands on each account when everything is over. Credit is positive: the "
            "provider's balance, which is ours, is therefore negative.",
            _bars(
                {
                    words(kind): (
                        [abs(report.money[index].accounts.get(kind, 0)) for report in reports],
                        [
                            str(Money(report.money[index].accounts.get(kind, 0), sums.currency))
                            for report in reports
                        ],
                    )
                    for kind in sorted(
                        {kind for report in reports for kind in report.money[index].accounts}
                    )
                }
            ),
        )
        for index, sums in enumerate(reports[0].money)
    ]


def _bars(rows: dict[str, tuple[list[int], list[str]]]) -> tuple[Bar, ...]:
    longest = max((one for values, _ in rows.values() for one in values), default=0) or 1
    return tuple(
        Bar(name, tuple(round(one / longest * 100, 2) for one in values), tuple(texts))
        for name, (values, texts) in rows.items()
    )


def _escrow(reports: Sequence[Report]) -> Upright:
    weeks = [dict(report.escrow_days.histogram) for report in reports]
    last = max((week for counts in weeks for week in counts), default=0)
    rows: list[tuple[str, list[int], list[str]]] = []
    for week in range(last + 1):
        values = [counts.get(week, 0) for counts in weeks]
        rows.append((str(week), values, [f"{one} orders" for one in values]))
    return Upright(
        "Weeks in escrow",
        "Orders by the full weeks between the buyer's payment and the last release or refund.",
        _columns(rows),
        "week",
    )


def _payouts(reports: Sequence[Report]) -> list[Upright]:
    charts: list[Upright] = []
    for index, first in enumerate(reports[0].payouts):
        months = [dict(report.payouts[index].by_month) for report in reports]
        rows: list[tuple[str, list[int], list[str]]] = []
        for month in _through([month for counts in months for month in counts]):
            values = [counts.get(month, 0) for counts in months]
            rows.append((month, values, [str(Money(one, first.currency)) for one in values]))
        title = f"Paid out by month, {first.currency}"
        about = "What arrived at sellers' banks, by the month in which its payout cycle ended."
        charts.append(Upright(title, about, _columns(rows), "month"))
    return [chart for chart in charts if chart.columns]


def _through(months: Sequence[str]) -> list[str]:
    """Every month from the first to the last, so that a gap is seen as one."""
    if not months:
        return []
    first, last = min(months), max(months)
    begin, end = (int(one[:4]) * 12 + int(one[5:]) - 1 for one in (first, last))
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(begin, end + 1)]


def _columns(rows: Sequence[tuple[str, list[int], list[str]]]) -> tuple[Column, ...]:
    highest = max((one for _, values, _ in rows for one in values), default=0) or 1
    every = max(1, -(-len(rows) // 8))
    return tuple(
        Column(
            name,
            tuple(round(one / highest * 100, 2) for one in values),
            tuple(texts),
            is_labelled=number % every == 0,
        )
        for number, (name, values, texts) in enumerate(rows)
    )
