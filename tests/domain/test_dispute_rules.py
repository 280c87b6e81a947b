"""Who may ask what of a dispute, until when, about which version; and what silence does."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.actors import Actor, Role
from domain.dispute import acts, moves, settling
from domain.dispute.clocks import Due, clock_of, next_due
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.rules import Action, Asked, check, headline
from domain.dispute.state import (
    Basis,
    ClockName,
    DisputeEvent,
    DisputeState,
    Outcome,
    PauseEvent,
    Sent,
    Stage,
)
from domain.errors import (
    AmountExceeded,
    DeadlinePassed,
    IllegalTransition,
    NotYours,
    Refusal,
    VersionConflict,
)
from tests.domain.disputes import (
    AGENT,
    BUYER,
    CAP,
    LEAD,
    OPERATOR,
    OTHER_LEAD,
    SELLER,
    after,
    appealable,
    in_review,
    opened,
    terms,
)

PARCEL = Sent("UPS", "1Z999AA10123456784")


def ask(
    state: DisputeState,
    actor: Actor,
    action: Action,
    asked: Asked | None = None,
    at: datetime | None = None,
) -> DisputeState:
    """Ask as a process is asked."""
    asked, at = asked or Asked(), at or after(hours=1)
    check(state, action, actor, at, asked)
    return acts.done(state, terms(), action, (actor, asked), at)


def rung(state: DisputeState, name: ClockName) -> DisputeState:
    """Let that clock run out."""
    clock = clock_of(state, name)
    assert clock is not None
    return acts.rung(state, terms(), Due(name, clock.due_at))


def refused(state: DisputeState, actor: Actor, action: Action, **asked: object) -> type[Refusal]:
    """What is said no with."""
    with pytest.raises(Refusal) as no:
        check(state, action, actor, after(hours=1), Asked(**asked))  # type: ignore[arg-type]  # passed on
    return no.type


def countered(amount: int = 2_000) -> DisputeState:
    return ask(opened(), SELLER, Action.PROPOSE, Asked(amount=amount))


def test_the_seller_s_silence_carries_out_the_buyer_s_request() -> None:
    """Five days are enough to say no."""
    state = rung(opened(4_000), ClockName.SELLER_ANSWER)

    assert state.stage is Stage.SETTLING
    assert state.verdict is not None
    assert (state.verdict.basis, state.verdict.amount) == (Basis.SILENCE, 4_000)


@pytest.mark.case(37)
def test_a_request_beyond_the_cap_is_clamped_before_silence_carries_it_out() -> None:
    """Nobody becomes richer by being ignored."""
    state = rung(opened(CAP * 5), ClockName.SELLER_ANSWER)

    assert state.verdict is not None
    assert state.verdict.amount == CAP


def test_where_no_seller_is_to_blame_their_silence_only_escalates() -> None:
    """The port is closed, and the seller's office with it."""
    waiver = {"countries": ["DE"], "begins": "2026-03-01", "ends": "2026-03-20"}
    state = rung(opened(lives_by=terms(waiver=[waiver])), ClockName.SELLER_ANSWER)

    assert state.stage is Stage.EVIDENCE


def test_the_buyer_s_silence_escalates_and_loses_nothing() -> None:
    """Who does not answer an offer has not accepted it."""
    state = rung(countered(), ClockName.BUYER_ANSWER)

    assert (state.stage, state.verdict) == (Stage.EVIDENCE, None)


def test_the_platform_steps_in_on_the_seventh_day_whoever_talks() -> None:
    """A seller cannot talk a case out of time: every offer gives five days, never past that."""
    state = ask(countered(), SELLER, Action.PROPOSE, Asked(amount=2_500), after(days=4))
    due = next_due(replace(state, clocks=tuple(replace(c, reminded=9) for c in state.clocks)))

    assert due == Due(ClockName.INTERVENTION, after(days=7))
    assert rung(state, ClockName.INTERVENTION).stage is Stage.EVIDENCE


