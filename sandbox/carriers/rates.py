"""What carriers ask for a parcel, and the numbers that they give out."""

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sandbox.carriers.errors import refused
from sandbox.store import Json
from sandbox.world import Desk, iso, new_id

_OUNCES: Final = 16
_ABROAD: Final = 2
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Service:
    """One way of one carrier: minor units for the parcel and for each pound begun, and its days."""

    carrier: str
    name: str
    base: int
    per_pound: int
    days: int

    def price(self, pounds: int) -> int:
        return self.base + self.per_pound * pounds


SERVICES: Final = (
    Service("UPS", "Ground", 745, 60, 5),
    Service("UPS", "NextDayAir", 3190, 240, 1),
    Service("FedEx", "FEDEX_GROUND", 790, 55, 4),
    Service("DHLExpress", "ExpressWorldwide", 2650, 310, 2),
)


def quoted(desk: Desk, shipment: Json) -> list[Json]:
    """A rate of every service; the price follows the weight, twice as much across a border."""
    ounces = _weight(shipment["parcel"])
    ends = (shipment[name]["country"] for name in ("from_address", "to_address"))
    factor = 1 if len({*ends}) == 1 else _ABROAD
    pounds = math.ceil(ounces / _OUNCES)
    return [
        _rate(
            desk, shipment["id"], service, int(service.base + service.per_pound * pounds) * factor
        )
        for service in SERVICES
    ]


def _weight(parcel: Json) -> Decimal:
    try:
        ounces = Decimal(str(parcel.get("weight")))
    except ArithmeticError:
        ounces = Decimal(0)
    if not ounces.is_finite() or ounces <= 0:
        raise refused("PARCEL.WEIGHT.INVALID", "Parcel weight must be a positive number of ounces.")
    return ounces


def _rate(desk: Desk, shipment: str, service: Service, minor: int) -> Json:
    price, currency = written(minor), desk.rules.postage_currency.upper()
    return {
        "id": new_id("rate", 32).lower(),
        "object": "Rate",
        "created_at": iso(desk.at),
        "updated_at": iso(desk.at),
        "mode": "test",
        "service": service.name,
        "carrier": service.carrier,
        "rate": price,
        "currency": currency,
        "retail_rate": price,
        "retail_currency": currency,
        "list_rate": price,
        "list_currency": currency,
        "billing_type": "easypost",
        "delivery_days": service.days,
        "delivery_date": None,
        "delivery_date_guaranteed": False,
        "est_delivery_days": service.days,
        "shipment_id": shipment,
        "carrier_account_id": f"ca_{service.carrier.lower()}",
    }


def written(minor: int) -> str:
    """An amount of minor units as EasyPost writes it: "7.45"."""
    return f"{minor / 100:.2f}"


def minor(price: str) -> int:
    return int(Decimal(price).scaleb(2))


def number(carrier: str) -> str:
    """A tracking number such as *carrier* gives out, its check digit right, new every time."""
    return _NUMBERS[carrier]()


def _digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}d}"


def _ups() -> str:
    """Letters count as two more than their place in the alphabet; every second sign twice."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(3)) + _digits(12)
    values = [int(sign) if sign.isdigit() else (ord(sign) - 63) % 10 for sign in body]
    total = sum(values[0::2]) + 2 * sum(values[1::2])
    return f"1Z{body}{-total % 10}"


def _fedex() -> str:
    body = _digits(11)
    weights = (3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return f"{body}{total % 11 % 10}"


def _dhl() -> str:
    body = _digits(9)
    return f"{body}{int(body) % 7}"


_NUMBERS: Final[dict[str, Callable[[], str]]] = {"UPS": _ups, "FedEx": _fedex, "DHLExpress": _dhl}
