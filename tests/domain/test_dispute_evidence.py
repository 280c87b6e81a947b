"""What may be shown in a dispute, and what comes too late."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.actors import Role
from domain.dispute import acts
from domain.dispute.clocks import clock_of
from domain.dispute.evidence import (
    MOST_OF_A_SIDE,
    is_late,
    is_open,
    must_be_taken,
    side_of,
    told_as,
)
from domain.dispute.rules import Action, Asked
from domain.dispute.state import ClockName, DisputeState, Stage
from domain.errors import IllegalTransition, LimitReached
from domain.notices import concerned
from tests.domain.disputes import BUYER, after, appealable, in_review, opened, terms


def _escalated() -> DisputeState:
    return acts.done(opened(), terms(), Action.ESCALATE, (BUYER, Asked()), after(days=1))


@pytest.mark.case(38)
def test_what_comes_after_the_round_is_late() -> None:
    """It is kept: whoever decides may look at it, and need not."""
    escalated = _escalated()
    clock = clock_of(escalated, ClockName.EVIDENCE)
    assert clock is not None

    assert not is_late(opened(), after(days=1))
    assert not is_late(escalated, clock.due_at)
    assert is_late(escalated, clock.due_at + timedelta(seconds=1))
    assert is_late(in_review(), after(days=9))


def test_an_appeal_may_bring_what_is_new() -> None:
    """Else there would be nothing to appeal with."""
    appealed = replace(appealable(), stage=Stage.APPEALED, clocks=())

    assert not is_late(appealed, after(days=30))


@pytest.mark.parametrize("stage", [Stage.CLOSED, Stage.NOT_OPENED])
def test_nothing_is_shown_in_a_case_that_is_over(stage: Stage) -> None:
    """Nobody would look at it."""
    over = replace(opened(), stage=stage)

    assert not is_open(over)
    with pytest.raises(IllegalTransition, match="closed"):
        must_be_taken(over, 0)


def test_a_side_shows_so_many_files() -> None:
    """A case that nobody can read is decided by chance."""
    must_be_taken(opened(), MOST_OF_A_SIDE - 1)
    with pytest.raises(LimitReached):
        must_be_taken(opened(), MOST_OF_A_SIDE)


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role.BUYER, {Role.SELLER}),
        (Role.SELLER, {Role.BUYER}),
        (Role.SUPPORT_AGENT, {Role.BUYER, Role.SELLER}),
    ],
)
def test_the_other_side_hears_of_it(role: Role, told: set[Role]) -> None:
    """Whoever is not told cannot answer."""
    assert set(concerned(told_as(side_of(role)), "")) == told
