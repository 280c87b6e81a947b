"""Sellers' money: what they have, what they were paid, and payouts that need a person."""

import json
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import Response

from api.asking import Asking, visible_payout
from api.console.pages import page_of, see_other
from api.console.visitor import PATH, Fields, Posted, Visitor, key_of, visitors
from api.deps import Database, Services, Use
from api.problems import Problem
from api.routers import sellers as sellers_api
from api.schemas.money import BalanceView, PayoutView, PostingView
from api.schemas.seller_money import PayoutResolutionIn
from domain.actors import STAFF, Role
from domain.errors import Refusal
from domain.payout.state import PayoutState, Resolution
from persistence import reading
from persistence.reading import PostingFilter
from runtime import rehearsal
from runtime.outlook import outlooks
from runtime.rehearsal import PayoutRehearsal
from workflows.payout.messages import ResolvePayout

router = APIRouter()
Reader = Annotated[Visitor, Depends(visitors(*STAFF, Role.SELLER))]
Seller = Annotated[Visitor, Depends(visitors(Role.SELLER))]
Operator = Annotated[Visitor, Depends(visitors(Role.OPERATOR))]
_MOST: Final = 100
_REFUSED: Final = 400


@router.get("/money")
async def show_money(request: Request, who: Seller, db: Database) -> Response:
    """Show a seller what they have per currency, what would be paid now, and past payouts."""
    seller = who.caller.seller
    page = page_of(request, who, f"seller/{seller}")
    paid = await reading.payouts(db, seller, None, _MOST)
    return page.show(
        "money.html",
        balances=[BalanceView.of(one) for one in await outlooks(db, seller, page.reading.now)],
        payouts=[PayoutView.of(state) for _, state in paid],
    )


@dataclass(frozen=True)
class Preview:
    """What an operator's word would do, or why it would be refused."""

    played: PayoutRehearsal | None = None
    refusal: Refusal | None = None


@router.get("/payouts/{payout:path}")
async def show_payout(
    request: Request, payout: sellers_api.PayoutId, who: Reader, use: Use
) -> Response:
    """Show a payout, its postings, and to an operator what may be done if it is parked."""
    state = await visible_payout(use, who.caller, payout)
    return await _shown(request, who, use, state, {})


@router.post("/payouts/{payout:path}")
async def resolve(
    request: Request, payout: sellers_api.PayoutId, who: Operator, use: Use, fields: Fields
) -> Response:
    """Preview what an operator's word would do; or say it, if exactly that was previewed."""
    state = await visible_payout(use, who.caller, payout)
    is_same = fields.get("previewed") == fields.get("resolution")
    if fields.get("step") != "do" or not is_same or fields.get("seen") != str(state.version):
        return await _shown(request, who, use, state, fields)
    try:
        body = PayoutResolutionIn(
            resolution=Resolution(fields.get("resolution", "")), note=fields.get("note", "")
        )
    except (ValidationError, ValueError):
        return await _shown(request, who, use, state, fields, is_wrong=True)
    asked = Asking(request, use, who.caller, key_of(fields))
    answer = await sellers_api.resolve_payout(payout, body, who.caller, asked)
    if answer.status_code >= _REFUSED:
        told: dict[str, Any] = json.loads(bytes(answer.body))
        raise Problem(str(told["type"]).rpartition("/")[2], str(told["detail"]))
    return see_other(f"{PATH}/payouts/{payout}", done="resolve")


async def _shown(
    request: Request,
    who: Visitor,
    use: Services,
    state: PayoutState,
    fields: Posted,
    *,
    is_wrong: bool = False,
) -> Response:
    page = page_of(request, who, f"payout/{state.payout}")
    async with use.engine.connect() as db:
        posted = await reading.postings(
            db, PostingFilter(process=f"payout/{state.payout}"), None, _MOST
        )
    is_staff = who.caller.role in STAFF
    return page.show(
        "payout.html",
        422 if is_wrong else 200,
        payout=PayoutView.of(state, to_staff=is_staff),
        postings=[PostingView.of(entry) for entry in posted],
        fields=fields,
        is_wrong=is_wrong,
        is_changed=fields.get("seen", str(state.version)) != str(state.version),
        may_resolve=who.caller.role is Role.OPERATOR and state.parked is not None,
        preview=await _preview(use, who, state, fields),
        key=fields.get("key") or f"console-{secrets.token_urlsafe(16)}",
    )


async def _preview(
    use: Services, who: Visitor, state: PayoutState, fields: Posted
) -> Preview | None:
    try:
        resolution = Resolution(fields.get("resolution", ""))
    except ValueError:
        return None
    at = use.clock.now(f"payout/{state.payout}")
    # What is noted decides nothing, and is not asked before the word is said.
    word = ResolvePayout(who.caller.actor, at, resolution, "…")
    try:
        return Preview(await rehearsal.rehearse_payout(use.engine, state, word))
    except Refusal as refusal:
        return Preview(refusal=refusal)
