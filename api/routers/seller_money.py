"""A seller's money by itself: a deposit that has arrived, a debt that is given up."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, Asked, Asking, body_hash
from api.auth import Caller
from api.deps import only
from api.routers.sellers import SellerId
from api.schemas.money import BalanceView
from api.schemas.seller_money import DepositIn, WriteOffIn
from domain.actors import Role
from runtime import seller_money
from runtime.desk import Ask
from runtime.outlook import outlooks
from runtime.seller_money import Sum

router = APIRouter(prefix="/v1/sellers/{seller}", tags=["sellers"])
Bookkeeper = Annotated[Caller, Depends(only(Role.SERVICE, Role.OPERATOR))]
Operator = Annotated[Caller, Depends(only(Role.OPERATOR))]
Book = Callable[[AsyncConnection, Sum], Awaitable[None]]


@router.post("/deposit", status_code=201, response_model=BalanceView, responses=ASKED)
async def book_deposit(
    seller: SellerId, body: DepositIn, caller: Bookkeeper, asked: Asked
) -> Response:
    """Book a deposit that has arrived. It pays for refunds after balance and reserve."""
    del caller
    return await _book(asked, seller, body, seller_money.deposit)


@router.post("/write-off", status_code=201, response_model=BalanceView, responses=ASKED)
async def write_off_debt(
    seller: SellerId, body: WriteOffIn, caller: Operator, asked: Asked
) -> Response:
    """Give up what a closed seller owes: it becomes the platform's loss."""
    del caller
    return await _book(asked, seller, body, seller_money.write_off)


async def _book(asked: Asking, seller: str, body: DepositIn | WriteOffIn, book: Book) -> Response:
    at = asked.use.clock.now(f"seller/{seller}")
    by, note = str(asked.caller), body.reason if isinstance(body, WriteOffIn) else ""
    wanted = Sum(seller, body.currency, body.amount, body.reference, by, at, note)

    async def work(db: AsyncConnection) -> tuple[int, Mapping[str, Any]]:
        await book(db, wanted)
        found = await outlooks(db, seller, at)
        (now,) = (each for each in found if each.currency == body.currency)
        return 201, BalanceView.of(now).model_dump(mode="json")

    ask = Ask(
        caller=by,
        route=f"seller.{book.__name__}",
        object=f"seller/{seller}",
        key=asked.key,
        body_hash=body_hash(body),
        command=f"seller.{book.__name__}",
        received_at=at,
        person=seller,
    )
    return await asked.do(ask, work)
