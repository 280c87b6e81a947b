"""Labels of an order that were bought online: what the process keeps of them, and what follows."""

from dataclasses import dataclass
from typing import Final

from domain.shipment.labels import LabelStatus
from domain.shipment.pickup import PickupStatus


@dataclass(frozen=True)
class OnlineLabel:
    """One label under the key of its purchase, and the parcel that travels under it.

    `couriers` counts purchases of a courier, refused ones included.
    """

    key: str
    parcel: str
    status: LabelStatus = LabelStatus.BOUGHT
    pickup: PickupStatus = PickupStatus.NONE
    couriers: int = 0


# A courier may be ordered, or is on the way.
FETCHABLE: Final = frozenset({PickupStatus.NONE, PickupStatus.MISSED, PickupStatus.CALLED_OFF})
