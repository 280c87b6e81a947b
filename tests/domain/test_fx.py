"""Foreign exchange: exact rates, the days that have them, and no money from nowhere."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.errors import CurrencyUnknown, FxRateUnknown, PolicyInvalid
from domain.fx import settlement
from domain.fx.book import RateBook
from domain.fx.calendar import easter, is_target_day, target_day_before
from domain.fx.positions import Dealing, positions
from domain.fx.rates import (
    Exchange,
    Publication,
    decimal,
    exact,
    expected_day,
    is_fresh,
    minor_rate,
    newest_day,
    published_at,
)
from domain.fx.rules import Fix
from domain.ledger import AccountKind, Leg
from domain.money import minor_digits
from domain.order import postings
from domain.order.money import OrderFunds
from domain.order.postings import RefundPlan, RefundSources
from domain.policy import Terms, from_document
from runtime.policies import shipped

AT: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
quotes: Final = st.decimals("0.0001", "99999", places=4).map(lambda number: f"{number:f}")
currencies: Final = st.sampled_from(["EUR", "CNY", "USD", "JPY", "KWD"])


def an_exchange(sold: str, bought: str, first: str, second: str, margin: int = 0) -> Exchange:
    """A rate by two quotes; the euro's own is always one."""
    one = "1" if sold == "EUR" else first
    two = "1" if bought == "EUR" else second
    return Exchange(sold, bought, one, two, date(2026, 2, 27), AT, margin)


exchanges: Final = st.builds(
    an_exchange, currencies, currencies, quotes, quotes, st.sampled_from([0, 1, 150, 9_999])
)


# Also the earliest and the latest there can be, and the leap of the lunar cycle.
EASTERS: Final = (
    *((1999, 4, 4), (2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2019, 4, 21), (2024, 3, 31)),
    *((2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2028, 4, 16), (2038, 4, 25), (2049, 4, 18)),
    *((2076, 4, 19), (2099, 4, 12), (2100, 3, 28), (2285, 3, 22)),
)


@pytest.mark.parametrize(("year", "month", "day"), EASTERS)
def test_easter_is_when_it_is(year: int, month: int, day: int) -> None:
    """A holiday too many, and a late day is not missed; one too few, and a person is called."""
    assert easter(year) == date(year, month, day)


@given(st.integers(1999, 9_998))
def test_easter_is_a_sunday_in_spring(year: int) -> None:
    """The rule is the same for ever: after the equinox, and five weeks later at most."""
    found = easter(year)

    assert found.weekday() == 6
    assert date(year, 3, 22) <= found <= date(year, 4, 25)


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 4, 2), True),
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 6), False),  # Easter Monday
        (date(2026, 4, 7), True),
        (date(2026, 5, 1), False),
        (date(2026, 12, 24), True),
        (date(2026, 12, 25), False),
        (date(2026, 11, 28), False),  # a Saturday
    ],
)
def test_target_has_its_own_holidays(day: date, is_open: bool) -> None:  # noqa: FBT001 - a case
    """No country's calendar is the ECB's."""
    assert is_target_day(day) is is_open


def test_the_gap_over_easter_is_seen_as_none() -> None:
    """Four days without rates are as they should be, and no file of ninety days is fetched."""
    assert target_day_before(date(2026, 4, 7)) == date(2026, 4, 2)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 3, 2, 14, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 2, 15, 0, tzinfo=UTC), date(2026, 3, 2)),
        # In summer Frankfurt is two hours ahead.
        (datetime(2026, 7, 1, 13, 59, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 7, 1, 14, 0, tzinfo=UTC), date(2026, 7, 1)),
    ],
)
def test_a_day_is_known_from_four_in_the_afternoon_in_frankfurt(at: datetime, day: date) -> None:
    """Two orders of one instant get one rate, wherever their worker's clock stands."""
    assert newest_day(at) == day
    assert published_at(day) <= at < published_at(day + timedelta(days=1))


def test_what_is_expected_skips_days_without_publication() -> None:
    """A Monday morning's rates are Friday's, and nobody is called for that."""
    assert expected_day(datetime(2026, 3, 2, 9, tzinfo=UTC)) == date(2026, 2, 27)


def test_a_rate_is_fresh_from_its_publication_for_as_long_as_the_policy_says() -> None:
    """Not before: nobody could know it. Not after: it says nothing about today."""
    day, age = date(2026, 2, 27), timedelta(days=7)
    born = published_at(day)

    assert not is_fresh(day, born - timedelta(seconds=1), age)
    assert is_fresh(day, born, age)
    assert is_fresh(day, born + age, age)
    assert not is_fresh(day, born + age + timedelta(seconds=1), age)


