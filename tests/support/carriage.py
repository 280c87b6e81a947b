"""Dealings with the carriers that many tests begin with, through EasyPost's official client."""

from typing import Any, Final
from uuid import uuid4

from tests.support.sandbox import Carriers

SENDER: Final = {"street1": "Kaistrasse 4", "city": "Hamburg", "zip": "20457", "country": "DE"}
BUYER: Final = {"street1": "Rua 7", "city": "Recife", "zip": "50030", "country": "BR"}
PARCEL: Final = {"weight": 35.2, "length": 10, "width": 8, "height": 4}


def new_reference() -> str:
    """A reference that no other test has."""
    return f"order:{uuid4()}:label:1"


def create(carriers: Carriers, reference: str | None = None, **asked: object) -> Any:  # noqa: ANN401 - the client has no types
    """A shipment from Hamburg to Recife with its rates; nothing is paid yet."""
    reference = reference or new_reference()
    options = {"invoice_number": reference.split(":")[1]}
    told = {"to_address": BUYER, "from_address": SENDER, "parcel": PARCEL, "options": options}
    return carriers.shipment.create(reference=reference, **(told | asked))


def buy(carriers: Carriers, reference: str | None = None, carrier: str = "UPS") -> Any:  # noqa: ANN401 - the client has no types
    """A shipment whose first rate of *carrier* is paid."""
    shipment = create(carriers, reference)
    rate = next(each for each in shipment.rates if each.carrier == carrier)
    return carriers.shipment.buy(shipment.id, rate={"id": rate.id})
