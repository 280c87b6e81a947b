"""A trace, whole: real servers, real processes, six lives, and the books at the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from runtime.trace.documents import TracePolicy
from runtime.trace.facts import Confirm
from runtime.trace.reading import parse
from runtime.trace.report import Report
from runtime.trace.rows import COLUMNS
from runtime.trace.run import Options, Progress, trace
from runtime.trace.servers import Servers, servers

# Prompt; slow money in time; never paid; never shipped; shipped a day late; never delivered.
SIX: Final = """
o-1,1,s-1,p-1,general,100,0,EUR,credit_card,delivered,2026-02-02T09:00:00Z,2026-02-02T09:05:00Z,,\
2026-02-03T09:00:00Z,2026-02-06T09:00:00Z,
o-2,1,s-1,p-1,general,80,4.50,EUR,boleto,delivered,2026-02-02T10:00:00Z,2026-02-04T10:00:00Z,,\
2026-02-05T09:00:00Z,2026-02-10T09:00:00Z,
o-3,1,s-2,p-2,general,30,0,EUR,credit_card,created,2026-02-03T09:00:00Z,,,,,
o-4,1,s-2,p-2,general,30,2,EUR,credit_card,unavailable,2026-02-03T09:30:00Z,2026-02-03T09:31:00Z,,,,
o-5,1,s-2,p-2,general,50,0,EUR,credit_card,delivered,2026-02-04T09:00:00Z,2026-02-04T09:00:00Z,,\
2026-02-12T09:00:00Z,2026-02-15T09:00:00Z,
o-6,1,s-1,p-3,general,25,0,EUR,credit_card,shipped,2026-02-05T09:00:00Z,2026-02-05T09:01:00Z,,\
2026-02-05T08:00:00Z,,
"""


@pytest.fixture(scope="module")
async def started() -> AsyncIterator[Servers]:
    """The servers of a trace."""
    async with servers() as running:
        yield running


async def six(started: Servers, policy: str, confirm: Confirm = Confirm.SILENCE) -> Report:
    orders = parse(",".join(COLUMNS) + SIX, None, {"EUR"})
    options = Options(Path("six.csv"), confirm, side_by_side=3)
    return await trace(started, TracePolicy.find(policy), orders, options, Progress())


@pytest.fixture(scope="module")
async def report(started: Servers) -> Report:
    """Six orders under the standard policy."""
    return await six(started, "standard")


async def test_every_order_ends_as_the_policy_says(report: Report) -> None:
    """The trace is the main job: a wrong outcome here is a wrong decision about a policy."""
    assert report.outcomes == {
        "completed": 2,
        "never_paid": 1,
        "never_received": 1,
        "never_shipped": 2,
    }
    assert report.by_status["delivered"] == {"completed": 2, "never_shipped": 1}
    assert report.unaccounted == ()
    assert report.accounted == report.orders == 6


async def test_the_books_agree_to_the_minor_unit(report: Report) -> None:
    """The sandbox's books are an independent witness of every captured and refunded cent."""
    assert report.ledger.differences == ()
    assert report.is_whole
    (money,) = report.money
    assert money.ordered == 100_00 + 84_50 + 30_00 + 32_00 + 50_00 + 25_00
    assert money.captured == money.ordered - 30_00
    assert money.refunded == 32_00 + 50_00 + 25_00
    assert money.released == 184_50
    assert money.commission == 8_00 + 6_76


async def test_payouts_follow_when_the_minimum_is_reached(report: Report) -> None:
    """One seller has earned enough; nobody else has earned anything."""
    (payouts,) = report.payouts

    assert (payouts.sent, payouts.sellers_paid) == (2, 1)
    assert payouts.gross == 184_50 - 14_76
    assert payouts.net == payouts.gross - payouts.fees
    assert (payouts.sellers_below_minimum, payouts.below_minimum) == (0, 0)


async def test_a_deadline_that_passed_is_told_with_what_came_later(report: Report) -> None:
    """That a seller was one day late is what a team wants to know before it changes the rule."""
    passed = {one.name: one for one in report.deadlines}

    assert passed["shipment"].count == 2
    assert passed["shipment"].happened_later == 1
    assert passed["shipment"].late_by_days.median == 1.0
    assert passed["payment"].count == 1
    assert passed["delivery promise"].count == passed["buyer's answer"].count == 1
    assert [(one.order, one.what) for one in report.late_facts] == [
        ("o-5", "handed_over"),
        ("o-5", "delivered"),
    ]


async def test_money_waits_as_long_as_the_policy_says(report: Report) -> None:
    """Delivered on day 4, seven days of silence, fifteen of protection: no real second is in it."""
    assert report.escrow_days.count == 5
    assert report.escrow_days.histogram == ((1, 2), (3, 2), (10, 1))


async def test_a_parcel_that_left_before_its_payment_is_declared_afterwards(
    report: Report,
) -> None:
    """A seller who is quicker than the bank is refused once, and not punished for it."""
    assert report.shipped_before_payment == 1


async def test_another_policy_lives_on_the_same_servers(started: Servers, report: Report) -> None:
    """Two policies are compared on the same orders, each with books of its own."""
    quick = await six(started, "fast-release", Confirm.PROMPT)

    assert quick.is_whole
    assert quick.outcomes == report.outcomes
    assert quick.escrow_days.median < report.escrow_days.median
    assert {one.name: one.count for one in quick.deadlines}["confirmation"] == 0


async def test_nothing_is_left_behind() -> None:
    """A trace is run on people's own machines."""
    async with servers() as running:
        folder = running.folder
        assert folder.exists()

    assert not await asyncio.to_thread(folder.exists)
