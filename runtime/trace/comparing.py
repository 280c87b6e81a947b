"""Two policies over the same orders: what differs, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.money import Money
from runtime.trace.report import Payouts, Report, Sums


@dataclass(frozen=True)
class Figure:
    """One figure of each report. With a `currency` the numbers are its minor units."""

    name: str
    numbers: tuple[float, ...]
    currency: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """The numbers as people read them."""
        if self.currency:
            return tuple(str(Money(int(one), self.currency)) for one in self.numbers)
        return tuple(f"{one:,}" for one in self.numbers)

    @property
    def difference(self) -> str:
        """What the last has more than the first; "" where that is nothing."""
        change = self.numbers[-1] - self.numbers[0]
        if not change:
            return ""
        if self.currency:
            sign = "+" if change > 0 else "-"
            return f"{sign}{Money(abs(int(change)), self.currency)}"
        return f"{change:+,.1f}".removesuffix(".0")


def figures(reports: Sequence[Report]) -> list[Figure]:
    """The figures by which two policies are told apart, in the order of an order's life."""
    found = [
        _plain("orders", [report.orders for report in reports]),
        _plain("accounted for", [report.accounted for report in reports]),
    ]
    for outcome in sorted({name for report in reports for name in report.outcomes}):
        counts = [report.outcomes.get(outcome, 0) for report in reports]
        found.append(_plain(words(outcome), counts))
    for stage in sorted({name for report in reports for name in report.parcels}):
        counts = [report.parcels.get(stage, 0) for report in reports]
        found.append(_plain(f"parcels {words(stage)}", counts))
    partly = [report.refunded_in_part for report in reports]
    found.append(_plain("refunded in part", partly))
    for index, deadline in enumerate(reports[0].deadlines):
        counts = [report.deadlines[index].count for report in reports]
        if any(counts):
            found.append(_plain(f"passed: {deadline.name}", counts))
    found += [
        _plain("days in escrow, median", [report.escrow_days.median for report in reports]),
        _plain("days in escrow, 90 %", [report.escrow_days.p90 for report in reports]),
    ]
    for index, payouts in enumerate(reports[0].payouts):
        found += _of_payouts(payouts.currency, [report.payouts[index] for report in reports])
        found += _of_money(payouts.currency, [report.money[index] for report in reports])
    return found


def _of_payouts(currency: str, payouts: Sequence[Payouts]) -> list[Figure]:
    return [
        _plain(f"payouts in {currency}", [one.sent for one in payouts]),
        _money(f"paid out in {currency}", currency, [one.net for one in payouts]),
        _money(f"payout fees in {currency}", currency, [one.fees for one in payouts]),
        _plain(
            f"sellers below the minimum in {currency}",
            [one.sellers_below_minimum for one in payouts],
        ),
        _money(f"their balances in {currency}", currency, [one.below_minimum for one in payouts]),
    ]


def _of_money(currency: str, money: Sequence[Sums]) -> list[Figure]:
    return [
        _money(f"refunded in {currency}", currency, [one.refunded for one in money]),
        _money(f"commission in {currency}", currency, [one.commission for one in money]),
    ]


def words(name: str) -> str:
    """An outcome or an account as people say it."""
    return name.replace("_", " ")


def _plain(name: str, numbers: Sequence[float]) -> Figure:
    return Figure(name, tuple(numbers))


def _money(name: str, currency: str, amounts: Sequence[int]) -> Figure:
    return Figure(name, tuple(amounts), currency)


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """The first report; a second one stands in it as `against`, with what differs."""
    first = reports[0].as_json()
    if len(reports) == 1:
        return first
    differing = [
        {"figure": one.name, "values": list(one.values), "difference": one.difference}
        for one in figures(reports)
        if one.difference
    ]
    return first | {"against": reports[1].as_json(), "differences": differing}