def test_evidence_runs_three_days_and_is_extended_once() -> None:
    """Then a person decides, with what there is."""
    state = ask(opened(), BUYER, Action.ESCALATE)
    longer = ask(state, SELLER, Action.EXTEND_EVIDENCE)

    assert clock_of(longer, ClockName.EVIDENCE) == replace(
        state.clocks[0], due_at=after(days=6, hours=1), reminded=1
    )
    assert refused(longer, SELLER, Action.EXTEND_EVIDENCE) is IllegalTransition
    assert rung(longer, ClockName.EVIDENCE).stage is Stage.IN_REVIEW


@pytest.mark.case(39)
def test_a_late_arbiter_raises_alarms_and_awards_nothing() -> None:
    """On the seventh day, on the fourteenth, and every week after: the money stays held."""
    state, alarms = in_review(), list[int]()
    for _ in range(4):
        clock = clock_of(state, ClockName.REVIEW)
        assert clock is not None
        alarms.append((clock.due_at - after(days=4)).days)
        state = rung(state, ClockName.REVIEW)

    assert alarms == [7, 14, 21, 28]
    assert (state.stage, state.held, state.awarded) == (Stage.IN_REVIEW, CAP, 0)


@pytest.mark.case(36)
def test_an_acceptance_names_a_proposal_that_stands() -> None:
    """What was superseded, or was never said, or is one's own, is not accepted."""
    state = ask(countered(2_000), SELLER, Action.PROPOSE, Asked(amount=3_000))

    for version in (2, 9, 1):
        assert refused(state, BUYER, Action.ACCEPT, version=version) is VersionConflict
    accepted = ask(state, BUYER, Action.ACCEPT, Asked(version=3))
    assert accepted.verdict is not None
    assert (accepted.verdict.amount, accepted.verdict.version) == (3_000, 3)


@pytest.mark.case(35)
def test_the_seller_s_acceptance_and_the_buyer_s_new_proposal_have_one_winner() -> None:
    """Whichever is heard first: the other is told that it came too late."""
    accepted = ask(opened(4_000), SELLER, Action.ACCEPT, Asked(version=1))
    raised = ask(opened(4_000), BUYER, Action.PROPOSE, Asked(amount=5_000))

    assert refused(accepted, BUYER, Action.PROPOSE, amount=5_000) is IllegalTransition
    assert refused(raised, SELLER, Action.ACCEPT, version=1) is VersionConflict


@pytest.mark.case(35)
def test_the_seller_s_acceptance_and_the_buyer_s_withdrawal_have_one_winner() -> None:
    """Money is not given for what was withdrawn, nor withdrawn what was given."""
    accepted = ask(opened(4_000), SELLER, Action.ACCEPT, Asked(version=1))
    withdrawn = ask(opened(4_000), BUYER, Action.WITHDRAW)

    assert refused(accepted, BUYER, Action.WITHDRAW) is IllegalTransition
    assert refused(withdrawn, SELLER, Action.ACCEPT, version=1) is IllegalTransition
    assert (withdrawn.verdict, withdrawn.outcome) == (None, Outcome.WITHDRAWN)


def test_the_platform_s_proposal_binds_by_both_or_by_silence_and_one_no_undoes_it() -> None:
    """Three days for both sides; a new one asks both anew."""
    mine = replace(in_review(), assignee="a-1")
    state = ask(mine, AGENT, Action.PROPOSE, Asked(amount=5_000))
    version = state.proposals[-1].version
    one = ask(state, BUYER, Action.ACCEPT, Asked(version=version))
    both = ask(one, SELLER, Action.ACCEPT, Asked(version=version))
    anew = ask(one, AGENT, Action.PROPOSE, Asked(amount=4_000))

    assert one.stage is Stage.PLATFORM_PROPOSED
    assert refused(one, BUYER, Action.ACCEPT, version=version) is VersionConflict
    for state_after in (both, rung(one, ClockName.PROPOSAL)):
        assert state_after.verdict is not None
        assert (state_after.verdict.basis, state_after.verdict.amount) == (Basis.PROPOSAL, 5_000)
    assert ask(one, SELLER, Action.DECLINE).stage is Stage.IN_REVIEW
    assert anew.accepted_by == ()


