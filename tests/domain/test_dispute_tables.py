"""The tables of disputes, all of them: what is possible, that nothing else is, and no dead end."""

from enum import StrEnum
from itertools import product
from typing import Any, Final

import pytest

from domain.dispute.clocks import RUNS_IN, WHEN_DUE
from domain.dispute.reasons import REASONS, REMEDIES, Category, Reason
from domain.dispute.rules import BEATS, WHO_MAY, Action
from domain.dispute.state import (
    DISPUTE,
    PAUSE,
    ClockName,
    DisputeEvent,
    Pause,
    PauseEvent,
    Stage,
)
from domain.errors import IllegalTransition
from domain.machine import Machine

_PROMISED: Final = """
opening           opened             awaiting_seller
opening           not_opened         not_opened
awaiting_seller   buyer_proposed     awaiting_seller
awaiting_seller   seller_proposed    awaiting_buyer
awaiting_seller   escalated          evidence
awaiting_buyer    buyer_proposed     awaiting_seller
awaiting_buyer    seller_proposed    awaiting_buyer
awaiting_buyer    escalated          evidence
evidence          buyer_proposed     evidence
evidence          seller_proposed    evidence
evidence          platform_proposed  platform_proposed
evidence          evidence_extended  evidence
evidence          evidence_closed    in_review
in_review         buyer_proposed     in_review
in_review         seller_proposed    in_review
in_review         platform_proposed  platform_proposed
in_review         review_late        in_review
in_review         second_needed      awaiting_approval
platform_proposed buyer_proposed     platform_proposed
platform_proposed seller_proposed    platform_proposed
platform_proposed platform_proposed  platform_proposed
platform_proposed proposal_declined  in_review
platform_proposed second_needed      awaiting_approval
awaiting_approval second_disagreed   in_review
awaiting_approval second_agreed      ruled
ruled             taken_back         in_review
return_due        return_shipped     return_declared
return_due        return_missing     settling
return_due        return_scanned     return_under_way
return_due        return_delivered   return_check
return_due        return_lost        evidence
return_due        return_accepted    settling
return_declared   return_scanned     return_under_way
return_declared   return_delivered   return_check
return_declared   return_lost        evidence
return_declared   return_missing     settling
return_declared   return_accepted    settling
return_under_way  return_delivered   return_check
return_under_way  return_lost        evidence
return_under_way  return_accepted    settling
return_check      goods_objected     evidence
return_check      return_accepted    settling
reship_due        reshipped          reshipped
reship_due        reship_failed      settling
reshipped         reship_delivered   reship_check
reshipped         reship_failed      settling
reshipped         reship_accepted    settling
reship_check      goods_objected     evidence
reship_check      reship_accepted    settling
settling          charged_back       settling
settling          settled            closed
settling          ruling_settled     appealable
appealable        appealed           appealed
appealable        appeal_lapsed      closed
appealable        charged_back       closed
appealed          review_late        appealed
appealed          second_needed      appeal_approval
appealed          appeal_ruled       settling
appealed          charged_back       closed
appeal_approval   second_disagreed   appealed
appeal_approval   appeal_ruled       settling
appeal_approval   charged_back       closed
"""
_NEGOTIABLE: Final = (
    "awaiting_seller",
    "awaiting_buyer",
    "evidence",
    "in_review",
    "platform_proposed",
    "awaiting_approval",
    "ruled",
)
_ALWAYS_THERE: Final = (
    ("refund_fixed", "settling"),
    ("return_fixed", "return_due"),
    ("reship_fixed", "reship_due"),
    ("arrived", "settling"),
)
_GOODS: Final = (
    "return_due",
    "return_declared",
    "return_under_way",
    "return_check",
    "reship_due",
    "reshipped",
    "reship_check",
)


def _promised() -> dict[tuple[str, str], str]:
    rows = (line.split() for line in _PROMISED.strip().splitlines())
    told = {(state, event): target for state, event, target in rows}
    told |= {(s, event): target for s in _NEGOTIABLE for event, target in _ALWAYS_THERE}
    told |= {(s, "reason_changed"): s for s in _NEGOTIABLE}
    ends = ("withdrawn", "charged_back")
    return told | {(s, event): "settling" for s in (*_NEGOTIABLE, *_GOODS) for event in ends}


@pytest.mark.parametrize("stage", Stage)
def test_a_dispute_moves_as_promised_and_not_otherwise(stage: Stage) -> None:
    """Money follows the stage: a move that nobody meant gives it to the wrong side."""
    promised = _promised()
    for event in DisputeEvent:
        target = promised.get((stage, event))
        if target is None:
            with pytest.raises(IllegalTransition):
                DISPUTE.next(stage, event)
        else:
            assert DISPUTE.next(stage, event) == target


@pytest.mark.parametrize(("pause", "event"), list(product(Pause, PauseEvent)))
def test_a_chargeback_pauses_once_and_ends_once(pause: Pause, event: PauseEvent) -> None:
    """Two chargebacks at once, or an end without a beginning, are somebody's mistake."""
    begins = event is PauseEvent.CHARGEBACK_OPENED
    is_told = begins if pause is Pause.RUNNING else not begins

    assert PAUSE.allows(pause, event) is is_told


def _reachable(machine: Machine[Any, Any], start: StrEnum) -> set[StrEnum]:
    seen = {start}
    while more := {t for (s, _), t in machine.moves.items() if s in seen} - seen:
        seen |= more
    return seen


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_is_reached_and_has_a_way_out(stage: Stage) -> None:
    """A stage nobody leaves keeps the money for ever."""
    assert stage in _reachable(DISPUTE, Stage.OPENING)

    assert _reachable(DISPUTE, stage) & {Stage.CLOSED, Stage.NOT_OPENED}


def test_every_stage_in_which_somebody_is_waited_for_has_a_clock() -> None:
    """Silence must have an end; only our own steps are not timed."""
    untimed = {stage for stage in Stage if not DISPUTE.is_final(stage)} - set(RUNS_IN)

    assert untimed == {Stage.OPENING, Stage.SETTLING}


def test_every_clock_says_what_it_does_and_every_action_who_may() -> None:
    """No timer without an outcome; no route without a right."""
    assert set(WHEN_DUE) == set(ClockName)
    assert {name for name, _ in RUNS_IN.values()} == set(ClockName) - {
        ClockName.INTERVENTION,
        ClockName.ARRIVAL,
    }
    assert set(WHO_MAY) == set(Action)
    assert set(BEATS) < set(Action)


def test_every_reason_belongs_to_one_category() -> None:
    """A reason of two categories would have two windows."""
    belonging = [reason for reasons in REASONS.values() for reason in reasons]

    assert sorted(belonging) == sorted(Reason)
    assert set(REASONS) == set(REMEDIES) == set(Category)
