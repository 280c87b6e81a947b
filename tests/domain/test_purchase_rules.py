"""A purchase's table, who may ask what of it, and money that divides without a rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.actors import Actor, Role
from domain.errors import (
    AmountExceeded,
    DeadlinePassed,
    IllegalTransition,
    NotYours,
    PaidOnShipment,
)
from domain.order.rules import MOST_ATTEMPTS
from domain.order.rules import Action as OrderAction
from domain.order.rules import allowed as allowed_of_order
from domain.order.state import ClockName, OrderState, Parked
from domain.purchase import moves, rules
from domain.purchase.money import PaymentFunds, chargeback_shares, fee_shares, paid_shares
from domain.purchase.rules import Action
from domain.purchase.state import PURCHASE, PurchaseEvent, PurchaseState, Share, Stage
from domain.reconciliation import Effect, Movement, compare, effect_of

_AT = datetime(2026, 11, 30, tzinfo=UTC)
_BUYER = Actor(Role.BUYER, "b-1")
_SHARES = (Share("p-1-1", "s-1", 6_000), Share("p-1-2", "s-2", 4_000))
_NEW = PurchaseState("p-1", "b-1", "EUR", _AT, _SHARES)
_OPEN = moves.opened(_NEW, 3 * 86_400)


def test_every_move_is_one_that_was_promised() -> None:
    """What is in no table must not happen: an ended purchase stays as it ended."""
    ends = {
        PurchaseEvent.WINDOW_CLOSED: Stage.NEVER_PAID,
        PurchaseEvent.CANCELLED: Stage.CANCELLED_BY_BUYER,
    }
    promised = {
        Stage.AWAITING_PAYMENT: ends
        | {
            PurchaseEvent.MONEY_ARRIVED: Stage.PAID,
            PurchaseEvent.OTHER_AMOUNT_ARRIVED: Stage.AMOUNT_DIFFERS,
            PurchaseEvent.ORDER_REFUSED: Stage.NOT_ACCEPTED,
        },
        Stage.AMOUNT_DIFFERS: ends
        | {
            PurchaseEvent.AMOUNT_ACCEPTED: Stage.PAID,
            PurchaseEvent.AMOUNT_SENT_BACK: Stage.AWAITING_PAYMENT,
        },
    }
    for stage, event in product(Stage, PurchaseEvent):
        if event in promised.get(stage, {}):
            assert PURCHASE.next(stage, event) is promised[stage][event]
        else:
            assert not PURCHASE.allows(stage, event)


def test_another_amount_waits_for_somebody_s_decision() -> None:
    """The buyer is not reminded of what they have done; silence has an end, and says which."""
    state = moves.differs(_OPEN, 9_000, 3_600, _AT)

    assert (state.stage, state.excess, state.is_open) == (Stage.AMOUNT_DIFFERS, 9_000, True)
    assert rules.next_due(state) == rules.Due(_AT + timedelta(hours=1))
    assert rules.what_is_due(state) == rules.WHEN_DUE[ClockName.AMOUNT]
    assert set(rules.allowed(state)) == {Action.CANCEL, Action.DECIDE_AMOUNT}


def test_an_amount_that_goes_back_opens_the_window_anew() -> None:
    """The buyer has done something: they get the whole time again, and its one extension."""
    differs = moves.differs(_OPEN, 9_000, 3_600, _AT)
    again = moves.amount_sent_back(differs, "pi_2", 7_200, _AT + timedelta(hours=1))

    assert (again.stage, again.intent, again.excess) == (Stage.AWAITING_PAYMENT, "pi_2", 0)
    assert again.clock is not None
    assert again.clock.due_at == _AT + timedelta(hours=3)
    assert rules.is_first_window(again)
    assert again.attempts == 2


def test_an_accepted_amount_pays() -> None:
    """Whatever came: the purchase ends as one that was paid as asked, and nothing is kept apart."""
    paid = moves.paid(moves.differs(_OPEN, 9_000, 3_600, _AT), 9_000, _AT)

    assert (paid.stage, paid.captured, paid.excess) == (Stage.PAID, 9_000, 0)


def test_of_several_payments_one_pays() -> None:
    """The first that is paid counts; the others are known, so that none is kept by mistake."""
    asked = moves.asked(_OPEN, "pi_1")
    twice = moves.another_asked(asked, "pi_2")

    assert (twice.intent, twice.others, twice.attempts) == ("pi_2", ("pi_1",), 2)
    assert moves.chosen(twice, "pi_1").others == ("pi_2",)
    assert moves.chosen(twice, "pi_1").intent == "pi_1"
    assert moves.others_closed(twice, ()).others == ()


def test_a_buyer_is_asked_only_so_often() -> None:
    """Who has not managed by then is helped by a person."""
    asked = moves.asked(_OPEN, "pi_1")
    tired = replace(asked, attempts=MOST_ATTEMPTS)

    assert Action.PAY_ANOTHER_WAY not in rules.allowed(_OPEN)
    assert Action.PAY_ANOTHER_WAY in rules.allowed(asked)
    assert Action.PAY_ANOTHER_WAY not in rules.allowed(tired)


def test_who_is_paid_on_shipment_is_in_no_purchase() -> None:
    """One payment is captured once, and the orders of a purchase ship on days of their own."""
    rules.must_be_paid_at_once("s-1", "at_once")
    with pytest.raises(PaidOnShipment) as refused:
        rules.must_be_paid_at_once("s-1", "on_shipment")

    assert refused.value.facts == {"seller": "s-1"}


@given(st.data())
def test_a_short_payment_is_divided_without_a_rest(data: st.DataObject) -> None:
    """No order is paid more than its part, or its loss would be a gain; the sum is what came."""
    amounts = data.draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
    shares = tuple(
        Share(f"o-{n}", f"s-{n}", amount, data.draw(st.integers(0, amount - 1)))
        for n, amount in enumerate(amounts)
    )
    paid = data.draw(st.integers(1, sum(share.due for share in shares)))
    parts = paid_shares(paid, shares)

    assert sum(parts) == paid
    assert all(0 <= part <= share.due for part, share in zip(parts, shares, strict=True))


def test_only_the_one_payment_has_a_clock() -> None:
    """It is reminded of at half and a day before its end; when it is final nothing runs."""
    assert rules.next_due(_NEW) is None
    reminders = [_AT + timedelta(days=1.5), _AT + timedelta(days=2)]
    state = _OPEN
    for at in reminders:
        assert rules.next_due(state) == rules.Due(at, is_reminder=True)
        state = moves.reminded(state)

    assert rules.next_due(state) == rules.Due(_AT + timedelta(days=3))
    assert rules.next_due(moves.paid(state, 10_000, _AT)) is None


def test_the_window_is_lengthened_once() -> None:
    """A second time would let a slip that never comes keep the sellers' goods for ever."""
    longer = moves.pending(_OPEN, _AT + timedelta(days=10))

    assert rules.is_first_window(_OPEN)
    assert not rules.is_first_window(longer)


