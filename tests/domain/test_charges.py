"""What can be charged at once."""

import pytest

from domain.charges import largest, must_be_chargeable, smallest
from domain.money import Money


@pytest.mark.parametrize(
    ("currency", "least", "most"),
    [
        ("EUR", 50, 99_999_999),
        ("JPY", 50, 99_999_999),
        ("KWD", 1, 99_999_999),
        ("ISK", 1, 999_999),
    ],
)
def test_each_currency_has_its_bounds(currency: str, least: int, most: int) -> None:
    """Eight digits as the provider writes them, which for crowns are a hundredth of it."""
    assert smallest(currency) == Money(least, currency)
    assert largest(currency) == Money(most, currency)


@pytest.mark.parametrize("amount", [50, 99_999_999])
def test_the_bounds_themselves_can_be_charged(amount: int) -> None:
    """A slip by one turns a buyer away, or takes an order that the provider refuses."""
    must_be_chargeable(amount, "EUR")


@pytest.mark.parametrize("amount", [49, 100_000_000])
def test_beyond_them_it_says_what_can_be(amount: int) -> None:
    """A bare no leaves a front end guessing, currency by currency."""
    with pytest.raises(ValueError, match=r"between EUR 0\.50 and EUR 999,999\.99"):
        must_be_chargeable(amount, "EUR")
