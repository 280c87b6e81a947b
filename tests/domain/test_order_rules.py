"""Who may ask what of an order, until when; and what happens by itself, and when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actors import Actor, Role
from domain.calendar import Calendar, Span, reminders
from domain.errors import AmountExceeded, DeadlinePassed, IllegalTransition, NotYours, Refusal
from domain.order import rules
from domain.order.agreements import Agreement, Topic
from domain.order.online import OnlineLabel
from domain.order.parcels import Parcel, ParcelStage
from domain.order.rules import WHO_MAY, Action, check
from domain.order.state import (
    Clock,
    ClockName,
    Fraud,
    Fulfilment,
    OrderState,
    Outcome,
    Parked,
    Payment,
)

AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER: Final = AT + timedelta(days=7)
NEW: Final = OrderState("o-1", "b-1", "s-1", "EUR", 10_000, AT)
PAID: Final = replace(NEW, payment=Payment.CAPTURED, captured=10_000)
# One state in which each action is possible, with the clock that the action must beat, if any.
POSSIBLE: Final = {
    Action.CANCEL: replace(NEW, clocks=(Clock(ClockName.PAYMENT, AT, LATER),)),
    Action.PAY_ANOTHER_WAY: replace(
        NEW, intent="pi_1", attempts=1, clocks=(Clock(ClockName.PAYMENT, AT, LATER),)
    ),
    Action.DECIDE_AMOUNT: replace(
        NEW,
        payment=Payment.AMOUNT_DIFFERS,
        received=9_000,
        clocks=(Clock(ClockName.AMOUNT, AT, LATER),),
    ),
    Action.REPORT_FRAUD: PAID,
    Action.DECIDE_FRAUD: replace(PAID, fraud=Fraud.SUSPECTED),
    Action.DECIDE_RISK: replace(
        PAID, payment=Payment.IN_RISK_CHECK, clocks=(Clock(ClockName.RISK, AT, LATER),)
    ),
    Action.DECLARE_SHIPMENT: replace(
        PAID,
        fulfilment=Fulfilment.AWAITING_SHIPMENT,
        clocks=(Clock(ClockName.SHIPMENT, AT, LATER),),
    ),
    Action.CONFIRM_RECEIPT: replace(PAID, fulfilment=Fulfilment.IN_TRANSIT),
    Action.DENY_RECEIPT: replace(
        PAID, fulfilment=Fulfilment.BUYER_ASKED, clocks=(Clock(ClockName.ANSWER, AT, LATER),)
    ),
    Action.REFUND: PAID,
    Action.PLACE_HOLD: PAID,
    Action.LIFT_HOLD: replace(PAID, held=1_000),
    Action.RESOLVE: replace(PAID, parked=Parked("payment.refund", "no", "k", AT)),
}
UNSENT: Final = replace(
    PAID, fulfilment=Fulfilment.AWAITING_SHIPMENT, clocks=(Clock(ClockName.SHIPMENT, AT, LATER),)
)
ASKED: Final = replace(
    UNSENT,
    clocks=(),
    agreements=(Agreement(Topic.CANCELLATION, Role.BUYER, AT),),
)


def with_parcel(stage: ParcelStage, *clocks: Clock) -> OrderState:
    """An order whose one parcel stands so."""
    parcel = Parcel("UPS", "1Z999AA10123456784", stage=stage, declared_at=AT)
    return replace(PAID, fulfilment=Fulfilment.IN_TRANSIT, parcels=(parcel,), clocks=clocks)


LABELLED: Final = OnlineLabel("order/o-1/label/1", "1")
POSSIBLE.update(
    {
        Action.EDIT_SHIPMENT: with_parcel(ParcelStage.DECLARED),
        Action.DISOWN_SHIPMENT: with_parcel(
            ParcelStage.DOUBTED, Clock(ClockName.PROOF, AT, LATER, parcel="1")
        ),
        Action.RULE_ON_CUSTOMS: with_parcel(ParcelStage.AT_CUSTOMS),
        Action.CHANGE_ADDRESS: UNSENT,
        Action.ASK_CONSENT: replace(UNSENT, clocks=()),
        Action.ANSWER_CONSENT: ASKED,
        Action.WITHDRAW_QUESTION: ASKED,
        Action.BUY_LABEL: UNSENT,
        Action.VOID_LABEL: replace(with_parcel(ParcelStage.DECLARED), labels=(LABELLED,)),
        Action.SCHEDULE_PICKUP: replace(with_parcel(ParcelStage.DECLARED), labels=(LABELLED,)),
    }
)
EVERY: Final = pytest.mark.parametrize("action", list(Action))
WITH_CLOCK: Final = [action for action, state in POSSIBLE.items() if state.clocks]
WITH_AMOUNT: Final = (Action.REFUND, Action.PLACE_HOLD)


def somebody(action: Action) -> Actor:
    """One who may ask for it."""
    role = min(WHO_MAY[action])
    return Actor(role, {Role.BUYER: "b-1", Role.SELLER: "s-1"}.get(role, "x-1"))


def amount_of(action: Action) -> int:
    return 1 if action in WITH_AMOUNT else 0


@EVERY
def test_every_action_is_possible_in_some_state(action: Action) -> None:
    """One that never is would be a promise in the documentation alone."""
    check(POSSIBLE[action], action, somebody(action), AT, amount_of(action))

    assert rules.allowed(POSSIBLE[action])[action] == tuple(sorted(WHO_MAY[action]))


@EVERY
def test_nothing_can_be_asked_of_an_order_that_has_ended(action: Action) -> None:
    """Late wishes are another process's; the books of this one are closed."""
    ended = replace(POSSIBLE[action], ended_at=AT, outcome=Outcome.COMPLETED)
    with pytest.raises(IllegalTransition):
        check(ended, action, somebody(action), AT, amount_of(action))

    assert rules.allowed(ended) == {}


