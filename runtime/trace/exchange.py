"""Foreign exchange in a trace: the rates of its own days, and the treasurer who converts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.fx.conversions import Conversion, Side
from persistence import fx_reading
from runtime import treasury
from runtime.trace.orders import TracedOrder
from runtime.trace.player import Json
from runtime.trace.world import World

# What one file of recent rates covers; it is read again before it ends.
_STEP: Final = timedelta(days=80)
_MOST_DAYS_AFTER: Final = timedelta(days=400)
_PROVIDER: Final = "stripe"
_BY: Final = "trace"


def exchanges(orders: Sequence[TracedOrder]) -> bool:
    """Whether any seller is paid in another currency than the buyer pays in."""
    return any(order.of_seller.settles_in not in {"", order.currency} for order in orders)


async def learn_rates(world: World) -> None:
    """Put the rates of the trace's own days on record, moved along as its holidays are."""
    at, until = world.span.first, world.span.last + _MOST_DAYS_AFTER
    while at < until + _STEP:
        await world.player.tell(fx_at=at.isoformat())
        async with world.database.transaction() as books:
            for day in await world.exchange.recent():
                moved = day.day + timedelta(days=world.shift.by.days)
                await books.rates.publish(replace(day, day=moved))
        at += _STEP


async def convert(world: World) -> None:
    """Sell at the provider what exchanges have brought, for what they owe; each pair once.

    The treasurer gets the very rates of the orders, so that nothing is won or lost by it; only what
    the provider's fees for refunded payments have left can be sold.
    """
    at = world.shift.ahead(world.span.last) + _MOST_DAYS_AFTER
    open_pairs: dict[tuple[str, ...], Counter[str]] = {}
    async with world.engine.connect() as db:
        for dealing in await fx_reading.dealings(db, at):
            names = tuple(sorted(name for name, _ in dealing.changes))
            sums = open_pairs.setdefault(names, Counter())
            sums.update(dict(dealing.changes))
    for sums in open_pairs.values():
        gained = [(name, amount) for name, amount in sums.items() if amount > 0]
        owed = [(name, -amount) for name, amount in sums.items() if amount < 0]
        if len(gained) == len(owed) == 1:
            await _converted(world, gained[0], owed[0], at)


async def _converted(
    world: World, sold: tuple[str, int], bought: tuple[str, int], at: datetime
) -> None:
    name, amount = sold
    there = (await world.player.books())["currencies"][name.lower()]["platform_balance"]
    done = await world.player.convert((name, min(amount, there)), bought)
    sold_side, bought_side = _side(done["sold"]), _side(done["bought"])
    conversion = Conversion(done["id"], _PROVIDER, sold_side, bought_side, at)
    async with world.engine.begin() as db:
        await treasury.record(db, conversion, _BY)


def _side(half: Json) -> Side:
    return Side(half["amount"], half["currency"].upper(), half["balance_transaction"])
