"""A whole trace: the sellers, the orders side by side, the payouts, the report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from runtime.trace.clocks import Shift
from runtime.trace.collecting import About, collect
from runtime.trace.documents import TracePolicy
from runtime.trace.exchange import convert, exchanges, learn_rates
from runtime.trace.facts import Confirm
from runtime.trace.journey import Journey
from runtime.trace.labels import judge_labels
from runtime.trace.orders import TracedOrder
from runtime.trace.parcels import home_of
from runtime.trace.payouts import pay_out
from runtime.trace.report import Report
from runtime.trace.sellers import certify
from runtime.trace.servers import Servers
from runtime.trace.travelling import Travelling
from runtime.trace.world import Span, open_world

# When everything is over: nothing of the trace may still be open then.
_AFTERWARDS: Final = timedelta(days=3_650)
# When every carrier has judged what was given back.
_LATER: Final = timedelta(days=400)


@dataclass(frozen=True)
class Options:
    """How a trace is run. `ship_to` is a country (ISO 3166); "" goes by the currency."""

    file: Path
    confirm: Confirm = Confirm.SILENCE
    ship_to: str = ""
    side_by_side: int = 12


class Progress:
    """Who watches a trace; this one looks away."""

    def begin(self, what: str, total: int | None) -> None:
        """A stage of *total* steps begins (None: nobody knows)."""

    def step(self) -> None:
        """One more step is done."""


async def trace(
    servers: Servers,
    document: TracePolicy,
    orders: Sequence[TracedOrder],
    options: Options,
    progress: Progress,
) -> Report:
    """Drive *orders* through their lives under one policy, and report."""
    began = time.monotonic()
    span = Span(orders[0].purchased_at, max(order.last for order in orders))
    shift = Shift.past(span.first, datetime.now(UTC))
    name = document.policy.name
    progress.begin(f"{name}: starting", None)
    async with open_world(servers, document, span, shift) as world:
        progress.begin(f"{name}: sellers", len({order.seller for order in orders}))
        await certify(world, document, orders, options.ship_to, progress.step)
        if exchanges(orders):
            await learn_rates(world)
        progress.begin(f"{name}: orders", len(orders))
        journeys = [
            Journey(
                world, order, serial, options.ship_to or home_of(order.currency), options.confirm
            )
            for serial, order in enumerate(orders)
        ]
        await Travelling(world, journeys, options.side_by_side, progress.step).to_the_end()
        await judge_labels(world, orders, shift.ahead(span.last) + _LATER)
        if exchanges(orders):
            await convert(world)
        progress.begin(f"{name}: payout cycles", None)
        cycles = await pay_out(world, shift.ahead(span.first), options.side_by_side, progress.step)
        about = About(
            file=options.file.name,
            about=str(document.document["about"]),
            confirm=options.confirm,
            seconds=0.0,
            ended=shift.ahead(span.last) + _AFTERWARDS,
        )
        progress.begin(f"{name}: books", None)
        report = await collect(world, journeys, cycles, about)
    return report.taking(time.monotonic() - began)
