"""The tables of states and events, all of them: what is possible, and that nothing else is."""

from enum import StrEnum
from itertools import product
from typing import Any, Final

import pytest

from domain.errors import IllegalTransition
from domain.machine import Machine
from domain.order.parcels import GONE, PARCEL, ParcelEvent, ParcelStage
from domain.order.rules import WHEN_DUE, WHO_MAY, Action
from domain.order.state import (
    ClockName,
    Fulfilment,
    FulfilmentEvent,
    Payment,
    PaymentEvent,
    Release,
    ReleaseEvent,
)
from domain.order.tables import FULFILMENT, PAYMENT, RELEASE
from domain.payout.bank_change import BANK_CHANGE, ChangeEvent, ChangeState
from domain.payout.state import PAYOUT, PayoutEvent, Stage


def _promised(rows: str) -> dict[tuple[str, str], str]:
    lines = (line.split() for line in rows.strip().splitlines())
    return {(state, event): target for state, event, target in lines}


_TABLES: Final[tuple[tuple[Machine[Any, Any], type[StrEnum], type[StrEnum], str], ...]] = (
    (
        PAYMENT,
        Payment,
        PaymentEvent,
        """
        awaiting        money_arrived   in_risk_check
        awaiting        window_closed   never_paid
        awaiting        cancelled       never_paid
        awaiting        other_amount_arrived  amount_differs
        awaiting        bank_agreed           in_risk_check
        amount_differs  amount_accepted       in_risk_check
        amount_differs  amount_sent_back      awaiting
        amount_differs  window_closed         never_paid
        amount_differs  cancelled             never_paid
        in_risk_check   risk_accepted   captured
        in_risk_check   risk_refused    captured
        captured        risk_reopened   in_risk_check
        authorised      risk_reopened   in_risk_check
        in_risk_check   risk_accepted_untaken authorised
        in_risk_check   risk_refused_untaken  authorised
        in_risk_check   taken                 in_risk_check
        in_risk_check   lapsed                awaiting
        authorised      taken                 captured
        authorised      lapsed                awaiting
        authorised      voided                voided
        captured        part_refunded   partly_refunded
        captured        fully_refunded  refunded
        partly_refunded part_refunded   partly_refunded
        partly_refunded fully_refunded  refunded
        partly_refunded refund_failed   captured
        refunded        refund_failed   captured
        """,
    ),
    (
        FULFILMENT,
        Fulfilment,
        FulfilmentEvent,
        """
        not_started       seller_told          awaiting_shipment
        not_started       called_off           cancelled
        awaiting_shipment address_changed      not_started
        awaiting_shipment part_declared        partly_shipped
        awaiting_shipment payment_lapsed       not_started
        awaiting_shipment declared             declared
        awaiting_shipment not_shipped          cancelled
        awaiting_shipment called_off           cancelled
        partly_shipped    part_declared        partly_shipped
        partly_shipped    declared             declared
        partly_shipped    not_shipped          declared
        partly_shipped    called_off           cancelled
        partly_shipped    part_taken_back      partly_shipped
        declared          part_taken_back      partly_shipped
        in_transit        part_taken_back      partly_shipped
        buyer_asked       part_taken_back      partly_shipped
        partly_shipped    all_taken_back       awaiting_shipment
        declared          all_taken_back       awaiting_shipment
        declared          confirmed            received
        declared          nothing_under_way    received
        declared          called_off           cancelled
        in_transit        confirmed            received
        in_transit        nothing_under_way    received
        in_transit        called_off           cancelled
        buyer_asked       confirmed            received
        buyer_asked       denied               buyer_asked
        buyer_asked       nothing_under_way    received
        buyer_asked       called_off           cancelled
        delivered         confirmed            received
        delivered         confirmed_by_silence received
        delivered         nothing_under_way    received
        delivered         called_off           cancelled
        """,
    ),
    (
        PARCEL,
        ParcelStage,
        ParcelEvent,
        """
        declared            scanned            in_transit
        declared            held_at_customs    at_customs
        declared            went_elsewhere     delivered_elsewhere
        declared            promise_passed     buyer_asked
        declared            delivered          delivered
        declared            sent_back          returning
        declared            came_back          returned
        declared            lost               lost
        declared            unseen             doubted
        doubted             scanned            in_transit
        doubted             held_at_customs    at_customs
        doubted             went_elsewhere     delivered_elsewhere
        doubted             promise_passed     buyer_asked
        doubted             delivered          delivered
        doubted             sent_back          returning
        doubted             came_back          returned
        doubted             lost               lost
        doubted             disowned           false_shipment
        in_transit          scanned            in_transit
        in_transit          held_at_customs    at_customs
        in_transit          went_elsewhere     delivered_elsewhere
        in_transit          promise_passed     buyer_asked
        in_transit          delivered          delivered
        in_transit          sent_back          returning
        in_transit          came_back          returned
        in_transit          lost               lost
        in_transit          unseen             doubted
        at_customs          scanned            in_transit
        at_customs          held_at_customs    at_customs
        at_customs          went_elsewhere     delivered_elsewhere
        at_customs          promise_passed     buyer_asked
        at_customs          delivered          delivered
        at_customs          sent_back          returning
        at_customs          came_back          returned
        at_customs          lost               lost
        at_customs          counterfeit_seized seized
        at_customs          duty_unpaid        forfeited
        delivered_elsewhere scanned            in_transit
        delivered_elsewhere held_at_customs    at_customs
        delivered_elsewhere went_elsewhere     delivered_elsewhere
        delivered_elsewhere promise_passed     buyer_asked
        delivered_elsewhere delivered          delivered
        delivered_elsewhere sent_back          returning
        delivered_elsewhere came_back          returned
        delivered_elsewhere lost               lost
        buyer_asked         scanned            buyer_asked
        buyer_asked         held_at_customs    at_customs
        buyer_asked         went_elsewhere     buyer_asked
        buyer_asked         delivered          delivered
        buyer_asked         sent_back          returning
        buyer_asked         came_back          returned
        buyer_asked         lost               lost
        buyer_asked         not_proved         not_received
        declared            not_proved         not_received
        doubted             not_proved         not_received
        in_transit          not_proved         not_received
        at_customs          not_proved         not_received
        delivered_elsewhere not_proved         not_received
        returning           scanned            returning
        returning           delivered          delivered
        returning           came_back          returned
        returning           lost               lost
        delivered           scanned            delivered
        delivered           withdrawn          in_transit
        declared            label_given_back   label_given_back
        doubted             label_given_back   label_given_back
        label_given_back    label_used         declared
        """,
    ),
    (
        RELEASE,
        Release,
        ReleaseEvent,
        """
        none part_released part
        none all_released  full
        part part_released part
        part all_released  full
        """,
    ),
    (
        PAYOUT,
        Stage,
        PayoutEvent,
        """
        due     withheld    withheld
        due     sent        sent
        due     paid_by_hand settled
        sent    watch_ended settled
        sent    came_back   returned
        settled came_back   returned
        """,
    ),
    (
        BANK_CHANGE,
        ChangeState,
        ChangeEvent,
        """
        awaiting_owner approved      awaiting_code
        awaiting_owner withdrawn     withdrawn
        awaiting_owner replaced      replaced
        awaiting_owner time_ran_out  lapsed
        awaiting_code  confirmed     confirmed
        awaiting_code  withdrawn     withdrawn
        awaiting_code  replaced      replaced
        awaiting_code  tries_used_up refused
        awaiting_code  time_ran_out  lapsed
        """,
    ),
)
_FIRST: Final = {
    "payment": "awaiting",
    "fulfilment": "not_started",
    "parcel": "declared",
    "release": "none",
    "bank change": "awaiting_owner",
}
# Which of these an order is in follows from its parcels, not from an event of its own.
_FOLLOWS: Final = {("fulfilment", "declared"): {"in_transit", "buyer_asked", "delivered"}}
_FINAL: Final = {
    "payment": {"never_paid", "voided"},
    "fulfilment": {"received", "cancelled"},
    "parcel": {
        *("not_received", "lost", "returned", "seized", "false_shipment", "forfeited"),
    },
    "release": {"full"},
    "payout": {"withheld", "returned"},
    "bank change": {"confirmed", "withdrawn", "replaced", "refused", "lapsed"},
}
_PAIRS: Final = [
    pytest.param(machine, state, event, _promised(rows), id=f"{machine.name}:{state}+{event}")
    for machine, states, events, rows in _TABLES
    for state, event in product(states, events)
]
_MACHINES: Final = [pytest.param(row[0], row[1], id=row[0].name) for row in _TABLES]


