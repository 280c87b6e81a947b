"""The label of a return: who may have one, what its scans mean, and when it is given back."""

from dataclasses import replace

import pytest

from domain.dispute import acts, moves, settling
from domain.dispute.reasons import Remedy
from domain.dispute.rules import Action, Asked, allowed, check
from domain.dispute.state import ClockName, DisputeEvent, DisputeState, Sent, Stage
from domain.errors import DeadlinePassed, IllegalTransition, NotYours
from domain.shipment.labels import Box
from tests.domain.disputes import BUYER, LEAD, SELLER, after, in_review, terms
from tests.domain.test_dispute_rules import ask, rung

LABEL = Sent("UPS", "1Z999AA10123456784", "trk_1", "http://print")
OWN = Sent("DHLExpress", "1234567891")


def due() -> DisputeState:
    """The buyer is to send the goods back."""
    judged = in_review()
    asked = Asked(version=judged.revision, amount=4_000, remedy=Remedy.RETURN_AND_REFUND)
    state = ask(judged, LEAD, Action.DECIDE, asked)
    assert state.stage is Stage.RETURN_DUE
    return state


def labelled() -> DisputeState:
    return moves.labelled(due(), LABEL, "dispute/d-1/label/1")


def test_a_label_is_for_the_buyer_of_goods_that_are_to_go_back() -> None:
    """Once, in the time for sending; a second one only after the first was declined."""
    state = due()
    check(state, Action.RETURN_LABEL, BUYER, after(hours=1), Asked(box=Box(900)))
    with pytest.raises(NotYours):
        check(state, Action.RETURN_LABEL, SELLER, after(hours=1), Asked())
    with pytest.raises(DeadlinePassed):
        check(state, Action.RETURN_LABEL, BUYER, after(days=60), Asked())
    with pytest.raises(IllegalTransition):
        check(in_review(), Action.RETURN_LABEL, BUYER, after(hours=1), Asked())

    assert Action.RETURN_LABEL not in allowed(labelled())
    assert Action.RETURN_LABEL in allowed(moves.label_declined(state))


def test_who_has_a_label_need_not_type_its_number() -> None:
    """Handing it over is declared by itself; without a label the number has to be said."""
    declared = ask(labelled(), BUYER, Action.SEND_BACK, Asked(), after(hours=1))
    with pytest.raises(IllegalTransition, match="say carrier and number"):
        check(due(), Action.SEND_BACK, BUYER, after(hours=1), Asked())

    assert (declared.stage, declared.sent) == (Stage.RETURN_DECLARED, LABEL)
    assert not settling.idle_label(declared)


@pytest.mark.parametrize(
    ("milestone", "stage"),
    [
        ("in_transit", Stage.RETURN_UNDER_WAY),
        ("delivered", Stage.RETURN_CHECK),
        ("lost", Stage.EVIDENCE),
    ],
)
def test_the_first_scan_of_a_label_counts_as_sent(milestone: str, stage: Stage) -> None:
    """Nobody forgets to say so; without a label a scan is of some earlier parcel."""
    event = acts.tracked(labelled(), milestone)
    assert event is not None
    moved = moves.happened(moves.label_over(labelled()), terms(), event, after(days=9))

    assert moved.stage is stage
    assert acts.tracked(due(), milestone) is None


def test_a_label_that_nobody_will_use_is_given_back() -> None:
    """Time is over, the buyer withdraws, the seller does without, or another carrier has it."""
    state = labelled()
    missing = rung(state, ClockName.RETURN_SHIPMENT)
    withdrawn = ask(state, BUYER, Action.WITHDRAW)
    spared = ask(state, SELLER, Action.ACCEPT_RETURN)
    otherwise = ask(state, BUYER, Action.SEND_BACK, Asked(parcel=OWN), after(hours=1))
    carried = moves.happened(state, terms(), DisputeEvent.RETURN_SCANNED, after(days=9))

    for each in (missing, withdrawn, spared, otherwise):
        assert settling.idle_label(each) == state.label
        assert not settling.is_over(replace(each, stage=Stage.CLOSED))
        assert not settling.idle_label(settling.label_given_back(each))
    assert not settling.idle_label(state)
    assert not settling.idle_label(moves.label_over(carried))


def test_a_case_can_be_handed_on_while_its_goods_travel() -> None:
    """Whoever has it may be away when it comes back to review."""
    for state in (due(), labelled()):
        assert ask(state, LEAD, Action.ASSIGN, Asked(to="a-2")).assignee == "a-2"