@EVERY
def test_who_may_not_ask_is_told_so_first(action: Action) -> None:
    """Somebody else's order must not tell a stranger how it stands."""
    ended = replace(POSSIBLE[action], ended_at=AT)
    strangers = [Actor(role, "x-9") for role in Role if role not in WHO_MAY[action]]
    strangers += [
        Actor(role, "x-9") for role in (Role.BUYER, Role.SELLER) if role in WHO_MAY[action]
    ]
    for stranger in strangers:
        with pytest.raises(NotYours):
            check(ended, action, stranger, LATER + timedelta(days=1), 10**9)


@pytest.mark.parametrize("action", WITH_CLOCK)
def test_an_action_asked_at_its_deadline_is_in_time(action: Action) -> None:
    """Invariant 5: at the last instant it counts, and one second later it does not."""
    check(POSSIBLE[action], action, somebody(action), LATER)

    with pytest.raises(DeadlinePassed) as late:
        check(POSSIBLE[action], action, somebody(action), LATER + timedelta(seconds=1))
    assert late.value.facts["due_at"] == LATER.isoformat()


@pytest.mark.parametrize("action", WITH_CLOCK)
def test_what_is_impossible_is_never_called_late(action: Action) -> None:
    """The order of refusals is fixed: who, whether, until when, how much."""
    state = replace(
        POSSIBLE[action], payment=Payment.REFUNDED, fulfilment=Fulfilment.CANCELLED, parcels=()
    )
    with pytest.raises(IllegalTransition):
        check(state, action, somebody(action), LATER + timedelta(seconds=1), 10**9)


@pytest.mark.case(50)
@pytest.mark.parametrize("action", WITH_AMOUNT)
@pytest.mark.parametrize("asked", [-1, 0, 9_001])
def test_what_exceeds_the_rest_is_refused_with_what_is_left(action: Action, asked: int) -> None:
    """Nothing and less than nothing are no amounts either."""
    state = replace(PAID, held=1_000)
    with pytest.raises(AmountExceeded) as refused:
        check(state, action, somebody(action), AT, asked)

    assert refused.value.facts["available"] == 9_000
    check(state, action, somebody(action), AT, 9_000)


@EVERY
@given(
    payment=st.sampled_from(Payment),
    fulfilment=st.sampled_from(Fulfilment),
    captured=st.sampled_from([0, 10_000]),
    held=st.sampled_from([0, 4_000]),
    denied=st.booleans(),
)
def test_what_is_shown_as_allowed_is_not_refused_as_impossible(
    action: Action,
    payment: Payment,
    fulfilment: Fulfilment,
    captured: int,
    held: int,
    denied: bool,  # noqa: FBT001 - Hypothesis names it
) -> None:
    """The buttons and the judge read one table."""
    state = replace(
        NEW,
        payment=payment,
        fulfilment=fulfilment,
        captured=captured,
        held=min(held, captured),
        denied=denied,
    )
    refusal: Refusal | None = None
    try:
        check(state, action, somebody(action), AT, 1)
    except Refusal as no:
        refusal = no

    assert (action in rules.allowed(state)) == (not isinstance(refusal, IllegalTransition))


