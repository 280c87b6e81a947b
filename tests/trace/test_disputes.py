"""Disputes in a trace: what is told of them is read, driven, and shown in the report."""

from datetime import datetime
from pathlib import Path

import pytest

from domain.dispute.reasons import Reason, Remedy
from runtime.trace.documents import TracePolicy
from runtime.trace.facts import Confirm, Happening, facts_of
from runtime.trace.reading import parse
from runtime.trace.report import Moved, Report
from runtime.trace.run import Options, Progress, trace
from runtime.trace.servers import servers
from tests.trace.test_format import day, file, refusal, row

_DISPUTED = {
    "delivered_at": day(6),
    "disputed_at": day(8),
    "dispute_reason": "damaged",
}


def test_everything_that_is_told_of_a_dispute_happens() -> None:
    """A column that is read and never driven would make a report lie."""
    told = _DISPUTED | {
        "dispute_remedy": "return_and_refund",
        "countered_at": day(9),
        "escalated_at": day(10),
        "ruled_at": day(14),
        "ruled_amount": "5",
        "goods_sent_back_at": day(15),
        "goods_back_at": day(18),
    }
    (order,) = parse(file(row(**told)), None, {"EUR"})
    whats = [fact.what for fact in facts_of(order, Confirm.SILENCE)]

    assert whats[-6:] == [
        Happening.DISPUTED,
        Happening.COUNTERED,
        Happening.ESCALATED,
        Happening.RULED,
        Happening.SENT_BACK,
        Happening.CAME_BACK,
    ]
    assert order.of_dispute.dispute_reason is Reason.DAMAGED
    assert order.of_dispute.dispute_remedy is Remedy.RETURN_AND_REFUND
    assert (order.of_dispute.counter_amount, order.of_dispute.ruled_amount) == (0, 500)
    assert order.last == datetime.fromisoformat(day(18))


def test_a_dispute_is_about_the_lines_that_it_names() -> None:
    """Of the others nothing is asked, held or given."""
    rows = [row(**_DISPUTED, line=line, disputed_lines="2") for line in ("1", "2")]
    (order,) = parse(file(*rows), None, {"EUR"})

    assert order.disputed_lines == ("2",)
    assert order.disputable == 1_350
    assert order.total == 2_700


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"disputed_at": day(8)}, "dispute_reason is not"),
        ({"dispute_reason": "damaged"}, "disputed_at is not"),
        ({"disputed_lines": "1"}, "disputed_at is not"),
        (_DISPUTED | {"handed_to_carrier_at": "", "delivered_at": ""}, "no parcel of it was"),
        (_DISPUTED | {"disputed_lines": "7"}, "disputed_lines names 7, which it does not have"),
        (_DISPUTED | {"dispute_amount": "13.51"}, "dispute_amount is more than the disputed lines"),
        (_DISPUTED | {"ruled_at": day(12)}, "ruled_at is told, escalated_at is not"),
        (
            _DISPUTED | {"escalated_at": day(9), "ruled_at": day(12), "ruled_amount": "14"},
            "ruled_amount is more than the disputed lines cost",
        ),
        (_DISPUTED | {"counter_amount": "3"}, "countered_at is not"),
        (_DISPUTED | {"agreed_at": day(9)}, "agreed_by is not"),
        (_DISPUTED | {"countered_at": day(7)}, "countered_at is before disputed_at"),
        (_DISPUTED | {"goods_back_at": day(9)}, "goods_sent_back_at is not"),
        (
            _DISPUTED | {"agreed_at": day(9), "agreed_by": "buyer", "dispute_withdrawn_at": day(9)},
            "agreed_at and dispute_withdrawn_at cannot both be",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(told: dict[str, str], reason: str) -> None:
    """Before anything starts, and with the place where it is mended."""
    assert reason in refusal(row(**told))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_ruling_moves_what_it_says_and_shows_it(tmp_path: Path) -> None:
    """Whoever asks why the money went where it did gets the figures of before and after."""
    told = _DISPUTED | {
        "price": "600",
        "countered_at": day(9),
        "counter_amount": "50",
        "escalated_at": day(10),
        "ruled_at": day(14),
        "ruled_amount": "480",
    }
    withdrawn = _DISPUTED | {"order_id": "o-2", "dispute_withdrawn_at": day(9)}
    report = await _lived(tmp_path, row(**told), row(**withdrawn))
    (ruling,) = report.rulings

    assert report.is_whole
    assert report.late_facts == ()
    assert report.disputes == {"partly_refunded": 1, "withdrawn": 1}
    assert (ruling.asked, ruling.offered, ruling.ruled) == (60_120, 5_000, 48_000)
    assert ruling.by != ruling.approved_by != ""
    assert ruling.moved == (Moved("escrow", 60_120, 12_120), Moved("the buyer", 0, 48_000))
    assert [one.refunded for one in report.money] == [48_000]


async def _lived(folder: Path, *rows: str) -> Report:
    document, path = TracePolicy.find("standard"), folder / "orders.csv"
    orders = parse(file(*rows), None, {"EUR"})
    async with servers() as started:
        return await trace(started, document, orders, Options(path), Progress())
