"""One decision on many disputes: a second person always, and time to take it back."""

from dataclasses import replace

import pytest

from domain.dispute import acts, moves
from domain.dispute.bulk import Award, BorneBy, BulkRuling, Standing, standing
from domain.dispute.clocks import Due, clock_of
from domain.dispute.reasons import Category, Reason
from domain.dispute.rules import Action, Asked, check, headline
from domain.dispute.state import ClockName, DisputeState, Stage
from domain.dispute.terms import DisputeTerms
from domain.errors import DeadlinePassed, IllegalTransition, NotYours, VersionConflict
from tests.domain.disputes import (
    CAP,
    LEAD,
    LIMIT,
    OTHER_LEAD,
    SELLER,
    after,
    appealable,
    in_review,
    opened,
    terms,
)
from tests.domain.test_dispute_rules import ask, rung

RULING = BulkRuling("b-1", Award.ASKED, BorneBy.CARRIER, "the lorry burnt")


def ruled(state: DisputeState | None = None) -> DisputeState:
    """A small decision, within what one person may give alone."""
    judged = state or in_review(amount=LIMIT // 2)
    return ask(judged, LEAD, Action.DECIDE, RULING.about(judged, judged.revision))


def agreed() -> DisputeState:
    waiting = ruled()
    word = Asked(version=waiting.revision, bulk="b-1")
    return ask(waiting, OTHER_LEAD, Action.APPROVE, word)


def test_a_bulk_ruling_needs_a_second_person_however_small() -> None:
    """Policy: above the limit, or bulk ones."""
    waiting = ruled()

    assert waiting.stage is Stage.AWAITING_APPROVAL
    with pytest.raises(NotYours):
        ask(waiting, LEAD, Action.APPROVE, Asked(version=waiting.revision, bulk="b-1"))
    assert agreed().stage is Stage.RULED


def test_it_can_be_taken_back_until_its_time_is_over_and_then_it_holds() -> None:
    """Ten minutes, counted by the dispute's own clock."""
    state = agreed()
    clock = clock_of(state, ClockName.TAKE_BACK)
    assert clock is not None
    back = ask(state, LEAD, Action.TAKE_BACK, Asked(bulk="b-1"), clock.due_at)
    with pytest.raises(DeadlinePassed):
        check(state, Action.TAKE_BACK, LEAD, clock.due_at.replace(second=59), Asked())
    holds = rung(state, ClockName.TAKE_BACK)

    assert (clock.due_at - clock.opened_at).total_seconds() == 600
    assert (back.stage, back.pending, back.verdict) == (Stage.IN_REVIEW, None, None)
    assert holds.stage is Stage.SETTLING
    assert holds.verdict is not None
    assert (holds.verdict.amount, holds.verdict.carrier) == (LIMIT // 2, LIMIT // 2)
    assert (holds.verdict.bulk, holds.verdict.approved_by) == ("b-1", str(OTHER_LEAD))


def test_what_has_changed_under_it_voids_it() -> None:
    """The buyer says meanwhile that what came is broken: nobody has judged that."""
    missing = in_review(amount=LIMIT // 2, category=Category.NOT_RECEIVED)
    waiting = ask(missing, LEAD, Action.DECIDE, RULING.about(missing, missing.revision))
    word = Asked(version=waiting.revision, bulk="b-1")
    state = ask(waiting, OTHER_LEAD, Action.APPROVE, word)
    changed = moves.reason_changed(state, terms(), Reason.DAMAGED, after(hours=2))

    assert rung(changed, ClockName.TAKE_BACK).stage is Stage.IN_REVIEW
    late = moves.reason_changed(waiting, terms(), Reason.DAMAGED, after(hours=2))
    with pytest.raises(VersionConflict):
        check(late, Action.APPROVE, OTHER_LEAD, after(hours=3), word)


def test_the_sides_may_still_agree_while_it_can_be_taken_back() -> None:
    """Everything stays editable until something is fixed."""
    offered = ask(opened(), SELLER, Action.PROPOSE, Asked(amount=2_500))
    judged = replace(in_review(), proposals=offered.proposals, revision=offered.revision)
    waiting = ask(judged, LEAD, Action.DECIDE, RULING.about(judged, judged.revision))
    state = ask(waiting, OTHER_LEAD, Action.APPROVE, Asked(version=waiting.revision))
    version = next(one.version for one in state.proposals if one.by is SELLER.role)
    made = acts.done(
        state,
        terms(),
        Action.ACCEPT,
        (replace(SELLER, role=state.proposals[0].by, id="b-1"), Asked(version=version)),
        after(hours=2),
    )

    assert made.stage is Stage.SETTLING
    assert made.verdict is not None
    assert (made.verdict.amount, made.pending) == (2_500, None)


def test_a_word_on_a_bulk_ruling_is_about_that_one_only() -> None:
    """Someone ruled on this case alone since: the bulk word must not agree to that."""
    judged = in_review()
    single = ask(judged, LEAD, Action.DECIDE, Asked(version=judged.revision, amount=CAP))
    word = Asked(version=single.revision, bulk="b-1")
    for action in (Action.APPROVE, Action.DISAPPROVE):
        with pytest.raises(IllegalTransition):
            check(single, action, OTHER_LEAD, after(hours=1), word)
    appealed = moves.appealed(appealable(), terms(), SELLER, after(days=6))
    about = RULING.about(appealed, appealed.revision)
    with pytest.raises(IllegalTransition):
        check(appealed, Action.DECIDE, OTHER_LEAD, after(days=6), about)


@pytest.mark.parametrize(
    ("award", "amount"),
    [(Award.WHOLE, CAP), (Award.ASKED, 4_000), (Award.OFFERED, 2_500), (Award.NOTHING, 0)],
)
def test_each_gets_what_was_decided_in_their_own_case(award: Award, amount: int) -> None:
    """Nobody's cap is passed, whatever was asked."""
    state = ask(opened(amount=4_000), SELLER, Action.PROPOSE, Asked(amount=2_500))
    for payer in BorneBy:
        asked = BulkRuling("b-1", award, payer, "why").about(state, state.revision)
        assert asked.amount == amount
        assert asked.platform == (amount if payer is BorneBy.PLATFORM else 0)
        assert asked.carrier == (amount if payer is BorneBy.CARRIER else 0)
    with pytest.raises(IllegalTransition, match="offers nothing"):
        BulkRuling("b-1", Award.OFFERED, BorneBy.SELLER, "").about(opened(), 1)


def test_where_a_bulk_ruling_stands_is_read_off_the_dispute() -> None:
    """Answered, agreed to, in force, overtaken: there is no second copy that could differ."""

    def seen(state: DisputeState, *, is_answered: bool = True) -> Standing:
        return standing("b-1", state, is_answered=is_answered, is_refused=False)

    holds = rung(agreed(), ClockName.TAKE_BACK)
    assert seen(in_review(), is_answered=False) is Standing.WAITING
    assert standing("b-1", in_review(), is_answered=True, is_refused=True) is Standing.REFUSED
    assert seen(ruled()) is Standing.RULED
    assert seen(agreed()) is Standing.AGREED
    assert seen(holds) is Standing.HOLDS
    assert seen(ask(agreed(), LEAD, Action.TAKE_BACK)) is Standing.VOID
    assert headline(agreed()) == "ruled"


def test_a_dispute_opened_before_there_were_bulk_rulings_has_the_window_by_default() -> None:
    """Terms are fixed at the opening: those of before lack it."""
    old = terms()
    windows = {name: span for name, span in old.windows.items() if name != "take_back_within"}
    lives_by: DisputeTerms = replace(old, windows=windows)
    state = replace(ruled(), pending=replace(ruled().pending, bulk="b-1"))  # type: ignore[type-var]  # there is one
    after_all = acts.done(
        state, lives_by, Action.APPROVE, (OTHER_LEAD, Asked(version=state.revision)), after(days=5)
    )
    due = clock_of(after_all, ClockName.TAKE_BACK)

    assert due is not None
    assert acts.rung(after_all, lives_by, Due(due.name, due.due_at)).stage is Stage.SETTLING
