"""A seller's bank details: changed by the seller, confirmed on the channel that was there."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, Asking, body_hash, own_store
from api.auth import Caller
from api.deps import Database, Staff, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.routers.sellers import SellerId
from api.schemas.money import SellerView
from api.schemas.seller_money import BankChangeIn, BankChangeView, ConfirmationIn, NoteIn
from domain.actors import Role
from persistence import bank_changes, reading
from persistence.bank_changes import BankChangeRow
from runtime import bank_details
from runtime.desk import Ask

router = APIRouter(prefix="/v1/sellers/{seller}", tags=["sellers"])
ChangeId = Annotated[int, Path(description="The change's number.", ge=1, lt=2**63, examples=[1])]
Asker = Annotated[Caller, Depends(only(Role.SELLER, Role.SERVICE, Role.OPERATOR))]
Store = Annotated[Caller, Depends(only(Role.SELLER))]
Decider = Annotated[Caller, Depends(only(Role.SELLER, Role.OPERATOR))]
Operator = Annotated[Caller, Depends(only(Role.OPERATOR))]
Reader = Annotated[Caller, Depends(only(Role.SERVICE, Role.SELLER, *Staff))]
Outcome = BankChangeRow | tuple[int, Mapping[str, Any]]
Change = Callable[[AsyncConnection, bank_details.Asking], Awaitable[Outcome]]


@router.post("/bank-changes", status_code=201, response_model=BankChangeView, responses=ASKED)
async def change_bank_details(
    seller: SellerId, body: BankChangeIn, caller: Asker, asked: Asked
) -> Response:
    """Name a new account. It counts once the owner has confirmed it with the code of a letter."""
    code = await _code(asked, caller, seller)

    async def work(db: AsyncConnection, who: bank_details.Asking) -> Outcome:
        return await bank_details.ask(db, who, body.account, code)

    return await _do(asked, seller, "ask", body, work, status=201)


@router.get("/bank-changes", responses=READ)
async def list_bank_changes(
    seller: SellerId,
    caller: Reader,
    db: Database,
    use: Use,
    wanted: Annotated[PageQuery, Query()],
) -> Page[BankChangeView]:
    """List a seller's changes of bank details, the newest first."""
    own_store(caller, seller)
    await reading.seller(db, seller)
    at = use.clock.now(f"seller/{seller}")
    before = decode_number(wanted.cursor)
    rows = await bank_changes.of(db, seller, before, wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.id, lambda row: BankChangeView.of(row, at))


@router.post("/bank-changes/{change}/approval", response_model=BankChangeView, responses=ASKED)
async def approve_bank_change(
    seller: SellerId, change: ChangeId, caller: Store, asked: Asked
) -> Response:
    """Stand by what a member of your staff asked for; the code goes to your address on file."""
    code = await _code(asked, caller, seller)

    async def work(db: AsyncConnection, who: bank_details.Asking) -> Outcome:
        return await bank_details.approve(db, who, change, code)

    return await _do(asked, seller, f"approve/{change}", None, work)


@router.post("/bank-changes/{change}/confirmation", response_model=BankChangeView, responses=ASKED)
async def confirm_bank_change(
    seller: SellerId, change: ChangeId, body: ConfirmationIn, caller: Decider, asked: Asked
) -> Response:
    """Confirm with the code of the letter; an operator with a note of how the owner was heard."""

    async def work(db: AsyncConnection, who: bank_details.Asking) -> Outcome:
        if caller.role is not Role.OPERATOR:
            return await bank_details.confirm(db, who, change, body.code)
        return await bank_details.confirm_by_word(db, who, change, body.note)

    return await _do(asked, seller, f"confirm/{change}", body, work)


@router.post("/bank-changes/{change}/withdrawal", response_model=BankChangeView, responses=ASKED)
async def withdraw_bank_change(
    seller: SellerId, change: ChangeId, caller: Decider, asked: Asked
) -> Response:
    """Take it back: it was not meant, or not by you. The old details stay."""
    del caller

    async def work(db: AsyncConnection, who: bank_details.Asking) -> Outcome:
        return await bank_details.withdraw(db, who, change)

    return await _do(asked, seller, f"withdraw/{change}", None, work)


@router.post("/details-affirmation", response_model=SellerView, responses=ASKED)
async def affirm_bank_details(
    seller: SellerId, body: NoteIn, caller: Operator, asked: Asked
) -> Response:
    """Say that an account which was turned down is right after all: the next payout goes there."""
    at = asked.use.clock.now(f"seller/{seller}")
    who = _who(caller, seller, at)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        await bank_details.affirm(db, who, body.note)
        row = await reading.seller(db, seller)
        return 200, SellerView.of(row).model_dump(mode="json")

    return await asked.do(_ask(asked, seller, "affirm", body, at), work)


async def _code(asked: Asking, caller: Caller, seller: str) -> bank_details.Code:
    """A code for a seller who exists, and whom the caller may know of."""
    own_store(caller, seller)
    async with asked.use.engine.connect() as db:
        await reading.seller(db, seller)
    return await bank_details.new_code(asked.use.vault, seller)


async def _do(
    asked: Asking,
    seller: str,
    what: str,
    body: BaseModel | None,
    change: Change,
    *,
    status: int = 200,
) -> Response:
    own_store(asked.caller, seller)
    at = asked.use.clock.now(f"seller/{seller}")

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        outcome = await change(db, _who(asked.caller, seller, at))
        if isinstance(outcome, BankChangeRow):
            return status, BankChangeView.of(outcome, at).model_dump(mode="json")
        return outcome

    return await asked.do(_ask(asked, seller, what, body, at), work)


def _ask(asked: Asking, seller: str, what: str, body: BaseModel | None, at: datetime) -> Ask:
    return Ask(
        caller=str(asked.caller),
        route=f"seller.bank_details/{what}",
        object=f"seller/{seller}",
        key=asked.key,
        body_hash=body_hash(body) if body is not None else "",
        command="seller.bank_details",
        received_at=at,
        person=seller,
    )


def _who(caller: Caller, seller: str, at: datetime) -> bank_details.Asking:
    """A member of a seller's staff has a name of their own; the owner has the store's."""
    is_owner = caller.role is not Role.SELLER or caller.id == seller
    return bank_details.Asking(seller, str(caller), at, is_owner)
