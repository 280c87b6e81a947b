"""The countries that there are."""

from importlib.resources import files
from typing import Final


def _listed() -> frozenset[str]:
    table = files("tzdata") / "zoneinfo" / "iso3166.tab"
    lines = table.read_text(encoding="utf-8").splitlines()
    return frozenset(line[:2] for line in lines if line and not line.startswith("#"))


# Alpha-2 codes of ISO 3166-1, as the time zone database lists them.
COUNTRIES: Final = _listed()
