"""A seller's bank details: a change counts once it is confirmed on the channel that was there."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from domain.errors import CodeInvalid, IllegalTransition, NotKnown, NotYours
from domain.payout.bank_change import MOST_TRIES, ChangeEvent, ChangeState, moved
from persistence import bank_changes, reading
from persistence.bank_changes import BankChangeRow
from persistence.database import inside
from persistence.port import Event
from persistence.tables.business import Alarm, Seller
from persistence.vault import Vault
from runtime.answers import refused

_CODE_BYTES: Final = 8
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Code:
    """What confirms a change: `sealed` goes into the letter, `clear` nowhere else."""

    clear: str
    sealed: bytes


@dataclass(frozen=True)
class Asking:
    """Who asks for what to be done about a seller's details; `is_owner`: not one of their staff."""

    seller: str
    by: str
    at: datetime
    is_owner: bool = True


async def new_code(vault: Vault, seller: str) -> Code:
    """A code that only the seller's letter will hold."""
    clear = secrets.token_hex(_CODE_BYTES)
    return Code(clear, await vault.seal(seller, json.dumps({"code": clear}).encode()))


async def ask(db: AsyncConnection, who: Asking, account: str, code: Code) -> BankChangeRow:
    """Name a new account; nothing is paid there before it is confirmed.

    The seller gets a code at the address on file. What a member of their staff asks for waits
    for the owner first. An earlier change that is open gives way.
    """
    await bank_changes.lock_seller(db, who.seller)
    seller = await reading.seller(db, who.seller)
    if account == seller.account and account != seller.refused_account:
        raise IllegalTransition(f"{account} is the account already", seller=who.seller)
    before = await bank_changes.open_of(db, who.seller)
    if before is not None:
        await bank_changes.put(db, before.id, state=str(ChangeState.REPLACED), decided_at=who.at)
    async with inside(db) as tx:
        policy = await tx.sellers.policy(seller.policy)
    lapses_at = who.at + policy.payout.confirm_bank_change_within.elapsed
    state = ChangeState.AWAITING_CODE if who.is_owner else ChangeState.AWAITING_OWNER
    row = await bank_changes.ask(db, who.seller, account, state, who.by, who.at, lapses_at)
    if who.is_owner:
        await _send_code(db, who, row, code)
    else:
        await _tell(db, who, "seller.bank_change_to_approve", _facts(row))
    log.info("bank_change.asked", seller=who.seller, change=row.id, state=state)
    return await _read(db, row)


async def approve(db: AsyncConnection, who: Asking, number: int, code: Code) -> BankChangeRow:
    """The owner stands by what their staff asked for; the code goes out."""
    row = await _locked(db, who, number)
    _must_be_owner(who)
    state = moved(row.state, ChangeEvent.APPROVED, row.lapses_at, who.at)
    await bank_changes.put(db, row.id, state=str(state))
    await _send_code(db, who, row, code)
    log.info("bank_change.approved", seller=who.seller, change=row.id)
    return await _read(db, row)


async def confirm(
    db: AsyncConnection, who: Asking, number: int, code: str
) -> BankChangeRow | tuple[int, Mapping[str, Any]]:
    """The owner has the code: the account is the new one, and its cool-down begins.

    A wrong code is a refusal that is returned, for it must be counted; after five none is right.
    """
    row = await _locked(db, who, number)
    _must_be_owner(who)
    state = moved(row.state, ChangeEvent.CONFIRMED, row.lapses_at, who.at)
    if not hmac.compare_digest(_hashed(row.id, code), row.code_hash):
        return await _missed(db, who, row)
    return await _confirmed(db, who, row, state, "")


async def confirm_by_word(
    db: AsyncConnection, who: Asking, number: int, note: str
) -> BankChangeRow:
    """An operator has heard it from the owner in another way, and says in which."""
    row = await _locked(db, who, number)
    if not note:
        raise NotYours("an operator says in the note how the owner was heard")
    state = moved(row.state, ChangeEvent.CONFIRMED, row.lapses_at, who.at)
    return await _confirmed(db, who, row, state, note)


async def withdraw(db: AsyncConnection, who: Asking, number: int) -> BankChangeRow:
    """It was not meant, or not by them: the old details stay."""
    row = await _locked(db, who, number)
    state = moved(row.state, ChangeEvent.WITHDRAWN, row.lapses_at, who.at)
    await _decide(db, who, row, state)
    return await _read(db, row)


