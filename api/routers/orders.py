"""Orders: placed, read, listed; their postings, and what the buyer pays with."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from adapters.payment.port import Intent
from api.asking import ASKED, READ, Asked, Asking, body_hash, not_yours, visible_order
from api.auth import Caller
from api.deps import Anybody, Database, Staff, Use, only
from api.paging import Page, decode_number, page
from api.problems import Problem
from api.schemas.common import Id, Money
from api.schemas.money import PaymentView, PostingView
from api.schemas.order_views import OrderFigures, OrderView, etag
from api.schemas.orders import OrderIn, OrderQuery
from domain.actors import Role
from domain.errors import IllegalTransition
from domain.ids import fingerprint, order_workflow_id
from domain.money import Money as Amount
from persistence import reading
from persistence.reading import OrderFilter
from runtime.commands import PLACE
from runtime.desk import Ask
from workflows.order.editions import EDITION
from workflows.order.messages import PlaceOrder

router = APIRouter(prefix="/v1/orders", tags=["orders"])
OrderId = Annotated[Id, Path(description="The order's id.", examples=["o-1001"])]

Placer = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE))]
Payer = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE))]
Bookkeeper = Annotated[Caller, Depends(only(Role.SERVICE, Role.SELLER, *Staff))]


@router.post("", status_code=201, response_model=OrderView, responses=ASKED)
async def place_order(body: OrderIn, caller: Placer, asked: Asked) -> Response:
    """Place an order. Its payment, shipment and release then run by themselves.

    Repeating the call with the same key is harmless: it gives the same order.
    """
    order = body.order or f"o-{fingerprint(str(caller), asked.key)[:20]}"
    buyer = buyer_of(body.buyer, caller)
    received_at = asked.use.clock.now(order_workflow_id(order))
    placed = PlaceOrder(
        order=order,
        buyer=buyer,
        seller=body.seller,
        currency=body.currency,
        lines=body.order_lines(),
        ship_to=body.ship_to.country,
        received_at=received_at,
        method=body.payment.method,
        subsidy=subsidy_of(body.subsidy, caller),
        edition=EDITION,
    )
    answer = await asked.use.desk.ask(
        Ask(
            caller=str(caller),
            route=PLACE,
            object=order_workflow_id(order),
            key=asked.key,
            body_hash=body_hash(body),
            command=PLACE,
            received_at=received_at,
            message=placed,
            person=buyer,
            particulars=body.ship_to.model_dump_json().encode(),
            is_creation=True,
        )
    )
    return _created(asked, asked.answered(answer, asked.show_order), order)


def buyer_of(named: str | None, caller: Caller) -> str:
    """For whom *caller* orders: a buyer for nobody else, a service for whom it has *named*."""
    if caller.role is Role.BUYER:
        if named not in {None, caller.id}:
            raise not_yours("a buyer orders for nobody else")
        return caller.id
    if named is None:
        errors = [{"field": "buyer", "why": "a service must say whose order it is"}]
        raise Problem("request-invalid", "cannot be accepted: buyer", {"errors": errors})
    return named


def subsidy_of(asked: int, caller: Caller) -> int:
    """The platform's part of a price (minor units), which only a service may give."""
    if asked and caller.role is not Role.SERVICE:
        raise not_yours("a subsidy is the platform's to give")
    return asked


def _created(asked: Asking, response: Response, order: str) -> Response:
    if response.status_code == 201:  # noqa: PLR2004 - the status of the route itself
        response.headers["Location"] = str(asked.request.url_for("read_order", order=order).path)
    return response


@router.get("", responses=READ)
async def list_orders(
    caller: Anybody,
    db: Database,
    wanted: Annotated[OrderQuery, Query()],
) -> Page[OrderFigures]:
    """List orders, the newest first. A buyer or seller sees only their own."""
    return await listed_orders(caller, db, wanted)


async def listed_orders(
    caller: Caller, db: AsyncConnection, wanted: OrderQuery, sought: str = ""
) -> Page[OrderFigures]:
    """The orders that *caller* may see, of those *wanted* whose id or parties match *sought*."""
    seen = OrderFilter(
        sought=sought,
        status=wanted.status,
        seller=caller.seller if caller.role is Role.SELLER else wanted.seller,
        buyer=caller.id if caller.role is Role.BUYER else wanted.buyer,
        needs_attention=wanted.needs_attention,
        placed_from=wanted.placed_from,
        placed_to=wanted.placed_to,
    )
    rows = await reading.orders(db, seen, decode_number(wanted.cursor), wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row[0], lambda row: OrderFigures.of(row[1]))


@router.get("/{order}", response_model=OrderView, responses=READ)
async def read_order(order: OrderId, caller: Anybody, use: Use) -> Response:
    """Read an order: where it stands, what you may do, what happens next and when."""
    view = OrderView.of(await visible_order(use, caller, order), caller)
    return JSONResponse(view.model_dump(mode="json"), headers={"ETag": etag(view.version)})


@router.get("/{order}/postings", responses=READ)
async def list_order_postings(
    order: OrderId, caller: Bookkeeper, use: Use, db: Database
) -> Page[PostingView]:
    """Read what the order's process has posted to the ledger, the oldest first."""
    await visible_order(use, caller, order)
    entries = await reading.process_postings(db, order)
    return Page(items=[PostingView.of(entry) for entry in entries], next=None)


@router.get("/{order}/payment", responses=READ)
async def read_payment(order: OrderId, caller: Payer, use: Use) -> PaymentView:
    """Read what the buyer's browser needs to pay with, fresh from the provider."""
    state = await visible_order(use, caller, order)
    if state.paid_by:
        raise IllegalTransition(
            f"order {order} is paid with its purchase: read that one's payment",
            order=order,
            purchase=state.paid_by,
        )
    if not state.intent:
        raise IllegalTransition(
            f"the payment of order {order} is still being prepared; ask again shortly", order=order
        )
    return shown_payment(use.payments.name, await use.payments.look(state.intent))


def shown_payment(provider: str, intent: Intent) -> PaymentView:
    """A payment as the provider sees it now, for the buyer's browser."""
    return PaymentView(
        provider=provider,
        reference=intent.reference,
        status=intent.status,
        amount=_money(intent.amount),
        captured=_money(intent.captured),
        todo=intent.todo,
        expires_at=intent.expires_at,
        client_secret=intent.client_secret,
        decline=intent.decline,
    )


def _money(amount: Amount) -> Money:
    return Money(amount=amount.minor, currency=amount.currency)
