"""Sellers as the marketplace registers them, until they certify themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import AlreadyExists, IllegalTransition, VersionConflict
from domain.payout.rules import Standing
from domain.policy import from_document
from persistence import idempotency, inbox, reading
from persistence.reading import SellerRow
from persistence.tables.business import Seller
from persistence.vault import Vault
from runtime import policies
from runtime.contact import carried_over

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Registration:
    """A seller to be. `account` is the connected account at the payment provider, "" for none.

    `settles_in` is the currency of the seller's accounts, "" for each order's own.
    """

    seller: str
    account: str
    country: str
    level: str
    policy: str
    standing: Standing = Standing.ACTIVE
    settles_in: str = ""


@dataclass(frozen=True)
class Change:
    """What is to be different; None leaves it as it is."""

    account: str | None = None
    level: str | None = None
    policy: str | None = None
    standing: Standing | None = None
    settles_in: str | None = None


async def register(db: AsyncConnection, wanted: Registration, at: datetime) -> SellerRow:
    """Put a new seller on record. Refuses a taken id and a policy that nobody published.

    A currency to settle in must be one of the policy's (`CurrencyUnknown`).
    """
    await _must_fit(db, wanted.policy, wanted.settles_in)
    written = await db.execute(
        insert(Seller)
        .values(
            seller=wanted.seller,
            version=1,
            account=wanted.account,
            country=wanted.country,
            level=wanted.level,
            standing=str(wanted.standing),
            policy=wanted.policy,
            non_fulfilments=0,
            registered_at=at,
            settles_in=wanted.settles_in,
        )
        .on_conflict_do_nothing()
        .returning(col(Seller.seller))
    )
    if written.scalar_one_or_none() is None:
        raise AlreadyExists(f"there is a seller {wanted.seller} already", seller=wanted.seller)
    log.info("seller.registered", seller=wanted.seller)
    return await reading.seller(db, wanted.seller)


async def change(
    db: AsyncConnection, name: str, wanted: Change, version: int, at: datetime
) -> SellerRow:
    """Change a seller who still is as the caller saw them (`VersionConflict`).

    A first account counts at once, after the cool-down of changed bank details. Another one does
    not come this way: see `runtime.bank_details`. One that is there is not taken away either, or
    the next would be a first one (`IllegalTransition`). Another standing is told to every order of
    the seller that is still open, in the same transaction. Another currency to settle in is that
    of orders that are placed from now on.
    """
    before = await reading.seller(db, name)
    if before.account and not (wanted.account or wanted.account is None):
        raise IllegalTransition(
            f"seller {name} has an account: name another one, or suspend them", seller=name
        )
    if wanted.policy is not None or wanted.settles_in is not None:
        settles_in = before.settles_in if wanted.settles_in is None else wanted.settles_in
        await _must_fit(db, wanted.policy or before.policy, settles_in)
    values: dict[str, object] = {
        key: str(value) for key, value in vars(wanted).items() if value is not None
    }
    if before.account:
        values.pop("account", None)
    elif wanted.account:
        values["bank_changed_at"] = at
    written = await db.execute(
        update(Seller)
        .where(col(Seller.seller) == name, col(Seller.version) == version)
        .values(version=version + 1, **values)
        .returning(col(Seller.seller))
    )
    if written.scalar_one_or_none() is None:
        raise VersionConflict(
            f"seller {name} has changed since: read it again", seller=name, version=before.version
        )
    if wanted.standing is not None and str(wanted.standing) != before.standing:
        told = await inbox.tell_orders(db, name, str(wanted.standing), version + 1, at)
        log.info("seller.standing_changed", seller=name, standing=wanted.standing, orders=told)
    log.info("seller.changed", seller=name, changed=sorted(values))
    return await reading.seller(db, name)


async def change_contact(
    db: AsyncConnection, vault: Vault, seller: str, changed: Mapping[str, Any]
) -> None:
    """Change some of what is known of the person; the rest stays. Raises `Erased`."""
    subject = f"seller/{seller}"
    told = await carried_over(db, vault, subject, changed)
    sealed = await vault.seal(seller, told)
    await idempotency.change_particulars(db, subject, seller, sealed)
    log.info("seller.contact_changed", seller=seller, changed=sorted(changed))


async def _must_fit(db: AsyncConnection, policy: str, settles_in: str) -> None:
    stored = await policies.stored(db, policy)
    if settles_in:
        loaded = from_document(stored.document, stored.name, stored.version, stored.holidays)
        loaded.must_know(settles_in)
