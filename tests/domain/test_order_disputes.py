"""What an order makes of the disputes about its lines."""

from dataclasses import replace
from datetime import datetime

from domain.order import disputes, parcel_moves
from domain.order.disputed import Disputed
from domain.order.facts import clock_of, is_stopped, releasable
from domain.order.money import OrderFunds
from domain.order.parcel_moves import News
from domain.order.parcels import Parcel, ParcelEvent, ParcelStage
from domain.order.rules import next_due
from domain.order.state import (
    Clock,
    ClockName,
    Fulfilment,
    OrderState,
    Outcome,
    Owed,
    Payment,
)
from domain.policy import Policy, RiskRules, Terms
from tests.domain.disputes import BEGAN, after


def order() -> OrderState:
    """Two parcels on their way, 70.00 and 30.00; all of it is in escrow."""
    parcels = (
        Parcel("UPS", "1", name="1", stage=ParcelStage.IN_TRANSIT, lines=("1",), amount=7_000),
        Parcel("UPS", "2", name="2", stage=ParcelStage.IN_TRANSIT, lines=("2",), amount=3_000),
    )
    clocks = tuple(
        Clock(ClockName.DELIVERY, BEGAN, after(days=60), parcel=one.name) for one in parcels
    )
    return OrderState(
        "o-1",
        "b-1",
        "s-1",
        "EUR",
        10_000,
        BEGAN,
        payment=Payment.CAPTURED,
        fulfilment=Fulfilment.IN_TRANSIT,
        captured=10_000,
        parcels=parcels,
        clocks=clocks,
    )


def funds(held: int = 0, refunded: int = 0, contributed: int = 0) -> OrderFunds:
    row = OrderFunds("o-1", "s-1", "EUR", 10_000, 800, captured=10_000)
    return replace(row, held=held, refunded=refunded, contributed=contributed)


def disputed(*lines: str, name: str = "d-1", since: datetime | None = None) -> Disputed:
    return Disputed(name, disputes.parcels_of(order(), lines), since or after(days=20))


def terms() -> Terms:
    """Any order's."""
    policy = Policy("p", 1, "UTC", ("EUR",), risk=RiskRules({"EUR": 1}))
    return policy.terms("DE", "standard", [("books", 10_000)], "EUR")


def due_at(state: OrderState, parcel: str) -> datetime:
    clock = clock_of(state, ClockName.DELIVERY, parcel)
    assert clock is not None
    return clock.due_at


def test_only_what_a_dispute_settles_stands_still() -> None:
    """The other parcel's promise runs on, and is the next thing to happen."""
    state = disputes.heeded(order(), funds(7_000), [disputed("1")], {}, after(days=20))
    due = next_due(state)

    assert [is_stopped(state, clock) for clock in state.clocks] == [True, False]
    assert due is not None
    assert due.parcel == "2"
    assert (state.held, releasable(state)) == (7_000, 3_000)


def test_a_clock_that_runs_on_has_as_much_time_left_as_when_it_stopped() -> None:
    """Twelve days of talking are not the carrier's."""
    state = disputes.heeded(order(), funds(7_000), [disputed("1")], {}, after(days=20))
    resumed = disputes.heeded(state, funds(), [], {}, after(days=32))

    assert (due_at(resumed, "1"), due_at(resumed, "2")) == (after(days=72), after(days=60))


def test_two_disputes_that_overlap_stop_a_clock_once() -> None:
    """From the first one's opening to the last one's end, whichever ends first."""
    first = disputed("1")
    second = disputed("1", name="d-2", since=after(days=25))
    state = disputes.heeded(order(), funds(1_000), [first], {}, after(days=20))
    both = disputes.heeded(state, funds(2_000), [first, second], {}, after(days=25))
    one = disputes.heeded(both, funds(1_000), [second], {}, after(days=30))
    none = disputes.heeded(one, funds(), [], {}, after(days=40))

    assert is_stopped(one, one.clocks[0])
    assert due_at(none, "1") == after(days=80)


def test_what_a_dispute_gave_is_not_owed_once_more() -> None:
    """The parcel is lost after its dispute has refunded a part of it: the rest is owed."""
    state = disputes.heeded(order(), funds(0, 4_000), [], {"1": 4_000}, after(days=30))
    lost = parcel_moves.moved(state, terms(), News("1", ParcelEvent.LOST), after(days=31))

    assert lost.owed == (Owed("1", 3_000, "lost"),)


def test_what_was_owed_is_settled_by_what_a_dispute_gives_for_it() -> None:
    """The other way round: lost first, and the whole line given by the verdict."""
    owing = replace(order(), owed=(Owed("1", 7_000, "lost"), Owed("2", 3_000, "lost")))
    state = disputes.heeded(owing, funds(0, 7_000), [], {"1": 7_000}, after(days=30))

    assert state.owed == (Owed("2", 3_000, "lost"),)


def test_an_order_of_which_all_went_back_is_over() -> None:
    """Nobody waits for its goods any more."""
    state = disputes.heeded(order(), funds(0, 10_000), [], {"1": 7_000}, after(days=30))

    assert (state.payment, state.fulfilment) == (Payment.REFUNDED, Fulfilment.CANCELLED)
    assert (state.outcome, state.clocks) == (Outcome.REFUNDED, ())


def test_what_the_platform_paid_stays_the_seller_s_in_escrow() -> None:
    """A refund that others paid for leaves nothing less for the seller."""
    state = disputes.heeded(order(), funds(0, 4_000, 4_000), [], {"1": 4_000}, after(days=30))

    assert releasable(state) == 10_000
    assert state.payment is Payment.PARTLY_REFUNDED
