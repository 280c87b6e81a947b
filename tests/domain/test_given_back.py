"""A label that its seller gives back: what becomes of the goods, the order and its clocks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from domain.errors import IllegalTransition
from domain.order import facts, parcel_moves, rules
from domain.order.facts import clock_of
from domain.order.online import OnlineLabel
from domain.order.parcel_moves import News
from domain.order.parcels import Parcel, ParcelEvent, ParcelStage
from domain.order.rules import Action
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    OrderState,
    Outcome,
    Payment,
)
from domain.policy import from_document

AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
_EUR: Final[dict[str, Any]] = {"minimum_payout": 1, "payout_fee": 0, "review_above": 10**9}
TERMS: Final = from_document(
    {"zone": "Europe/Berlin", "currencies": {"EUR": _EUR}}, "standard", 1
).terms("DE", "standard", [("books", 10_000)], "EUR")
PAID: Final = OrderState(
    "o-1",
    "b-1",
    "s-1",
    "EUR",
    10_000,
    AT,
    payment=Payment.CAPTURED,
    captured=10_000,
    fulfilment=Fulfilment.AWAITING_SHIPMENT,
    unshipped=("1", "2"),
    clocks=(Clock(ClockName.SHIPMENT, AT, AT + timedelta(days=7)),),
)


def day(number: float) -> datetime:
    return AT + timedelta(days=number)


def shipped(state: OrderState, name: str, *lines: str) -> OrderState:
    parcel = Parcel("UPS", f"1Z{name}", name=name, lines=lines, amount=5_000 * len(lines))
    return parcel_moves.shipped(state, TERMS, parcel, day(1), day(6))


def given_back(state: OrderState, name: str, at: datetime) -> OrderState:
    return parcel_moves.label_given_back(state, TERMS, name, at)


def test_all_of_an_order_waits_again_for_what_is_left_of_its_time() -> None:
    """Buying labels and giving them back gains no time, and leaves no clock of a parcel."""
    back = given_back(shipped(PAID, "1", "1", "2"), "1", day(3))

    assert (back.fulfilment, back.unshipped) == (Fulfilment.AWAITING_SHIPMENT, ("1", "2"))
    assert back.shipped_at is None
    assert back.clocks == (Clock(ClockName.SHIPMENT, day(3), day(7)),)
    assert given_back(shipped(back, "2", "1", "2"), "2", day(5)).clocks[0].due_at == day(7)


def test_time_that_is_over_is_over() -> None:
    """Given back after the shipping time: the goods count as not shipped, at once."""
    back = given_back(shipped(PAID, "1", "1", "2"), "1", day(9))

    assert [clock.due_at for clock in back.clocks] == [day(9)]


def test_the_other_parcel_goes_on() -> None:
    """A part is on its way, and the rest waits to be shipped."""
    both = shipped(shipped(PAID, "1", "1"), "2", "2")
    moved = parcel_moves.moved(both, TERMS, News("1", ParcelEvent.SCANNED, "in_transit"), day(2))
    back = given_back(moved, "2", day(3))

    assert (moved.fulfilment, back.fulfilment) == (
        Fulfilment.IN_TRANSIT,
        Fulfilment.PARTLY_SHIPPED,
    )
    assert (back.unshipped, back.shipped_at) == (("2",), day(1))
    assert clock_of(back, ClockName.DELIVERY, "1") is not None
    assert clock_of(back, ClockName.DELIVERY, "2") is None
    assert shipped(back, "3", "2").fulfilment is Fulfilment.IN_TRANSIT


def test_a_shipping_time_that_runs_is_left_alone() -> None:
    """The rest of the order was waiting anyway."""
    back = given_back(shipped(PAID, "1", "1"), "1", day(3))

    assert back.clocks == PAID.clocks
    assert back.unshipped == ("2", "1")


def test_a_stopped_seller_s_time_does_not_begin() -> None:
    """While fraud is suspected nothing can be shipped, whatever is given back."""
    doubted = replace(shipped(PAID, "1", "1", "2"), fraud=Fraud.SUSPECTED)

    assert given_back(doubted, "1", day(3)).clocks == ()


def test_a_label_that_travels_all_the_same_declares_its_goods_again() -> None:
    """The carrier has them: nobody may be refunded for goods that were not shipped."""
    back = given_back(shipped(PAID, "1", "1", "2"), "1", day(3))
    used = parcel_moves.label_used_after_all(back, TERMS, "1", day(4), day(9))
    parcel = facts.parcel_named(used, "1")

    assert (used.fulfilment, used.unshipped) == (Fulfilment.DECLARED, ())
    assert (parcel.stage, parcel.declared_at) == (ParcelStage.DECLARED, day(4))
    assert clock_of(used, ClockName.SHIPMENT) is None


def test_what_comes_back_after_the_shipping_time_is_owed_with_the_rest() -> None:
    """One line was never shipped, and a hold keeps its refund back: neither amount is lost."""
    three = replace(PAID, unshipped=("1", "2", "3"))
    part = shipped(shipped(three, "1", "1"), "2", "2")
    part = parcel_moves.not_all_shipped(part, TERMS, 4_000, day(7))
    back = given_back(part, "1", day(8))
    over = parcel_moves.not_all_shipped(back, TERMS, 3_000, day(8))

    assert clock_of(back, ClockName.SHIPMENT) == Clock(ClockName.SHIPMENT, day(8), day(8))
    assert [(owed.name, owed.amount) for owed in over.owed] == [("unshipped", 7_000)]
    assert over.fulfilment is Fulfilment.DECLARED


def test_a_lost_parcel_still_ends_an_order_whose_label_came_back() -> None:
    """What will never come decides how the order ends, not the label that was given back."""
    both = shipped(shipped(PAID, "1", "1"), "2", "2")
    back = given_back(both, "2", day(3))
    lost = parcel_moves.moved(back, TERMS, News("1", ParcelEvent.LOST, "lost"), day(4))
    over = parcel_moves.not_all_shipped(lost, TERMS, 5_000, day(7))

    assert (over.outcome, over.fulfilment) == (Outcome.LOST, Fulfilment.CANCELLED)


@pytest.mark.case(19)
def test_the_number_of_a_bought_label_is_not_edited() -> None:
    """It is the label's own: another would leave a paid label for a parcel that nobody follows."""
    label = OnlineLabel("order/o-1/label/1", "1")
    state = replace(shipped(PAID, "1", "1", "2"), labels=(label,))
    typed = replace(state, labels=())

    assert Action.EDIT_SHIPMENT not in rules.allowed(state)
    assert Action.EDIT_SHIPMENT in rules.allowed(typed)
    assert facts.parcel_to_edit(typed, "1").name == "1"
    with pytest.raises(IllegalTransition):
        facts.parcel_to_edit(state, "1")
