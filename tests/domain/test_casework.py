"""What needs a person: found for every state that waits for one, and by when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.actors import STAFF, Role
from domain.casework import MANNERS, Work, WorkKind
from domain.chargeback import moves as claims
from domain.chargeback import rules as chargeback_rules
from domain.chargeback import work as chargeback_work
from domain.chargeback.state import ChargebackState
from domain.chargeback.state import Stage as Claimed
from domain.dispute import moves, rulings
from domain.dispute import rules as dispute_rules
from domain.dispute import work as dispute_work
from domain.dispute.state import DisputeState, Stage
from domain.order import rules
from domain.order.agreements import Agreement, Topic
from domain.order.parcels import Parcel, ParcelStage
from domain.order.rules import WHO_MAY, Action
from domain.order.state import Clock, ClockName, Fraud, OrderState, Parked, Payment
from domain.order.work import work_of
from domain.payout import state as payout
from domain.payout import work as payout_work
from domain.purchase import work as purchase_work
from domain.purchase.state import PurchaseState, Share
from tests.domain.disputes import CAP, LEAD, after, appealable, in_review, opened, ruling, terms

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ORDER = OrderState("o-1", "b-1", "s-1", "EUR", 10_000, NOON, version=1, captured=10_000)
LATER = NOON + timedelta(days=3)


def clock(name: ClockName) -> tuple[Clock, ...]:
    return (Clock(name, NOON, LATER),)


WAITING: dict[WorkKind, tuple[OrderState, Action]] = {
    WorkKind.PARKED: (
        replace(ORDER, parked=Parked("payment.refund", "refused", "key", NOON)),
        Action.RESOLVE,
    ),
    WorkKind.AMOUNT: (
        replace(
            ORDER,
            payment=Payment.AMOUNT_DIFFERS,
            received=9_000,
            clocks=clock(ClockName.AMOUNT),
        ),
        Action.DECIDE_AMOUNT,
    ),
    WorkKind.RISK: (
        replace(ORDER, payment=Payment.IN_RISK_CHECK, clocks=clock(ClockName.RISK)),
        Action.DECIDE_RISK,
    ),
    WorkKind.FRAUD: (
        replace(ORDER, payment=Payment.CAPTURED, fraud=Fraud.SUSPECTED),
        Action.DECIDE_FRAUD,
    ),
    WorkKind.CUSTOMS: (
        replace(ORDER, parcels=(Parcel("UPS", "1Z", stage=ParcelStage.AT_CUSTOMS),)),
        Action.RULE_ON_CUSTOMS,
    ),
    WorkKind.PROTECTION: (
        replace(
            ORDER,
            agreements=(Agreement(Topic.PROTECTION, Role.BUYER, NOON),),
            clocks=clock(ClockName.PROTECTION_ANSWER),
        ),
        Action.ANSWER_CONSENT,
    ),
}


CLAIMED = ChargebackState(
    "du_1",
    NOON,
    currency="EUR",
    amount=700,
    stage=Claimed.NEEDS_RESPONSE,
    reason="fraudulent",
    answer_by=LATER,
)


def awaiting_second() -> DisputeState:
    state = in_review()
    return rulings.ruled(state, terms(), ruling(9_000, state.revision), LEAD.id, after(days=5))


DISPUTED: dict[WorkKind, tuple[DisputeState, dispute_rules.Action]] = {
    WorkKind.PARKED: (
        replace(opened(), parked=Parked("dispute.pay", "refused", "key", NOON), to_pay=700),
        dispute_rules.Action.RESOLVE,
    ),
    WorkKind.RULING: (in_review(), dispute_rules.Action.DECIDE),
    WorkKind.SECOND: (awaiting_second(), dispute_rules.Action.APPROVE),
    WorkKind.APPEAL: (
        moves.appealed(appealable(), terms(), LEAD, after(days=6)),
        dispute_rules.Action.DECIDE,
    ),
}


def test_every_kind_of_work_has_a_case_here_and_a_manner() -> None:
    """A kind that nobody may do, or that nothing makes, is a hole."""
    claimed = {work.kind for work in chargeback_work.work_of(CLAIMED)}
    assert set(WAITING) | set(DISPUTED) | claimed == set(WorkKind) == set(MANNERS)


def test_a_chargeback_is_answered_by_whoever_may_until_its_evidence_is_due() -> None:
    """Given up or contested, nobody is waited for but the bank."""
    (work,) = chargeback_work.work_of(CLAIMED)
    given_up = claims.conceded(CLAIMED, "support-lead:l-1")
    contested = claims.contested(CLAIMED, LATER)

    assert (work.amount, work.due_at, work.why) == (700, LATER, "fraudulent")
    assert MANNERS[work.kind].roles == chargeback_rules.WHO_MAY[chargeback_rules.Action.CONTEST]
    assert chargeback_work.work_of(given_up) == chargeback_work.work_of(contested) == ()


@pytest.mark.parametrize("kind", list(DISPUTED))
def test_what_a_dispute_waits_for_is_offered_to_whoever_may_do_it(kind: WorkKind) -> None:
    """The queue's roles and the rule's roles must not drift apart here, either."""
    state, action = DISPUTED[kind]
    (work,) = dispute_work.work_of(state)

    assert work.kind is kind
    assert action in dispute_rules.allowed(state)
    assert MANNERS[kind].roles == dispute_rules.WHO_MAY[action] & STAFF


def test_a_judge_has_until_the_dispute_s_own_clock() -> None:
    """And sees how much hangs on the ruling: the cap, or what the second person agrees to."""
    (due,) = dispute_work.work_of(DISPUTED[WorkKind.RULING][0])
    (second,) = dispute_work.work_of(DISPUTED[WorkKind.SECOND][0])
    (clock,) = DISPUTED[WorkKind.RULING][0].clocks

    assert (due.due_at, due.amount) == (clock.due_at, CAP)
    assert (second.due_at is None, second.amount) == (False, 9_000)


def test_a_dispute_that_the_sides_or_a_bank_are_asked_about_is_nobody_s_work() -> None:
    """A chargeback stops the judge, too; its end brings the work back."""
    halted = moves.paused(in_review(), "dp_1", after(days=5))

    assert dispute_work.work_of(opened()) == dispute_work.work_of(halted) == ()
    assert dispute_work.work_of(appealable()) == ()


def test_a_refund_that_comes_back_after_the_end_still_waits_for_an_operator() -> None:
    """It is the buyer's money, whatever the case says."""
    closed = replace(DISPUTED[WorkKind.PARKED][0], stage=Stage.CLOSED, ended_at=LATER)

    assert [work.amount for work in dispute_work.work_of(closed)] == [700]


