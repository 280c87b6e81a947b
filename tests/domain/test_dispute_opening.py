"""When a dispute may be opened, about what, and for how much at the most."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest

from domain.dispute.opening import (
    Wanted,
    capped,
    claims_of,
    clamped,
    must_be_open,
    must_be_sound,
)
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.state import Claim
from domain.dispute.terms import DisputeTerms, dispute_rules
from domain.errors import (
    AmountExceeded,
    CurrencyUnknown,
    DeadlinePassed,
    IllegalTransition,
    PolicyInvalid,
)
from domain.fx.rates import Exchange
from domain.money import Money
from domain.order.parcels import Parcel, ParcelStage
from domain.order.state import Clock, ClockName, OrderState, Outcome
from tests.domain.disputes import BEGAN, after, terms

LINES: Final[tuple[Mapping[str, str | int], ...]] = (
    {"line": "1", "price": 6_300, "freight": 700},
    {"line": "2", "price": 2_700, "freight": 300},
)


def wanted(
    category: Category = Category.NOT_RECEIVED,
    reason: Reason = Reason.IN_TRANSIT,
    remedy: Remedy = Remedy.REFUND,
    lines: tuple[str, ...] = ("1",),
) -> Wanted:
    return Wanted(lines, category, reason, remedy, Money(5_000, "EUR"))


BROKEN: Final = wanted(Category.RECEIVED, Reason.DAMAGED)


def order(stage: ParcelStage = ParcelStage.IN_TRANSIT, promise: float = 60) -> OrderState:
    """An order in one parcel, shipped when everything began."""
    parcel = Parcel("UPS", "1Z", name="1", stage=stage, lines=("1", "2"), declared_at=BEGAN)
    clock = Clock(ClockName.DELIVERY, BEGAN, after(days=promise), parcel="1")
    return OrderState("o-1", "b-1", "s-1", "EUR", 10_000, BEGAN, parcels=(parcel,), clocks=(clock,))


def confirmed(at: datetime) -> OrderState:
    return replace(order(ParcelStage.DELIVERED), clocks=(), confirmed_at=at)


def is_open(
    state: OrderState, at: datetime, what: Wanted, lives_by: DisputeTerms | None = None
) -> bool:
    try:
        must_be_open(state, what, lives_by or terms(), at)
    except IllegalTransition:
        return False
    return True


def test_goods_on_their_way_are_called_missing_after_ten_days() -> None:
    """Not before: the carrier has the parcel, and the promise runs."""
    assert not is_open(order(), after(days=9, hours=23), wanted())
    assert is_open(order(), after(days=10), wanted())


@pytest.mark.parametrize(
    "stage", [ParcelStage.DELIVERED, ParcelStage.AT_CUSTOMS, ParcelStage.DOUBTED]
)
def test_what_is_said_to_be_there_or_is_abnormal_is_disputed_at_once(stage: ParcelStage) -> None:
    """Waiting ten days for a parcel that "was delivered" helps nobody."""
    assert is_open(order(stage), after(days=1), wanted())


def test_a_short_promise_is_not_waited_for() -> None:
    """Who promised four days answers on the first."""
    assert is_open(order(promise=4), after(days=1), wanted())
    assert not is_open(order(promise=6), after(days=1), wanted())


def test_goods_that_have_not_come_cannot_be_broken() -> None:
    """A complaint about quality needs the goods."""
    assert not is_open(order(), after(days=20), BROKEN)
    assert is_open(order(ParcelStage.DELIVERED), after(days=20), BROKEN)


@pytest.mark.case(31, 32, 33)
def test_fifteen_days_after_the_confirmation_to_the_very_instant() -> None:
    """Also who confirmed by mistake, and whose request waited for an engine that was down."""
    state = confirmed(after(days=3))
    must_be_open(state, wanted(), terms(), after(days=18))

    with pytest.raises(DeadlinePassed, match="had to be opened by"):
        must_be_open(state, wanted(), terms(), after(days=18, microseconds=1))


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.NEVER_SHIPPED, Outcome.FRAUD])
def test_what_was_called_off_is_not_disputed(outcome: Outcome) -> None:
    """Its money goes back already."""
    assert not is_open(replace(order(), outcome=outcome), after(days=20), wanted())


def test_a_line_that_was_not_shipped_or_went_back_is_not_disputed() -> None:
    """One is cancelled, the other refunded, without anybody's decision."""
    unshipped = replace(order(), parcels=())

    assert not is_open(unshipped, after(days=20), wanted())
    assert not is_open(order(ParcelStage.LOST), after(days=20), wanted())


@pytest.mark.case(26)
def test_of_split_parcels_only_the_lines_in_the_missing_one_are_missing() -> None:
    """What is in the other parcel is not asked about for ten days more."""
    late = replace(order().parcels[0], lines=("2",), name="2", declared_at=after(days=8))
    split = replace(order(), parcels=(replace(order().parcels[0], lines=("1",)), late))

    assert is_open(split, after(days=10), wanted(lines=("1",)))
    assert not is_open(split, after(days=10), wanted(lines=("2",)))


