"""Labels in the machine of money: bought, used, given back, and judged by the carrier."""

from dataclasses import replace

from hypothesis import strategies as st
from sqlalchemy import text

from activities.requests import LabelStep
from activities.upkeep import Upkeep
from domain.order.state import OrderState
from tests.persistence.machine import Machine, Taken, indexes, move

_MOST: int = 3


def _is_running(state: OrderState) -> bool:
    return state.captured > 0


class Labels(Machine):
    """What carriers are paid, and by whom."""

    @move(
        lambda self: len(self.labels) < _MOST and self.fit(_is_running),
        index=indexes,
        currency=st.sampled_from(["EUR", "EUR", "USD"]),
        most=st.sampled_from([1, 1_000_000, 1_000_000]),
    )
    def buy_label(self, index: int, currency: str, most: int) -> None:
        """A label of the order; where it costs more than was seen, nothing is bought."""
        deal = self.deal(index, _is_running)
        number = 1 + sum(deal.order in key for key in self.labels)
        key = f"order/{deal.order}/label/{number}"
        self._run(deal.addressed())
        self._run(self.shop.world.change(postage_currency=currency))
        asked = replace(deal.labelling(number), at=self.tick(), currency=currency, most=most)
        self.labels.append(key)
        self.take(Taken(self.shop.labels.buy, asked))

    @move(lambda self: self.labels, index=indexes, is_used=st.booleans())
    def label_is_used_or_given_back(self, index: int, is_used: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """The carrier scans the parcel, or the seller has no use for it; one of them is first."""
        step = LabelStep(self.labels[index % len(self.labels)], self.tick())
        self.take(Taken(self.shop.labels.used if is_used else self.shop.labels.void, step))

    @move(lambda self: self.labels, index=indexes, is_granted=st.booleans())
    def carrier_judges(self, index: int, is_granted: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """The refund of a label is granted or refused, and the check of every day finds out."""
        waiting = self._run(self._given_back())
        if waiting:
            shipment = waiting[index % len(waiting)]
            self._run(self.shop.world.judge_void(shipment, is_granted=is_granted))
        self.take(Taken(self.shop.carriage.check, Upkeep(self.tick())))

    async def _given_back(self) -> list[str]:
        query = text("SELECT shipment FROM labels WHERE status = 'void_asked' ORDER BY shipment")
        async with self.shop.engine.connect() as db:
            asked = (await db.execute(query)).scalars().all()
        found = [(one, await self.shop.shipping.look(one)) for one in asked]
        return [one for one, seen in found if seen.label and seen.label.void == "asked"]
