"""Every table, so that whoever needs the whole metadata has it."""

from sqlmodel import SQLModel

from persistence.tables import (
    business,
    carriage,
    casework,
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
    "fx",
    "keys",
    "ledger",
    "purchases",
    "traffic",
    "webhooks",
]
