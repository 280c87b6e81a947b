"""Couriers at the seller's door: attempts, and the drop-off after the last of them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.machine import Machine


class PickupStatus(StrEnum):
    """Where a parcel that is fetched at the door stands."""

    NONE = "none"
    SCHEDULED = "scheduled"
    MISSED = "missed"
    DROP_OFF = "drop_off"
    COLLECTED = "collected"
    CHECKED_IN = "checked_in"
    CALLED_OFF = "called_off"


class PickupEvent(StrEnum):
    """What happens at the door and after it."""

    SCHEDULED = "scheduled"
    MISSED = "missed"
    GIVEN_UP = "given_up"
    COLLECTED = "collected"
    CHECKED_IN = "checked_in"
    CALLED_OFF = "called_off"


# What is brought to the carrier's counter is collected, too: then the carrier has it.
PICKUP: Final = Machine(
    "pickup",
    MappingProxyType(
        {
            (PickupStatus.NONE, PickupEvent.SCHEDULED): PickupStatus.SCHEDULED,
            (PickupStatus.SCHEDULED, PickupEvent.COLLECTED): PickupStatus.COLLECTED,
            (PickupStatus.SCHEDULED, PickupEvent.MISSED): PickupStatus.MISSED,
            (PickupStatus.SCHEDULED, PickupEvent.GIVEN_UP): PickupStatus.DROP_OFF,
            (PickupStatus.SCHEDULED, PickupEvent.CALLED_OFF): PickupStatus.CALLED_OFF,
            (PickupStatus.MISSED, PickupEvent.SCHEDULED): PickupStatus.SCHEDULED,
            (PickupStatus.MISSED, PickupEvent.COLLECTED): PickupStatus.COLLECTED,
            (PickupStatus.MISSED, PickupEvent.CALLED_OFF): PickupStatus.CALLED_OFF,
            (PickupStatus.DROP_OFF, PickupEvent.COLLECTED): PickupStatus.COLLECTED,
            (PickupStatus.DROP_OFF, PickupEvent.CALLED_OFF): PickupStatus.CALLED_OFF,
            (PickupStatus.CALLED_OFF, PickupEvent.COLLECTED): PickupStatus.COLLECTED,
            (PickupStatus.CALLED_OFF, PickupEvent.SCHEDULED): PickupStatus.SCHEDULED,
            (PickupStatus.COLLECTED, PickupEvent.CHECKED_IN): PickupStatus.CHECKED_IN,
        }
    ),
)


@dataclass(frozen=True)
class Pickup:
    """The fetching of one label's parcel.

    `attempt` counts couriers that were ordered; `number` is that of the latest purchase, refused
    ones counted; `begins` and `ends` (UTC) are its window. `due_at` is when something must have
    happened: the courier, the drop-off, the check-in; None where nothing is waited for. `visit`
    is the provider's reference.
    """

    label: str
    status: PickupStatus = PickupStatus.NONE
    attempt: int = 0
    number: int = 0
    begins: datetime | None = None
    ends: datetime | None = None
    due_at: datetime | None = None
    visit: str = ""
    confirmation: str = ""

    @property
    def key(self) -> str:
        """The key of the latest courier: "order/o-1/label/1/pickup/2"."""
        return f"{self.label}/pickup/{self.number}"


@dataclass(frozen=True)
class PickupTerms:
    """How often a courier comes, and how long everybody has afterwards."""

    attempts: int
    drop_off_within: timedelta
    check_in_within: timedelta


def planned(pickup: Pickup, number: int, begins: datetime, ends: datetime) -> Pickup:
    """A courier is asked to come in a window; refuses while another one is coming."""
    status = PICKUP.next(pickup.status, PickupEvent.SCHEDULED)
    return replace(
        pickup,
        status=status,
        attempt=pickup.attempt + 1,
        number=number,
        begins=begins,
        ends=ends,
        due_at=ends,
        visit="",
        confirmation="",
    )


def missed(pickup: Pickup, terms: PickupTerms, at: datetime) -> Pickup:
    """Nobody handed it over: another courier may come, or after the last the seller brings it.

    The drop-off has a time of its own from *at* on, for it is no seller's fault that a carrier
    did not come.
    """
    if pickup.attempt < terms.attempts:
        after = PICKUP.next(pickup.status, PickupEvent.MISSED)
        return replace(pickup, status=after, due_at=None)
    after = PICKUP.next(pickup.status, PickupEvent.GIVEN_UP)
    return replace(pickup, status=after, due_at=at + terms.drop_off_within)


def collected(pickup: Pickup, terms: PickupTerms, at: datetime) -> Pickup:
    """The carrier has it; its warehouse must say so in time."""
    after = PICKUP.next(pickup.status, PickupEvent.COLLECTED)
    return replace(pickup, status=after, due_at=at + terms.check_in_within)


def checked_in(pickup: Pickup) -> Pickup:
    """The warehouse has it."""
    after = PICKUP.next(pickup.status, PickupEvent.CHECKED_IN)
    return replace(pickup, status=after, due_at=None)


def called_off(pickup: Pickup) -> Pickup:
    """No courier comes any more."""
    after = PICKUP.next(pickup.status, PickupEvent.CALLED_OFF)
    return replace(pickup, status=after, due_at=None)
