"""Money: exact in every currency, and nothing appears or vanishes when it is divided."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import BASIS_POINTS, Money, allocate, minor_digits

ZERO_DECIMALS = ("JPY", "KRW", "VND", "CLP")
THREE_DECIMALS = ("KWD", "BHD", "TND")
ODD_WITH_STRIPE = ("ISK", "UGX")
CURRENCIES = ("EUR", "USD", "BRL", *ZERO_DECIMALS, *THREE_DECIMALS, *ODD_WITH_STRIPE)

amounts = st.integers(min_value=0, max_value=10**15)
signed = st.integers(min_value=-(10**15), max_value=10**15)
currencies = st.sampled_from(CURRENCIES)
moneys = st.builds(Money, amounts, currencies)
weights = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=30).filter(any)


@pytest.mark.case(49)
@given(money=moneys, parts=weights)
def test_parts_sum_to_the_whole(money: Money, parts: list[int]) -> None:
    """A cent that is lost per order is a hole in the ledger by the end of the month."""
    divided = money.allocate(parts)

    assert sum(part.minor for part in divided) == money.minor
    assert {part.currency for part in divided} == {money.currency}
    assert all(part.minor >= 0 for part in divided)


@pytest.mark.case(49)
@given(minor=signed, parts=weights)
def test_each_part_is_fair_to_less_than_a_minor_unit(minor: int, parts: list[int]) -> None:
    """Rounding may move a part by less than one unit, in whichever direction money flows."""
    total = sum(parts)

    divided = allocate(minor, parts)

    assert sum(divided) == minor
    for part, weight in zip(divided, parts, strict=True):
        assert abs(part * total - minor * weight) < total


@pytest.mark.case(49)
@given(money=moneys, parts=weights)
def test_no_weight_gets_nothing(money: Money, parts: list[int]) -> None:
    """An order without a share in a refund must not receive its odd cent."""
    divided = money.allocate([*parts, 0])

    assert divided[-1].minor == 0


@given(minor=amounts, count=st.integers(min_value=1, max_value=30))
def test_the_first_of_equals_takes_the_odd_unit(minor: int, count: int) -> None:
    """A process that replays has to come to the same parts, so chance has no say."""
    parts = allocate(minor, [1] * count)

    assert list(parts) == sorted(parts, reverse=True)
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize("parts", [[], [0, 0], [2, -1], [-1]])
def test_there_must_be_somebody_to_give_it_to(parts: list[int]) -> None:
    """Money for nobody is a defect that must not pass silently."""
    with pytest.raises(ValueError, match="weights"):
        allocate(100, parts)


@pytest.mark.case(49)
@given(money=moneys, share=st.integers(min_value=0, max_value=BASIS_POINTS))
def test_share_and_rest_are_the_whole(money: Money, share: int) -> None:
    """Commission rounds down, in the seller's favour, and the rest takes the odd unit."""
    commission, seller = money.split(share)

    assert commission + seller == money
    assert 0 <= money.minor * share - commission.minor * BASIS_POINTS < BASIS_POINTS


@pytest.mark.case(49)
@given(minor=signed, currency=currencies, provider=st.sampled_from(["stripe", "iso", "easypost"]))
def test_a_provider_s_integer_comes_back_as_the_same_money(
    minor: int, currency: str, provider: str
) -> None:
    """What we ask for and what the provider reports must be the same amount."""
    money = Money(minor, currency)

    there = money.for_provider(provider)

    assert Money.from_provider(there, currency.lower(), provider) == money


@pytest.mark.case(49)
@pytest.mark.parametrize(
    ("money", "stripe"),
    [
        (Money(1_234, "EUR"), 1_234),
        (Money(1_234, "JPY"), 1_234),
        (Money(12_340, "KWD"), 12_340),
        (Money(500, "ISK"), 50_000),
        (Money(500, "UGX"), 50_000),
        (Money(-500, "ISK"), -50_000),
    ],
)
def test_what_stripe_is_sent(money: Money, stripe: int) -> None:
    """Stripe counts two currencies with digits that ISO 4217 has abolished."""
    assert money.for_provider("stripe") == stripe


def test_a_part_of_a_minor_unit_is_a_defect() -> None:
    """Rounding it away would make our books differ from the provider's."""
    with pytest.raises(ValueError, match="whole minor unit"):
        Money.from_provider(50_050, "isk", "stripe")


@given(minor=signed, currency=currencies)
def test_what_is_shown_reads_back(minor: int, currency: str) -> None:
    """Reports and mails show major units; the figure is the same."""
    money = Money(minor, currency)

    code, _, figure = str(money).partition(" ")

    assert Money.from_major(figure.replace(",", ""), code) == money


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(123_456, "EUR"), "EUR 1,234.56"),
        (Money(5, "USD"), "USD 0.05"),
        (Money(1_234, "JPY"), "JPY 1,234"),
        (Money(12_345, "KWD"), "KWD 12.345"),
        (Money(-50, "BRL"), "BRL -0.50"),
    ],
)
def test_how_money_is_shown(money: Money, shown: str) -> None:
    """People read it in mails and in alarms at night."""
    assert str(money) == shown


@pytest.mark.parametrize(
    "text", ["", "abc", "1,5", "12.345", "NaN", "Infinity", "-Infinity", "1e-3", "12.30 EUR"]
)
def test_what_is_no_amount_of_the_currency_is_refused(text: str) -> None:
    """A file with such a cell must stop before anything starts."""
    with pytest.raises(ValueError, match=r"amount|digits"):
        Money.from_major(text, "EUR")


@given(major=st.decimals(min_value=0, max_value=10**9, places=2))
def test_major_units_are_read_exactly(major: Decimal) -> None:
    """19.99 times a hundred is 1998.9999 for a float."""
    assert Money.from_major(str(major), "EUR").minor == int(major * 100)


@given(one=moneys, other=moneys)
def test_currencies_do_not_mix(one: Money, other: Money) -> None:
    """Ten euros and ten yen are not twenty of anything."""
    if one.currency == other.currency:
        assert (one + other) - other == one
    else:
        with pytest.raises(ValueError, match="do not mix"):
            _ = one + other
        with pytest.raises(ValueError, match="do not mix"):
            _ = one - other


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0), ("XXX", 2)]
)
def test_the_digits_of_a_currency(currency: str, digits: int) -> None:
    """ISO 4217 has them, and two is what most have."""
    assert minor_digits(currency) == digits
