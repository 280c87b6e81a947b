"""How a POST becomes a request on record, and its answer a response."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.responses import Response

from api.auth import Caller
from api.deps import Anybody, Key, Services, Use
from api.problems import MEDIA_TYPE, Problem, of_refusal, response
from api.schemas.common import ProblemView, RequestView
from api.schemas.disputes import DisputeView
from api.schemas.order_views import OrderView, etag
from api.schemas.purchases import PurchaseView
from domain.actors import STAFF, Actor, Role
from domain.dispute.state import DisputeState
from domain.errors import NotKnown
from domain.ids import dispute_workflow_id, order_workflow_id, purchase_workflow_id
from domain.order.state import OrderState
from domain.payout.state import PayoutState
from domain.purchase.state import PurchaseState
from persistence import idempotency, purchase_reading, reading
from persistence.disputes import reading as dispute_reading
from persistence.engine import looking
from persistence.idempotency import Recorded
from persistence.records import DISPUTE_STATE, ORDER_STATE, PAYOUT_STATE, PURCHASE_STATE
from runtime.answers import Answer
from runtime.commands import PAY_OUT, PLACE, PURCHASE, first_payout_state, first_state
from runtime.desk import Ask, Condition, Work
from workflows.purchase.messages import PlacePurchase

_SOON: Final = "1"
Message = Callable[[Actor, datetime], object]
Show = Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], dict[str, str]]]


@dataclass(frozen=True)
class Draft:
    """Personal words (JSON) that become an object's own once its process accepts them."""

    name: str
    words: bytes


