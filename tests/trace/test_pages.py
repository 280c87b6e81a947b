"""The report as a page: whole, well-formed, and on nobody else's host."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Final

import pytest

from runtime.trace.comparing import Figure, as_json, figures
from runtime.trace.pages import page
from runtime.trace.report import (
    Books,
    Days,
    Deadline,
    LateFact,
    Moved,
    Payouts,
    Report,
    Ruling,
    Sums,
    Unaccounted,
)

_VOID: Final = frozenset({"meta"})
_LARGEST: Final = 300_000


def report(orders: int = 400) -> Report:
    late = LateFact("o-<b>1</b>", "handed_over", "2018-02-01T10:00:00Z", "it had ended")
    return Report(
        file="orders & more.csv",
        policy="standard/1",
        about="The default.",
        confirm="silence",
        first="2018-01-01",
        last="2018-08-01",
        purchases=orders,
        orders=orders,
        sellers=7,
        accounted=orders,
        unaccounted=(),
        outcomes={"completed": orders - 10, "never_shipped": 10},
        by_status={"delivered": {"completed": orders - 10, "never_shipped": 10}},
        parcels={"delivered": orders - 12, "lost": 2},
        refunded_in_part=5,
        questions={"extension": {"asked": 4, "granted": 2, "declined": 1, "void": 1}},
        disputes={"partly_refunded": 1, "withdrawn": 2},
        rulings=(
            Ruling(
                *("o-<b>2</b>", "d-2", "JPY", "damaged", 900, 0, 400),
                *("support-lead:l-1", "support-lead:l-2", "partly_refunded"),
                (Moved("escrow", 900, 500), Moved("the buyer", 0, 400)),
            ),
        ),
        deadlines=(Deadline("shipment", "refunded", 10, 4, Days.of([1.0, 2.5])),),
        shipped_before_payment=3,
        own_promises_missed={"shipped_after_ship_by": 2, "delivered_after_promised_at": 1},
        late_facts=(late,) * orders,
        aftercare=0,
        ledger=Books(balanced=True, matches_provider=True, lines=900, differences=()),
        money=(Sums("JPY", 900, 900, 100, 800, 64, 26, 10, 600, 126, {"commission": 64}),),
        escrow_days=Days.of([7.5, 22.0, 30.0]),
        payouts=(Payouts("JPY", 5, 2, 0, 0, 610, 600, 10, 2, 50, 1, 40, (("2018-02", 600),)),),
        seconds=1.5,
    )


class Tags(HTMLParser):
    """Sees whether every tag that opens also closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


@pytest.mark.parametrize("count", [1, 2])
def test_the_page_is_well_formed(count: int) -> None:
    """A tag that never closes hides half a report in some browsers and not in others."""
    tags = Tags()
    tags.feed(page([report()] * count))

    assert tags.faults == []
    assert tags.open == []


def test_the_page_needs_nothing_else() -> None:
    """It is sent by mail and opened on a train; nobody is told that it was."""
    text = page([report(), report()])

    assert "<script" not in text
    assert not re.search(r"(?:https?:)?//\w", text)
    assert not re.search(r"\b(?:src|href|@import|url\()", text)
    assert len(text.encode()) < _LARGEST


def test_parcels_and_questions_are_counted_where_there_are_any() -> None:
    """An export that tells of neither must not be shown a page of noughts."""
    told = page([report()])
    untold = page([replace(report(), parcels={}, refunded_in_part=0, questions={})])

    assert all(words in told for words in ("Parcels", "Questions between the sides", "5 orders"))
    assert "Parcels" not in untold
    assert "Questions" not in untold


def test_what_the_file_says_is_text_and_not_markup() -> None:
    """An order's id comes from outside."""
    text = page([report()])

    assert "orders &amp; more.csv" in text
    assert "o-<b>" not in text


def test_a_fault_is_seen_first() -> None:
    """Whoever opens the page must not read figures that do not add up as if they did."""
    lost = Unaccounted("o-9", "parked at escrow.release")
    books = Books(balanced=True, matches_provider=False, lines=9, differences=("o-9: ours 1",))
    broken = replace(report(), accounted=399, unaccounted=(lost,), ledger=books)
    text = page([broken])

    assert not broken.is_whole
    assert "verdict bad" in text
    assert "parked at escrow.release" in text
    assert text.index("o-9: ours 1") < text.index("How the orders ended")


def test_an_export_without_any_money_has_a_page_as_well() -> None:
    """The first trace of somebody is often of ten unpaid orders."""
    empty = replace(
        report(),
        outcomes={"never_paid": 400},
        late_facts=(),
        money=(Sums("JPY", 900, 0, 0, 0, 0, 0, 0, 0, 0, {}),),
        escrow_days=Days.of([]),
        payouts=(Payouts("JPY", 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, ()),),
    )

    assert "never paid" in page([empty, empty])


def test_two_policies_are_told_apart_by_what_differs() -> None:
    """Forty equal figures would hide the three that matter."""
    other = replace(report(), policy="quick/1", outcomes={"completed": 380, "never_shipped": 20})
    told = as_json([report(), other])
    names = [one["figure"] for one in told["differences"]]

    assert names == ["completed", "never shipped"]
    assert told["against"]["policy"] == "quick/1"
    assert json.loads(json.dumps(told))["ledger"]["matches_provider"] is True


def test_a_difference_of_money_is_in_major_units() -> None:
    """Minor units are for machines."""
    found = {one.name: one for one in figures([report()])}

    assert found["paid out in JPY"].values == ("JPY 600",)
    assert Figure("refunds", (1200, 900), "EUR").difference == "-EUR 3.00"
    assert Figure("orders", (3, 5)).difference == "+2"
    assert not Figure("orders", (3, 3)).difference
