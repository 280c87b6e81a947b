"""The sellers of a trace, taken as certified."""

from collections.abc import Callable, Sequence

from persistence import idempotency
from runtime.sellers import Registration, register
from runtime.trace.documents import TracePolicy
from runtime.trace.labels import buys_labels
from runtime.trace.orders import TracedOrder
from runtime.trace.parcels import address, city_of, home_of
from runtime.trace.world import World


async def certify(
    world: World,
    document: TracePolicy,
    orders: Sequence[TracedOrder],
    ship_to: str,
    said: Callable[[], None],
) -> None:
    """Give each seller a connected account and put them on record, at the trace's first instant.

    One who takes money at another moment than the policy says has a policy that differs in that.
    *ship_to* is a country (ISO 3166); "" goes by the currency.
    """
    policies = {"": world.policy.name}
    for when in sorted({order.of_seller.captures for order in orders} - {""}):
        other = document.capturing(when)
        await other.publish(world.engine, world.shift, world.span.first, world.span.last)
        policies[when] = other.policy.name
    reached = {
        order.seller
        for order in orders
        if buys_labels(order) or order.of_dispute.goods_sent_back_at is not None
    }
    for seller, order in sorted({order.seller: order for order in orders}.items()):
        country = ship_to or home_of(order.currency)
        account = await world.player.connect_seller(country)
        wanted = Registration(
            seller,
            account,
            country,
            "standard",
            policies[order.of_seller.captures],
            settles_in=order.of_seller.settles_in,
        )
        async with world.engine.begin() as db:
            await register(db, wanted, world.shift.ahead(world.span.first))
        if seller in reached:
            await _keep_address(world, seller, country)
        said()


async def _keep_address(world: World, seller: str, country: str) -> None:
    """Where their parcels are sent from, and goods sent back to."""
    sealed = await world.vault.seal(seller, address(country, city_of(country), seller))
    async with world.engine.begin() as db:
        await idempotency.keep_particulars(db, f"seller/{seller}", seller, sealed)
