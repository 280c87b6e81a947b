"""EasyPost's labels and couriers, through its official client.

EasyPost has no idempotency keys. What makes a purchase happen once is its own rule that postage
is bought once per shipment, and that our caller has the shipment on record before it pays.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from easypost.errors.api.invalid_request_error import InvalidRequestError

from adapters.errors import Rejected
from adapters.logistics.easypost_calls import NAME, TIMEOUT_SECONDS, Calls, Json, moment
from adapters.logistics.port import (
    Charge,
    Coming,
    Consignment,
    PaidLabel,
    Place,
    Quote,
    Rate,
    Visit,
    Void,
)
from domain.money import Money
from domain.shipment.labels import Box

_NOT_FOUND: Final = "NOT_FOUND"
_PAID_ALREADY: Final = "SHIPMENT.POSTAGE.EXISTS"
_PAGE: Final = 100
_GRAMS_PER_OUNCE: Final = Decimal("28.349523125")
_MILLIMETRES_PER_INCH: Final = Decimal("25.4")
_TENTH: Final = Decimal("0.1")
_VOIDS: Final = MappingProxyType(
    {
        "submitted": Void.ASKED,
        "refunded": Void.GRANTED,
        "rejected": Void.REFUSED,
        "not_applicable": Void.REFUSED,
    }
)
# A refund in one of these is not asked for again: it is under way, done, or never possible.
_VOID_STANDS: Final = frozenset({"submitted", "refunded", "not_applicable"})


class EasyPostShipping:
    """Keeps the contract of `ShippingProvider` on EasyPost: a consignment is a shipment there."""

    name = NAME

    def __init__(
        self,
        api_key: str,
        api_base: str | None = None,
        *,
        calls: int = 8,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """*api_base* replaces EasyPost's own address; at most *calls* run at the same time."""
        self._calls = Calls(api_key, api_base, calls, timeout_seconds)

    async def quote(self, consignment: Consignment) -> Quote:
        """As the port has it."""
        asked = _shipment_of(consignment)
        return await self._calls.ask(lambda client: _quote(client.shipment.create(**asked)))

    async def find(self, key: str) -> Quote | None:
        """As the port has it: EasyPost takes a reference where it takes an id."""
        try:
            return await self.look(_written(key))
        except Rejected as no:
            if no.code != _NOT_FOUND:
                raise
            return None

    async def look(self, reference: str) -> Quote:
        """As the port has it."""
        return await self._calls.ask(lambda client: _quote(client.shipment.retrieve(reference)))

    async def buy(self, reference: str, rate: str) -> PaidLabel:
        """As the port has it: look first, and look again where another call was quicker."""
        seen = await self.look(reference)
        if seen.label is not None:
            return seen.label
        try:
            seen = await self._calls.ask(
                lambda client: _quote(client.shipment.buy(reference, rate={"id": rate}))
            )
        except Rejected as no:
            if no.code != _PAID_ALREADY:
                raise
            seen = await self.look(reference)
        return _paid(seen)

    async def void(self, reference: str) -> Void:
        """As the port has it."""

        def ask(client: Any) -> Void:  # noqa: ANN401 - the client has no types
            seen = client.shipment.retrieve(reference)
            if seen.refund_status not in _VOID_STANDS:
                seen = client.shipment.refund(reference)
            return _void(seen.refund_status)

        return await self._calls.ask(ask)

    async def plan_visit(
        self, key: str, reference: str, begins: datetime, ends: datetime, door: Place
    ) -> Visit:
        """As the port has it."""
        asked: Json = {
            "reference": _written(key),
            "shipment": {"id": reference},
            "min_datetime": _instant(begins),
            "max_datetime": _instant(ends),
            "is_account_address": False,
            "address": _address(door),
        }
        return await self._calls.ask(lambda client: _visit(client.pickup.create(**asked)))

    async def find_visit(self, key: str) -> Visit | None:
        """As the port has it."""
        try:
            return await self.look_at_visit(_written(key))
        except Rejected as no:
            if no.code != _NOT_FOUND:
                raise
            return None

    async def order_visit(self, reference: str) -> Visit:
        """As the port has it."""

        def order(client: Any) -> Visit:  # noqa: ANN401 - the client has no types
            seen = client.pickup.retrieve(reference)
            if seen.confirmation:
                return _visit(seen)
            rate = _cheapest(seen.to_dict()["pickup_rates"])
            wanted = {name: rate[name] for name in ("carrier", "service")}
            try:
                return _visit(client.pickup.buy(reference, **wanted))
            except InvalidRequestError:
                # It may have been ordered by another call meanwhile: then that one counts.
                seen = client.pickup.retrieve(reference)
                if not seen.confirmation:
                    raise
                return _visit(seen)

        return await self._calls.ask(order)

    async def look_at_visit(self, reference: str) -> Visit:
        """As the port has it."""
        return await self._calls.ask(lambda client: _visit(client.pickup.retrieve(reference)))

    async def cancel_visit(self, reference: str) -> Visit:
        """As the port has it."""

        def cancel(client: Any) -> Visit:  # noqa: ANN401 - the client has no types
            seen = _visit(client.pickup.retrieve(reference))
            if seen.coming is not Coming.ORDERED:
                return seen
            try:
                return _visit(client.pickup.cancel(reference))
            except InvalidRequestError:
                # It may have been called off, or missed, meanwhile.
                seen = _visit(client.pickup.retrieve(reference))
                if seen.coming is Coming.ORDERED:
                    raise
                return seen

        return await self._calls.ask(cancel)

    async def charges(self, since: datetime | None) -> AsyncIterator[Charge]:
        """As the port has it, newest first."""
        asked: Json = {"purchased": True}
        if since is not None:
            asked["start_datetime"] = _instant(since)
        async for shipment in self._listed("shipment", asked):
            yield _charge(shipment)

    async def visits(self, since: datetime | None) -> AsyncIterator[Charge]:
        """As the port has it, newest first; one that was only planned cost nothing."""
        async for pickup in self._listed("pickup", {}):
            visit, at = _visit(pickup), moment(pickup["created_at"])
            if since is not None and at < since:
                return
            if visit.coming is not Coming.PLANNED:
                is_back = visit.coming is Coming.CANCELLED
                yield Charge(visit.key, visit.reference, visit.price, at, is_back)

    async def _listed(self, kind: str, asked: Json) -> AsyncIterator[Any]:
        """All of a kind, a hundred at a time."""
        asked = asked | {"page_size": _PAGE}
        while True:
            page = await self._calls.ask(lambda client: getattr(client, kind).all(**asked))
            found = page[f"{kind}s"]
            for each in found:
                yield each
            if not page["has_more"]:
                return
            asked["before_id"] = found[-1].id

    def close(self) -> None:
        """Take no further calls."""
        self._calls.close()


