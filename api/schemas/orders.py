"""Orders as they are asked for."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from api.paging import PageQuery
from api.schemas.common import (
    LARGEST_AMOUNT,
    Amount,
    CarrierName,
    Country,
    Currency,
    Email,
    Form,
    Id,
    Instant,
    Language,
    MethodToken,
    Phone,
    PositiveAmount,
    Postcode,
    Reason,
    Text,
    TrackingNumber,
    Word,
    Zone,
)
from domain.charges import must_be_chargeable
from domain.order.agreements import Topic
from domain.order.lines import OrderLine
from domain.order.paying import AmountDecision, BorneBy
from workflows.order.messages import CustomsRuling, FraudVerdict, Resolution, RiskVerdict

MOST_LINES = 100
ParcelName = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{0,2}$",
        description="Our name for the parcel within the order; empty for the only one that fits.",
        examples=["1"],
    ),
]


def _each_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(lines)) < len(lines):
        raise ValueError("each line is named once")
    return lines


ParcelLines = Annotated[
    tuple[Id, ...],
    Field(
        max_length=MOST_LINES,
        description="The lines in the parcel; none named: all that wait for one.",
        examples=[["1"]],
    ),
    AfterValidator(_each_once),
]


class LineIn(Form):
    """One product; `price` and `freight` are for the whole line, in minor units."""

    product: Id = Field(examples=["p-7"])
    category: Text = Field(default="", examples=["phones"])
    quantity: int = Field(default=1, ge=1, le=1_000_000, strict=True)
    price: Amount = Field(examples=[19900])
    freight: Amount = Field(default=0, examples=[500])


class ShipToIn(Form):
    """Where the goods go. All but the country is personal: it is kept sealed."""

    country: Country
    city: Text = Field(min_length=1, examples=["Hamburg"])
    street: Text = Field(default="", examples=["Kaistrasse 4"])
    postcode: Postcode = Field(default="", examples=["20457"])
    phone: Phone = Field(default="", examples=["+49 40 123456"])
    name: Text = Field(default="", examples=["A. Buyer"])
    email: Email | None = Field(default=None, examples=["buyer@example.com"])
    language: Language = "en"
    zone: Zone = ""


class PaymentIn(Form):
    """How it is paid: the provider's token of a method, never card data; empty to pay later."""

    method: MethodToken = ""


