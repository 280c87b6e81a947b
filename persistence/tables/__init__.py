"""Every table, so that whoever needs the whole metadata has it."""

from typing import Any, cast

from sqlalchemy import Table
from sqlmodel import SQLModel

from persistence.tables import (
    business,
    carriage,
    casework,
    chargebacks,
    disputes,
    fx,
    keys,
    ledger,
    purchases,
    traffic,
    webhooks,
)

METADATA = SQLModel.metadata

__all__ = [
    "METADATA",
    "business",
    "carriage",
    "casework",
    "chargebacks",
    "disputes",
    "fx",
    "keys",
    "ledger",
    "purchases",
    "table_of",
    "traffic",
    "webhooks",
]


def table_of(model: type[SQLModel]) -> Table:
    """The table itself: a statement on it goes past the mapper."""
    mapped: Any = model
    return cast("Table", mapped.__table__)