def test_both_sides_may_still_agree_while_staff_look_at_the_case() -> None:
    """Everything stays editable until something is fixed."""
    state = ask(in_review(), SELLER, Action.PROPOSE, Asked(amount=3_500))
    agreed = ask(state, BUYER, Action.ACCEPT, Asked(version=state.revision))

    assert agreed.stage is Stage.SETTLING


def test_a_decision_names_what_it_has_judged() -> None:
    """Something new was said meanwhile: look again."""
    state = in_review()
    seen = state.revision
    moved_on = ask(state, SELLER, Action.PROPOSE, Asked(amount=3_500))

    assert refused(moved_on, LEAD, Action.DECIDE, version=seen) is VersionConflict
    assert ask(moved_on, LEAD, Action.DECIDE, Asked(version=seen + 1)).stage is Stage.SETTLING


def test_a_decision_beyond_the_cap_or_of_parts_that_exceed_it_is_refused() -> None:
    """No judge gives what is not there."""
    state = in_review()
    seen = state.revision

    for wrong in ({"amount": CAP + 1}, {"amount": 10, "platform": 8, "carrier": 3}, {"amount": -1}):
        kind = refused(state, LEAD, Action.DECIDE, version=seen, **wrong)
        assert kind is AmountExceeded


def test_a_second_decision_and_one_on_a_withdrawn_case_are_refused() -> None:
    """The first one holds."""
    state = in_review()
    ruled = ask(state, LEAD, Action.DECIDE, Asked(version=state.revision, amount=100))
    withdrawn = ask(state, BUYER, Action.WITHDRAW)

    assert refused(ruled, OTHER_LEAD, Action.DECIDE, version=ruled.revision) is IllegalTransition
    assert refused(withdrawn, LEAD, Action.DECIDE, version=2) is IllegalTransition


@pytest.mark.case(40)
def test_a_ruling_that_waits_for_a_second_person_is_void_once_the_case_is_withdrawn() -> None:
    """The second person agrees to something that nobody disputes any more."""
    state = in_review()
    waiting = ask(state, LEAD, Action.DECIDE, Asked(version=state.revision, amount=9_000))
    withdrawn = ask(waiting, BUYER, Action.WITHDRAW)

    assert refused(withdrawn, OTHER_LEAD, Action.APPROVE, version=2) is IllegalTransition
    assert (withdrawn.pending, withdrawn.verdict) == (None, None)


def test_above_the_limit_another_person_has_to_agree() -> None:
    """Not the first one, not a side, not too late; a no brings the case back."""
    state = in_review()
    seen = state.revision
    waiting = ask(state, LEAD, Action.DECIDE, Asked(version=seen, amount=6_001))
    limit = ask(state, LEAD, Action.DECIDE, Asked(version=seen, amount=6_000))

    assert limit.stage is Stage.SETTLING
    assert waiting.stage is Stage.AWAITING_APPROVAL
    assert refused(waiting, LEAD, Action.APPROVE, version=seen) is NotYours
    assert refused(waiting, SELLER, Action.APPROVE, version=seen) is NotYours
    assert refused(waiting, OTHER_LEAD, Action.APPROVE, version=seen - 1) is VersionConflict
    agreed = ask(waiting, OTHER_LEAD, Action.APPROVE, Asked(version=seen))
    assert agreed.verdict is not None
    assert agreed.verdict.approved_by == str(OTHER_LEAD)
    for back in (ask(waiting, OTHER_LEAD, Action.DISAPPROVE), rung(waiting, ClockName.APPROVAL)):
        assert (back.stage, back.pending) == (Stage.IN_REVIEW, None)


def test_nobody_decides_who_has_acted_for_a_side() -> None:
    """A seller's agent who joined support last week has seen the case from one side."""
    state = replace(in_review(), touched=("b-1", "l-1"))

    assert refused(state, LEAD, Action.DECIDE, version=state.revision) is NotYours
    ruled = ask(state, OTHER_LEAD, Action.DECIDE, Asked(version=state.revision))
    assert ruled.stage is Stage.SETTLING


