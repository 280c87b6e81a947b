"""What carriers ask for a parcel, told before anything is bought."""

from adapters.errors import Rejected
from adapters.logistics.port import Consignment, Rate, ShippingProvider
from domain.errors import LabelUnavailable
from domain.ids import order_workflow_id
from domain.money import Money
from domain.order.state import OrderState
from domain.shipment.labels import Box
from domain.shipment.numbers import CARRIERS
from persistence.carriage.port import Addresses

_CONTENTS = "merchandise"


class Rates:
    """Asks the carriers for an order's parcel. Nothing is bought, and nothing is put on record."""

    def __init__(self, shipping: ShippingProvider, addresses: Addresses) -> None:
        """Addresses are opened for the moment of asking."""
        self._shipping = shipping
        self._addresses = addresses

    async def of(self, order: OrderState, box: Box) -> tuple[Rate, ...]:
        """What each carrier whose numbers can be followed asks, the cheapest first.

        Raises `AddressMissing`, `LabelUnavailable`, or an outage of the provider.
        """
        asked = Consignment(
            key=f"{order_workflow_id(order.order)}/rates",
            order=order.order,
            sender=await self._addresses.of_seller(order.seller),
            recipient=await self._addresses.of_buyer(order.order),
            box=box,
            contents=_CONTENTS,
            value=Money(order.total, order.currency),
        )
        try:
            quote = await self._shipping.quote(asked)
        except Rejected as no:
            raise LabelUnavailable(
                f"no carrier takes this parcel: {no.code}", order=order.order, reason=no.code
            ) from no
        known = [rate for rate in quote.rates if rate.carrier in CARRIERS]
        return tuple(sorted(known, key=lambda rate: (rate.price.currency, rate.price.minor)))
