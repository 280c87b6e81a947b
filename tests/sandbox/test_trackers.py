"""Trackers: what the carriers saw, through EasyPost's official client."""

from uuid import uuid4

import pytest
from easypost.errors.api.invalid_request_error import InvalidRequestError
from easypost.errors.api.not_found_error import NotFoundError

from tests.support.sandbox import Carriers, SandboxWorld


@pytest.fixture
def code() -> str:
    return f"LP{uuid4().hex[:12].upper()}"


async def test_a_code_and_carrier_have_one_tracker(carriers: Carriers, code: str) -> None:
    """Registering a parcel twice, as a retry does, makes no second tracker."""
    first = carriers.tracker.create(tracking_code=code, carrier="Correios")
    second = carriers.tracker.create(tracking_code=code, carrier="correios")
    other = carriers.tracker.create(tracking_code=code, carrier="DHLExpress")

    assert first.id == second.id
    assert other.id != first.id
    assert first.status == "unknown"


async def test_scans_before_the_tracker_are_kept(
    carriers: Carriers, world: SandboxWorld, code: str
) -> None:
    """A parcel travels whether or not somebody watches it yet."""
    await world.scan("Correios", code, "in_transit", at="2018-01-02T10:00:00Z", city="Curitiba")
    tracker = carriers.tracker.create(tracking_code=code, carrier="Correios")
    seen = tracker.tracking_details[0]

    assert tracker.status == "in_transit"
    assert (seen.datetime, seen.tracking_location.city) == ("2018-01-02T10:00:00Z", "Curitiba")


async def test_the_latest_scan_by_its_own_time_is_the_status(
    carriers: Carriers, world: SandboxWorld, code: str
) -> None:
    """Carriers report late and out of order; what they saw last is what counts."""
    tracker = carriers.tracker.create(tracking_code=code, carrier="Correios")
    await world.deliver("Correios", code, at="2018-01-09T10:00:00Z", country="BR")
    await world.scan("Correios", code, "in_transit", at="2018-01-02T10:00:00Z")
    seen = carriers.tracker.retrieve(tracker.id)

    assert seen.status == "delivered"
    assert [each.status for each in seen.tracking_details] == ["in_transit", "delivered"]


async def test_a_delivery_may_be_withdrawn(
    carriers: Carriers, world: SandboxWorld, code: str
) -> None:
    """Carriers correct themselves: what was delivered is on its way again."""
    tracker = carriers.tracker.create(tracking_code=code, carrier="Correios")
    await world.scan("Correios", code, "in_transit", at="2018-01-02T10:00:00Z")
    await world.deliver("Correios", code, at="2018-01-09T10:00:00Z")
    await world.withdraw("Correios", code, at="2018-01-10T10:00:00Z")
    seen = carriers.tracker.retrieve(tracker.id)

    assert (seen.status, seen.updated_at) == ("in_transit", "2018-01-10T10:00:00Z")


async def test_many_are_asked_for_at_once(carriers: Carriers, code: str) -> None:
    """The sweep asks for all silent parcels in one call."""
    codes = [f"{code}{number}" for number in range(3)]
    made = {carriers.tracker.create(tracking_code=each, carrier="Correios").id for each in codes}
    listed = carriers.tracker.all(tracking_codes=codes)
    batch = carriers.tracker.retrieve_batch(tracking_codes=codes)

    assert {tracker.id for tracker in listed["trackers"]} == made
    assert {tracker.id for tracker in batch["trackers"]} == made


async def test_lists_have_pages(carriers: Carriers, code: str) -> None:
    """The sweep walks them all, and stops."""
    for number in range(3):
        carriers.tracker.create(tracking_code=f"{code}{number}", carrier=f"C{code}")
    first = carriers.tracker.all(carrier=f"C{code}", page_size=2)
    second = carriers.tracker.get_next_page(first, page_size=2)

    assert [len(page["trackers"]) for page in (first, second)] == [2, 1]
    assert (first["has_more"], second["has_more"]) == (True, False)


async def test_what_is_wrong_is_told_in_the_providers_envelope(carriers: Carriers) -> None:
    """The official client turns it into the exception that the adapter expects."""
    with pytest.raises(NotFoundError):
        carriers.tracker.retrieve("trk_nothing")
    with pytest.raises(InvalidRequestError, match="tracking_code"):
        carriers.tracker.create(carrier="Correios")