class OrderIn(Form):
    """An order as the buyer's checkout sends it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order": "o-1001",
                    "buyer": "b-1",
                    "seller": "s-1",
                    "currency": "EUR",
                    "lines": [{"product": "p-7", "category": "phones", "price": 19900}],
                    "ship_to": {
                        "country": "DE",
                        "city": "Hamburg",
                        "street": "Kaistrasse 4",
                        "name": "A. Buyer",
                        "email": "buyer@example.com",
                        "language": "en",
                        "zone": "Europe/Berlin",
                    },
                    "payment": {"method": "pm_card_visa"},
                }
            ]
        }
    )

    order: Id | None = Field(default=None, description="Your own id; made from the key if absent.")
    buyer: Id | None = Field(
        default=None, description="Whose order it is. A service must say, a buyer need not."
    )
    seller: Id = Field(examples=["s-1"])
    currency: Currency
    lines: tuple[LineIn, ...] = Field(min_length=1, max_length=MOST_LINES)
    ship_to: ShipToIn
    payment: PaymentIn = PaymentIn()
    subsidy: Amount = Field(
        default=0, description="The platform's part of the price; only a service may give one."
    )

    @model_validator(mode="after")
    def _has_a_total(self) -> Self:
        total = sum(line.price + line.freight for line in self.lines)
        if not 0 < total <= LARGEST_AMOUNT:
            raise ValueError(f"the order's total must be between 1 and {LARGEST_AMOUNT}")
        if self.subsidy >= total:
            raise ValueError("a subsidy is less than the order's total")
        must_be_chargeable(total - self.subsidy, self.currency)
        return self

    def order_lines(self) -> tuple[OrderLine, ...]:
        """The lines, numbered in the order in which they were sent."""
        return tuple(
            OrderLine(
                line=str(number),
                product=line.product,
                category=line.category,
                quantity=line.quantity,
                price=line.price,
                freight=line.freight,
            )
            for number, line in enumerate(self.lines, 1)
        )


class NothingMore(Form):
    """Nothing needs to be said besides the address."""


class CancellationIn(Form):
    """Close an order before it is paid."""

    reason: Reason = Field(default="", examples=["ordered twice"])


class AttemptIn(Form):
    """Pay another way than before."""

    method: MethodToken = ""


class AmountDecisionIn(Form):
    """What becomes of a payment of another amount than was asked for.

    `borne_by` says whose account makes a short payment whole; it matters to `accept` alone.
    """

    decision: AmountDecision
    reason: Reason = Field(min_length=1, examples=["a bank's fee was taken off on the way"])
    borne_by: BorneBy = BorneBy.PLATFORM_LOSS


class FraudReportIn(Form):
    """Why a payment is thought to be fraudulent."""

    reason: Reason = Field(min_length=1, examples=["the card's holder denies the order"])


class FraudDecisionIn(Form):
    """What compliance says of a payment that was doubted."""

    verdict: FraudVerdict
    reason: Reason = Field(min_length=1, examples=["the holder has recognised the order"])


class RiskDecisionIn(Form):
    """What compliance says of a payment that was put aside."""

    verdict: RiskVerdict
    reason: Reason = Field(min_length=1, examples=["documents match"])


class ShipmentIn(Form):
    """The goods were handed to a carrier under a number."""

    carrier: CarrierName
    number: TrackingNumber
    lines: ParcelLines = ()


class NumberIn(Form):
    """The right number of a declared parcel."""

    number: TrackingNumber
    parcel: ParcelName = ""


class DisownIn(Form):
    """Call a doubted shipment off."""

    parcel: ParcelName = ""


class CustomsRulingIn(Form):
    """Whose fault it is that customs keep a parcel."""

    ruling: CustomsRuling
    parcel: ParcelName = ""
    reason: Reason = Field(min_length=1, examples=["the brand's owner confirms a counterfeit"])


class QuestionIn(Form):
    """Ask the other side for something; `days` is how much longer, where that is asked for."""

    topic: Topic = Field(examples=["extension"])
    days: int = Field(default=0, ge=0, le=60, strict=True, examples=[5])
    reason: Reason = Field(default="", examples=["the glaze needs a second firing"])

    @model_validator(mode="after")
    def _says_how_long(self) -> Self:
        if self.topic is Topic.EXTENSION and not self.days:
            raise ValueError("an extension needs `days`, at least 1")
        return self


class ConsentIn(Form):
    """Agree with what was asked for, or do not."""

    agreed: bool = Field(strict=True, examples=[True])
    reason: Reason = Field(default="", examples=["no hurry"])


class RefundIn(Form):
    """Give money back to the buyer, in minor units of the order's currency."""

    amount: PositiveAmount = Field(examples=[1000])
    reason: Reason = Field(min_length=1, examples=["one part was missing"])


class HoldIn(Form):
    """Keep money from being released; the hold's name is yours to choose."""

    hold: Id = Field(examples=["h-1"])
    amount: PositiveAmount = Field(examples=[5000])
    reason: Reason = Field(min_length=1, examples=["claim of the card's holder"])


class LiftingIn(Form):
    """A hold has ended."""

    reason: Reason = Field(min_length=1, examples=["the claim was withdrawn"])


class ResolutionIn(Form):
    """What an operator does about a parked step; the note is kept."""

    resolution: Resolution
    note: Reason = Field(min_length=1, examples=["the provider's outage is over"])


class OrderQuery(PageQuery):
    """Which orders to list; what is absent is not asked for."""

    status: Word | None = Field(default=None, examples=["in_transit"])
    seller: Id | None = Field(default=None, examples=["s-1"])
    buyer: Id | None = Field(default=None, examples=["b-1"])
    needs_attention: bool | None = None
    placed_from: Instant | None = None
    placed_to: Instant | None = Field(default=None, description="Not itself included.")
