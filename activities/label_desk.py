"""Labels bought online: bought once, voided when they are not used."""

from dataclasses import replace
from datetime import datetime

import structlog
from temporalio import activity

from activities import carriers_bill, exchange
from activities.carriers_bill import Bill
from activities.fx import try_to_learn
from activities.requests import BuyLabel, BuyReturnLabel, LabelStep
from adapters.errors import Rejected
from adapters.fx.port import RateSource
from adapters.logistics.port import (
    Consignment,
    PaidLabel,
    Quote,
    Rate,
    ShippingProvider,
    Void,
)
from domain.errors import FxRateUnknown, LabelUnavailable, NotKnown
from domain.ids import money_key, order_workflow_id
from domain.money import Money
from domain.shipment.labels import Bearer, Box, Label, LabelEvent, LabelStatus
from domain.shipment.numbers import CARRIERS
from persistence.carriage.port import Addresses
from persistence.port import Database, OrderRecord

log = structlog.get_logger()
_CONTENTS = "merchandise"
Wanted = BuyLabel | BuyReturnLabel


class LabelDesk:
    """Buys labels and gives them back, inside the steps of an order.

    The shipment is on record before anything is paid.
    """

    def __init__(
        self,
        database: Database,
        shipping: ShippingProvider,
        addresses: Addresses,
        rates: RateSource,
    ) -> None:
        """Reserve and settle in *database* what is asked of *shipping*, by rates of *rates*."""
        self._database = database
        self._rates = rates
        self._shipping = shipping
        self._addresses = addresses

    async def buy(self, request: Wanted) -> Label:
        """Buy a label. Safe to run any number of times, also killed between its steps.

        Refuses (`LabelUnavailable`) what no carrier sells, or not at the price that was seen, and
        the purchase that the provider finally declines, and (`FxRateUnknown`) what the seller's
        currency has no rate for; then nothing is charged. An outage is
        tried again: the same shipment is paid, or found to be paid, never a second one.
        """
        label = await self._on_record(_key_of(request), request)
        if label.status is LabelStatus.NOT_BOUGHT:
            raise _declined(label)
        if label.status is not LabelStatus.NONE:
            return label
        try:
            paid = await self._shipping.buy(label.shipment, label.rate)
        except Rejected as no:
            return await self._declined(label, no.code, request)
        return await self._bought(label, paid, request)

    async def check(self, request: BuyLabel) -> None:
        """Refuse (`LabelUnavailable`) what `buy` would not even ask for; nothing is on record."""
        async with self._database.transaction() as tx:
            record = await tx.orders.get(request.order)
        # A shipment of its own: the one that is paid later has the purchase's key to itself.
        _asked_for(await self._quoted(f"{_key_of(request)}/check", request, record), request)

    async def _on_record(self, key: str, request: Wanted) -> Label:
        async with self._database.transaction() as tx:
            found = await tx.labels.found(key)
            record = await tx.orders.get(request.order)
        if found is not None:
            return found
        quote = await self._quoted(key, request, record)
        rate = quote.label.rate if quote.label else await self._chosen(quote, request, record)
        label = Label(
            key=key,
            order=record.order,
            seller=record.seller,
            carrier=rate.carrier,
            service=rate.service,
            cost=rate.price.minor,
            currency=rate.price.currency,
            bearer=Bearer(_bearer(request, record)),
            shipment=quote.reference,
            rate=rate.reference,
            asked_at=request.at,
        )
        try:
            return await self._reserved(label, request)
        except FxRateUnknown:
            await try_to_learn(self._database, self._rates, request.at)
        return await self._reserved(label, request)

    async def _reserved(self, label: Label, request: Wanted) -> Label:
        async with self._database.transaction() as tx:
            # Another run may have been quicker, with a shipment of its own: that one is paid. The
            # label is locked first, as wherever its bill is touched.
            kept = await tx.labels.ask(label)
            await carriers_bill.reserve(tx, self._bill(kept, request))
            return kept

    async def _quoted(self, key: str, request: Wanted, record: OrderRecord) -> Quote:
        if activity.info().attempt > 1 and (known := await self._shipping.find(key)):
            return known
        if isinstance(request, BuyLabel) and request.carrier not in CARRIERS:
            raise LabelUnavailable(
                f"{request.carrier}'s numbers cannot be followed: use {', '.join(CARRIERS)}",
                carrier=request.carrier,
            )
        box = Box(request.grams, request.length_mm, request.width_mm, request.height_mm)
        sender = await self._addresses.of_seller(record.seller)
        recipient = await self._addresses.of_buyer(record.order)
        if isinstance(request, BuyReturnLabel):
            sender, recipient = recipient, sender
        try:
            return await self._shipping.quote(
                Consignment(
                    key=key,
                    order=record.order,
                    sender=sender,
                    recipient=recipient,
                    box=box,
                    contents=_CONTENTS,
                    value=Money(record.total, record.currency),
                )
            )
        except Rejected as no:
            raise LabelUnavailable(
                f"no carrier takes this parcel: {no.code}", order=record.order, reason=no.code
            ) from no

    async def _chosen(self, quote: Quote, request: Wanted, record: OrderRecord) -> Rate:
        if isinstance(request, BuyLabel):
            return _asked_for(quote, request)
        rate = _cheapest(quote, request)
        cost = await self._cost_in(request.currency, rate.price, record, request.at)
        if cost >= request.below:
            raise LabelUnavailable(
                f"the way back costs {Money(cost, request.currency)}, which is no less than what "
                "the goods are worth: ask the seller to do without them",
                price=cost,
                currency=request.currency,
            )
        return rate

    async def _cost_in(self, currency: str, price: Money, record: OrderRecord, at: datetime) -> int:
        """What a carrier's price comes to in another currency, by the rate of the moment."""
        if price.currency == currency:
            return price.minor
        for _ in range(2):
            try:
                async with self._database.transaction() as tx:
                    return await exchange.cost_of(
                        tx, price.minor, price.currency, currency, record.terms, at
                    )
            except FxRateUnknown:
                await try_to_learn(self._database, self._rates, at)
        raise FxRateUnknown(
            f"there is no rate from {price.currency} to {currency}",
            sold=price.currency,
            bought=currency,
        )

    async def _bought(self, label: Label, paid: PaidLabel, request: Wanted) -> Label:
        after = replace(
            label.after(LabelEvent.BOUGHT),
            number=paid.number,
            tracker=paid.tracker,
            url=paid.url,
            bought_at=request.at,
        )
        async with self._database.transaction() as tx:
            standing = await tx.labels.ask(label)
            if standing.status is not LabelStatus.NONE:
                return standing
            await carriers_bill.settle(tx, self._bill(label, request))
            await tx.labels.put(after)
        log.info("label.bought", key=label.key, carrier=label.carrier, minor=label.cost)
        return after

    async def _declined(self, label: Label, code: str, request: Wanted) -> Label:
        after = label.after(LabelEvent.REFUSED)
        async with self._database.transaction() as tx:
            standing = await tx.labels.ask(label)
            if standing.status is LabelStatus.NONE:
                await carriers_bill.give_up(tx, self._bill(label, request), code)
                await tx.labels.put(after)
        if standing.status not in (LabelStatus.NONE, LabelStatus.NOT_BOUGHT):
            return standing
        log.warning("label.declined", key=label.key, code=code)
        raise _declined(label)

    async def void(self, step: LabelStep) -> Label:
        """Give a label back that was not used, or see what the carrier says about it.

        Safe to repeat: it is asked for once, and the money that comes back is posted once. Refuses
        (`IllegalTransition`) a label that was used or never bought.
        """
        label = await self._known(step.label)
        if label.status is LabelStatus.VOIDED:
            return label
        if label.status is LabelStatus.VOID_ASKED:
            seen = await self._shipping.look(label.shipment)
            void = seen.label.void if seen.label else Void.NOT_ASKED
        else:
            label, void = await self._asked_back(label), Void.NOT_ASKED
        if void is Void.NOT_ASKED:
            # Or it was on record already, and did not arrive there.
            void = await self._shipping.void(label.shipment)
        return await self._judged(label, void, step)

    async def _asked_back(self, label: Label) -> Label:
        """On record first: from now on the carrier's word counts, whatever is scanned."""
        async with self._database.transaction() as tx:
            standing = await tx.labels.ask(label)
            if standing.status is LabelStatus.VOID_ASKED:
                return standing
            asked = standing.after(LabelEvent.VOID_ASKED)
            await tx.labels.put(asked)
        return asked

    async def _judged(self, label: Label, void: Void, step: LabelStep) -> Label:
        event = {Void.GRANTED: LabelEvent.VOID_GRANTED, Void.REFUSED: LabelEvent.VOID_REFUSED}
        if void not in event:
            return label
        async with self._database.transaction() as tx:
            standing = await tx.labels.ask(label)
            if standing.status is not LabelStatus.VOID_ASKED:
                return standing
            after = standing.after(event[void])
            if void is Void.GRANTED:
                await carriers_bill.give_back(tx, self._bill(label, step))
            await tx.labels.put(after)
        log.info("label.judged", key=label.key, status=str(after.status))
        return after

    async def used(self, step: LabelStep) -> Label:
        """The carrier has scanned the parcel: its label cannot be given back. Safe to repeat."""
        known = await self._known(step.label)
        async with self._database.transaction() as tx:
            label = await tx.labels.ask(known)
            if label.status not in (LabelStatus.BOUGHT, LabelStatus.VOID_REFUSED):
                return label
            after = label.after(LabelEvent.SCANNED)
            await tx.labels.put(after)
        return after

    async def _known(self, key: str) -> Label:
        async with self._database.transaction() as tx:
            label = await tx.labels.found(key)
        if label is None:
            raise NotKnown(f"there is no label {key}", label=key)
        return label

    def _bill(self, label: Label, request: Wanted | LabelStep) -> Bill:
        return Bill(
            key=label.key,
            kind="label",
            label=label,
            amount=label.cost,
            currency=label.currency,
            reference=label.shipment,
            provider=self._shipping.name,
            at=request.at,
        )


