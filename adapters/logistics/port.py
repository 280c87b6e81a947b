"""What any provider of tracking and of labels must do for us, and promise."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money
from domain.shipment.labels import Box
from domain.shipment.milestones import Milestone


@dataclass(frozen=True)
class Scan:
    """One scan of a carrier. `at` is the carrier's time.

    Where it names no zone (`has_zone`), it reads as UTC here, and whoever knows the policy reads
    the same digits in the policy's zone.
    """

    milestone: Milestone
    at: datetime
    message: str = ""
    city: str = ""
    country: str = ""
    has_zone: bool = True


@dataclass(frozen=True)
class Tracking:
    """What is known about one number now: every scan, oldest first (event time, then order)."""

    reference: str
    carrier: str
    number: str
    milestone: Milestone
    scans: tuple[Scan, ...]


@dataclass(frozen=True)
class TrackingNews:
    """A genuine message: the number has news. The news itself is read again from the provider."""

    event_id: str
    kind: str
    reference: str
    carrier: str
    number: str
    occurred_at: datetime


class TrackingProvider(Protocol):
    """Watches numbers of many carriers.

    The contract, asked of every implementation in `tests/adapters/test_logistics_contract.py`:

    * watching the same number twice gives the same tracker and no second charge;
    * one vocabulary of milestones (`domain.shipment.milestones`) over all carriers;
    * only `adapters.errors` leave this boundary.
    """

    name: str

    async def watch(self, carrier: str, number: str) -> Tracking:
        """Start to watch a number, or find the tracker that already does."""
        ...

    async def look(self, reference: str) -> Tracking:
        """The truth about a tracker now."""
        ...

    async def look_many(self, references: Sequence[str]) -> tuple[Tracking, ...]:
        """The truth about many at once, in as few calls as the provider allows."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes) -> TrackingNews:
        """Read a webhook. Raises `NotGenuine` on a bad signature."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a parcel comes from or goes to. Personal: it is never logged or kept in a history."""

    country: str
    city: str = ""
    street: str = ""
    postcode: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True)
class Consignment:
    """What is to be carried, under our own *key* ("order/o-1/label/1"); *order* is printed on it.

    `contents` and `value` are what customs is told where a border lies between.
    """

    key: str
    order: str
    sender: Place
    recipient: Place
    box: Box
    contents: str
    value: Money


@dataclass(frozen=True)
class Rate:
    """What a carrier asks for one way of carrying it; `days` is None where it promises nothing."""

    reference: str
    carrier: str
    service: str
    price: Money
    days: int | None = None


class Void(StrEnum):
    """How the refund of a label stands."""

    NOT_ASKED = "not_asked"
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True)
class PaidLabel:
    """Postage that was paid: the rate that it was paid by, the carrier's number, the print."""

    rate: Rate
    number: str
    tracker: str
    url: str
    void: Void = Void.NOT_ASKED


@dataclass(frozen=True)
class Quote:
    """A consignment as the provider has it: what it may cost, and the label once it was paid."""

    reference: str
    key: str
    rates: tuple[Rate, ...]
    label: PaidLabel | None = None


class Coming(StrEnum):
    """Whether a courier comes."""

    PLANNED = "planned"
    ORDERED = "ordered"
    CANCELLED = "cancelled"
    MISSED = "missed"


@dataclass(frozen=True)
class Visit:
    """A courier's visit at the door, what it costs, and what the carrier calls it."""

    reference: str
    key: str
    coming: Coming
    price: Money
    confirmation: str = ""


@dataclass(frozen=True)
class Charge:
    """What the provider's books say of a paid label or courier: its cost, and if it came back."""

    key: str
    reference: str
    price: Money
    at: datetime
    is_given_back: bool = False


class ShippingProvider(Protocol):
    """Sells labels of many carriers and sends couriers.

    Asking for rates costs nothing; **buying** is the paid step. It names the consignment by the
    provider's reference, which its caller has on record before it pays. The contract, asked of
    every implementation in `tests/adapters/test_shipping_contract.py`:

    * a consignment is paid once, however often `buy` is repeated and whoever else buys it at the
      same time: a repeat returns the label that was paid;
    * what was asked under a key is found by it, also when its answer was lost;
    * voiding twice asks once; a refusal may be asked again, and money comes back at most once;
    * only `adapters.errors` leave this boundary.
    """

    name: str

    async def quote(self, consignment: Consignment) -> Quote:
        """Ask the carriers what it would cost. Free; not in every zone can anybody carry it."""
        ...

    async def find(self, key: str) -> Quote | None:
        """The latest consignment under *key*."""
        ...

    async def look(self, reference: str) -> Quote:
        """The truth about a consignment now."""
        ...

    async def buy(self, reference: str, rate: str) -> PaidLabel:
        """Pay for a consignment by one of its rates, or find that it was paid."""
        ...

    async def void(self, reference: str) -> Void:
        """Give an unused label back, and say how that stands; the carrier judges it later."""
        ...

    async def plan_visit(
        self, key: str, reference: str, begins: datetime, ends: datetime, door: Place
    ) -> Visit:
        """Ask what it costs that a courier fetches a paid consignment. Free."""
        ...

    async def find_visit(self, key: str) -> Visit | None:
        """The latest visit under *key*."""
        ...

    async def order_visit(self, reference: str) -> Visit:
        """Let the courier come, once, however often it is repeated."""
        ...

    async def look_at_visit(self, reference: str) -> Visit:
        """The truth about a visit now."""
        ...

    async def cancel_visit(self, reference: str) -> Visit:
        """The courier need not come; a visit that is over or missed stays what it is."""
        ...

    def charges(self, since: datetime | None) -> AsyncIterator[Charge]:
        """Every label that the provider's books say was paid since an instant (None: all)."""
        ...

    def visits(self, since: datetime | None) -> AsyncIterator[Charge]:
        """The same of couriers that were ordered."""
        ...
