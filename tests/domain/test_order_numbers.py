"""Tracking numbers: what a carrier can have given out, judged beside a package of others."""

import contextlib
import string

import pytest
import tracking_numbers  # type: ignore[import-untyped] # it has none
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TrackingInvalid
from domain.shipment.numbers import CARRIERS, check, s10_check_digit

_SIGNS = string.digits + string.ascii_uppercase
serials = st.text("0123456789", min_size=8, max_size=8)
services = st.sampled_from(["RB", "EE", "LP", "CP", "RR"])
S10_CARRIERS = {"ChinaEMS": "CN", "Correios": "BR", "RoyalMail": "GB", "RussianPost": "RU"}


def others_know(number: str, *couriers: str) -> bool:
    """Whether the package takes *number* for one of those couriers'."""
    found = tracking_numbers.get_tracking_number(number)
    return found is not None and found.valid and found.courier.code in couriers


def is_taken(carrier: str, number: str) -> bool:
    try:
        check(carrier, number)
    except TrackingInvalid:
        return False
    return True


@given(service=services, serial=serials, carrier=st.sampled_from(sorted(S10_CARRIERS)))
def test_one_check_digit_of_ten_is_a_postal_number(service: str, serial: str, carrier: str) -> None:
    """A mistyped digit must be noticed while the seller still looks at the label."""
    country = S10_CARRIERS[carrier]
    numbers = [f"{service}{serial}{digit}{country}" for digit in range(10)]
    taken = [number for number in numbers if is_taken(carrier, number)]

    assert taken == [f"{service}{serial}{s10_check_digit(serial)}{country}"]
    assert taken == [number for number in numbers if others_know(number, "s10")]


@given(
    shipper=st.text(_SIGNS, min_size=6, max_size=6),
    service=st.sampled_from(["01", "02", "03", "12"]),
    package=st.text(_SIGNS, min_size=7, max_size=7),
)
def test_one_check_digit_of_ten_is_ups_s(shipper: str, service: str, package: str) -> None:
    """Letters count, too."""
    numbers = [f"1Z{shipper}{service}{package}{digit}" for digit in range(10)]
    taken = [number for number in numbers if is_taken("UPS", number)]

    assert len(taken) == 1
    assert taken == [number for number in numbers if others_know(number, "ups")]


@given(body=st.text("0123456789", min_size=11, max_size=11))
def test_one_check_digit_of_ten_is_fedex_s(body: str) -> None:
    """Twelve digits, as on an Express label."""
    numbers = [f"{body}{digit}" for digit in range(10)]
    taken = [number for number in numbers if is_taken("FedEx", number)]

    assert len(taken) == 1
    assert taken == [number for number in numbers if others_know(number, "fedex")]


@given(body=st.text("0123456789", min_size=9, max_size=9))
def test_at_most_one_check_digit_of_ten_is_dhl_s(body: str) -> None:
    """A remainder of seven: each number has one last digit below seven."""
    taken = [digit for digit in range(10) if is_taken("DHLExpress", f"{body}{digit}")]

    assert taken == [int(body) % 7]


@pytest.mark.parametrize(
    ("carrier", "written", "normal"),
    [
        ("RoyalMail", "rb 123 456 785 gb", "RB123456785GB"),
        ("UPS", "1z5r89390357567127", "1Z5R89390357567127"),
        ("FedEx", "9865-7878-8855", "986578788855"),
        ("Cainiao", "LP00123456789012", "LP00123456789012"),
        ("YunExpress", "YT2412345678901234", "YT2412345678901234"),
        ("SFExpress", "SF1234567890123", "SF1234567890123"),
    ],
)
def test_people_write_numbers_in_their_own_way(carrier: str, written: str, normal: str) -> None:
    """One parcel has one number, with or without spaces: it must not be declared twice."""
    assert check(carrier, written) == normal


@given(carrier=st.sampled_from(sorted(CARRIERS)), number=st.text(max_size=40))
def test_whatever_is_typed_is_taken_or_refused(carrier: str, number: str) -> None:
    """No text ends in anything but a number in its normal form, or a refusal that helps."""
    taken: str | None = None
    with contextlib.suppress(TrackingInvalid):
        taken = check(carrier, number)

    assert taken is None or (taken.isascii() and check(carrier, taken) == taken)


def test_a_carrier_that_is_not_known_is_refused_with_those_that_are() -> None:
    """The seller learns what may be chosen."""
    with pytest.raises(TrackingInvalid, match="ChinaEMS, Correios"):
        check("PigeonPost", "RB123456785GB")
