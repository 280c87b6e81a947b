"""The tracking numbers of one order's parcels: the right one of each, and a mistyped one."""

from dataclasses import dataclass, field

from domain.order.parcels import MOST_PARCELS
from runtime.trace.orders import TracedOrder, TracedParcel
from runtime.trace.parcels import carrier_of, number_of

# A right and a mistyped number for each parcel, and for the lines in none; and one on the way back.
_OF_ONE_ORDER = 2 * (MOST_PARCELS + 1) + 1


@dataclass(frozen=True)
class Numbers:
    """Numbers that no other order of the trace has: `serial` is its own.

    `labels` are the carrier and the number of each parcel (by its name) whose label was bought.
    """

    order: TracedOrder
    serial: int
    labels: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])

    def carrier(self, parcel: TracedParcel) -> str:
        """Who brings it."""
        if parcel.name in self.labels:
            return self.labels[parcel.name][0]
        return carrier_of(self.order.currency)

    def right(self, parcel: TracedParcel) -> str:
        """What the carrier gave out."""
        if parcel.name in self.labels:
            return self.labels[parcel.name][1]
        return self._number(parcel, 0)

    def declared(self, parcel: TracedParcel) -> str:
        """What the seller says first."""
        return self._number(parcel, 1) if parcel.told.number_corrected_at else self.right(parcel)

    def back(self) -> str:
        """Under which disputed goods are sent back."""
        return self._numbered(_OF_ONE_ORDER - 1)

    def all(self) -> tuple[str, ...]:
        """Every number of the order that somebody could have news of."""
        both = [(self.right(parcel), self.declared(parcel)) for parcel in self.order.parcels]
        return tuple(sorted({number for pair in both for number in pair}))

    def _number(self, parcel: TracedParcel, which: int) -> str:
        return self._numbered(2 * int(parcel.name or 0) + which)

    def _numbered(self, which: int) -> str:
        return number_of(carrier_of(self.order.currency), self.serial * _OF_ONE_ORDER + which)
