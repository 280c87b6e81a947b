"""EasyPost's trackers, through its official client."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

from easypost.errors.general.signature_verification_error import SignatureVerificationError
from easypost.util import validate_webhook

from adapters.errors import NotGenuine
from adapters.logistics.easypost_calls import NAME, Calls, Json, moment
from adapters.logistics.port import Scan, Tracking, TrackingNews
from domain.shipment.milestones import Milestone

_BATCH: Final = 100
_LONGEST: Final = 500
_SIGNATURE: Final = "X-Hmac-Signature"
_MILESTONES: Final = MappingProxyType(
    {
        "pre_transit": Milestone.DECLARED,
        "in_transit": Milestone.IN_TRANSIT,
        "out_for_delivery": Milestone.OUT_FOR_DELIVERY,
        "available_for_pickup": Milestone.READY_FOR_PICKUP,
        "delivered": Milestone.DELIVERED,
        "return_to_sender": Milestone.RETURNING,
        "failure": Milestone.FAILED,
        "cancelled": Milestone.CANCELLED,
    }
)
# Where EasyPost is more exact than its status.
_DETAILS: Final = MappingProxyType(
    {
        "lost": Milestone.LOST,
        "refused": Milestone.REFUSED,
        "return": Milestone.RETURNING,
    }
)
_HELD: Final = "held"
_CUSTOMS: Final = ("customs", "import duty", "clearance")
_ON_THE_WAY_BACK: Final = frozenset({Milestone.RETURNING, Milestone.REFUSED})
_ABOUT_PARCELS: Final = frozenset({"Tracker", "Refund"})
# Whatever reading can raise of bytes that have not the form of an event.
_MALFORMED: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

T = TypeVar("T")


class EasyPostTracking:
    """Keeps the contract of `TrackingProvider` on EasyPost.

    A `reference` is the tracker's id and its number ("trk_…/1Z…"): EasyPost gives many at once
    by number only, and a number may belong to several carriers.
    """

    name = NAME

    def __init__(
        self, api_key: str, webhook_secret: str, api_base: str | None = None, calls: int = 8
    ) -> None:
        """*api_base* replaces EasyPost's own address; at most *calls* run at the same time."""
        self._calls = Calls(api_key, api_base, calls)
        self._webhook_secret = webhook_secret

    async def watch(self, carrier: str, number: str) -> Tracking:
        """As the port has it: EasyPost itself gives the same tracker for the same number."""
        return await self._ask(
            lambda trackers: _tracking(trackers.create(tracking_code=number, carrier=carrier))
        )

    async def look(self, reference: str) -> Tracking:
        """As the port has it."""
        tracker_id = reference.partition("/")[0]
        return await self._ask(lambda trackers: _tracking(trackers.retrieve(tracker_id)))

    async def look_many(self, references: Sequence[str]) -> tuple[Tracking, ...]:
        """As the port has it, in the order asked for: one call per hundred.

        A reference that EasyPost does not know any more is left out.
        """
        found: dict[str, Tracking] = {}
        for start in range(0, len(references), _BATCH):
            numbers = [one.partition("/")[2] for one in references[start : start + _BATCH]]
            found |= {one.reference: one for one in await self._batch(numbers)}
        return tuple(found[one] for one in references if one in found)

    def verify(self, headers: Mapping[str, str], body: bytes) -> TrackingNews:
        """As the port has it."""
        signature = next((v for k, v in headers.items() if k.lower() == _SIGNATURE.lower()), "")
        try:
            return _news(validate_webhook(body, {_SIGNATURE: signature}, self._webhook_secret))
        except SignatureVerificationError as error:
            raise NotGenuine(f"easypost: {error}") from error
        except _MALFORMED as error:
            raise NotGenuine(f"easypost: not an event ({type(error).__name__})") from error

    def close(self) -> None:
        """Take no further calls."""
        self._calls.close()

    async def _batch(self, numbers: list[str]) -> list[Tracking]:
        def ask(trackers: Any) -> list[Tracking]:  # noqa: ANN401 - the client has no types
            answer = trackers.retrieve_batch(tracking_codes=numbers)
            return [_tracking(one) for one in answer["trackers"]]

        return await self._ask(ask)

    async def _ask(self, call: Callable[[Any], T]) -> T:
        return await self._calls.ask(lambda client: call(client.tracker))


def _tracking(tracker: Any) -> Tracking:  # noqa: ANN401 - the client's objects have no types
    seen: Json = tracker.to_dict()
    ordered = sorted(seen["tracking_details"], key=lambda detail: moment(detail["datetime"]))
    scans = tuple(_scans(ordered))
    last = scans[-1].milestone if scans else Milestone.DECLARED
    return Tracking(
        reference=_reference(seen),
        carrier=seen["carrier"],
        number=seen["tracking_code"],
        milestone=last if scans else _MILESTONES.get(seen["status"], last),
        scans=scans,
    )


def _reference(seen: Json) -> str:
    return f"{seen['id']}/{seen['tracking_code']}"


def _scans(details: Sequence[Json]) -> Iterator[Scan]:
    """Scans in order. One that EasyPost cannot read changes no milestone.

    What was on its way back and is delivered, is back: with the sender.
    """
    milestone, is_going_back = Milestone.DECLARED, False
    for detail in details:
        milestone = _milestone(detail, milestone)
        if is_going_back and milestone is Milestone.DELIVERED:
            milestone = Milestone.RETURNED
        is_going_back = is_going_back or milestone in _ON_THE_WAY_BACK
        place: Json = detail.get("tracking_location") or {}
        yield Scan(
            milestone,
            moment(detail["datetime"]),
            detail.get("message") or "",
            place.get("city") or "",
            place.get("country") or "",
            has_zone=datetime.fromisoformat(detail["datetime"]).tzinfo is not None,
        )


def _milestone(detail: Json, before: Milestone) -> Milestone:
    exact = detail.get("status_detail") or ""
    if exact == _HELD and any(word in (detail.get("message") or "").lower() for word in _CUSTOMS):
        return Milestone.HELD_AT_CUSTOMS
    return _DETAILS.get(exact) or _MILESTONES.get(detail["status"], before)


def _news(event: Json) -> TrackingNews:
    """News of a tracker, or of a label that was given back: then its shipment is the reference."""
    result: Json = event.get("result") or {}
    kind = result.get("object")
    reference = _reference(result) if kind == "Tracker" else result.get("shipment_id", "")
    is_about_parcel = kind in _ABOUT_PARCELS
    return TrackingNews(
        event_id=_text(event["id"]),
        kind=_text(event["description"]),
        reference=_text(reference) if is_about_parcel else "",
        carrier=_text(result["carrier"]) if is_about_parcel else "",
        number=_text(result["tracking_code"]) if is_about_parcel else "",
        occurred_at=moment(event["created_at"]),
    )


def _text(told: object) -> str:
    """A text that can be kept. Raises what `_MALFORMED` lists for anything else."""
    if not isinstance(told, str) or "\0" in told or len(told.encode()) > _LONGEST:
        raise ValueError("not a text that can be kept")
    return told