@dataclass(frozen=True)
class Asking:
    """One POST of one caller, under its idempotency key; `seen` is the version it goes by."""

    request: Request
    use: Services
    caller: Caller
    key: str
    seen: int | None = None

    async def order(
        self,
        name: str,
        command: str,
        body: BaseModel,
        message: Message,
        draft: Draft | None = None,
    ) -> Response:
        """Ask something of an order that the caller may see; answer with how it then stands.

        *command* may go on with what of the order is meant: "order.lift_hold/h-1".
        """
        received_at = self.use.clock.now(order_workflow_id(name))
        state = await visible_order(self.use, self.caller, name)
        ask = Ask(
            caller=str(self.caller),
            route=command,
            object=order_workflow_id(name),
            key=self.key,
            body_hash=body_hash(body),
            command=command.partition("/")[0],
            received_at=received_at,
            message=message(self.caller.actor, received_at),
            person=state.buyer,
            particulars=draft.words if draft else None,
            draft=draft.name if draft else "",
            seen=self.seen,
        )
        return await self.sent(ask, self.show_order)

    async def purchase(
        self, name: str, command: str, body: BaseModel, message: Message
    ) -> Response:
        """Ask something of a purchase that the caller may see; answer with how it then stands."""
        received_at = self.use.clock.now(purchase_workflow_id(name))
        state = await visible_purchase(self.use, self.caller, name)
        ask = Ask(
            caller=str(self.caller),
            route=command,
            object=purchase_workflow_id(name),
            key=self.key,
            body_hash=body_hash(body),
            command=command,
            received_at=received_at,
            message=message(self.caller.actor, received_at),
            person=state.buyer,
        )
        return await self.sent(ask, self.show_purchase)

    async def dispute(
        self,
        name: str,
        command: str,
        body: BaseModel,
        message: Message,
        only_if: Condition | None = None,
    ) -> Response:
        """Ask something of a dispute that the caller may see; answer with how it then stands."""
        received_at = self.use.clock.now(dispute_workflow_id(name))
        state = await visible_dispute(self.use, self.caller, name)
        ask = Ask(
            caller=str(self.caller),
            route=command,
            object=dispute_workflow_id(name),
            key=self.key,
            body_hash=body_hash(body),
            command=command,
            received_at=received_at,
            message=message(self.caller.actor, received_at),
            person=state.buyer,
            seen=self.seen,
            only_if=only_if,
        )
        return await self.sent(ask, self.show_dispute)

    async def sent(self, ask: Ask, show: Show) -> Response:
        """Put it on record, deliver it, and answer."""
        return self.answered(await self.use.desk.ask(ask), show)

    async def do(self, ask: Ask, work: Work) -> Response:
        """Do what no process has to hear of, once; answer with what it resulted in."""
        done = await self.use.desk.do(replace(ask, caller=str(self.caller), key=self.key), work)
        return self.answered(done, lambda body: (body, {}))

    def answered(self, answer: Answer, show: Show) -> Response:
        """Show a result; pass a refusal on as a problem; or say where to ask for the answer."""
        if not answer.is_final:
            return self._not_yet(answer)
        refusal = answer.refusal
        if refusal is not None:
            return response(self.request, of_refusal(refusal))
        body, headers = show(answer.body)
        return JSONResponse(dict(body), answer.status, headers)

    def show_order(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
        """An order's state, as its resource and its headers."""
        view = OrderView.of(ORDER_STATE.validate_python(body), self.caller)
        return view.model_dump(mode="json"), {"ETag": etag(view.version)}

    def show_purchase(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
        """A purchase's state, as its resource and its headers."""
        view = PurchaseView.of(PURCHASE_STATE.validate_python(body), {}, self.caller)
        return view.model_dump(mode="json"), {"ETag": etag(view.version)}

    def show_dispute(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
        """A dispute's state, as its resource and its headers."""
        view = DisputeView.of(DISPUTE_STATE.validate_python(body), self.caller)
        return view.model_dump(mode="json"), {"ETag": etag(view.version)}

    def _not_yet(self, answer: Answer) -> Response:
        where = f"/v1/requests/{answer.request}"
        body = {"request": answer.request, "state": "waiting", "location": where}
        return JSONResponse(body, answer.status, {"Location": where, "Retry-After": _SOON})


async def asking(request: Request, use: Use, caller: Anybody, key: Key) -> Asking:
    """The POST that is being answered."""
    return Asking(request, use, caller, key)


Asked = Annotated[Asking, Depends(asking)]


def body_hash(body: BaseModel) -> str:
    """What makes two bodies the same: their meaning, not their spaces or the order of members.

    What is left out and what is said as the default mean the same: a field that a later version
    adds must not make another request of one that is repeated across the upgrade.
    """
    said = body.model_dump(mode="json", exclude_defaults=True)
    meaning = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(meaning.encode()).hexdigest()


async def visible_order(use: Services, caller: Caller, name: str) -> OrderState:
    """An order that the caller may see. All others do not exist for them (`NotKnown`)."""
    state = await _order(use, name)
    if state is None or not may_see(caller, state.buyer, state.seller):
        raise NotKnown(f"there is no order {name}", order=name)
    return state


async def _order(use: Services, name: str) -> OrderState | None:
    """As last written; or, until its process has written anything, as it was asked for."""
    async with looking(use.engine) as db:
        state = await reading.order(db, name)
        if state is not None:
            return state
        asked = await idempotency.creation_of(db, PLACE, order_workflow_id(name))
    if asked is None:
        return None
    if asked.answer is not None:
        return ORDER_STATE.validate_python(asked.answer)
    return first_state(await use.desk.message_of(asked))


async def visible_payout(use: Services, caller: Caller, name: str) -> PayoutState:
    """A payout that the caller may see, as last written or as it was asked for (`NotKnown`)."""
    async with looking(use.engine) as db:
        state = await reading.payout(db, name)
        asked = None if state else await idempotency.creation_of(db, PAY_OUT, f"payout/{name}")
    if state is None and asked is not None:
        state = await _payout_asked_for(use, asked)
    if state is None or (caller.role is Role.SELLER and caller.seller != state.seller):
        raise NotKnown(f"there is no payout {name}", payout=name)
    return state


async def _payout_asked_for(use: Services, asked: Recorded) -> PayoutState:
    if asked.answer is not None:
        return PAYOUT_STATE.validate_python(asked.answer)
    return first_payout_state(await use.desk.message_of(asked))


async def visible_purchase(use: Services, caller: Caller, name: str) -> PurchaseState:
    """A purchase that the caller may see, a seller because of an order of theirs (`NotKnown`)."""
    state = await _purchase(use, name)
    if state is None or not any(
        may_see(caller, state.buyer, share.seller) for share in state.shares
    ):
        raise NotKnown(f"there is no purchase {name}", purchase=name)
    return state


async def _purchase(use: Services, name: str) -> PurchaseState | None:
    """As last written; or, until its process has written anything, as it was asked for."""
    async with looking(use.engine) as db:
        state = await purchase_reading.purchase(db, name)
        if state is not None:
            return state
        asked = await idempotency.creation_of(db, PURCHASE, purchase_workflow_id(name))
    if asked is None:
        return None
    if asked.answer is not None:
        return PURCHASE_STATE.validate_python(asked.answer)
    placed: PlacePurchase = await use.desk.message_of(asked)
    return placed.first_state()


async def visible_dispute(use: Services, caller: Caller, name: str) -> DisputeState:
    """A dispute that the caller may see. All others do not exist for them (`NotKnown`)."""
    async with looking(use.engine) as db:
        state = await dispute_reading.dispute(db, name)
    if state is None or not may_see(caller, state.buyer, state.seller):
        raise NotKnown(f"there is no dispute {name}", dispute=name)
    return state


def may_see(caller: Caller, buyer: str, seller: str) -> bool:
    match caller.role:
        case Role.BUYER:
            return caller.id == buyer
        case Role.SELLER:
            return caller.seller == seller
        case _:
            return caller.role is Role.SERVICE or caller.role in STAFF


def own_store(caller: Caller, seller: str) -> None:
    """Let a seller see only their own store; another one does not exist for them (`NotKnown`)."""
    if caller.role is Role.SELLER and caller.seller != seller:
        raise NotKnown(f"there is no seller {seller}", seller=seller)


def request_view(row: Recorded) -> RequestView:
    """A request as its caller sees it."""
    is_refused = row.answer is not None and "code" in row.answer and "facts" in row.answer
    return RequestView(
        id=row.id,
        state=row.state,
        command=row.command,
        subject=row.object,
        received_at=row.received_at.isoformat(),
        status=row.status,
        problem=dict(row.answer) if is_refused and row.answer else None,
        location=_location(row.object),
    )


def _location(subject: str) -> str | None:
    kind, _, name = subject.partition("/")
    if kind == "repayment":
        return f"/v1/orders/{name}/repayment"
    known = {
        "order": "orders",
        "purchase": "purchases",
        "dispute": "disputes",
        "payout": "payouts",
        "chargeback": "chargebacks",
        "seller": "sellers",
        "alarm": "alarms",
        "bulk-ruling": "bulk-rulings",
        "webhook-endpoint": "webhook-endpoints",
    }
    return f"/v1/{known[kind]}/{name}" if kind in known else None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare what a route may say no with."""
    words = {
        202: "On record, not answered yet: `Location` says where to ask.",
        400: "Unreadable, or without an idempotency key.",
        401: "Nobody we know.",
        403: "Your role may not do this.",
        404: "There is none, or none that you may see.",
        409: "Not possible now; the facts say why.",
        410: "The person whom this concerns was forgotten.",
        412: "Changed since you looked.",
        413: "More at once than is taken.",
        422: "A field, or the amount, cannot be accepted; or the key belongs to another request.",
        428: "Say which version you saw.",
        429: "Too many requests.",
        503: "Something that this needs does not answer.",
    }
    always = (401, 403, 429, 503)
    return {
        status: {
            "description": words[status],
            "model": ProblemView,
            "content": {MEDIA_TYPE: {}},
        }
        for status in sorted({*always, *statuses})
    }


ASKED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "On record, not answered yet: `Location` says where to ask."},
    **problems(400, 404, 409, 410, 422),
}
READ: Final = problems(404, 422)


def not_yours(what: str, **facts: str) -> Problem:
    """The problem of a caller who asks in somebody else's name."""
    return Problem("not-allowed", what, facts)
