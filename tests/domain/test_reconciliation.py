"""Two sets of books: every difference is found, and nothing that is none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reconciliation import BreakKind, Movement, compare, effect_of

_AT = datetime(2026, 11, 30, tzinfo=UTC)
_LINE = Movement("", "order/o-1/take/1", "charge", "EUR", 9_680, 320, _AT, "txn_1")
_POSTED = replace(_LINE, name="order/o-1/capture/pi_1")


@pytest.mark.parametrize(
    ("posting", "key", "effect"),
    [
        ("order/o-1/capture/pi_1", "order/o-1/take/1", "charge"),
        ("order/o-1/late/pi_1", "order/o-1/take/1", "charge"),
        ("order/o-1/refund/2/settled", "order/o-1/refund/2", "refund"),
        ("order/o-1/refund/2/returned", "order/o-1/refund/2", "refund_failure"),
        ("order/o-1/late-refund/1/settled", "order/o-1/late-refund/1", "refund"),
        ("order/o-1/excess-refund/pi_2/settled", "order/o-1/excess-refund/pi_2", "refund"),
        (
            "payout/s-1/2026-11-30-EUR/transferred",
            "payout/s-1/2026-11-30-EUR/transfer/1",
            "transfer",
        ),
        ("payout/s-1/2026-11-30-EUR/paid", "payout/s-1/2026-11-30-EUR/payout/1", "payout"),
        (
            "payout/s-1/2026-11-30-EUR/returned",
            "payout/s-1/2026-11-30-EUR/payout/1",
            "payout_failure",
        ),
        (
            "payout/s-1/2026-11-30-EUR/taken_back",
            "payout/s-1/2026-11-30-EUR/take_back/1",
            "transfer_refund",
        ),
    ],
)
def test_each_posting_on_a_clearing_account_names_its_effect(
    posting: str, key: str, effect: str
) -> None:
    """The key that the provider was given is what both books have in common."""
    assert effect_of(posting) == (key, effect)


def test_books_that_say_the_same_agree() -> None:
    """Under other names, at other times."""
    report = compare([_POSTED], [replace(_LINE, at=_AT + timedelta(minutes=5))])

    assert report.matches
    assert report.agreed == ("order/o-1/take/1",)


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ([], [_LINE], BreakKind.MISSING_HERE),
        ([_POSTED], [], BreakKind.MISSING_THERE),
        ([_POSTED], [replace(_LINE, change=9_681)], BreakKind.DIFFERENT),
        ([_POSTED], [replace(_LINE, fee=321)], BreakKind.DIFFERENT),
        ([_POSTED], [_LINE, replace(_LINE, name="txn_2")], BreakKind.DIFFERENT),
    ],
)
def test_a_difference_names_the_posting_and_the_line(
    ours: list[Movement], theirs: list[Movement], kind: BreakKind
) -> None:
    """Whoever is woken by it must know where to look."""
    report = compare(ours, theirs)

    (found,) = report.breaks
    assert found.kind is kind
    assert found.postings == tuple(one.name for one in ours)
    assert found.lines == tuple(one.name for one in theirs)
    assert not report.matches


def test_what_is_young_may_still_arrive() -> None:
    """Between the provider's line and our entry lie seconds, sometimes minutes."""
    assert compare([], [_LINE], until=_AT - timedelta(seconds=1)).breaks == ()
    assert compare([], [_LINE], until=_AT).breaks != ()


def test_an_amount_that_differs_is_wrong_however_young() -> None:
    """Both sides have spoken."""
    young = compare([_POSTED], [replace(_LINE, change=1)], until=_AT - timedelta(days=1))

    assert [found.kind for found in young.breaks] == [BreakKind.DIFFERENT]


def test_another_currency_or_account_is_another_thing() -> None:
    """9680 yen are not 96.80 euros, and a seller's balance is not ours."""
    for other in (replace(_LINE, currency="JPY"), replace(_LINE, account="acct_1")):
        assert {found.kind for found in compare([_POSTED], [other]).breaks} == {
            BreakKind.MISSING_HERE,
            BreakKind.MISSING_THERE,
        }


_MOVEMENTS = st.lists(
    st.builds(
        Movement,
        account=st.sampled_from(["", "acct_1"]),
        key=st.sampled_from(["", "k-1", "k-2"]),
        effect=st.sampled_from(["charge", "refund"]),
        currency=st.sampled_from(["EUR", "JPY"]),
        change=st.integers(-1000, 1000),
        fee=st.integers(0, 10),
        at=st.just(_AT),
        name=st.uuids().map(str),
    ),
    max_size=8,
)


@given(_MOVEMENTS, _MOVEMENTS)
def test_the_totals_differ_by_exactly_what_the_breaks_do(
    ours: list[Movement], theirs: list[Movement]
) -> None:
    """Nothing is lost between the lines and the sum."""
    report = compare(ours, theirs)

    assert sum(total.ours - total.theirs for total in report.totals) == sum(
        found.ours - found.theirs for found in report.breaks
    )


@given(_MOVEMENTS)
def test_every_set_of_books_agrees_with_itself(ours: list[Movement]) -> None:
    """In whatever order it is read."""
    assert compare(ours, reversed(ours)).matches


@pytest.mark.case(2)
def test_a_buyer_who_paid_twice_agrees_when_both_are_booked() -> None:
    """One payment is escrow's and one is apart; the provider names them take/1 and take/2."""
    second = replace(_LINE, key="order/o-1/take/2", name="txn_2")
    late = replace(_POSTED, name="order/o-1/late/pi_2")

    assert compare([_POSTED, late], [_LINE, second]).matches
    assert not compare([_POSTED], [_LINE, second]).matches
