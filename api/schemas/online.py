"""Online shipping as it is asked for and shown: rates, labels, couriers."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from adapters.logistics.port import Rate
from api.schemas.common import CarrierName, Currency, Form, Instant, Money, PositiveAmount, View
from api.schemas.orders import ParcelLines, ParcelName
from domain.shipment.labels import Label
from domain.shipment.pickup import Pickup

Grams = Annotated[int, Field(ge=1, le=100_000, examples=[900])]
Millimetres = Annotated[int, Field(ge=0, le=5_000, examples=[300])]
_Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_ ]{2,60}$")]


class BoxQuery(Form):
    """A packed parcel: grams, and millimetres where they were measured."""

    grams: Grams
    length_mm: Millimetres = 0
    width_mm: Millimetres = 0
    height_mm: Millimetres = 0


class WindowIn(Form):
    """When the courier may come."""

    fetch_from: Instant = Field(examples=["2026-11-02T09:00:00Z"])
    fetch_until: Instant = Field(examples=["2026-11-02T17:00:00Z"])

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if self.fetch_until <= self.fetch_from:
            raise ValueError("the window must end after it begins")
        return self


class LabelIn(BoxQuery):
    """Buy a label at no more than `most`, the price that was seen; with a window, a courier too."""

    carrier: CarrierName
    service: _Word = Field(examples=["Ground"])
    most: PositiveAmount = Field(examples=[1730])
    currency: Currency
    lines: ParcelLines = ()
    courier: WindowIn | None = None


class VoidIn(Form):
    """Give an unused label back."""

    parcel: ParcelName = ""


class PickupIn(WindowIn):
    """Let a courier fetch a parcel."""

    parcel: ParcelName = ""


class RateView(View):
    """What a carrier asks."""

    carrier: str = Field(examples=["UPS"])
    service: str = Field(examples=["Ground"])
    price: Money
    days: int | None = Field(description="How long it takes, where the carrier says so.")

    @classmethod
    def of(cls, rate: Rate) -> "RateView":
        """Show a rate; what it is called at the provider is nobody's business."""
        price = Money(amount=rate.price.minor, currency=rate.price.currency)
        return cls(carrier=rate.carrier, service=rate.service, price=price, days=rate.days)


class RatesView(View):
    """What carriers ask now, the cheapest first, and who will bear it."""

    items: list[RateView]
    borne_by: str = Field(examples=["seller"])


class CourierView(View):
    """The courier of a parcel."""

    status: str = Field(examples=["scheduled"])
    attempt: int
    fetch_from: datetime | None
    fetch_until: datetime | None
    due_at: datetime | None = Field(description="When what is waited for must have happened.")
    confirmation: str


class LabelView(View):
    """A label that was bought for the order."""

    id: str = Field(examples=["order/o-1001/label/1"])
    status: str = Field(examples=["bought"])
    carrier: str
    service: str
    number: str
    cost: Money
    borne_by: str
    url: str = Field(description="Where it is fetched for printing.")
    asked_at: datetime
    courier: CourierView | None

    @classmethod
    def of(cls, label: Label, pickup: Pickup) -> "LabelView":
        """Show a label, with its courier if one was ever ordered."""
        return cls(
            id=label.key,
            status=label.status,
            carrier=label.carrier,
            service=label.service,
            number=label.number,
            cost=Money(amount=label.cost, currency=label.currency),
            borne_by=label.bearer,
            url=label.url,
            asked_at=label.asked_at,
            courier=_courier(pickup) if pickup.attempt else None,
        )


def _courier(pickup: Pickup) -> CourierView:
    return CourierView(
        status=pickup.status,
        attempt=pickup.attempt,
        fetch_from=pickup.begins,
        fetch_until=pickup.ends,
        due_at=pickup.due_at,
        confirmation=pickup.confirmation,
    )
