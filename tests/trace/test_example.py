"""The example that comes with the product: each branch of an order, and the books at the end."""

from typing import Final

import pytest

from domain.order.state import Outcome
from runtime.trace.documents import TracePolicy
from runtime.trace.reading import read
from runtime.trace.report import Report
from runtime.trace.run import Options, Progress, trace
from runtime.trace.servers import servers
from tests.support.source import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
EXAMPLE: Final = ROOT / "examples" / "orders.csv"
# An order that is open has not ended, and a trace lets every order end.
NEVER_SHOWN: Final = {Outcome.OPEN}
# Above it stand the orders that are told by the base columns alone.
FIRST_WITH_MORE: Final = "ex-1031"


async def _lived(*widths: int) -> list[Report]:
    """The example under the standard policy, once for each number of orders side by side."""
    document = TracePolicy.find("standard")
    orders = read(EXAMPLE, None, set(document.policy.currencies))
    async with servers() as started:
        return [
            await trace(started, document, orders, Options(EXAMPLE, side_by_side=width), Progress())
            for width in widths
        ]


@pytest.fixture(scope="module")
async def report() -> Report:
    """What became of the example."""
    return (await _lived(16))[0]


@pytest.mark.thorough
async def test_two_runs_are_alike_but_for_the_seconds() -> None:
    """A difference between policies is theirs only if there is none between runs."""
    narrow, wide = await _lived(5, 16)

    assert narrow.taking(0) == wide.taking(0)
    assert narrow.is_whole


async def test_the_example_shows_every_way_in_which_an_order_can_end(report: Report) -> None:
    """A team looks here first for what would become of their own orders."""
    assert set(report.outcomes) == {str(outcome) for outcome in Outcome} - NEVER_SHOWN
    assert report.unaccounted == ()
    assert report.is_whole


async def test_the_example_shows_every_way_in_which_a_parcel_can_end(report: Report) -> None:
    """The stages on the way are no ends; one that went elsewhere stays so, if the buyer has it."""
    assert set(report.parcels) == {
        *("delivered", "delivered_elsewhere", "false_shipment", "forfeited", "label_given_back"),
        *("lost", "not_received", "returned", "seized"),
    }


async def test_what_the_example_tells_comes_true(report: Report) -> None:
    """What comes to nothing is what the policy does not wait for, and no slip of ours."""
    late = [(one.order, one.what) for one in report.late_facts if one.order >= FIRST_WITH_MORE]

    assert late == [("ex-1065", "delivered")]
    assert report.aftercare == 1
    assert report.refunded_in_part == 7
    assert {topic: counts["asked"] for topic, counts in report.questions.items()} == {
        "extension": 2,
        "cancellation": 3,
        "protection": 2,
    }


async def test_disputes_end_by_agreement_silence_and_ruling(report: Report) -> None:
    """What staff do in the console is the last thing that `make demo` shows."""
    assert report.disputes == {
        "partly_refunded": 3,
        "refunded": 2,
        "rejected": 1,
        "withdrawn": 1,
    }
    assert [(one.order, one.ruled) for one in report.rulings] == [
        ("ex-1074", 0),
        ("ex-1075", 48_000),
    ]
    assert report.rulings[-1].approved_by


async def test_money_crosses_currencies_and_nothing_of_it_is_lost(report: Report) -> None:
    """A seller who settles in another currency is paid in it, by what the treasurer bought."""
    money = {one.currency: one for one in report.money}

    assert money["PLN"].ordered == 0
    assert money["PLN"].paid_out > 0
    assert "fx_result" not in money["PLN"].accounts
    assert "fx_result" not in money["EUR"].accounts


async def test_labels_are_borne_by_their_seller(report: Report) -> None:
    """The one that was used cost something, the one that was given back nothing."""
    (usd,) = (one for one in report.money if one.currency == "USD")

    assert "carrier_costs" not in usd.accounts