@pytest.mark.parametrize(("machine", "state", "event", "promised"), _PAIRS)
def test_every_event_in_every_state_is_decided(
    machine: Machine[Any, Any], state: StrEnum, event: StrEnum, promised: dict[Any, str]
) -> None:
    """What the table promises happens, and all the rest is refused with what was asked."""
    target = promised.get((str(state), str(event)))
    assert machine.allows(state, event) == (target is not None)
    if target is not None:
        assert machine.next(state, event) == target
        return
    with pytest.raises(IllegalTransition) as refused:
        machine.next(state, event)

    assert refused.value.facts == {"state": state, "event": event}


@pytest.mark.parametrize(("machine", "states"), _MACHINES)
def test_every_state_can_be_reached(machine: Machine[Any, Any], states: type[StrEnum]) -> None:
    """A state nobody can come to is a promise that nobody can keep."""
    reached = {_FIRST.get(machine.name, "due")}
    for _ in states:
        reached |= {str(to) for (source, _), to in machine.moves.items() if source in reached}
        for state in tuple(reached):
            reached |= _FOLLOWS.get((machine.name, state), set())

    assert reached == {str(state) for state in states}


@pytest.mark.parametrize(("machine", "states"), _MACHINES)
def test_every_state_but_the_last_has_a_way_out(
    machine: Machine[Any, Any], states: type[StrEnum]
) -> None:
    """Nothing is stuck: where no event leads on, the story is over."""
    assert {state for state in states if machine.is_final(state)} == _FINAL[machine.name]


def test_every_clock_has_a_named_outcome() -> None:
    """Invariant 4: no timer may run out without anybody knowing what then."""
    assert set(WHEN_DUE) == set(ClockName)
    assert all(WHEN_DUE.values())


def test_every_action_is_somebody_s() -> None:
    """An action that no role may ask for is a button that nobody sees."""
    assert set(WHO_MAY) == set(Action)
    assert all(WHO_MAY.values())


def test_every_parcel_that_is_gone_is_gone_for_good() -> None:
    """What has been refunded once must not come back to life, and be refunded again."""
    assert all(PARCEL.is_final(stage) for stage in GONE)
