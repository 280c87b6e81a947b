"""Every table, so that whoever needs the whole metadata has it."""

from sqlmodel import SQLModel

from persistence.tables import (
    business,
    carriage,
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
    "disputes",
    "fx",
    "keys",
    "ledger",
    "purchases",
    "traffic",
    "webhooks",
]
