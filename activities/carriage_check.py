"""What nobody looks after any more: carriers' verdicts on labels, and the provider's own books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio import activity

from activities.label_desk import LabelDesk
from activities.requests import LabelStep
from activities.upkeep import Upkeep
from adapters.errors import Rejected
from adapters.logistics.port import Charge, ShippingProvider
from domain.shipment.labels import Label, LabelStatus
from domain.shipment.reconciliation import (
    Booked,
    Comparison,
    Disagreement,
    Paid,
    compare,
    label_booked,
)
from persistence.port import Database
from persistence.upkeep_port import Books, Breach

_BATCH: Final = 100
# Carriers judge a refund within thirty days. Source: EasyPost's documentation of refunds.
_WINDOW: Final = timedelta(days=35)
_GRACE: Final = timedelta(hours=1)
log = structlog.get_logger()


@dataclass(frozen=True)
class CarriageChecked:
    """How many refunds of labels were asked about and judged, and how the books compare."""

    asked: int = 0
    judged: int = 0
    agreed: int = 0
    differences: int = 0
    new: int = 0


class CarriageCheckActivities:
    """Asks about refunds that take weeks, also of orders that have ended; compares the books."""

    def __init__(
        self, database: Database, books: Books, labels: LabelDesk, shipping: ShippingProvider
    ) -> None:
        """Verdicts are booked by *labels*; differences become alarms in *books*."""
        self._database = database
        self._books = books
        self._labels = labels
        self._shipping = shipping

    @activity.defn(name="carriage.check")
    async def check(self, request: Upkeep) -> CarriageChecked:
        """Ask about every label that was given back, then compare. Safe to repeat."""
        asked, judged = await self._verdicts(request.at)
        compared = await self.compared(request.at)
        new = await self._books.report(
            "carriage",
            [_breach(one) for one in compared.differences],
            request.at,
            compared.agreed,
        )
        differences = len(compared.differences)
        log.log(30 if differences else 20, "carriage.checked", judged=judged, breaks=differences)
        return CarriageChecked(asked, judged, len(compared.agreed), differences, new)

    async def compared(self, at: datetime, grace: timedelta = _GRACE) -> Comparison:
        """Compare what was bought in the last weeks, and change nothing."""
        since = at - _WINDOW
        theirs = [_paid(one) async for one in self._shipping.charges(since)]
        theirs += [_paid(one) async for one in self._shipping.visits(since)]
        ours = await self._ours([one.key for one in theirs], since)
        return compare(ours, theirs, at - grace)

    async def _ours(self, keys: Sequence[str], since: datetime) -> list[Booked]:
        async with self._database.transaction() as tx:
            found = {label.key: label for label in await tx.labels.bought(since)}
            for key in keys:
                if key not in found and (label := await tx.labels.found(key)):
                    found[key] = label
            couriers = await tx.labels.couriers(since, keys)
        return [*map(label_booked, found.values()), *couriers]

    async def _verdicts(self, at: datetime) -> tuple[int, int]:
        asked = judged = 0
        after = ""
        while batch := await self._waiting(after):
            for label in batch:
                judged += await self._is_judged(label, at)
            asked, after = asked + len(batch), batch[-1].key
            activity.heartbeat(asked)
        return asked, judged

    async def _waiting(self, after: str) -> Sequence[Label]:
        async with self._database.transaction() as tx:
            return await tx.labels.void_asked(after, _BATCH)

    async def _is_judged(self, label: Label, at: datetime) -> bool:
        try:
            seen = await self._labels.void(LabelStep(label.key, at))
        except Rejected as no:
            # What the provider refuses to tell about one is no reason not to ask about others.
            log.warning("label.kept", key=label.key, error=str(no))
            return False
        return seen.status is not LabelStatus.VOID_ASKED


def _paid(charge: Charge) -> Paid:
    return Paid(charge.key, charge.reference, charge.price, charge.at, charge.is_given_back)


def _breach(one: Disagreement) -> Breach:
    return Breach(
        str(one.kind),
        one.key,
        f"{one.key}: our books and the provider's differ ({one.kind})",
        {"shipments": ", ".join(one.references)},
        (f"{one.key}/paid",),
    )