def _written(key: str) -> str:
    """Our key as a reference: it stands in addresses, where a slash would part it."""
    return key.replace("/", ":")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shipment_of(consignment: Consignment) -> Json:
    shipment: Json = {
        "reference": _written(consignment.key),
        "from_address": _address(consignment.sender),
        "to_address": _address(consignment.recipient),
        "parcel": _parcel(consignment.box),
        "options": {"invoice_number": consignment.order, "label_format": "PDF"},
    }
    if consignment.sender.country != consignment.recipient.country:
        shipment["customs_info"] = _customs(consignment)
    return shipment


def _address(place: Place) -> Json:
    told = {
        "name": place.name,
        "street1": place.street,
        "city": place.city,
        "zip": place.postcode,
        "country": place.country,
        "phone": place.phone,
        "email": place.email,
    }
    return {name: text for name, text in told.items() if text}


def _parcel(box: Box) -> Json:
    """EasyPost counts in ounces and inches, to a tenth. Rounded up: light parcels cost least."""
    sides = {"length": box.length_mm, "width": box.width_mm, "height": box.height_mm}
    inches = {
        name: float(_tenths(Decimal(side) / _MILLIMETRES_PER_INCH))
        for name, side in sides.items()
        if side
    }
    return {"weight": float(_tenths(Decimal(box.grams) / _GRAMS_PER_OUNCE))} | inches


