"""Tracking numbers: which a carrier can have given out. Format and check digit, nothing else."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.errors import TrackingInvalid

# Universal Postal Union, standard S10: weights of the eight digits, modulo 11.
_S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
_S10: Final = re.compile(r"[A-Z]{2}\d{9}[A-Z]{2}")
_UPS: Final = re.compile(r"1Z[0-9A-Z]{16}")
_FEDEX: Final = re.compile(r"\d{12}")
_DHL: Final = re.compile(r"\d{10}")
_FEDEX_WEIGHTS: Final = (3, 1, 7, 3, 1, 7, 3, 1, 7, 3, 1)
_LETTER_A_AS_UPS_COUNTS: Final = 2


def s10_check_digit(serial: str) -> int:
    """The check digit of an eight-digit serial number (UPU S10)."""
    total = sum(int(digit) * weight for digit, weight in zip(serial, _S10_WEIGHTS, strict=True))
    return {10: 0, 11: 5}.get(rest := 11 - total % 11, rest)


def _is_s10(number: str) -> bool:
    return bool(_S10.fullmatch(number)) and s10_check_digit(number[2:10]) == int(number[10])


def _is_ups(number: str) -> bool:
    if not _UPS.fullmatch(number) or not number[-1].isdigit():
        return False
    values = [
        int(sign) if sign.isdigit() else (ord(sign) - ord("A") + _LETTER_A_AS_UPS_COUNTS) % 10
        for sign in number[2:-1]
    ]
    total = sum(value * (2 if place % 2 else 1) for place, value in enumerate(values))
    return (10 - total % 10) % 10 == int(number[-1])


def _is_fedex(number: str) -> bool:
    if not _FEDEX.fullmatch(number):
        return False
    total = sum(int(d) * w for d, w in zip(number[:11], _FEDEX_WEIGHTS, strict=True))
    return total % 11 % 10 == int(number[11])


def _is_dhl(number: str) -> bool:
    return bool(_DHL.fullmatch(number)) and int(number[:9]) % 7 == int(number[9])


def _is_like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda number: bool(compiled.fullmatch(number))


@dataclass(frozen=True)
class Carrier:
    """A carrier that sellers may declare: its code, its name, and how its numbers look."""

    code: str
    name: str
    looks: str
    is_valid: Callable[[str], bool]


_S10_LOOKS: Final = "two letters, nine digits of which the last checks the others, two letters"

CARRIERS: Final = MappingProxyType(
    {
        carrier.code: carrier
        for carrier in (
            Carrier("ChinaEMS", "China Post / EMS", _S10_LOOKS, _is_s10),
            Carrier("Correios", "Correios", _S10_LOOKS, _is_s10),
            Carrier("RoyalMail", "Royal Mail", _S10_LOOKS, _is_s10),
            Carrier("RussianPost", "Russian Post", _S10_LOOKS, _is_s10),
            Carrier("UPS", "UPS", "1Z and 16 signs of which the last checks the others", _is_ups),
            Carrier("FedEx", "FedEx", "12 digits of which the last checks the others", _is_fedex),
            Carrier("DHLExpress", "DHL Express", "10 digits, the last checks the rest", _is_dhl),
            Carrier("Cainiao", "Cainiao", "LP and 14 digits", _is_like(r"LP\d{14}")),
            Carrier("YunExpress", "YunExpress", "YT and 16 digits", _is_like(r"YT\d{16}")),
            Carrier("SFExpress", "SF Express", "SF and 13 digits", _is_like(r"SF\d{13}")),
        )
    }
)


def normalised(number: str) -> str:
    """The number as carriers write it: no spaces or dashes, capitals."""
    return re.sub(r"[\s-]", "", number).upper()


def check(carrier: str, number: str) -> str:
    """Return the number in its normal form, or refuse what the carrier never gives out."""
    known = CARRIERS.get(carrier)
    if known is None:
        raise TrackingInvalid(
            f"carrier {carrier!r} is not known; use one of {', '.join(CARRIERS)}",
            carrier=carrier[:40],
        )
    exact = normalised(number)
    if not exact.isascii() or not known.is_valid(exact):
        raise TrackingInvalid(
            f"{known.name} never gives out this number; theirs are {known.looks}",
            carrier=carrier,
        )
    return exact
