"""What happens to the parcels of an order: a label bought, a number declared, a scan, a ruling."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.order.facts import parcel_named
from domain.order.state import OrderState
from domain.shipment.labels import Box
from runtime.trace.facts import Happened, Happening
from runtime.trace.hands import Hands
from runtime.trace.orders import TracedParcel
from runtime.trace.player import Impossible, Scan
from workflows.order import messages as said

Act = Callable[[Hands, Happened, OrderState], Awaitable[None]]
SUPPORT: Final = Actor(Role.SUPPORT_LEAD, "trace")
# An export does not say what a parcel weighs.
_BOX: Final = Box(grams=1_000)
_SCANS: Final[Mapping[Happening, Scan]] = MappingProxyType(
    {
        Happening.HANDED_OVER: Scan("in_transit"),
        Happening.HELD_AT_CUSTOMS: Scan("in_transit", "held", "Held by customs"),
        Happening.REFUSED: Scan("failure", "refused", "Refused by the addressee"),
        Happening.RETURNING: Scan("return_to_sender", "return"),
        # On its way back, a parcel is delivered to whoever sent it.
        Happening.RETURNED: Scan("delivered"),
        Happening.LOST: Scan("failure", "lost", "Lost in transit"),
    }
)


async def declare(hands: Hands, parcel: TracedParcel, fact: Happened) -> None:
    """The seller tells of a parcel. Raises the refusal."""
    message = said.DeclareShipment(
        hands.seller,
        hands.ahead(fact.at),
        hands.numbers.carrier(parcel),
        hands.numbers.declared(parcel),
        parcel.lines,
    )
    await hands.require("declare_shipment", message, fact.at)


async def _declare(hands: Hands, fact: Happened, _: OrderState) -> None:
    await declare(hands, hands.parcel(fact.about), fact)


async def _hand_over(hands: Hands, fact: Happened, state: OrderState) -> None:
    """The carrier scans it; a seller who has not told of it yet does so now."""
    await _scan(hands, fact, state)
    parcel = hands.parcel(fact.about)
    if parcel.told.declared_at is None and parcel.told.label_bought_at is None:
        await declare(hands, parcel, fact)


async def _scan(hands: Hands, fact: Happened, _: OrderState) -> None:
    numbers, parcel = hands.numbers, hands.parcel(fact.about)
    at, scan = hands.ahead(fact.at), _SCANS[fact.what]
    await hands.world.player.scan(numbers.carrier(parcel), numbers.right(parcel), at, scan)


async def _deliver(hands: Hands, fact: Happened, _: OrderState) -> None:
    numbers, parcel = hands.numbers, hands.parcel(fact.about)
    country = parcel.told.delivered_country or hands.ship_to
    scan, at = Scan("delivered", country=country, city=parcel.told.delivered_city), fact.at
    carrier, number = numbers.carrier(parcel), numbers.right(parcel)
    await hands.world.player.scan(carrier, number, hands.ahead(at), scan)


async def _withdraw_delivery(hands: Hands, fact: Happened, _: OrderState) -> None:
    numbers, parcel = hands.numbers, hands.parcel(fact.about)
    carrier, number = numbers.carrier(parcel), numbers.right(parcel)
    await hands.world.player.withdraw(carrier, number, hands.ahead(fact.at))


async def _correct_number(hands: Hands, fact: Happened, state: OrderState) -> None:
    parcel = hands.parcel(fact.about)
    right, name = hands.numbers.right(parcel), hands.known_as(parcel, state)
    message = said.EditShipment(hands.seller, hands.ahead(fact.at), right, name)
    await hands.require("edit_shipment", message, fact.at)


async def _disown(hands: Hands, fact: Happened, state: OrderState) -> None:
    name = hands.known_as(hands.parcel(fact.about), state)
    message = said.DisownShipment(hands.buyer, hands.ahead(fact.at), name)
    await hands.require("disown_shipment", message, fact.at)


async def _rule_on_customs(hands: Hands, fact: Happened, state: OrderState) -> None:
    parcel = hands.parcel(fact.about)
    ruling = parcel.told.customs_ruling
    if ruling is None:
        raise Impossible("nobody said whose fault it was")
    message = said.RuleOnCustoms(
        SUPPORT, hands.ahead(fact.at), ruling, hands.known_as(parcel, state)
    )
    await hands.require("rule_on_customs", message, fact.at)


async def _buy_label(hands: Hands, fact: Happened, state: OrderState) -> None:
    """As the seller does it: the carriers are asked, and the cheapest sells the label."""
    parcel = hands.parcel(fact.about)
    offered = await hands.world.carriers.of(state, _BOX)
    if not offered:
        raise Impossible("no carrier takes the parcel")
    message = said.BuyLabel(
        hands.seller,
        hands.ahead(fact.at),
        carrier=offered[0].carrier,
        service=offered[0].service,
        most=offered[0].price.minor,
        currency=offered[0].price.currency,
        grams=_BOX.grams,
        lines=parcel.lines,
        fetch_from=parcel.told.courier_from and hands.ahead(parcel.told.courier_from),
        fetch_until=parcel.told.courier_until and hands.ahead(parcel.told.courier_until),
    )
    await hands.require("buy_label", message, fact.at)
    after = await hands.world.order(hands.order.order)
    if after is not None:
        bought = parcel_named(after, after.labels[-1].parcel)
        hands.numbers.labels[parcel.name] = bought.carrier, bought.number


async def _void_label(hands: Hands, fact: Happened, state: OrderState) -> None:
    name = hands.known_as(hands.parcel(fact.about), state)
    message = said.VoidLabel(hands.seller, hands.ahead(fact.at), name)
    await hands.require("void_label", message, fact.at)


OF_PARCELS: Final[Mapping[Happening, Act]] = MappingProxyType(
    {
        Happening.LABEL_BOUGHT: _buy_label,
        Happening.LABEL_VOIDED: _void_label,
        Happening.DECLARED: _declare,
        Happening.NUMBER_CORRECTED: _correct_number,
        Happening.CUSTOMS_RULED: _rule_on_customs,
        Happening.DISOWNED: _disown,
        **dict.fromkeys(_SCANS, _scan),
        Happening.HANDED_OVER: _hand_over,
        Happening.DELIVERED: _deliver,
        Happening.DELIVERY_WITHDRAWN: _withdraw_delivery,
    }
)
# What a carrier sees and tells, whether anybody still waits for it or not.
SEEN: Final[Mapping[Happening, Act]] = MappingProxyType(
    {
        **dict.fromkeys(_SCANS, _scan),
        Happening.DELIVERED: _deliver,
        Happening.DELIVERY_WITHDRAWN: _withdraw_delivery,
    }
)
