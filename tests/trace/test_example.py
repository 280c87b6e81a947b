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


@pytest.fixture(scope="module")
async def reports() -> list[Report]:
    """The example under the standard policy, twice.

    The second run is wider, so that its orders meet in another order.
    """
    document = TracePolicy.find("standard")
    orders = read(EXAMPLE, None, set(document.policy.currencies))
    async with servers() as started:
        return [
            await trace(started, document, orders, Options(EXAMPLE, side_by_side=width), Progress())
            for width in (5, 16)
        ]


async def test_two_runs_are_alike_but_for_the_seconds(reports: list[Report]) -> None:
    """A difference between policies is theirs only if there is none between runs."""
    assert reports[0].taking(0) == reports[1].taking(0)
    assert reports[0].is_whole


async def test_the_example_shows_every_way_in_which_an_order_can_end(reports: list[Report]) -> None:
    """A team looks here first for what would become of their own orders."""
    assert set(reports[0].outcomes) == {str(outcome) for outcome in Outcome} - NEVER_SHOWN
    assert reports[0].unaccounted == ()


async def test_the_example_shows_every_way_in_which_a_parcel_can_end(reports: list[Report]) -> None:
    """The stages on the way are no ends; one that went elsewhere stays so, if the buyer has it."""
    assert set(reports[0].parcels) == {
        *("delivered", "delivered_elsewhere", "false_shipment", "forfeited", "label_given_back"),
        *("lost", "not_received", "returned", "seized"),
    }


async def test_what_the_example_tells_comes_true(reports: list[Report]) -> None:
    """What comes to nothing is what the policy does not wait for, and no slip of ours."""
    late = [(one.order, one.what) for one in reports[0].late_facts if one.order >= FIRST_WITH_MORE]

    assert late == [("ex-1065", "delivered")]
    assert reports[0].aftercare == 1
    assert reports[0].refunded_in_part == 4
    assert {topic: counts["asked"] for topic, counts in reports[0].questions.items()} == {
        "extension": 2,
        "cancellation": 3,
        "protection": 2,
    }


async def test_money_crosses_currencies_and_nothing_of_it_is_lost(reports: list[Report]) -> None:
    """A seller who settles in another currency is paid in it, by what the treasurer bought."""
    money = {one.currency: one for one in reports[0].money}

    assert money["PLN"].ordered == 0
    assert money["PLN"].paid_out > 0
    assert "fx_result" not in money["PLN"].accounts
    assert "fx_result" not in money["EUR"].accounts


async def test_labels_are_borne_by_their_seller(reports: list[Report]) -> None:
    """The one that was used cost something, the one that was given back nothing."""
    (usd,) = (one for one in reports[0].money if one.currency == "USD")

    assert "carrier_costs" not in usd.accounts
