"""Where an order's money is: the parts always add up to what has arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AmountExceeded
from domain.order.money import OrderFunds
from domain.order.postings import RefundSources, plan_refund, plan_release
from domain.order.whereabouts import Part, Whereabouts, whereabouts

_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["refund", "award", "release", "hold", "lift"]), st.integers(1, 12_000)
    ),
    max_size=12,
)


def _moved(funds: OrderFunds, move: str, amount: int) -> OrderFunds:
    """One move of an order's money, as its steps make it."""
    match move:
        case "refund":
            left = funds.released - funds.recovered
            sources = RefundSources(funds.releasable, left, funds.charged, payable=left)
            share = funds.share_of_refund(amount)
            return funds.with_refund(amount, plan_refund(amount, sources), share)
        case "award":
            left = funds.released - funds.recovered
            sources = RefundSources(funds.releasable, left, funds.charged, payable=left)
            others = amount // 3
            return funds.with_refund(
                amount, plan_refund(amount - others, sources), contributed=others
            )
        case "release":
            plan = plan_release(
                funds.releasable,
                released=funds.released,
                total=funds.total,
                commission=funds.commission,
                reserve_bp=1_000,
            )
            return funds.with_release(plan) if plan.gross else funds
        case "hold":
            return funds.with_hold(amount)
        case _:
            return funds.without_hold(funds.held)


@given(moves=_MOVES, apart=st.integers(0, 500), subsidy=st.integers(0, 2_000))
def test_the_parts_add_up_after_any_moves(
    moves: list[tuple[str, int]], apart: int, subsidy: int
) -> None:
    """A picture of money that does not add up is worse than none."""
    funds = OrderFunds("o-1", "s-1", "EUR", total=10_000, commission=800)
    funds = funds.with_capture(10_000 - subsidy, subsidy)
    for move, amount in moves:
        try:
            funds = _moved(funds, move, amount)
        except AmountExceeded:
            continue

        arrived = 10_000 + funds.contributed + apart
        assert sum(part.amount for part in whereabouts(funds, apart)) == arrived


def test_each_part_is_where_people_would_look_for_it() -> None:
    """Held, refunded, released, kept in reserve and as commission: each under its name."""
    funds = OrderFunds("o-1", "s-1", "EUR", total=10_000, commission=800).with_capture(10_000)
    funds = funds.with_hold(1_000)
    plan = plan_release(5_000, released=0, total=10_000, commission=800, reserve_bp=1_000)
    funds = funds.with_release(plan)
    funds = funds.with_refund(2_000, plan_refund(2_000, RefundSources(funds.releasable, 0, 0)))

    assert whereabouts(funds) == (
        Part(Whereabouts.ESCROW, 2_000),
        Part(Whereabouts.HELD, 1_000),
        Part(Whereabouts.SELLER, 4_140),
        Part(Whereabouts.RESERVE, 460),
        Part(Whereabouts.COMMISSION, 400),
        Part(Whereabouts.REFUNDED, 2_000),
    )


@pytest.mark.parametrize("settles_in", ["", "CNY"])
def test_a_reserve_in_another_currency_is_not_added_to_this_one(settles_in: str) -> None:
    """Yuan and euros in one bar would be nonsense."""
    funds = OrderFunds(
        "o-1",
        "s-1",
        "EUR",
        total=10_000,
        commission=0,
        captured=10_000,
        released=10_000,
        reserved=7_000,
        settles_in=settles_in,
    )
    found = {part.where: part.amount for part in whereabouts(funds)}

    assert sum(found.values()) == 10_000
    assert (Whereabouts.RESERVE in found) is (not settles_in)
