"""What a dispute's timeline says has what the letters about it need."""

import pytest

from activities.dispute_requests import Act
from activities.dispute_telling import acted
from domain.actors import Actor
from domain.dispute import moves
from domain.dispute.rules import Action, Asked
from tests.domain.disputes import BUYER, SELLER, after, opened, terms


@pytest.mark.parametrize("side", [BUYER, SELLER])
def test_who_escalates_is_told_with_the_deadline_for_evidence(side: Actor) -> None:
    """Both sides get a letter by when to send it, whoever called for the platform."""
    before, at = opened(), after(days=1)
    request = Act(before, at, Action.ESCALATE, side, Asked())
    (event,) = acted(before, moves.escalated(before, terms(), at), request)

    assert (event.kind, event.actor) == ("dispute.escalated", str(side))
    assert event.facts["answer_by"] == after(days=4).isoformat()