def test_a_cross_rate_goes_over_the_euro_and_stays_exact() -> None:
    """A float would pay somebody a cent that is not there."""
    dollars = an_exchange("USD", "CNY", "1.1000", "8.2000")

    assert dollars.rate == Fraction(82, 11)
    assert dollars.settled(1_100) == 8_200
    assert dollars.settled(1) == 7
    assert decimal(dollars.major_rate, 10) == "7.454545455"


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("sold", "bought", "minor", "settles"),
    [
        ("EUR", "JPY", 12_34, 2_105),  # 12.34 at 170.625: 2105.51
        ("JPY", "EUR", 2_105, 12_33),
        ("EUR", "KWD", 12_34, 4_196),  # 12.34 at 0.3401: 4.196 834
        ("KWD", "JPY", 4_196, 2_105),
    ],
)
def test_digits_of_both_currencies_count(sold: str, bought: str, minor: int, settles: int) -> None:
    """Yen have no cents and dinars have a thousand fils: a slip is a factor of a hundred."""
    per_euro = {"EUR": "1", "JPY": "170.625", "KWD": "0.3401"}

    assert an_exchange(sold, bought, per_euro[sold], per_euro[bought]).settled(minor) == settles


@given(exchanges, st.integers(0, 10**12))
def test_what_settles_rounds_down_and_by_less_than_one_unit(exchange: Exchange, minor: int) -> None:
    """The rule of rounding is stated, and the seller can do the sum again."""
    exactly = minor * exchange.rate

    assert 0 <= exactly - exchange.settled(minor) < 1


@given(exchanges)
def test_the_margin_is_taken_off_what_is_bought(exchange: Exchange) -> None:
    """What the platform takes for the exchange is stated apart from the published rate."""
    mid = replace(exchange, margin_bp=0).rate

    assert exchange.rate == mid * (10_000 - exchange.margin_bp) / 10_000
    assert mid == minor_rate(
        exchange.sold, exchange.bought, exchange.sold_per_euro, exchange.bought_per_euro
    )


@dataclass
class Books:
    """What the entries of one order come to, per currency and account; credit positive."""

    sums: dict[tuple[str, AccountKind], int] = field(
        default_factory=dict[tuple[str, AccountKind], int]
    )

    def post(self, currency: str, legs: tuple[Leg, ...]) -> None:
        assert sum(leg.amount for leg in legs) == 0
        for leg in legs:
            key = (currency, leg.account.kind)
            self.sums[key] = self.sums.get(key, 0) - leg.amount

    def of(self, currency: str, kind: AccountKind) -> int:
        return self.sums.get((currency, kind), 0)