@pytest.mark.parametrize(
    ("state", "actor", "after", "refusal"),
    [
        (_OPEN, Actor(Role.BUYER, "b-2"), 0, NotYours),
        (_OPEN, Actor(Role.SELLER, "s-1"), 0, NotYours),
        (moves.paid(_OPEN, 10_000, _AT), _BUYER, 0, IllegalTransition),
        (_OPEN, _BUYER, 3 * 86_400 + 1, DeadlinePassed),
    ],
)
def test_a_cancellation_is_refused_for_a_reason(
    state: PurchaseState, actor: Actor, after: int, refusal: type[Exception]
) -> None:
    """Who, whose, whether, until when: in this order, so that nobody learns more than is theirs."""
    with pytest.raises(refusal):
        rules.check(state, Action.CANCEL, actor, _AT + timedelta(seconds=after))


def test_a_cancellation_at_the_last_second_counts() -> None:
    """A buyer's word that arrives at the deadline beats it."""
    rules.check(_OPEN, Action.CANCEL, _BUYER, _AT + timedelta(days=3))


def test_an_operator_is_asked_only_where_something_is_parked() -> None:
    """And then it is what lists show."""
    parked = moves.parked(_OPEN, Parked("purchase.ask", "no", "key", _AT))

    assert Action.RESOLVE not in rules.allowed(_OPEN)
    assert rules.allowed(parked)[Action.RESOLVE] == (Role.OPERATOR,)
    assert rules.headline(parked) == "needs_attention"


