"""Foreign exchange, as it is recorded and shown to those who look after the platform's money."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from api.schemas.common import Currency, Form, Instant, Money, PositiveAmount, View
from domain.fx.conversions import Conversion, Side
from runtime.treasury import Valued

Reference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="The provider's own.",
        examples=["fxc_1Caravan"],
    ),
]


_EURO_BEGAN = datetime(1999, 1, 4, tzinfo=UTC)
_FAR = datetime(2999, 1, 1, tzinfo=UTC)


def _in_the_time_of_the_euro(at: datetime) -> datetime:
    if not _EURO_BEGAN <= at < _FAR:
        raise ValueError("there are no reference rates of that time")
    return at


Reckonable = Annotated[Instant, AfterValidator(_in_the_time_of_the_euro)]


class SideIn(Form):
    """One half of a conversion."""

    amount: PositiveAmount
    currency: Currency
    line: Reference = Field(
        description="The provider's balance transaction, by which both books are compared.",
        examples=["txn_1Caravan"],
    )

    def side(self) -> Side:
        """The same in the domain's words."""
        return Side(self.amount, self.currency, self.line)


class ConversionIn(Form):
    """What the platform converted at the provider: nothing is converted by recording it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "fxc_1Caravan",
                    "sold": {"amount": 100000, "currency": "EUR", "line": "txn_1Sold"},
                    "bought": {"amount": 820470, "currency": "CNY", "line": "txn_1Bought"},
                }
            ]
        }
    )

    reference: Reference
    sold: SideIn
    bought: SideIn
    converted_at: Reckonable | None = Field(
        default=None, description="When it happened; now, if it is not said."
    )

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        if self.sold.currency == self.bought.currency or self.sold.line == self.bought.line:
            raise ValueError("sold and bought must be two currencies and two lines")
        return self


class ConversionView(View):
    """A conversion on record."""

    reference: str
    sold: Money
    bought: Money
    converted_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, conversion: Conversion) -> "ConversionView":
        """Show a conversion."""
        sold, bought = conversion.sold, conversion.bought
        return cls(
            reference=conversion.reference,
            sold=Money(amount=sold.amount, currency=sold.currency),
            bought=Money(amount=bought.amount, currency=bought.currency),
            converted_at=conversion.at,
            links={"postings": f"/v1/ledger/postings?process={conversion.subject}"},
        )


class PositionView(View):
    """What is open in one currency (negative: owed), and what it has brought, in the base."""

    currency: Currency
    open: Money
    cost: Money = Field(description="What was given for what is open; negative: what was got.")
    worth: Money | None = Field(description="By the newest rates; null where none are known.")
    rates_of: date | None
    realised: Money = Field(description="What closing positions has brought.")
    unrealised: Money | None = Field(description="What closing now would bring besides.")


class FxReportView(View):
    """Open positions and the result of foreign exchange, by average cost, in one base currency.

    Amounts are exact until they are shown: a total may differ from its parts by a minor unit.
    """

    base: Currency
    at: datetime
    positions: list[PositionView]
    realised: Money
    unrealised: Money | None = Field(description="Null where a position cannot be valued.")

    @classmethod
    def of(cls, base: str, at: datetime, found: Sequence[Valued]) -> "FxReportView":
        """Show a report."""
        gains = [_gain(one) for one in found]
        return cls(
            base=base,
            at=at,
            positions=[_position(one, base) for one in found],
            realised=_money(sum((one.position.realised for one in found), Fraction(0)), base),
            unrealised=_sum(gains, base),
        )


def _position(found: Valued, base: str) -> PositionView:
    position, gain = found.position, _gain(found)
    return PositionView(
        currency=position.currency,
        open=Money(amount=position.amount, currency=position.currency),
        cost=_money(position.cost, base),
        worth=None if found.worth is None else _money(found.worth, base),
        rates_of=found.rates_of,
        realised=_money(position.realised, base),
        unrealised=None if gain is None else _money(gain, base),
    )


def _gain(found: Valued) -> Fraction | None:
    return None if found.worth is None else found.worth - found.position.cost


def _sum(gains: Sequence[Fraction | None], base: str) -> Money | None:
    known = [gain for gain in gains if gain is not None]
    return _money(sum(known, Fraction(0)), base) if len(known) == len(gains) else None


def _money(amount: Fraction, currency: str) -> Money:
    return Money(amount=round(amount), currency=currency)
