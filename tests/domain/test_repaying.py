"""What is paid again for goods that came after their refund: how much, by whom, to whom."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition
from domain.ledger import AccountKind as Kind
from domain.order.money import OrderFunds
from domain.order.parcels import Parcel, ParcelStage
from domain.order.postings import PaidBy, plan_release
from domain.order.repaying import (
    REPAYMENT,
    RepaymentEvent,
    RepaymentState,
    Stage,
    due,
    paid_again,
    plan_settlement,
)
from domain.order.state import Fulfilment, OrderState
from tests.domain.disputes import BEGAN

_PROMISED = {
    Stage.OPENING: {
        "begun": "opening",
        "asked": "awaiting_payment",
        "window_closed": "lapsed",
    },
    Stage.AWAITING_PAYMENT: {
        "money_arrived": "paid",
        "other_amount_arrived": "sent_back",
        "window_closed": "lapsed",
    },
    Stage.PAID: {"begun": "opening"},
    Stage.LAPSED: {"begun": "opening"},
    Stage.SENT_BACK: {"begun": "opening"},
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("event", RepaymentEvent)
def test_every_move_is_promised_or_refused(stage: Stage, event: RepaymentEvent) -> None:
    """The table, whole: nothing is possible that is not written here."""
    promised = _PROMISED[stage].get(str(event))
    if promised is None:
        with pytest.raises(IllegalTransition):
            REPAYMENT.next(stage, event)
    else:
        assert REPAYMENT.next(stage, event) == promised


def came(worth: int, of: int, refund: str = "") -> OrderState:
    """An order of which a parcel of that worth came after its money had gone back.

    By a *refund* of its own, or with the whole order.
    """
    parcel = Parcel(
        "UPS", "1", amount=worth, stage=ParcelStage.LOST, came_anyway=worth, refunded_by=refund
    )
    whole = Fulfilment.RECEIVED if refund else Fulfilment.CANCELLED
    return OrderState("o-1", "b-1", "s-1", "EUR", of, BEGAN, fulfilment=whole, parcels=(parcel,))


@st.composite
def refunded(draw: st.DrawFn) -> tuple[OrderFunds, int]:
    """An order's money after refunds of any kind, and what of its goods came anyway."""
    total = draw(st.integers(1_000, 10**7))
    commission = draw(st.integers(0, total // 2))
    subsidy = draw(st.integers(0, total // 2))
    back = draw(st.integers(1, total))
    funds = OrderFunds("o-1", "s-1", "EUR", total, commission)
    funds = funds.with_capture(total - subsidy, subsidy)
    released = draw(st.booleans()) and back < total
    if released:
        plan = plan_release(
            total - back, released=0, total=total, commission=commission, reserve_bp=0
        )
        funds = funds.with_release(plan)
    share = funds.share_of_refund(back)
    funds = replace(
        funds,
        refunded=back,
        subsidised_back=share.subsidy,
        contributed=draw(st.integers(0, back)),
    )
    return funds, draw(st.integers(1, total))


@given(refunded(), st.sampled_from(["", "order/o-1/refund/1"]))
def test_nobody_is_asked_for_more_than_went_back(case: tuple[OrderFunds, int], refund: str) -> None:
    """Neither the buyer nor the platform; and what is settled is never asked again."""
    funds, worth = case
    worth = min(worth, funds.refunded) if refund else worth
    state = came(worth, funds.total, refund)
    owed = due(state, funds, 0)

    assert owed.share.total == min(worth, funds.refunded)
    assert 0 <= owed.share.buyer <= funds.refunded - funds.subsidised_back
    assert owed.loose == (0 if refund else owed.share.total)
    assert due(state, funds, owed.share.total).share.total == 0


@given(refunded(), st.integers(0, 300), st.booleans())
def test_what_is_paid_again_is_divided_to_the_last_unit(
    case: tuple[OrderFunds, int],
    fee: int,
    is_loose: bool,  # noqa: FBT001 - Hypothesis names it
) -> None:
    """Commission is what a release would have kept; those who bore the refund come first."""
    funds, worth = case
    owed = due(came(worth, funds.total), funds, 0)
    loose = owed.loose if is_loose else 0
    state = RepaymentState("o-1", "b-1", "s-1", "EUR", BEGAN, worth=owed.share.total, loose=loose)
    plan, others = plan_settlement(state, funds)
    legs = paid_again("stripe", "s-1", owed.share, fee, plan, others)
    amounts: dict[Any, int] = {leg.account.kind: leg.amount for leg in legs}

    assert sum(leg.amount for leg in legs) == 0
    assert plan.gross + others == owed.share.total
    assert is_loose or others == 0
    assert 0 <= plan.commission <= funds.commission
    assert -amounts.get(Kind.PAYABLE, 0) == plan.gross - plan.commission
    assert amounts.get(Kind.ESCROW, 0) == 0


def test_nothing_is_due_where_no_money_went_back() -> None:
    """A refund that has failed leaves the buyer's money where it was; others count for others."""
    funds = OrderFunds("o-1", "s-1", "EUR", 10_000, 800).with_capture(10_000)
    own = came(5_000, 10_000, "order/o-1/refund/1")
    goodwill = replace(funds, refunded=4_000)

    assert due(own, funds, 0).share == PaidBy(0)
    assert due(own, goodwill, 0, {"order/o-1/refund/1"}).share == PaidBy(0)
    never_sent = replace(own, parcels=(replace(own.parcels[0], refunded_by=""),))
    assert due(never_sent, goodwill, 0).share == PaidBy(0)
