"""What can be charged at once, so that an order nobody can ever be asked for is not taken."""

from types import MappingProxyType
from typing import Final

from domain.money import Money, minor_digits

# Minor units of the currency (ISO 4217). Source: Stripe's documentation on currencies, "minimum
# and maximum charge amounts", and of its PaymentIntent's `amount`: "up to eight digits".
_SMALLEST: Final = MappingProxyType(
    {"AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "EUR": 50, "GBP": 30, "HKD": 400, "JPY": 50}
    | {"MXN": 1000, "NOK": 300, "NZD": 50, "PLN": 200, "SEK": 300, "SGD": 50, "USD": 50}
)
_MOST_DIGITS: Final = 8


def smallest(currency: str) -> Money:
    """The least that a buyer can be asked for; one minor unit where the provider names nothing."""
    return Money(_SMALLEST.get(currency, 1), currency)


def largest(currency: str) -> Money:
    """The most that a buyer can be asked for at once."""
    shift = minor_digits(currency, "stripe") - minor_digits(currency)
    return Money((10**_MOST_DIGITS - 1) // 10**shift, currency)


def must_be_chargeable(amount: int, currency: str) -> None:
    """Raise `ValueError` where no provider takes *amount* (minor units) in one payment."""
    least, most = smallest(currency), largest(currency)
    if not least.minor <= amount <= most.minor:
        raise ValueError(f"what the buyer pays must be between {least} and {most}")