def test_an_agent_decides_what_is_theirs_and_a_lead_hands_it_on() -> None:
    """Taken from the queue, handed over, taken away from somebody who is absent."""
    state = in_review()
    assert refused(state, AGENT, Action.DECIDE, version=state.revision) is NotYours
    mine = ask(state, AGENT, Action.ASSIGN, Asked(to="a-1"))
    ruled = ask(mine, AGENT, Action.DECIDE, Asked(version=mine.revision, amount=10))
    theirs = ask(mine, AGENT, Action.ASSIGN, Asked(to="a-2"))

    assert ruled.stage is Stage.SETTLING
    assert refused(theirs, AGENT, Action.ASSIGN, to="a-1") is NotYours
    assert ask(theirs, LEAD, Action.ASSIGN, Asked(to="")).assignee == ""


@pytest.mark.parametrize(
    ("actor", "action"),
    [
        (Actor(Role.BUYER, "b-2"), Action.WITHDRAW),
        (Actor(Role.SELLER, "s-2"), Action.PROPOSE),
        (SELLER, Action.WITHDRAW),
        (BUYER, Action.DECIDE),
        (OPERATOR, Action.DECIDE),
        (Actor(Role.SERVICE, "x"), Action.ACCEPT),
    ],
)
def test_a_case_is_closed_to_everybody_else(actor: Actor, action: Action) -> None:
    """Not their order, or not their role."""
    assert refused(in_review(), actor, action) is NotYours


def test_what_is_asked_at_the_deadline_beats_it_and_after_it_does_not() -> None:
    """The edge's instant counts, whenever it is heard."""
    state = opened()
    check(state, Action.PROPOSE, SELLER, after(days=5), Asked(amount=10))

    with pytest.raises(DeadlinePassed):
        check(state, Action.PROPOSE, SELLER, after(days=5, seconds=1), Asked(amount=10))


def returning() -> DisputeState:
    state = opened(5_000, Remedy.RETURN_AND_REFUND)
    return ask(state, SELLER, Action.ACCEPT, Asked(version=1))


def test_a_return_is_sent_seen_delivered_and_checked_before_it_is_paid() -> None:
    """Each step has a side that must act, and an end if it does not."""
    declared = ask(returning(), BUYER, Action.SEND_BACK, Asked(parcel=PARCEL))
    scanned = moves.happened(declared, terms(), DisputeEvent.RETURN_SCANNED, after(days=2))
    delivered = moves.happened(scanned, terms(), DisputeEvent.RETURN_DELIVERED, after(days=9))

    assert ask(delivered, SELLER, Action.ACCEPT_RETURN).stage is Stage.SETTLING
    missing = rung(returning(), ClockName.RETURN_SHIPMENT)
    assert (missing.outcome, missing.verdict) == (Outcome.RETURN_MISSING, None)
    assert rung(scanned, ClockName.RETURN_TRANSIT).stage is Stage.RETURN_CHECK


@pytest.mark.case(41)
def test_a_return_declared_in_the_last_minute_counts_if_a_scan_follows() -> None:
    """Day ten, scanned day twelve; without a scan in five business days the seller is paid."""
    check(returning(), Action.SEND_BACK, BUYER, after(days=10, hours=1), Asked(parcel=PARCEL))
    declared = ask(
        returning(), BUYER, Action.SEND_BACK, Asked(parcel=PARCEL), after(days=10, hours=1)
    )
    clock = clock_of(declared, ClockName.RETURN_SCAN)

    assert clock is not None
    assert clock.due_at == terms().after("return_scan_within", after(days=10, hours=1))
    seen = moves.happened(declared, terms(), DisputeEvent.RETURN_SCANNED, after(days=12))
    assert seen.stage is Stage.RETURN_UNDER_WAY
    assert rung(declared, ClockName.RETURN_SCAN).outcome is Outcome.RETURN_MISSING


