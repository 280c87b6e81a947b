"""Purchases over several sellers: placed, read, listed, cancelled; what the buyer pays with."""

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Header, Path, Query
from starlette.responses import JSONResponse, Response

from api.asking import ASKED, READ, Asked, Asking, body_hash, problems, visible_purchase
from api.auth import Caller
from api.deps import Anybody, Database, Staff, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.routers.orders import buyer_of, shown_payment, subsidy_of
from api.routers.timeline import STREAM, told
from api.schemas.common import Id
from api.schemas.money import PaymentView
from api.schemas.order_views import HappenedView, OrderView, etag
from api.schemas.orders import AmountDecisionIn, AttemptIn
from api.schemas.purchases import (
    PurchaseCancellationIn,
    PurchaseFigures,
    PurchaseIn,
    PurchaseQuery,
    PurchaseResolutionIn,
    PurchaseView,
)
from domain.actors import Role
from domain.errors import IllegalTransition
from domain.ids import fingerprint, order_workflow_id, purchase_workflow_id
from domain.purchase.rules import WHO_MAY, Action
from persistence import purchase_reading
from persistence.purchase_reading import PurchaseFilter
from runtime.commands import PLACE, PURCHASE
from runtime.desk import Ask
from workflows.order.editions import EDITION
from workflows.order.messages import DecideAmount, PayAnotherWay, PlaceOrder, Resolve
from workflows.purchase.messages import CancelPurchase, PlacePurchase, SellerPart

router = APIRouter(prefix="/v1/purchases", tags=["purchases"])
PurchaseId = Annotated[Id, Path(description="The purchase's id.", examples=["p-1001"])]

Placer = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE))]
Payer = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE))]
# A seller is shown an order, and nothing from which others could be guessed.
SeesAll = Annotated[Caller, Depends(only(Role.BUYER, Role.SERVICE, *Staff))]
_CREATED: Final = 201


@router.post("", status_code=201, response_model=PurchaseView | OrderView, responses=ASKED)
async def place_purchase(body: PurchaseIn, caller: Placer, asked: Asked) -> Response:
    """Buy of several sellers at once: one payment, and one order for each that runs by itself.

    All orders are accepted or none. What is bought of one seller only is just that order, and is
    answered with it. Repeating the call with the same key is harmless.
    """
    buyer = buyer_of(body.buyer, caller)
    if len(body.orders) == 1:
        return await _one_order(asked, body, buyer)
    name = body.purchase or f"p-{fingerprint(str(caller), asked.key)[:20]}"
    received_at = asked.use.clock.now(purchase_workflow_id(name))
    placed = PlacePurchase(
        purchase=name,
        buyer=buyer,
        currency=body.currency,
        parts=tuple(
            SellerPart(
                part.order or f"{name}-{number}",
                part.seller,
                part.order_lines(),
                subsidy_of(part.subsidy, caller),
            )
            for number, part in enumerate(body.orders, 1)
        ),
        ship_to=body.ship_to.country,
        received_at=received_at,
        method=body.payment.method,
        edition=EDITION,
    )
    ask = _creation(asked, body, PURCHASE, purchase_workflow_id(name), placed)
    answer = asked.answered(await asked.use.desk.ask(ask), asked.show_purchase)
    return _created(asked, answer, "read_purchase", purchase=name)


async def _one_order(asked: Asking, body: PurchaseIn, buyer: str) -> Response:
    """No purchase is needed where there is one seller, and none is paid for."""
    (part,) = body.orders
    made = fingerprint(str(asked.caller), asked.key)[:20]
    order = part.order or body.purchase or f"o-{made}"
    placed = PlaceOrder(
        order=order,
        buyer=buyer,
        seller=part.seller,
        currency=body.currency,
        lines=part.order_lines(),
        ship_to=body.ship_to.country,
        received_at=asked.use.clock.now(order_workflow_id(order)),
        method=body.payment.method,
        subsidy=subsidy_of(part.subsidy, asked.caller),
        edition=EDITION,
    )
    ask = _creation(asked, body, PLACE, order_workflow_id(order), placed)
    answer = asked.answered(await asked.use.desk.ask(ask), asked.show_order)
    return _created(asked, answer, "read_order", order=order)


def _creation(
    asked: Asking, body: PurchaseIn, command: str, name: str, placed: PlaceOrder | PlacePurchase
) -> Ask:
    return Ask(
        caller=str(asked.caller),
        # One route for both, so that a key means one request, however many sellers it names.
        route=PURCHASE,
        object=name,
        key=asked.key,
        body_hash=body_hash(body),
        command=command,
        received_at=placed.received_at,
        message=placed,
        person=placed.buyer,
        particulars=body.ship_to.model_dump_json().encode(),
        is_creation=True,
    )


def _created(asked: Asking, response: Response, route: str, **name: str) -> Response:
    if response.status_code == _CREATED:
        response.headers["Location"] = str(asked.request.url_for(route, **name).path)
    return response