@pytest.mark.parametrize("kind", list(WAITING))
def test_what_waits_for_a_person_is_offered_to_whoever_may_do_it(kind: WorkKind) -> None:
    """The queue's roles and the rule's roles must not drift apart."""
    state, action = WAITING[kind]
    (work,) = work_of(state)

    assert work.kind is kind
    assert action in rules.allowed(state)
    assert MANNERS[kind].roles == WHO_MAY[action] & STAFF


@pytest.mark.parametrize("kind", list(WAITING))
def test_nothing_waits_once_the_order_has_ended(kind: WorkKind) -> None:
    """A queue full of the dead is not read."""
    state, _ = WAITING[kind]

    assert work_of(replace(state, ended_at=LATER)) == ()


def test_a_process_s_own_clock_goes_before_the_target() -> None:
    """What silence does by itself is the deadline that counts."""
    (amount,) = work_of(WAITING[WorkKind.AMOUNT][0])
    (fraud,) = work_of(WAITING[WorkKind.FRAUD][0])
    (parked,) = work_of(WAITING[WorkKind.PARKED][0])

    assert (amount.due(LATER), amount.amount) == (LATER, 9_000)
    assert fraud.due(NOON) == NOON + MANNERS[WorkKind.FRAUD].within
    assert parked.due(LATER) == NOON + MANNERS[WorkKind.PARKED].within


def test_an_order_can_wait_for_several_people_at_once() -> None:
    """Each has their own item, and takes it alone."""
    both = replace(
        WAITING[WorkKind.FRAUD][0], parked=Parked("payment.refund", "refused", "key", NOON)
    )

    assert {work.kind for work in work_of(both)} == {WorkKind.PARKED, WorkKind.FRAUD}


def test_a_parked_payout_and_a_parked_purchase_wait_for_an_operator() -> None:
    """Money that stands still at a bank's door is nobody's by itself."""
    paid = payout.PayoutState("s-1/1-EUR", "s-1", "EUR", NOON, gross=5_000)
    stuck = payout.parked(paid, payout.Parked("payout.send", "no answer", NOON))
    bought = PurchaseState("p-1", "b-1", "EUR", NOON, (Share("o-1", "s-1", 700),))
    halted = replace(bought, parked=Parked("payment.ask", "refused", "key", NOON))

    assert payout_work.work_of(paid) == purchase_work.work_of(bought) == ()
    assert payout_work.work_of(stuck) == (
        Work(WorkKind.PARKED, "s-1", "EUR", 5_000, NOON, why="no answer"),
    )
    assert [work.amount for work in purchase_work.work_of(halted)] == [700]
