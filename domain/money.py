"""Exact money: integers of minor units, never a float."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

_NO_DIGITS: Final = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
    *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_THREE_DIGITS: Final = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_ISO_DIGITS: Final = MappingProxyType(
    dict.fromkeys(_NO_DIGITS, 0) | dict.fromkeys(_THREE_DIGITS, 3)
)
# Where a provider counts a currency differently from ISO 4217.
# Source: Stripe's documentation on currencies, "special cases" (ISK and UGX are sent with two
# digits of which the last are always zero).
_PROVIDER_DIGITS: Final = MappingProxyType({("stripe", "ISK"): 2, ("stripe", "UGX"): 2})
BASIS_POINTS: Final = 10_000


def minor_digits(currency: str, provider: str = "iso") -> int:
    """How many digits the minor unit of *currency* has with *provider*."""
    return _PROVIDER_DIGITS.get((provider, currency), _ISO_DIGITS.get(currency, 2))


@dataclass(frozen=True)
class Money:
    """An amount in minor units (ISO 4217 exponent) of one currency."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Add an amount of the same currency; another currency is a defect (`ValueError`)."""
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Take away an amount of the same currency; another currency is a defect."""
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            msg = f"{self.currency} and {other.currency} do not mix"
            raise ValueError(msg)
        return other.minor

    def split(self, share_bp: int) -> tuple["Money", "Money"]:
        """Return (share, rest). The share rounds down; the rest takes the odd minor unit."""
        share = self.minor * share_bp // BASIS_POINTS
        return Money(share, self.currency), Money(self.minor - share, self.currency)

    def allocate(self, weights: Sequence[int]) -> tuple["Money", ...]:
        """Divide by *weights* so that the parts sum exactly (largest remainder, first wins).

        All weights zero is a defect: there is nobody to give it to (`ValueError`).
        """
        return tuple(Money(part, self.currency) for part in allocate(self.minor, weights))

    def for_provider(self, provider: str) -> int:
        """The integer that *provider* expects for this amount."""
        shift = minor_digits(self.currency, provider) - minor_digits(self.currency)
        return int(self.minor * Decimal(10) ** shift)

    @classmethod
    def from_provider(cls, amount: int, currency: str, provider: str) -> "Money":
        """Read the integer that *provider* reports; one that is no whole minor unit is a defect."""
        code = currency.upper()
        shift = minor_digits(code) - minor_digits(code, provider)
        exact = Decimal(amount) * Decimal(10) ** shift
        if exact != exact.to_integral_value():
            msg = f"{amount} {code} of {provider} is not a whole minor unit"
            raise ValueError(msg)
        return cls(int(exact), code)

    @classmethod
    def from_major(cls, text: str, currency: str) -> "Money":
        """Read a decimal in major units ("12.30"). Too many digits or no number: `ValueError`."""
        try:
            exact = Decimal(text).scaleb(minor_digits(currency))
        except InvalidOperation:
            msg = f"{text!r} is not an amount"
            raise ValueError(msg) from None
        if not exact.is_finite() or exact != exact.to_integral_value():
            msg = f"{text!r} has more digits than {currency} knows"
            raise ValueError(msg)
        return cls(int(exact), currency)

    @property
    def major(self) -> str:
        """The amount in major units, as a plain decimal: "1234.50"."""
        digits = minor_digits(self.currency)
        return f"{Decimal(self.minor).scaleb(-digits):.{digits}f}"

    def __str__(self) -> str:
        """The amount in major units with its currency code, for people: "EUR 12.30"."""
        digits = minor_digits(self.currency)
        return f"{self.currency} {Decimal(self.minor).scaleb(-digits):,.{digits}f}"


def allocate(minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide *minor* by *weights*; the parts sum to it exactly (largest remainder method)."""
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        msg = "weights must be positive and not all zero"
        raise ValueError(msg)
    parts = [minor * weight // total for weight in weights]
    remainders = [minor * weight % total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for index in by_remainder[: minor - sum(parts)]:
        parts[index] += 1
    return tuple(parts)