def _tenths(exact: Decimal) -> Decimal:
    return exact.quantize(_TENTH, rounding="ROUND_UP")


def _customs(consignment: Consignment) -> Json:
    value = consignment.value
    item = {
        "description": consignment.contents,
        "quantity": 1,
        "value": value.major,
        "currency": value.currency,
        "weight": _parcel(consignment.box)["weight"],
        "origin_country": consignment.sender.country,
    }
    return {"contents_type": "merchandise", "customs_items": [item]}


def _quote(shipment: Any) -> Quote:  # noqa: ANN401 - the client's objects have no types
    seen: Json = shipment.to_dict()
    return Quote(
        reference=seen["id"],
        key=_key(seen),
        rates=tuple(_rate(each) for each in seen["rates"]),
        label=_label(seen) if seen.get("postage_label") else None,
    )


def _key(seen: Json) -> str:
    return str(seen.get("reference") or "").replace(":", "/")


def _rate(seen: Json) -> Rate:
    price = Money.from_major(seen["rate"], seen["currency"].upper())
    return Rate(seen["id"], seen["carrier"], seen["service"], price, seen.get("delivery_days"))


def _label(seen: Json) -> PaidLabel:
    printed: Json = seen["postage_label"]
    tracker: Json = seen.get("tracker") or {}
    return PaidLabel(
        rate=_rate(seen["selected_rate"]),
        number=seen["tracking_code"],
        tracker=f"{tracker['id']}/{seen['tracking_code']}" if tracker else "",
        url=printed.get("label_pdf_url") or printed["label_url"],
        void=_void(seen.get("refund_status")),
    )


def _void(status: str | None) -> Void:
    return _VOIDS.get(status or "", Void.NOT_ASKED)


def _paid(quote: Quote) -> PaidLabel:
    if quote.label is None:
        # What was paid and has no label is EasyPost's own contradiction: nobody can mend it here.
        raise Rejected(NAME, "no_label", f"shipment {quote.reference} was paid and has no label")
    return quote.label


def _visit(pickup: Any) -> Visit:  # noqa: ANN401 - the client's objects have no types
    seen: Json = pickup.to_dict()
    rate = _cheapest(seen["pickup_rates"])
    return Visit(
        reference=seen["id"],
        key=_key(seen),
        coming=_coming(seen),
        price=Money.from_major(rate["rate"], rate["currency"].upper()),
        confirmation=seen.get("confirmation") or "",
    )


def _coming(seen: Json) -> Coming:
    """EasyPost knows scheduled and canceled; what was confirmed and is neither was missed."""
    match seen["status"]:
        case "scheduled":
            return Coming.ORDERED
        case "canceled":
            return Coming.CANCELLED
        case _:
            return Coming.MISSED if seen.get("confirmation") else Coming.PLANNED


def _cheapest(rates: Iterable[Json]) -> Json:
    """The rate that a visit is ordered by. No carrier that comes is a final no."""
    found = min(rates, key=lambda rate: Decimal(rate["rate"]), default=None)
    if found is None:
        raise Rejected(NAME, "no_pickup_rates", "no courier comes to this door")
    return found


def _charge(shipment: Any) -> Charge:  # noqa: ANN401 - the client's objects have no types
    seen: Json = shipment.to_dict()
    rate = _rate(seen["selected_rate"])
    return Charge(
        key=_key(seen),
        reference=seen["id"],
        price=rate.price,
        at=moment(seen["postage_label"]["created_at"]),
        is_given_back=_void(seen.get("refund_status")) is Void.GRANTED,
    )