def test_the_nearest_deadline_or_reminder_is_next() -> None:
    """A week has its reminders at half and on the day before, then its end."""
    clock = Clock(ClockName.SHIPMENT, AT, LATER)
    state = replace(PAID, clocks=(clock, Clock(ClockName.DELIVERY, AT, LATER + timedelta(days=9))))
    found: list[tuple[datetime, bool]] = []
    for reminded in range(3):
        due = rules.next_due(
            replace(state, clocks=(replace(clock, reminded=reminded), state.clocks[1]))
        )
        assert due is not None
        found.append((due.at, due.is_reminder))

    assert found == [
        (AT + timedelta(days=3.5), True),
        (AT + timedelta(days=6), True),
        (LATER, False),
    ]
    assert rules.next_due(PAID) is None


@given(days=st.floats(min_value=0.01, max_value=400))
def test_reminders_lie_within_windows_of_three_days_or_more(days: float) -> None:
    """A reminder after the end, or of an hour, would only annoy."""
    due = AT + timedelta(days=days)
    found = reminders(AT, due)

    assert bool(found) == (due - AT >= timedelta(days=3))
    assert all(AT < moment < due for moment in found)
    assert list(found) == sorted(set(found))


NEW_YORK: Final = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        # Friday before the clocks go forward: business days keep the time on the wall.
        ("2026-03-06T17:00-05:00", "1bd", "2026-03-09T17:00-04:00"),
        # Elapsed time does not.
        ("2026-03-06T17:00-05:00", "3d", "2026-03-09T18:00-04:00"),
        # Back again in autumn, over a holiday.
        ("2026-10-30T09:00-04:00", "2bd", "2026-11-04T09:00-05:00"),
        # From a Saturday the count begins on Monday.
        ("2026-03-07T12:00-05:00", "1bd", "2026-03-09T12:00-04:00"),
        ("2026-03-02T12:00-05:00", "0bd", "2026-03-02T12:00-05:00"),
    ],
)
def test_business_days_keep_the_time_on_the_wall(start: str, span: str, end: str) -> None:
    """A promise crosses a change of clocks, a weekend and a holiday of the policy's calendar."""
    calendar = Calendar((date(2026, 11, 2),))
    begun = datetime.fromisoformat(start).astimezone(UTC)

    found = calendar.after(begun, Span.parse(span), NEW_YORK)

    assert found == datetime.fromisoformat(end)
    assert found.tzinfo is UTC


@given(
    start=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - UTC below
    days=st.integers(1, 40),
)
def test_so_many_business_days_lie_between(start: datetime, days: int) -> None:
    """Counted one by one, whatever the weekends and holidays in between."""
    calendar = Calendar((date(2026, 1, 1), date(2026, 7, 3), date(2026, 12, 25)))
    begun = start.replace(tzinfo=UTC)
    ended = calendar.after(begun, Span(business_days=days), UTC)
    between = (ended.date() - begun.date()).days
    counted = [begun.date() + timedelta(days=passed + 1) for passed in range(between)]

    assert sum(calendar.is_business_day(day) for day in counted) == days
    assert calendar.is_business_day(ended.date())


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7 d", "1.5h", "7D", "7bd ", "9999999d"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """A misread window moves real money on another day."""
    with pytest.raises(ValueError, match="is not a span of time"):
        Span.parse(text)


@pytest.mark.case(8)
def test_an_order_under_suspicion_is_never_settled() -> None:
    """All of its money is with the seller, yet compliance may still take it back."""
    over = replace(PAID, fulfilment=Fulfilment.RECEIVED, released=10_000)

    assert rules.is_settled(over)
    assert not rules.is_settled(replace(over, fraud=Fraud.SUSPECTED))


@pytest.mark.parametrize("stage", [Fulfilment.AWAITING_SHIPMENT, Fulfilment.PARTLY_SHIPPED])
def test_nothing_about_the_shipment_is_asked_while_compliance_looks(stage: Fulfilment) -> None:
    """An answer could call off, and pay back, what compliance has not decided about."""
    waiting = replace(PAID, fulfilment=stage)
    suspected = replace(waiting, fraud=Fraud.SUSPECTED)

    assert Topic.EXTENSION in rules.topics(waiting)
    assert rules.topics(suspected) == ()