@router.get("", responses=READ)
async def list_purchases(
    caller: SeesAll, db: Database, wanted: Annotated[PurchaseQuery, Query()]
) -> Page[PurchaseFigures]:
    """List purchases, the newest first. A buyer sees only their own."""
    seen = PurchaseFilter(
        status=wanted.status,
        buyer=caller.id if caller.role is Role.BUYER else wanted.buyer,
        needs_attention=wanted.needs_attention,
    )
    before = decode_number(wanted.cursor)
    rows = await purchase_reading.purchases(db, seen, before, wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row[0], lambda row: PurchaseFigures.of(row[1]))


@router.get("/{purchase}", response_model=PurchaseView, responses=READ)
async def read_purchase(purchase: PurchaseId, caller: Anybody, use: Use, db: Database) -> Response:
    """Read a purchase: its payment, its orders, what you may do, what happens next and when.

    A seller is shown their own order of it, and nothing of the others.
    """
    state = await visible_purchase(use, caller, purchase)
    view = PurchaseView.of(state, await purchase_reading.orders_of(db, state), caller)
    return JSONResponse(view.model_dump(mode="json"), headers={"ETag": etag(view.version)})


@router.get("/{purchase}/payment", responses=READ)
async def read_purchase_payment(purchase: PurchaseId, caller: Payer, use: Use) -> PaymentView:
    """Read what the buyer's browser needs to pay with, fresh from the provider."""
    state = await visible_purchase(use, caller, purchase)
    if not state.intent:
        raise IllegalTransition(
            f"the payment of purchase {purchase} is still being prepared; ask again shortly",
            purchase=purchase,
        )
    return shown_payment(use.payments.name, await use.payments.look(state.intent))


@router.get(
    "/{purchase}/timeline",
    response_model=Page[HappenedView],
    responses={
        200: {"content": {STREAM: {"schema": {"type": "string"}}}},
        **problems(404, 422),
    },
)
async def read_purchase_timeline(
    purchase: PurchaseId,
    caller: SeesAll,
    use: Use,
    wanted: Annotated[PageQuery, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[
        str, Header(description="Of a stream: go on after this event.", max_length=200)
    ] = "",
) -> Response:
    """Read what happened to the payment, the oldest first; each order has a timeline of its own.

    With `Accept: text/event-stream` it goes on as things happen; `Last-Event-ID` resumes.
    """
    await visible_purchase(use, caller, purchase)
    subject = purchase_workflow_id(purchase)
    return await told(use, caller, subject, wanted, accept, last_event_id)


@router.post(
    "/{purchase}/cancellation",
    response_model=PurchaseView,
    responses=ASKED,
    dependencies=[Depends(only(*sorted(WHO_MAY[Action.CANCEL])))],
)
async def cancel_purchase(
    purchase: PurchaseId, body: PurchaseCancellationIn, asked: Asked
) -> Response:
    """Close the whole purchase before it is paid; every order of it ends."""
    return await asked.purchase(
        purchase,
        "purchase.cancel",
        body,
        lambda actor, at: CancelPurchase(actor, at, body.reason),
    )


@router.post(
    "/{purchase}/payment-attempts",
    response_model=PurchaseView,
    responses=ASKED,
    dependencies=[Depends(only(*sorted(WHO_MAY[Action.PAY_ANOTHER_WAY])))],
)
async def pay_purchase_another_way(purchase: PurchaseId, body: AttemptIn, asked: Asked) -> Response:
    """Open a further payment, while a slip is out perhaps. The first that is paid counts."""
    return await asked.purchase(
        purchase,
        "purchase.pay_another_way",
        body,
        lambda actor, at: PayAnotherWay(actor, at, body.method),
    )


@router.post(
    "/{purchase}/amount-decision",
    response_model=PurchaseView,
    responses=ASKED,
    dependencies=[Depends(only(*sorted(WHO_MAY[Action.DECIDE_AMOUNT])))],
)
async def decide_purchase_amount(
    purchase: PurchaseId, body: AmountDecisionIn, asked: Asked
) -> Response:
    """Decide about a payment of another amount: accept it, or send it back and wait, or close.

    It is a decision about all orders: none is paid for alone.
    """
    return await asked.purchase(
        purchase,
        "purchase.decide_amount",
        body,
        lambda actor, at: DecideAmount(actor, at, body.decision, body.reason, body.borne_by),
    )


@router.post(
    "/{purchase}/resolution",
    response_model=PurchaseView,
    responses=ASKED,
    dependencies=[Depends(only(*sorted(WHO_MAY[Action.RESOLVE])))],
)
async def resolve_purchase(
    purchase: PurchaseId, body: Annotated[PurchaseResolutionIn, Body()], asked: Asked
) -> Response:
    """Let a parked purchase go on: try the step again."""
    return await asked.purchase(
        purchase,
        "purchase.resolve",
        body,
        lambda actor, at: Resolve(actor, at, body.resolution, body.note),
    )