def test_a_waiver_puts_off_what_nobody_could_deliver() -> None:
    """A port is closed: goods to that country are not missing before it opens, in its days."""
    waiver = {"countries": ["CN"], "begins": "2026-03-01", "ends": date(2026, 3, 20)}
    there = terms("CN", waiver=[waiver])
    elsewhere = terms("DE", waiver=[waiver])

    assert there.waived_until is not None
    assert there.waived_until.isoformat() == "2026-03-21T07:00:00+00:00"
    assert not is_open(order(), after(days=12), wanted(), there)
    assert is_open(order(), there.waived_until, wanted(), there)
    assert elsewhere.waived_until is None
    assert terms("CN", after(days=40), waiver=[waiver]).waived_until is None


@pytest.mark.parametrize(
    ("category", "reason", "remedy"),
    [
        (Category.NOT_RECEIVED, Reason.DAMAGED, Remedy.REFUND),
        (Category.NOT_RECEIVED, Reason.CUSTOMS, Remedy.RETURN_AND_REFUND),
        (Category.RECEIVED, Reason.IN_TRANSIT, Remedy.REFUND),
        (Category.OWN_REASON, Reason.CHANGED_MIND, Remedy.RETURN_AND_REFUND),
    ],
)
def test_a_reason_or_remedy_of_another_category_is_refused(
    category: Category, reason: Reason, remedy: Remedy
) -> None:
    """What never came cannot be sent back; a change of mind is not offered by default."""
    with pytest.raises(IllegalTransition, match="not offered"):
        must_be_sound(wanted(category, reason, remedy), terms())


def test_a_change_of_mind_is_heard_where_it_is_offered() -> None:
    """Free returns are a marketplace's choice."""
    mind = wanted(Category.OWN_REASON, Reason.CHANGED_MIND, Remedy.RETURN_AND_REFUND)
    must_be_sound(mind, terms(own_reason="offered"))

    assert is_open(order(ParcelStage.DELIVERED), after(days=1), mind)


@pytest.mark.case(34)
def test_a_line_s_cap_is_what_was_paid_less_what_went_back() -> None:
    """Two disputes about one line never bring more than the line."""
    assert claims_of(LINES, ["2", "1", "1"], {"2": 1_000}) == (
        Claim("1", 7_000),
        Claim("2", 2_000),
    )
    for lines, back in ((["3"], {}), (["2"], {"2": 3_000})):
        with pytest.raises(IllegalTransition, match="nothing to dispute"):
            claims_of(LINES, lines, back)


@pytest.mark.case(34, 49)
def test_all_lines_together_never_bring_more_than_the_order_has_left() -> None:
    """Each gives way by its weight, to the last minor unit."""
    claims = (Claim("1", 7_000), Claim("2", 3_000))
    cap, parts = capped(claims, 5_001, "JPY")

    assert cap == sum(part.cap for part in parts) == 5_001
    assert [part.cap for part in parts] == [3_501, 1_500]
    with pytest.raises(AmountExceeded):
        capped(claims, 0, "JPY")


@pytest.mark.case(37)
def test_a_request_in_the_seller_s_currency_is_taken_at_the_order_s_rate_and_clamped() -> None:
    """What settles at more than the line does comes to the line; a third currency is refused."""
    rate = Exchange("EUR", "CNY", "1", "7.85", date(2026, 3, 2), BEGAN)

    assert clamped(Money(12_000, "EUR"), 10_000, "EUR", None) == 10_000
    assert clamped(Money(7_850, "CNY"), 10_000, "EUR", rate) == 1_000
    assert clamped(Money(99_999_999, "CNY"), 10_000, "EUR", rate) == 10_000
    assert rate.settled(clamped(Money(7_851, "CNY"), 10_000, "EUR", rate)) >= 7_851
    with pytest.raises(CurrencyUnknown):
        clamped(Money(100, "USD"), 10_000, "EUR", rate)


_WRONG: Final[list[tuple[dict[str, Any], str]]] = [
    ({"evidence_within": "soon"}, "dispute.evidence_within"),
    ({"own_reason": "maybe"}, "dispute.own_reason"),
    ({"second_person_above": {"EUR": -1}}, "dispute.second_person_above.EUR"),
    ({"review_alarm": "1d"}, "dispute.review_alarm"),
    ({"patience": "1d"}, "dispute.patience"),
    ({"waiver": [{"countries": ["CN"], "begins": "x", "ends": "y"}]}, "begins"),
    ({"waiver": [{"countries": [], "begins": "2026-03-01", "ends": "2026-03-02"}]}, "countri"),
    ({"waiver": [{"countries": ["CN"], "begins": "2026-03-02", "ends": "2026-03-01"}]}, "ends"),
]


@pytest.mark.parametrize(("wrong", "key"), _WRONG)
def test_rules_that_cannot_be_are_refused_by_their_key(wrong: dict[str, Any], key: str) -> None:
    """At the publication, not in the first dispute that meets them."""
    with pytest.raises(PolicyInvalid, match=key):
        dispute_rules(wrong)


def test_a_currency_without_a_figure_is_careful() -> None:
    """Every decision needs a second person, and every return is asked for."""
    figures = terms(second_person_above={}, no_return_up_to={})

    assert (figures.second_person_above, figures.no_return_up_to) == (0, 0)
    assert figures.after("seller_answers_within", BEGAN) == BEGAN + timedelta(days=5)
