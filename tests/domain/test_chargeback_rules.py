"""Chargebacks: the whole table, and what every order of events leaves of an order's money."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actors import Actor, Role
from domain.chargeback import money, moves, rules
from domain.chargeback.rules import Action
from domain.chargeback.state import (
    CHARGEBACK,
    ChargebackEvent,
    ChargebackState,
    Stage,
)
from domain.errors import IllegalTransition, NotYours
from domain.ledger import AccountKind as Kind
from domain.order.money import OrderFunds
from domain.order.postings import RefundSources, plan_refund, plan_release
from tests.domain.disputes import BEGAN

_PROMISED = {
    Stage.OPENING: {"opened": "needs_response"},
    Stage.NEEDS_RESPONSE: {
        "contested": "under_review",
        "won": "won",
        "lost": "lost",
        "closed": "closed",
    },
    Stage.UNDER_REVIEW: {
        "asked_again": "needs_response",
        "won": "won",
        "lost": "lost",
        "closed": "closed",
    },
    Stage.WON: {},
    Stage.LOST: {},
    Stage.CLOSED: {},
}
CLAIM = ChargebackState("du_1", BEGAN, stage=Stage.NEEDS_RESPONSE, currency="EUR", amount=5_000)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("event", ChargebackEvent)
def test_every_move_is_promised_or_refused(stage: Stage, event: ChargebackEvent) -> None:
    """The table, whole: nothing is possible that is not written here."""
    promised = _PROMISED[stage].get(str(event))
    if promised is None:
        with pytest.raises(IllegalTransition):
            CHARGEBACK.next(stage, event)
    else:
        assert CHARGEBACK.next(stage, event) == promised


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_the_bank_is_answered_by_whoever_may_while_it_asks(
    stage: Stage, role: Role, action: Action
) -> None:
    """What is offered and what is accepted are one rule, for everybody in every stage."""
    state = replace(CLAIM, stage=stage)
    may = role in rules.WHO_MAY[action]
    if may and action in rules.allowed(state):
        rules.check(state, action, Actor(role, "p-1"))
        assert stage is Stage.NEEDS_RESPONSE
    else:
        with pytest.raises(IllegalTransition if may else NotYours):
            rules.check(state, action, Actor(role, "p-1"))


def test_what_was_given_up_is_not_contested() -> None:
    """The bank's word of it may take a moment; nobody changes their mind in it."""
    given_up = moves.conceded(CLAIM, "support-lead:l-1")

    assert rules.allowed(given_up) == ()
    assert not moves.is_due(given_up)


def test_evidence_goes_out_two_days_before_the_last_moment_or_at_once() -> None:
    """A claim that is heard of a day before its end is answered the same minute."""
    late = BEGAN + timedelta(days=1)

    assert moves.answer_by(BEGAN + timedelta(days=7), BEGAN) == BEGAN + timedelta(days=5)
    assert moves.answer_by(late, BEGAN) == BEGAN
    assert moves.answer_by(None, BEGAN) is None


@st.composite
def paid_orders(draw: st.DrawFn) -> tuple[OrderFunds, RefundSources, int]:
    """An order's money anywhere in its life, what its seller has, and what a bank claims of it."""
    total = draw(st.integers(100, 10**7))
    commission = draw(st.integers(0, total // 2))
    subsidy = draw(st.integers(0, total // 3))
    funds = OrderFunds("o-1", "s-1", "EUR", total, commission)
    funds = funds.with_capture(total - subsidy, subsidy)
    gross = draw(st.integers(0, total))
    if gross:
        plan = plan_release(gross, released=0, total=total, commission=commission, reserve_bp=0)
        funds = funds.with_release(plan)
    if funds.releasable:
        funds = funds.with_hold(draw(st.integers(1, funds.releasable)))
    balances = RefundSources(
        0,
        funds.released,
        funds.charged,
        payable=draw(st.integers(0, total)),
        reserve=draw(st.integers(0, total)),
        deposit=draw(st.integers(0, total)),
    )
    return funds, balances, draw(st.integers(1, funds.left_of_buyer or 1))


def holds(funds: OrderFunds) -> None:
    """What must be so of an order's money at every instant (`policy.md`, invariants 1 to 3)."""
    assert funds.refunded + funds.charged_back <= funds.captured
    assert funds.escrow >= funds.held
    assert funds.released - funds.recovered <= (
        funds.captured - funds.refunded - funds.charged_back - funds.held + funds.contributed
    )


@given(paid_orders())
def test_a_claim_freezes_all_of_it_and_a_won_one_leaves_no_trace(
    case: tuple[OrderFunds, RefundSources, int],
) -> None:
    """Neither refundable nor releasable meanwhile; escrow itself is not touched."""
    funds, _, claimed = case
    share = money.share_of("o-1", "s-1", claimed, funds)
    frozen = money.frozen(funds, share)
    holds(frozen)

    assert share.held + share.carried == claimed
    assert frozen.escrow == funds.escrow
    assert frozen.refundable == funds.refundable - claimed
    assert frozen.releasable == funds.releasable - share.held
    assert money.freed(frozen, share, share.held) == funds


@given(paid_orders())
def test_a_lost_claim_is_taken_to_the_last_unit(
    case: tuple[OrderFunds, RefundSources, int],
) -> None:
    """From escrow first, then as a later refund would be; the entry and the row say the same."""
    funds, balances, claimed = case
    share = money.share_of("o-1", "s-1", claimed, funds)
    freed = money.freed(money.frozen(funds, share), share, share.held)
    plan = plan_refund(claimed, replace(balances, escrow=freed.releasable))
    legs = money.lost("du_1", "o-1", "s-1", plan)
    after = money.charged_back(freed, plan)
    amounts: dict[Any, int] = {leg.account.kind: leg.amount for leg in legs}
    holds(after)

    assert sum(leg.amount for leg in legs) == 0
    assert amounts[Kind.CHARGEBACKS_PENDING] == -claimed
    assert after.charged_back == funds.charged_back + claimed
    assert after.escrow == funds.escrow - amounts.get(Kind.ESCROW, 0)
    assert after.refundable == funds.refundable - claimed
    assert after.left_of_buyer == funds.left_of_buyer - claimed