def test_a_part_of_a_purchase_is_not_cancelled_alone() -> None:
    """It is paid with the others, so it is the purchase that is called off."""
    alone = OrderState("o-1", "b-1", "s-1", "EUR", 100, _AT)

    assert OrderAction.CANCEL in allowed_of_order(alone)
    assert OrderAction.CANCEL not in allowed_of_order(replace(alone, paid_by="p-1"))


@given(
    fee=st.integers(0, 10**9),
    amounts=st.lists(st.integers(1, 10**9), min_size=1, max_size=20),
)
def test_the_fee_is_divided_without_a_rest(fee: int, amounts: list[int]) -> None:
    """A cent that nobody bears would be missing in every report of what a sale cost."""
    shares = tuple(Share(f"o-{n}", f"s-{n}", amount) for n, amount in enumerate(amounts))
    parts = fee_shares(fee, shares)

    assert sum(parts) == fee
    total = sum(amounts)
    for part, amount in zip(parts, amounts, strict=True):
        assert abs(part - fee * amount / total) < 1 + 1e-6


@given(st.data())
def test_a_chargeback_takes_of_each_no_more_than_it_has(data: st.DataObject) -> None:
    """An order that was refunded in part has less to lose; the parts still sum to the whole."""
    left = data.draw(
        st.dictionaries(
            st.sampled_from([f"o-{n}" for n in range(20)]), st.integers(0, 10**9), min_size=1
        ).filter(lambda found: sum(found.values()) > 0)
    )
    amount = data.draw(st.integers(1, sum(left.values())))
    shares = chargeback_shares(amount, left)

    assert sum(shares.values()) == amount
    assert all(0 <= shares[order] <= left[order] for order in left)


@pytest.mark.parametrize("amount", [0, -1, 10_001])
def test_a_chargeback_of_what_is_not_there_is_refused(amount: int) -> None:
    """The provider's number is believed only as far as the payment goes."""
    with pytest.raises(AmountExceeded):
        chargeback_shares(amount, {"o-1": 6_000, "o-2": 4_000})


@given(st.lists(st.tuples(st.integers(1, 12_000), st.booleans()), max_size=30))
def test_refunds_of_a_payment_never_exceed_it(wishes: list[tuple[int, bool]]) -> None:
    """Whichever orders ask, in whatever order, and however many of them come back."""
    funds = PaymentFunds("p-1", "EUR", 10_000).with_capture(10_000, 320)
    sent: list[int] = []
    for amount, comes_back in wishes:
        try:
            funds = funds.with_refund(amount)
        except AmountExceeded:
            assert amount > funds.refundable
            continue
        sent.append(amount)
        if comes_back:
            funds = funds.without_refund(sent.pop())

    assert funds.refunded == sum(sent) <= funds.captured


@pytest.mark.parametrize(
    ("posting", "key", "effect"),
    [
        ("purchase/p-1/capture/pi_1/p-1-2", "purchase/p-1/take/1", Effect.CHARGE),
        ("purchase/p-1/capture/pi_1/o-7", "purchase/p-1/take/1", Effect.CHARGE),
        ("purchase/p-1/late/pi_1", "purchase/p-1/take/1", Effect.CHARGE),
        ("purchase/p-1/late-refund/1/settled", "purchase/p-1/late-refund/1", Effect.REFUND),
        (
            "purchase/p-1/late-refund/1/returned",
            "purchase/p-1/late-refund/1",
            Effect.REFUND_FAILURE,
        ),
    ],
)
def test_each_posting_of_a_purchase_names_its_effect(posting: str, key: str, effect: str) -> None:
    """The key that the provider was given is what both books have in common."""
    assert effect_of(posting) == (key, effect)


def _moved(posting: str, change: int, fee: int) -> Movement:
    key, effect = effect_of(posting)
    return Movement("", key, effect, "EUR", change, fee, _AT, posting)


def test_the_shares_of_a_charge_are_compared_as_one() -> None:
    """One line with the provider, an entry of ours for each order; a cent too few is a break."""
    charge = Movement("", "purchase/p-1/take/1", "charge", "EUR", 9_680, 320, _AT, "txn_1")
    first = _moved("purchase/p-1/capture/pi_1/p-1-1", 5_808, 192)
    second = _moved("purchase/p-1/capture/pi_1/p-1-2", 3_872, 128)

    assert compare([first, second], [charge]).matches
    for ours in ([first], [first, replace(second, change=3_871)]):
        (found,) = compare(ours, [charge]).breaks
        assert found.key == "purchase/p-1/take/1"
