"""What activities need of the database about labels, couriers and addresses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from adapters.logistics.port import Place
from domain.shipment.labels import Label
from domain.shipment.pickup import Pickup
from domain.shipment.reconciliation import Booked


class Labels(Protocol):
    """Labels and the couriers that fetch their parcels, inside one open transaction."""

    async def ask(self, label: Label) -> Label:
        """Put a label on record before it is paid, or find the one that has its key."""
        ...

    async def found(self, key: str) -> Label | None:
        """A label by its key."""
        ...

    async def of(self, order: str) -> Sequence[Label]:
        """Every label that was asked for an order, oldest first."""
        ...

    async def void_asked(self, after: str, limit: int) -> Sequence[Label]:
        """Labels whose refund the carrier has not judged, after a mark, in the order of keys."""
        ...

    async def bought(self, since: datetime) -> Sequence[Label]:
        """Labels that were bought since an instant."""
        ...

    async def couriers(self, since: datetime, keys: Sequence[str]) -> Sequence[Booked]:
        """Couriers that were asked for since an instant, or under one of *keys*."""
        ...

    async def put(self, label: Label) -> None:
        """Write what became of a label."""
        ...

    async def pickup(self, label: str) -> Pickup:
        """The fetching of a label's parcel; its row is locked. Nothing yet: status none."""
        ...

    async def put_pickup(self, pickup: Pickup) -> None:
        """Write what became of it."""
        ...


class Addresses(Protocol):
    """Where parcels come from and go to: personal, opened for the moment of use."""

    async def of_buyer(self, order: str) -> Place:
        """Where an order goes. Unknown or forgotten: `AddressMissing`."""
        ...

    async def of_seller(self, seller: str) -> Place:
        """Where a seller's parcels are fetched. Unknown or forgotten: `AddressMissing`."""
        ...