def _key_of(request: Wanted) -> str:
    if isinstance(request, BuyReturnLabel):
        return request.key
    return money_key(order_workflow_id(request.order), "label", request.number)


def _bearer(request: Wanted, record: OrderRecord) -> str:
    return request.bearer if isinstance(request, BuyReturnLabel) else record.terms.online_cost


def _cheapest(quote: Quote, request: BuyReturnLabel) -> Rate:
    """The cheapest rate of a carrier whose numbers can be followed."""
    offered = [rate for rate in quote.rates if rate.carrier in CARRIERS]
    # Carriers bill a shipment in one currency; of several the first one's is compared.
    first = offered[0].price.currency if offered else ""
    same = [rate for rate in offered if rate.price.currency == first]
    found = min(same, key=lambda rate: rate.price.minor, default=None)
    if found is None:
        raise LabelUnavailable(
            "no carrier takes the goods back from there: send them with one of your own",
            order=request.order,
        )
    return found


def _asked_for(quote: Quote, request: BuyLabel) -> Rate:
    """The rate of the service that was asked for, if it costs no more than was seen."""
    offered = [
        rate
        for rate in quote.rates
        if (rate.carrier, rate.service) == (request.carrier, request.service)
    ]
    wanted = min(offered, key=lambda rate: rate.price.minor, default=None)
    if wanted is None:
        raise LabelUnavailable(
            f"{request.carrier} {request.service} does not carry this parcel",
            carrier=request.carrier,
            service=request.service,
        )
    if wanted.price.currency != request.currency or wanted.price.minor > request.most:
        raise LabelUnavailable(
            f"the price is {wanted.price} now: look at the rates again",
            price=wanted.price.minor,
            currency=wanted.price.currency,
        )
    return wanted


def _declined(label: Label) -> LabelUnavailable:
    return LabelUnavailable(
        "the carrier did not sell the label: ask for another one",
        label=label.key,
        carrier=label.carrier,
    )
