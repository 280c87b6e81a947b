"""The report of a trace in the terminal."""

from collections.abc import Iterable, Sequence

from rich.table import Table

from cli.say import complain, console
from domain.money import Money
from runtime.trace.comparing import figures, words
from runtime.trace.report import Report

_MOST = 10
_TEXTS = ("then", "the export said")


def show(reports: Sequence[Report]) -> None:
    """Show each report, then what tells them apart, then whether everything adds up."""
    for report in reports:
        _show(report)
    if len(reports) > 1:
        _compare(reports)
    for report in reports:
        _verdict(report)


def _show(report: Report) -> None:
    console.print()
    console.rule(f"{report.policy}: {report.about}", align="left", style="dim")
    console.print(
        f"{report.orders} orders of {report.purchases} purchases from {report.sellers} sellers, "
        f"{report.first} to {report.last}; {report.seconds:g} s"
    )
    _ends(report)
    _deadlines(report)
    _money(report)
    _payouts(report)


def _ends(report: Report) -> None:
    rows = [
        [words(name), str(count), _said(report, name)] for name, count in report.outcomes.items()
    ]
    _table("How the orders end", ["", "orders", "the export said"], rows)
    parcels = ", ".join(f"{count} {words(name)}" for name, count in report.parcels.items())
    if parcels:
        console.print(f"Parcels: {parcels}; {report.refunded_in_part} orders refunded in part.")
    if report.aftercare:
        console.print(f"After their end {report.aftercare} orders had news of a parcel.")
    for topic, counts in report.questions.items():
        became = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        console.print(f"Questions about {topic}: {became}.")
    if report.disputes:
        ended = ", ".join(f"{count} {words(name)}" for name, count in report.disputes.items())
        console.print(f"Disputes: {ended}; {len(report.rulings)} of them decided by staff.")


def _said(report: Report, outcome: str) -> str:
    """What the export says of the orders that end so, the commonest word first."""
    counts = {status: ends[outcome] for status, ends in report.by_status.items() if outcome in ends}
    said = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {status}" for status, count in said)


def _deadlines(report: Report) -> None:
    rows = [
        [
            one.name,
            str(one.count),
            _count(one.happened_later),
            _late(one.late_by_days.median),
            one.meaning,
        ]
        for one in report.deadlines
        if one.count
    ]
    headings = ["", "orders", "came later", "by (median)", "then"]
    _table("Deadlines that passed", headings, rows)
    own = report.own_promises_missed
    console.print(
        f"By the export's own promises {own['shipped_after_ship_by']} parcels left late and "
        f"{own['delivered_after_promised_at']} arrived late; {report.shipped_before_payment} "
        "left before the payment was there."
    )
    days = report.escrow_days
    console.print(
        f"Money is in escrow for {days.median:g} days (median), {days.p90:g} for 90 % of orders."
    )


def _money(report: Report) -> None:
    columns = ("ordered", "captured", "refunded", "released", "commission", "provider_fees")
    rows = [
        [words(name), *(str(Money(getattr(sums, name), sums.currency)) for sums in report.money)]
        for name in columns
    ]
    _table("Money over the trace", ["", *(sums.currency for sums in report.money)], rows)
    kinds = sorted({kind for sums in report.money for kind in sums.accounts})
    rows = [
        [
            words(kind),
            *(str(Money(sums.accounts.get(kind, 0), sums.currency)) for sums in report.money),
        ]
        for kind in kinds
    ]
    title = "Money by account at the end (credit positive)"
    _table(title, ["", *(sums.currency for sums in report.money)], rows)


def _payouts(report: Report) -> None:
    rows = [
        [
            one.currency,
            str(one.sent),
            str(one.sellers_paid),
            str(Money(one.net, one.currency)),
            str(Money(one.fees, one.currency)),
            str(one.sellers_below_minimum),
            str(Money(one.below_minimum, one.currency)),
        ]
        for one in report.payouts
    ]
    headings = ["", "payouts", "sellers", "paid out", "fees", "below minimum", "their balances"]
    _table("Payouts", headings, rows)


def _compare(reports: Sequence[Report]) -> None:
    rows = [[one.name, *one.values, one.difference] for one in figures(reports)]
    headings = ["", *(report.policy for report in reports), "difference"]
    _table("The same orders under both", headings, rows)


def _verdict(report: Report) -> None:
    books = report.ledger
    good = "[green]yes[/green]"
    console.print()
    console.print(
        f"{report.policy}: {report.accounted} of {report.orders} orders accounted for; ledger "
        f"balanced: {good if books.balanced else '[red]no[/red]'}; equal to the provider's books, "
        f"{books.lines} lines: {good if books.matches_provider else '[red]no[/red]'}"
    )
    _complain_of(f"{one.order}: {one.why}" for one in report.unaccounted)
    _complain_of(books.differences)


def _complain_of(faults: Iterable[str]) -> None:
    told = list(faults)
    for fault in told[:_MOST]:
        complain(fault)
    if len(told) > _MOST:
        complain(f"and {len(told) - _MOST} more, in the report for machines")


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        is_text = index == 0 or heading in _TEXTS
        table.add_column(heading, justify="left" if is_text else "right")
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)


def _count(number: int) -> str:
    return str(number) if number else "·"


def _late(days: float) -> str:
    return f"{days:g} d" if days else "·"