class OneOrderAbroad(RuleBasedStateMachine):
    """One order's money in two currencies, released and refunded in any order, refunds undone."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.sent: list[tuple[int, RefundPlan, RefundPlan]] = []
        self.began = False

    @precondition(lambda self: not self.began)
    @rule(
        exchange=st.one_of(
            exchanges,
            st.just(an_exchange("EUR", "JPY", "1", "171.35")),
            st.just(an_exchange("JPY", "KWD", "171.35", "0.3401", 150)),
        ),
        total=st.integers(1, 10**9),
        share=st.integers(0, 3_000),
    )
    def begins(self, exchange: Exchange, total: int, share: int) -> None:
        sold, bought = "AAA", "BBB"
        self.exchange, self.began = exchange, True
        self.funds = OrderFunds(
            "o-1", "s-1", sold, total, total * share // 10_000, settles_in=bought
        ).with_capture(total)
        self.books.post(sold, postings.captured("stripe", "o-1", total, 0))

    @precondition(lambda self: self.began and self.funds.releasable > 0)
    @rule(part=st.integers(1, 10**9), reserve_bp=st.sampled_from([0, 2_000, 10_000]))
    def is_released(self, part: int, reserve_bp: int) -> None:
        plan = postings.plan_release(
            1 + part % self.funds.releasable,
            released=self.funds.released,
            total=self.funds.total,
            commission=self.funds.commission,
            reserve_bp=reserve_bp,
        )
        plan = settlement.released(plan, self.funds, self.exchange)
        assert plan.gross == plan.commission + plan.exchanged
        self.books.post("AAA", postings.released("o-1", "s-1", plan))
        self.books.post("BBB", settlement.released_legs("s-1", plan))
        self.funds = self.funds.with_release(plan)

    @precondition(lambda self: self.began and self.funds.refundable > 0)
    @rule(part=st.integers(1, 10**9), spent=st.integers(0, 100))
    def is_refunded(self, part: int, spent: int) -> None:
        amount = 1 + part % self.funds.refundable
        payable = self.books.of("BBB", AccountKind.PAYABLE) * spent // 100
        balances = RefundSources(
            escrow=self.funds.releasable,
            released=self.funds.released - self.funds.recovered,
            commission=self.funds.charged,
            payable=payable,
            reserve=self.books.of("BBB", AccountKind.RESERVE),
        )
        plan = settlement.exchanged(postings.plan_refund(amount, balances))
        given_back = settlement.recovered(plan, self.funds, self.exchange, balances)
        assert plan.escrow + plan.recovered == amount
        self.books.post("AAA", postings.refund_reserved("o-1", "s-1", plan))
        self.books.post("BBB", settlement.recovered_legs("s-1", given_back))
        self.funds = self.funds.with_refund(amount, plan, abroad=given_back)
        self.sent.append((amount, plan, given_back))

    @precondition(lambda self: self.sent)
    @rule(index=st.integers(0, 100))
    def comes_back(self, index: int) -> None:
        amount, plan, given_back = self.sent.pop(index % len(self.sent))
        for currency, legs in (
            ("AAA", postings.refund_reserved("o-1", "s-1", plan)),
            ("BBB", settlement.recovered_legs("s-1", given_back)),
        ):
            self.books.post(currency, tuple(Leg(leg.account, -leg.amount) for leg in legs))
        self.funds = self.funds.without_refund(amount, plan, abroad=given_back)

    @precondition(lambda self: self.began)
    @invariant()
    def nothing_appears_or_goes(self) -> None:
        """Each currency sums to zero, and the funds say what the entries say."""
        for currency in ("AAA", "BBB"):
            assert sum(n for (name, _), n in self.books.sums.items() if name == currency) == 0
        assert self.books.of("AAA", AccountKind.ESCROW) == self.funds.escrow
        assert self.books.of("AAA", AccountKind.FX_RESULT) == self.funds.with_seller
        assert -self.books.of("BBB", AccountKind.FX_RESULT) == self.funds.settled
        assert self.funds.settled >= 0

    @precondition(lambda self: self.began)
    @invariant()
    def the_seller_has_what_the_rate_says(self) -> None:
        """By one unit for each refund that is still out, or was undone between others, at most."""
        exactly = self.exchange.settled(self.funds.with_seller)
        drift = abs(self.funds.settled - exactly)
        assert drift <= 1 + len(self.sent) or self.funds.with_seller
        if not self.funds.with_seller and not self.sent:
            assert drift <= 1


TestOneOrderAbroad: Any = OneOrderAbroad.TestCase
TestOneOrderAbroad.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.mark.case(9)
@given(exchanges, st.lists(st.integers(1, 10**7), min_size=1, max_size=8))
def test_parts_released_one_by_one_settle_at_the_whole(
    exchange: Exchange, parts: list[int]
) -> None:
    """Ten releases must not cost the seller ten roundings; a refund of all takes back just that."""
    funds = OrderFunds("o-1", "s-1", "A", sum(parts), 0, settles_in="B").with_capture(sum(parts))
    given_out = 0
    for part in parts:
        plan = postings.plan_release(
            part, released=funds.released, total=funds.total, commission=0, reserve_bp=0
        )
        plan = settlement.released(plan, funds, exchange)
        funds, given_out = funds.with_release(plan), given_out + plan.payable + plan.reserve
    back = settlement.exchanged(
        postings.plan_refund(sum(parts), RefundSources(0, funds.released, funds.charged))
    )
    taken = settlement.recovered(back, funds, exchange, RefundSources(0, 0, 0, payable=10**30))

    assert given_out == exchange.settled(sum(parts))
    assert taken.payable == taken.recovered == given_out


@pytest.mark.case(55)
def test_what_the_seller_lacks_becomes_a_debt_in_the_sellers_currency() -> None:
    """The recovery order is the same in every currency: payable, reserve, deposit, debt."""
    exchange = an_exchange("EUR", "JPY", "1", "170.00")
    funds = OrderFunds(
        *("o-1", "s-1", "EUR", 10_000, 0, 10_000),
        released=10_000,
        settles_in="JPY",
        settled=17_000,
    )
    balances = RefundSources(0, 10_000, 0, payable=5_000, reserve=3_000, deposit=1_000)
    plan = settlement.exchanged(postings.plan_refund(10_000, balances))
    taken = settlement.recovered(plan, funds, exchange, balances)

    assert plan == RefundPlan(0, 0, 0, 0, 0, 0, exchanged=10_000)
    assert taken == RefundPlan(0, 0, 5_000, 3_000, 1_000, 8_000)


changes: Final = st.integers(-(10**9), 10**9).filter(bool)
dealings: Final = st.lists(
    st.one_of(
        st.tuples(st.tuples(currencies, changes), st.tuples(currencies, changes))
        .filter(lambda pair: pair[0][0] != pair[1][0])
        .map(lambda pair: Dealing(AT, pair)),
        st.tuples(currencies, changes).map(lambda one: Dealing(AT, (one,))),
    ),
    max_size=12,
)


@given(dealings)
def test_results_sum_to_what_all_positions_are_worth(made: list[Dealing]) -> None:
    """However it divides into realised and not, the platform has gained what it now has more."""
    book = RateBook(
        "EUR",
        [Publication(date(2026, 2, 27), {"CNY": "8.2", "USD": "1.1", "JPY": "171", "KWD": "0.34"})],
    )
    found = positions(made, "EUR", book.worth)
    worths = [book.worth(one.amount, one.currency, AT) for one in found]
    gains = sum(one.realised + worth - one.cost for one, worth in zip(found, worths, strict=True))

    assert gains == sum(worths)
    for position in found:
        net = sum(n for one in made for name, n in one.changes if name == position.currency)
        assert position.amount == net
        assert position.amount or not position.cost


def test_closing_a_position_realises_its_gain() -> None:
    """Owed 820 yuan for a hundred euros, and bought them for ninety-nine: one euro was made."""
    owed = Dealing(AT, (("EUR", 100_00), ("CNY", -820_00)))
    bought = Dealing(AT, (("EUR", -49_50), ("CNY", 410_00)))
    yuan, euros = positions([owed, bought], "EUR", RateBook("EUR", ()).worth)

    assert (yuan.amount, int(yuan.cost), int(yuan.realised)) == (-410_00, -50_00, 50)
    assert (euros.amount, int(euros.realised)) == (50_50, 0)


def test_worth_is_by_the_newest_day_that_has_both() -> None:
    """A currency that was left out today is worth what it was yesterday, and the day is said."""
    book = RateBook(
        "USD",
        [
            Publication(date(2026, 2, 27), {"USD": "1.2"}),
            Publication(date(2026, 2, 26), {"USD": "1.1", "CNY": "8.8"}),
        ],
    )

    assert book.worth(880, "CNY", AT) == 110
    assert (book.day_for("CNY", AT), book.day_for("EUR", AT)) == (
        date(2026, 2, 26),
        date(2026, 2, 27),
    )
    with pytest.raises(FxRateUnknown):
        book.worth(1, "CNY", AT - timedelta(days=30))


def a_policy(**fx: object) -> dict[str, Any]:
    document = next(one for one in shipped() if one["name"] == "standard")
    return document | {"fx": fx}


def test_a_policy_says_when_the_rate_is_fixed() -> None:
    """It is a rule of the house like any other: data, pinned with the order."""
    policy = from_document(a_policy(fix="captured", max_age="3d", margin_bp=50), "p", 1)
    terms = policy.terms("DE", "standard", [("general", 10_000)], "EUR", settles_in="CNY")

    assert (terms.settles_in, terms.fx_fix) == ("CNY", Fix.CAPTURED)
    assert (terms.fx_max_age, terms.fx_margin_bp) == (3 * 86_400, 50)


def test_a_seller_of_the_same_currency_has_no_exchange() -> None:
    """Settling euros in euros needs no rate, and none can be missing."""
    terms = from_document(a_policy(), "p", 1).terms("DE", "standard", [], "EUR", settles_in="EUR")

    assert terms.settles_in == Terms.settles_in == ""


def test_a_currency_to_settle_in_needs_figures_too() -> None:
    """Without a minimum and a fee nothing could ever be paid out in it."""
    policy = from_document(a_policy(), "p", 1)

    with pytest.raises(CurrencyUnknown):
        policy.terms("DE", "standard", [], "EUR", settles_in="XTS")


@pytest.mark.parametrize(
    ("fx", "key"),
    [
        ({"fix": "tomorrow"}, "fx.fix"),
        ({"fix": 1}, "fx.fix"),
        ({"max_age": "5bd"}, "fx.max_age"),
        ({"max_age": "0d"}, "fx.max_age"),
        ({"margin_bp": 10_000}, "fx.margin_bp"),
        ({"margin_bp": -1}, "fx.margin_bp"),
        ({"spread": 1}, "fx.spread"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(fx: dict[str, object], key: str) -> None:
    """A misspelt margin would be found by the sellers."""
    with pytest.raises(PolicyInvalid, match=key):
        from_document(a_policy(**fx), "p", 1)


@pytest.mark.parametrize("quote", ["", "0", "0.00", "-1", "1e5", "1,5", "N/A", "1.", " 1", "٣"])
def test_what_is_no_positive_decimal_is_no_rate(quote: str) -> None:
    """Everything after it is arithmetic: it must not begin with a guess."""
    with pytest.raises(ValueError, match="not a rate"):
        exact(quote)


def test_a_rate_between_two_currencies_is_one_for_one_minor_unit() -> None:
    """Ten euros are a thousand cents and ten thousand fils."""
    shift = minor_digits("KWD") - minor_digits("EUR")

    assert minor_rate("EUR", "KWD", "1", "1") == 10**shift
