"""Parcels of a trace: where they go, who brings them, and numbers that could be given out."""

import json
from types import MappingProxyType
from typing import Final

from domain.shipment.numbers import CARRIERS

# Where a currency's buyers live, and who brings them their parcels.
_HOMES: Final = MappingProxyType(
    {
        "AUD": ("AU", "FedEx"),
        "BRL": ("BR", "Correios"),
        "CAD": ("CA", "UPS"),
        "CHF": ("CH", "DHLExpress"),
        "CNY": ("CN", "ChinaEMS"),
        "EUR": ("DE", "DHLExpress"),
        "GBP": ("GB", "RoyalMail"),
        "JPY": ("JP", "FedEx"),
        "MXN": ("MX", "FedEx"),
        "PLN": ("PL", "DHLExpress"),
        "SEK": ("SE", "DHLExpress"),
        "USD": ("US", "UPS"),
    }
)
_CITIES: Final = MappingProxyType(
    {
        "AU": "Sydney",
        "BR": "Recife",
        "CA": "Toronto",
        "CH": "Basel",
        "CN": "Hangzhou",
        "DE": "Hamburg",
        "GB": "Leeds",
        "JP": "Osaka",
        "MX": "Puebla",
        "PL": "Gdynia",
        "SE": "Malmö",
        "US": "Portland",
    }
)
_ELSEWHERE: Final = ("US", "FedEx")
_PREFIX: Final = MappingProxyType({"ChinaEMS": "EA", "Correios": "AA", "RoyalMail": "FA"})
_LAND: Final = MappingProxyType({"ChinaEMS": "CN", "Correios": "BR", "RoyalMail": "GB"})


def home_of(currency: str) -> str:
    """The country (ISO 3166) in which a currency's buyers are taken to live."""
    return _HOMES.get(currency, _ELSEWHERE)[0]


def city_of(country: str) -> str:
    """A city in which buyers and sellers of a country are taken to live."""
    return _CITIES.get(country, country)


def address(country: str, city: str, name: str) -> bytes:
    """Where somebody lives, as the API keeps it (JSON)."""
    told = {"country": country, "city": city, "street": "1 Main Street", "name": name}
    return json.dumps(told | {"postcode": "10101", "phone": "+1 555 0100"}).encode()


def carrier_of(currency: str) -> str:
    """The code of the carrier of a currency's parcels."""
    return _HOMES.get(currency, _ELSEWHERE)[1]


def number_of(carrier: str, serial: int) -> str:
    """A number of *carrier* whose check digit holds, another one for each *serial*."""
    shapes = {
        "DHLExpress": f"{serial:09d}?",
        "FedEx": f"{serial:011d}?",
        "UPS": f"1Z{serial:015d}?",
    }
    letters = f"{_PREFIX.get(carrier)}{serial:08d}?{_LAND.get(carrier)}"
    shape = shapes.get(carrier, letters)
    candidates = (shape.replace("?", digit) for digit in "0123456789")
    return next(number for number in candidates if CARRIERS[carrier].is_valid(number))