async def affirm(db: AsyncConnection, who: Asking, note: str) -> None:
    """An operator has looked into it: the account that was turned down is right after all."""
    await bank_changes.lock_seller(db, who.seller)
    seller = await reading.seller(db, who.seller)
    if not seller.refused_account:
        raise IllegalTransition("no account of theirs was turned down", seller=who.seller)
    await db.execute(
        update(Seller)
        .where(col(Seller.seller) == who.seller)
        .values(refused_account="", version=col(Seller.version) + 1)
    )
    await _tell(db, who, "seller.bank_details_affirmed", {"note": note})
    await _clear_alarms(db, who)
    log.info("bank_details.affirmed", seller=who.seller, by=who.by)


async def _confirmed(
    db: AsyncConnection, who: Asking, row: BankChangeRow, state: ChangeState, note: str
) -> BankChangeRow:
    await db.execute(
        update(Seller)
        .where(col(Seller.seller) == who.seller)
        .values(
            account=row.account,
            bank_changed_at=who.at,
            # Confirmed anew, also if it is the one that was turned down once.
            refused_account="",
            version=col(Seller.version) + 1,
        )
    )
    await _decide(db, who, row, state, note)
    async with inside(db) as tx:
        seller = await tx.sellers.get(who.seller)
        policy = await tx.sellers.policy(seller.policy)
    until = who.at + policy.payout.bank_change_cool_down.elapsed
    await _tell(db, who, "seller.bank_details_changed", {"until": until.isoformat()})
    await _clear_alarms(db, who)
    log.info("bank_change.confirmed", seller=who.seller, change=row.id, by=who.by)
    return await _read(db, row)


async def _missed(
    db: AsyncConnection, who: Asking, row: BankChangeRow
) -> tuple[int, Mapping[str, Any]]:
    tries = row.tries + 1
    await bank_changes.put(db, row.id, tries=tries)
    if tries >= MOST_TRIES:
        await _decide(db, who, row, ChangeState.REFUSED)
    log.warning("bank_change.code_missed", seller=who.seller, change=row.id, tries=tries)
    no = CodeInvalid("this is not the code that was sent", left=max(0, MOST_TRIES - tries))
    return refused(no)


async def _send_code(db: AsyncConnection, who: Asking, row: BankChangeRow, code: Code) -> None:
    await bank_changes.put(db, row.id, code_hash=_hashed(row.id, code.clear))
    await _tell(db, who, "seller.bank_change_asked", _facts(row), code.sealed)


async def _decide(
    db: AsyncConnection, who: Asking, row: BankChangeRow, state: ChangeState, note: str = ""
) -> None:
    await bank_changes.put(
        db, row.id, state=str(state), decided_by=who.by, decided_at=who.at, note=note
    )


async def _tell(
    db: AsyncConnection,
    who: Asking,
    kind: str,
    facts: Mapping[str, str | int],
    sealed: bytes | None = None,
) -> None:
    async with inside(db) as tx:
        await tx.story.tell_seller(who.seller, Event(kind, who.at, who.by, facts), sealed)


async def _clear_alarms(db: AsyncConnection, who: Asking) -> None:
    """Nobody need look after what came back: the seller has answered."""
    await db.execute(
        update(Alarm)
        .where(
            col(Alarm.kind) == "payout_returned",
            func.starts_with(col(Alarm.subject), f"payout/{who.seller}/"),
            col(Alarm.cleared_at).is_(None),
        )
        .values(cleared_at=who.at, cleared_by=who.by)
    )


async def _locked(db: AsyncConnection, who: Asking, number: int) -> BankChangeRow:
    await bank_changes.lock_seller(db, who.seller)
    row = await bank_changes.found(db, who.seller, number)
    if row is None:
        raise NotKnown(f"seller {who.seller} has no change {number}", change=number)
    return row


async def _read(db: AsyncConnection, row: BankChangeRow) -> BankChangeRow:
    return await bank_changes.found(db, row.seller, row.id) or row


def _must_be_owner(who: Asking) -> None:
    if not who.is_owner:
        raise NotYours("only the owner of the store may decide about its bank details")


def _facts(row: BankChangeRow) -> dict[str, str | int]:
    return {"change": row.id, "account": row.account, "until": row.lapses_at.isoformat()}


def _hashed(change: int, code: str) -> str:
    return hashlib.sha256(f"{change}/{code.strip().lower()}".encode()).hexdigest()
