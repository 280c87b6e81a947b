"""How an order's money divides: whatever the order of parts, nothing appears or vanishes."""

from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Leg, Posting
from domain.money import BASIS_POINTS
from domain.order.postings import (
    RefundSources,
    commission_until,
    plan_of,
    plan_refund,
    plan_release,
    refund_reserved,
    release_of,
    released,
)

amounts: Final = st.integers(min_value=0, max_value=10**12)
shares: Final = st.integers(min_value=0, max_value=BASIS_POINTS)


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A total and the parts, one after the other, in which it goes out."""
    pieces = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=12))
    return sum(pieces), pieces


def total(legs: tuple[Leg, ...]) -> int:
    return sum(leg.amount for leg in legs)


def entry(legs: tuple[Leg, ...]) -> Posting:
    return Posting("k", "kind", "order/o-1", "EUR", datetime(2026, 3, 2, tzinfo=UTC), legs)


@pytest.mark.case(49)
@given(divided=parts(), share=shares, reserve=shares)
def test_parts_of_a_release_keep_what_one_release_would(
    divided: tuple[int, list[int]], share: int, reserve: int
) -> None:
    """Releasing in ten parts must not cost the seller, or the platform, ten roundings."""
    whole, pieces = divided
    commission = whole * share // BASIS_POINTS
    kept = out = 0
    for piece in pieces:
        plan = plan_release(
            piece, released=out, total=whole, commission=commission, reserve_bp=reserve
        )
        assert plan.commission + plan.payable + plan.reserve == plan.gross == piece
        assert min(plan.commission, plan.payable, plan.reserve) >= 0
        assert total(released("o-1", "s-1", plan)) == 0
        kept, out = kept + plan.commission, out + piece

    assert kept == commission


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("gross", "commission", "parts_of_it"),
    [
        # 999 yen at 8 %: 79.92 rounds down; four fifths at once, the odd yen into reserve.
        (999, 79, (79, 736, 184)),
        # 12.345 dinar have three digits: 987 thousandths are kept.
        (12_345, 987, (987, 9_086, 2_272)),
        (1, 0, (0, 0, 1)),
    ],
)
def test_how_small_units_divide(
    gross: int, commission: int, parts_of_it: tuple[int, int, int]
) -> None:
    """Currencies without digits, and with three, are counted in their own minor units."""
    plan = plan_release(gross, released=0, total=gross, commission=commission, reserve_bp=2_000)

    assert (plan.commission, plan.payable, plan.reserve) == parts_of_it


@given(
    amount=amounts,
    escrow=amounts,
    out=amounts,
    share=shares,
    payable=amounts,
    reserve=amounts,
    deposit=amounts,
)
def test_a_refund_comes_from_somewhere_to_the_last_unit(
    amount: int, escrow: int, out: int, share: int, payable: int, reserve: int, deposit: int
) -> None:
    """Escrow first, then payable, reserve and deposit as far as they reach; the rest is debt."""
    commission = out * share // BASIS_POINTS
    beyond = max(0, amount - escrow)
    if beyond > out:
        return
    plan = plan_refund(amount, RefundSources(escrow, out, commission, payable, reserve, deposit))

    assert plan.escrow + plan.recovered == amount
    assert plan.escrow == min(amount, escrow)
    assert 0 <= plan.commission <= commission
    assert plan.payable == min(payable, beyond - plan.commission)
    assert not plan.reserve or plan.payable == payable
    assert not plan.deposit or plan.reserve == reserve
    assert not plan.debt or plan.deposit == deposit
    assert total(refund_reserved("o-1", "s-1", plan)) == 0


@pytest.mark.case(49)
@given(divided=parts(), share=shares)
def test_refunds_in_parts_bring_back_the_whole_commission(
    divided: tuple[int, list[int]], share: int
) -> None:
    """Each part takes its share of what is still kept; the last one takes the rest."""
    whole, pieces = divided
    commission = kept = whole * share // BASIS_POINTS
    out = whole
    for piece in pieces:
        plan = plan_refund(piece, RefundSources(0, out, kept))
        kept, out = kept - plan.commission, out - piece
        assert abs(kept * whole - commission * out) < whole * len(pieces)

    assert kept == 0


@given(
    amount=st.integers(1, 10**12),
    escrow=amounts,
    payable=amounts,
    reserve=amounts,
    commission=amounts,
)
def test_a_plan_can_be_read_back_from_its_entry(
    amount: int, escrow: int, payable: int, reserve: int, commission: int
) -> None:
    """A refund that comes back gives everybody what they gave: the entry is all that is left."""
    out = max(amount, commission)
    plan = plan_refund(amount, RefundSources(escrow, out, commission, payable, reserve))
    gone = plan_release(
        amount, released=0, total=out, commission=min(commission, out), reserve_bp=2_000
    )

    assert plan_of(entry(refund_reserved("o-1", "s-1", plan))) == plan
    assert release_of(entry(released("o-1", "s-1", gone))) == gone


@given(whole=st.integers(1, 10**12), share=shares, out=amounts)
def test_commission_never_exceeds_its_share(whole: int, share: int, out: int) -> None:
    """Rounded down at every moment: the odd unit is the seller's until the last release."""
    commission = whole * share // BASIS_POINTS
    until = commission_until(commission, whole, min(out, whole))

    assert until * whole <= commission * min(out, whole)
    assert commission_until(commission, whole, whole) == commission
    assert commission_until(commission, 0, 0) == 0