def checked() -> DisputeState:
    declared = ask(returning(), BUYER, Action.SEND_BACK, Asked(parcel=PARCEL))
    return moves.happened(declared, terms(), DisputeEvent.RETURN_DELIVERED, after(days=9))


@pytest.mark.case(42)
def test_an_empty_box_opens_a_second_round_of_evidence() -> None:
    """Nothing is paid that a person has not looked at."""
    state = ask(checked(), SELLER, Action.OBJECT_TO_GOODS)

    assert (state.stage, state.evidence_round, state.verdict) == (Stage.EVIDENCE, 1, None)
    assert refused(checked(), BUYER, Action.OBJECT_TO_GOODS) is IllegalTransition


@pytest.mark.case(43)
def test_a_seller_who_never_looks_at_the_return_has_taken_it() -> None:
    """Seven days after the delivery the buyer is refunded."""
    state = rung(checked(), ClockName.RETURN_CHECK)

    assert state.stage is Stage.SETTLING
    assert state.verdict is not None


@pytest.mark.case(45)
def test_goods_of_less_worth_than_their_carriage_stay_with_the_buyer() -> None:
    """Up to the policy's figure the money goes back without them."""
    small = ask(opened(900, Remedy.RETURN_AND_REFUND), SELLER, Action.ACCEPT, Asked(version=1))
    large = ask(opened(901, Remedy.RETURN_AND_REFUND), SELLER, Action.ACCEPT, Asked(version=1))

    assert (small.stage, large.stage) == (Stage.SETTLING, Stage.RETURN_DUE)


@pytest.mark.case(44)
def test_a_seller_without_an_address_gets_no_goods_back() -> None:
    """The buyer cannot send them anywhere, and is refunded all the same."""
    state = moves.without_return(returning(), terms(), after(days=1))

    assert state.stage is Stage.SETTLING
    assert state.verdict is not None
    assert (state.verdict.remedy, state.verdict.amount) == (Remedy.REFUND, 5_000)
    assert state.version == returning().version


def test_what_is_sent_again_settles_the_case_and_what_is_not_is_refunded() -> None:
    """A promise to send once more is worth its money until the goods are there."""
    state = ask(opened(5_000, Remedy.RESHIP), SELLER, Action.ACCEPT, Asked(version=1))
    sent = ask(state, SELLER, Action.SEND_AGAIN, Asked(parcel=PARCEL))
    there = moves.happened(sent, terms(), DisputeEvent.RESHIP_DELIVERED, after(days=12))

    for failed in (rung(state, ClockName.RESHIPMENT), rung(sent, ClockName.RESHIP_TRANSIT)):
        assert failed.verdict is not None
        assert failed.verdict.amount == 5_000
    assert rung(there, ClockName.RESHIP_CHECK).outcome is Outcome.RESHIPPED
    assert ask(there, BUYER, Action.OBJECT_TO_GOODS).stage is Stage.EVIDENCE
    assert refused(there, SELLER, Action.OBJECT_TO_GOODS) is IllegalTransition


@pytest.mark.case(24)
def test_a_delivery_while_goods_are_called_missing_closes_the_case_after_a_day() -> None:
    """Unless the buyer says that nothing came."""
    state = moves.arriving(opened(category=Category.NOT_RECEIVED), terms(), after(days=2))
    contested = ask(state, BUYER, Action.CONTEST_ARRIVAL, at=after(days=3))

    assert rung(state, ClockName.ARRIVAL).outcome is Outcome.ARRIVED
    assert clock_of(contested, ClockName.ARRIVAL) is None
    with pytest.raises(DeadlinePassed):
        check(state, Action.CONTEST_ARRIVAL, BUYER, after(days=3, seconds=1), Asked())


