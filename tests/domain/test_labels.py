"""The tables of labels and couriers, and what labels do to the books."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg
from domain.order.online_moves import check_window
from domain.shipment import labels, pickup
from domain.shipment.labels import LABEL, Bearer, LabelEvent, LabelStatus
from domain.shipment.pickup import PICKUP, Pickup, PickupEvent, PickupStatus, PickupTerms

TERMS = PickupTerms(3, timedelta(hours=72), timedelta(hours=48))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AMOUNTS = st.integers(min_value=1, max_value=10**9)


def sums(*entries: tuple[Leg, ...]) -> dict[Kind, int]:
    """What all entries together leave on each kind of account."""
    found: dict[Kind, int] = {}
    for leg in (leg for entry in entries for leg in entry):
        found[leg.account.kind] = found.get(leg.account.kind, 0) + leg.amount
    return {kind: amount for kind, amount in found.items() if amount}


@pytest.mark.parametrize("state", LabelStatus)
@pytest.mark.parametrize("event", LabelEvent)
def test_a_label_is_paid_for_once_and_comes_back_once(
    state: LabelStatus, event: LabelEvent
) -> None:
    """Only one state can be bought from, and none leads out of what came back."""
    is_possible = LABEL.allows(state, event)

    if event is LabelEvent.BOUGHT:
        assert is_possible == (state is LabelStatus.NONE)
    if event is LabelEvent.VOID_GRANTED:
        assert is_possible == (state is LabelStatus.VOID_ASKED)
    if state in (LabelStatus.VOIDED, LabelStatus.USED, LabelStatus.NOT_BOUGHT):
        assert not is_possible


@given(amount=AMOUNTS, payable=st.integers(min_value=-(10**9), max_value=10**9))
def test_whoever_bears_it_pays_exactly_the_carriers_bill(amount: int, payable: int) -> None:
    """Set aside and paid, nothing is left between the seller and the wallet."""
    charged = labels.charged(Bearer.SELLER, "s-1", amount, payable)
    paid = labels.paid("easypost", amount)
    found = sums(charged, paid)

    assert found.pop(Kind.CLEARING) == -amount
    assert sum(found.values()) == amount
    assert found.get(Kind.PAYABLE, 0) <= max(0, payable)
    assert not found.keys() - {Kind.PAYABLE, Kind.DEBT}


@given(amount=AMOUNTS, owed=st.integers(min_value=0, max_value=10**9))
@pytest.mark.parametrize("bearer", Bearer)
def test_what_comes_back_is_whole_and_pays_debts_first(
    bearer: Bearer, amount: int, owed: int
) -> None:
    """No debt is made of money that came back, and none of it is lost."""
    back = sums(labels.given_back("easypost", bearer, "s-1", amount, owed))

    assert back.pop(Kind.CLEARING) == amount
    assert sum(back.values()) == -amount
    assert -back.get(Kind.DEBT, 0) == (min(amount, owed) if bearer is Bearer.SELLER else 0)


def test_the_platform_sets_nothing_aside() -> None:
    """Nobody's balance is touched for what the platform pays."""
    assert labels.charged(Bearer.PLATFORM, "s-1", 500, 0) == ()


@pytest.mark.case(20)
def test_three_couriers_in_vain_end_in_a_drop_off_with_its_own_time() -> None:
    """However long the windows were, the seller's time begins when the last was over."""
    fetched = Pickup("order/o-1/label/1")
    for number in (1, 2, 3):
        day = NOON + timedelta(days=number)
        fetched = pickup.planned(fetched, number, day, day + timedelta(hours=4))
        fetched = pickup.missed(fetched, TERMS, day + timedelta(hours=4))

    assert (fetched.status, fetched.attempt) == (PickupStatus.DROP_OFF, 3)
    assert fetched.due_at == NOON + timedelta(days=3, hours=4 + 72)
    with pytest.raises(IllegalTransition):
        pickup.planned(fetched, 4, NOON, NOON)


@pytest.mark.parametrize("state", PickupStatus)
def test_a_parcel_is_collected_wherever_it_waits(state: PickupStatus) -> None:
    """A scan proves it, also of a parcel for which no courier was expected any more."""
    is_here = state not in (PickupStatus.NONE, PickupStatus.COLLECTED, PickupStatus.CHECKED_IN)

    assert PICKUP.allows(state, PickupEvent.COLLECTED) == is_here


def test_a_collected_parcel_is_checked_in_once() -> None:
    """The warehouse's time ends with its scan."""
    fetched = pickup.planned(Pickup("l"), 1, NOON, NOON + timedelta(hours=4))
    collected = pickup.collected(fetched, TERMS, NOON)
    stored = pickup.checked_in(collected)

    assert collected.due_at == NOON + timedelta(hours=48)
    assert (stored.status, stored.due_at) == (PickupStatus.CHECKED_IN, None)
    assert pickup.called_off(fetched).due_at is None
    with pytest.raises(IllegalTransition):
        pickup.checked_in(stored)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (timedelta(hours=-5), timedelta(hours=-1)),
        (timedelta(hours=-1), timedelta(0)),
        (timedelta(hours=5), timedelta(hours=1)),
        (timedelta(days=29), timedelta(days=31)),
        (timedelta(days=365), timedelta(days=366)),
    ],
)
def test_no_courier_is_ordered_for_a_time_that_makes_no_sense(
    begins: timedelta, ends: timedelta
) -> None:
    """Windows of the past use attempts up in a minute, and the last one gives the seller time."""
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    with pytest.raises(IllegalTransition):
        check_window(at + begins, at + ends, at)
    check_window(at - timedelta(hours=1), at + timedelta(hours=1), at)
    check_window(None, None, at)
