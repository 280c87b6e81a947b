"""Who paid what of a price has that back, whatever the order and the size of refunds."""

from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Leg, Posting
from domain.order.money import OrderFunds
from domain.order.postings import (
    PaidBy,
    RefundSources,
    amount_accepted,
    captured,
    plan_refund,
    refund_reserved,
    share_of,
)
from tests.domain.test_order_postings import entry, total

_CHANCE: Final = st.booleans()
amounts: Final = st.integers(min_value=0, max_value=10**9)


@dataclass(frozen=True)
class Sent:
    """A refund that is out."""

    whole: int
    share: PaidBy


def paid(buyer: int, subsidy: int, loss: int) -> OrderFunds:
    price = buyer + subsidy + loss
    funds = OrderFunds("o-1", "s-1", "EUR", price, 0)
    return funds.with_capture(buyer, subsidy, loss)


def refunded(funds: OrderFunds, amount: int) -> tuple[OrderFunds, Sent]:
    share = funds.share_of_refund(amount)
    plan = plan_refund(amount, RefundSources(funds.releasable, 0, 0))
    return funds.with_refund(amount, plan, share), Sent(amount, share)


def came_back(funds: OrderFunds, sent: Sent) -> OrderFunds:
    plan = plan_refund(sent.whole, RefundSources(sent.whole, 0, 0))
    return funds.without_refund(sent.whole, plan, sent.share)


@pytest.mark.case(12, 49)
@given(buyer=st.integers(1, 10**9), subsidy=amounts, loss=amounts, data=st.data())
def test_parts_of_a_refund_sum_to_what_each_has_paid(
    buyer: int, subsidy: int, loss: int, data: st.DataObject
) -> None:
    """Refunds in any parts, some of which come back: at the end nobody is a unit short."""
    funds = paid(buyer, subsidy, loss)
    out: list[Sent] = []
    for _ in range(data.draw(st.integers(0, 8), label="steps")):
        comes_back = data.draw(_CHANCE, label="comes back")
        if out and comes_back:
            gone = out.pop(data.draw(st.integers(0, len(out) - 1), label="which"))
            funds = came_back(funds, gone)
        elif funds.refundable:
            amount = data.draw(st.integers(1, funds.refundable), label="amount")
            funds, sent = refunded(funds, amount)
            out.append(sent)
            assert min(sent.share.buyer, sent.share.subsidy, sent.share.loss) >= 0
            assert sent.share.total == amount
        assert sum(one.share.buyer for one in out) <= buyer
        assert 0 <= funds.subsidised_back <= subsidy
        assert 0 <= funds.borne_back <= loss
    if funds.refundable:
        funds, last = refunded(funds, funds.refundable)
        out.append(last)

    assert sum(one.share.buyer for one in out) == buyer
    assert (funds.subsidised_back, funds.borne_back) == (subsidy, loss)


@pytest.mark.case(12)
@given(buyer=st.integers(1, 10**9), subsidy=amounts, amount=st.integers(1, 10**9))
def test_a_refund_is_pro_rata_to_the_nearest_unit(buyer: int, subsidy: int, amount: int) -> None:
    """A first refund gives the buyer their share of it, less or more by half a unit at most."""
    funds = paid(buyer, subsidy, 0)
    amount = min(amount, funds.captured)
    share = funds.share_of_refund(amount)

    assert abs(share.buyer * funds.captured - buyer * amount) * 2 <= funds.captured


@pytest.mark.case(12)
def test_without_a_subsidy_the_buyer_has_all_of_it() -> None:
    """Orders as they always were divide nothing."""
    assert paid(10_000, 0, 0).share_of_refund(3_333) == PaidBy(3_333)


@given(buyer=st.integers(1, 10**9), subsidy=amounts, fee=amounts)
def test_a_subsidised_capture_balances(buyer: int, subsidy: int, fee: int) -> None:
    """The platform's share comes from its own account, and escrow has the whole price."""
    legs = captured("stripe", "o-1", buyer, fee, subsidy)

    assert total(legs) == 0
    assert _in(legs, "escrow") == -buyer - subsidy
    assert _in(legs, "subsidy") == subsidy


@given(paid_=st.integers(1, 10**9), subsidy=amounts, borne=amounts)
def test_an_accepted_amount_balances(paid_: int, subsidy: int, borne: int) -> None:
    """What is missing is in somebody's account, by name."""
    legs = amount_accepted("o-1", paid_, subsidy, borne)

    assert total(legs) == 0
    assert _in(legs, "platform_loss") == borne


@given(buyer=amounts, subsidy=amounts, loss=st.integers(1, 10**9))
def test_a_share_can_be_read_back_from_its_entry(buyer: int, subsidy: int, loss: int) -> None:
    """A refund that comes back puts every share back: the entry is all that is left."""
    share = PaidBy(buyer, subsidy, loss)
    plan = plan_refund(share.total, RefundSources(share.total, 0, 0))
    reserved: Posting = entry(refund_reserved("o-1", "s-1", plan, share))

    assert share_of(reserved) == share


def _in(legs: tuple[Leg, ...], kind: str) -> int:
    return sum(leg.amount for leg in legs if leg.account.kind == kind)