@pytest.mark.case(46)
def test_the_reason_changes_after_a_late_arrival_and_the_clocks_do_not() -> None:
    """It came, and is broken: the same case, counted from its first opening."""
    state = moves.arriving(opened(category=Category.NOT_RECEIVED), terms(), after(days=2))
    changed = ask(
        state, BUYER, Action.CHANGE_REASON, Asked(reason=Reason.DAMAGED), after(days=2, hours=1)
    )

    assert (changed.category, changed.reason) == (Category.RECEIVED, Reason.DAMAGED)
    assert {(c.name, c.due_at) for c in changed.clocks} == {
        (ClockName.SELLER_ANSWER, after(days=5)),
        (ClockName.INTERVENTION, after(days=7)),
    }
    assert refused(changed, BUYER, Action.CHANGE_REASON) is IllegalTransition
    assert refused(state, BUYER, Action.CHANGE_REASON, reason=Reason.CUSTOMS) is IllegalTransition


@pytest.mark.case(53)
def test_an_appeal_is_decided_by_another_person_and_there_is_one() -> None:
    """Whoever ruled, or agreed to it, does not judge themselves."""
    state = ask(appealable(4_000), SELLER, Action.APPEAL)
    assert refused(state, LEAD, Action.DECIDE, version=state.revision) is NotYours
    overturned = ask(state, OTHER_LEAD, Action.DECIDE, Asked(version=state.revision, amount=0))
    closed = settling.settled(overturned, terms(), -4_000, 0, after(days=8))

    assert overturned.stage is Stage.SETTLING
    assert (closed.stage, closed.awarded) == (Stage.CLOSED, 4_000)
    assert refused(closed, BUYER, Action.APPEAL) is IllegalTransition


def test_nobody_appeals_against_what_they_agreed_to() -> None:
    """Only what a person of the platform has fixed can be looked at again."""
    agreed = ask(opened(4_000), SELLER, Action.ACCEPT, Asked(version=1))
    settled = settling.settled(agreed, terms(), 4_000, 4_000, after(days=1))

    assert (settled.stage, settled.outcome) == (Stage.CLOSED, Outcome.PARTLY_REFUNDED)


def test_an_appeal_is_about_money_alone() -> None:
    """The goods have been sent back, or not."""
    state = ask(appealable(), BUYER, Action.APPEAL)
    asked = {"version": state.revision, "amount": 5_000, "remedy": Remedy.RESHIP}

    assert refused(state, OTHER_LEAD, Action.DECIDE, **asked) is IllegalTransition


@pytest.mark.case(47)
def test_a_chargeback_stops_every_clock_and_a_won_one_gives_the_time_back() -> None:
    """Each side has as long left as when the bank took it up."""
    paused = moves.paused(opened(), "dp_1", after(days=2))
    assert next_due(paused) is None
    assert headline(paused) == "awaiting_chargeback"
    assert refused(paused, SELLER, Action.ACCEPT, version=1) is IllegalTransition

    resumed = moves.resumed(paused, terms(), PauseEvent.CHARGEBACK_WON, after(days=62))

    clock = clock_of(resumed, ClockName.SELLER_ANSWER)
    assert clock is not None
    assert clock.due_at == after(days=65)


@pytest.mark.case(47)
def test_a_lost_chargeback_closes_the_dispute_and_gives_nothing_more() -> None:
    """The bank has given the buyer their money."""
    paused = moves.paused(in_review(), "dp_1", after(days=5))
    lost = moves.resumed(paused, terms(), PauseEvent.CHARGEBACK_LOST, after(days=60))

    assert (lost.stage, lost.outcome, lost.verdict) == (
        Stage.SETTLING,
        Outcome.CHARGED_BACK,
        None,
    )


def test_a_dispute_is_over_when_its_money_has_arrived() -> None:
    """A refund that is pending, or came back, keeps the process alive."""
    agreed = ask(opened(4_000), SELLER, Action.ACCEPT, Asked(version=1))
    settled = settling.settled(agreed, terms(), 4_000, 4_000, after(days=1))
    sent = settling.refund_sent(settled, "dispute/d-1/refund/1", is_final=False)

    assert not settling.is_over(settled)
    assert not settling.is_over(sent)
    assert settling.is_over(settling.refund_arrived(sent))
