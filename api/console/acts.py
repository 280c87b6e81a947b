"""Acts on an order: a form, a preview of whose money would move, and then the act itself."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import Asking, visible_order
from api.console.choices import choices
from api.console.forms import ACTS, Act, Field, Kind, Unfit
from api.console.orders import acts_for, case_of
from api.console.pages import Page, page_of, see_other
from api.console.previews import Preview, Rehearsing
from api.console.visitor import DRAFT, PATH, Fields, Posted, Somebody, Visitor, draft_of
from api.deps import Database, Services, Use
from api.problems import Problem, of_refusal
from domain.errors import NotKnown, Refusal, VersionConflict
from domain.ids import order_workflow_id
from domain.money import Money
from domain.order.rules import WHO_MAY, Action
from domain.order.state import OrderState

router = APIRouter()
_REFUSED: Final = 400
_WAITING: Final = 202
_LONGEST_KEY: Final = 200
_KEY: Final = "console"


@router.get("/orders/{order}/acts/{action}")
async def show_act(
    request: Request, order: str, action: Action, who: Somebody, use: Use, db: Database
) -> Response:
    """Show the form of an act; with what was written in it before the session ended."""
    form = await _form(request, order, action, who, use, db)
    draft = draft_of(request) if "kept" in request.query_params else None
    if draft is None or draft[0] != request.url.path:
        return await form.show({})
    shown = await form.show(draft[1], is_kept=True)
    shown.delete_cookie(DRAFT, path=PATH)
    return shown


@router.post("/orders/{order}/acts/{action}")
async def take_act(
    request: Request,
    order: str,
    action: Action,
    who: Somebody,
    use: Use,
    db: Database,
    fields: Fields,
) -> Response:
    """Preview what the form says; or do it, if exactly that was previewed and is still so."""
    form = await _form(request, order, action, who, use, db)
    if fields.get("step") != "do" or fields.get("previewed") != digest(form.act, fields):
        return await form.show(fields)
    return await form.do(fields)


async def _form(
    request: Request, order: str, action: Action, who: Visitor, use: Services, db: AsyncConnection
) -> "_Form":
    """The form of an act. What is not there, or not theirs, is refused as the API does."""
    state = await visible_order(use, who.caller, order)
    act = ACTS.get(action)
    if act is None:
        raise NotKnown(f"the console has no form for {action}", action=action)
    if who.caller.role not in WHO_MAY[action]:
        raise Problem("not-allowed", f"a {who.caller.role} may not do this")
    return _Form(request, who, use, db, state, act)


@dataclass(frozen=True)
class _Form:
    """One act's form in the hands of one visitor."""

    request: Request
    who: Visitor
    use: Services
    db: AsyncConnection
    state: OrderState
    act: Act

    async def show(
        self,
        fields: Posted,
        *,
        is_kept: bool = False,
        conflict: int | None = None,
        problem: Problem | None = None,
    ) -> Response:
        """The form as it is filled in, with what it would do as the order stands now.

        *conflict* is the version that was decided by and is no longer the order's; *problem* why
        the act was refused.
        """
        preview, errors = await self._looked_at(fields)
        page = page_of(self.request, self.who, order_workflow_id(self.state.order))
        case = await case_of(self.db, self.state, self.who, self.use.temporal.namespace)
        is_new = conflict is not None
        is_wrong = bool(errors) and fields.get("step") == "do"
        return page.show(
            "act.html",
            409 if is_new or problem else 422 if is_wrong else 200,
            case=case,
            act=self.act,
            fields=fields,
            errors=errors,
            options=await choices(self.db, self.state, self.act, self.who.caller.role),
            preview=preview,
            verb=verb(page, self.act, fields, self.state.currency),
            key=fields.get("key") or f"{_KEY}-{secrets.token_urlsafe(16)}",
            previewed=digest(self.act, fields),
            is_kept=is_kept,
            changed=[event for event in case.events if event.version > (conflict or 0)],
            is_changed=is_new,
            is_possible=str(self.act.action) in acts_for(self.state, self.who.caller),
            problem=problem,
        )

    async def _looked_at(self, fields: Posted) -> tuple[Preview | None, Mapping[str, str]]:
        """What it would do, once enough is known; and what cannot be accepted."""
        errors: dict[str, str] = {}
        if fields.get("step") == "do":
            try:
                self.act.read(fields, self.state.currency)
            except Unfit as unfit:
                errors |= unfit.errors
        if not _is_filled(self.act, fields):
            return None, errors
        asked = Rehearsing(self.request, self.use, self.who.caller, _KEY)
        try:
            body = self.act.read(_with_reasons(self.act, fields), self.state.currency)
            await self.act.ask(self.state.order, body, fields, asked)
        except Unfit as unfit:
            return None, errors | dict(unfit.errors)
        return asked.found[0] if asked.found else None, errors

    async def do(self, fields: Posted) -> Response:
        """Ask it for good, by the version that was previewed, under the form's own key."""
        try:
            body = self.act.read(fields, self.state.currency)
            seen, key = int(fields.get("seen", "")), fields.get("key", "")[:_LONGEST_KEY]
        except (Unfit, ValueError):
            return await self.show(fields)
        asked = Asking(self.request, self.use, self.who.caller, key, seen)
        try:
            answer = await self.act.ask(self.state.order, body, fields, asked)
        except VersionConflict:
            return await (await self._now()).show(fields, conflict=seen)
        except Refusal as refusal:
            return await self.show(fields, problem=of_refusal(refusal))
        if answer.status_code >= _REFUSED:
            told: dict[str, Any] = json.loads(bytes(answer.body))
            problem = Problem(str(told["type"]).rpartition("/")[2], str(told["detail"]))
            # The refusal is on record under this key: the next try is another request.
            return await (await self._now()).show({**fields, "key": ""}, problem=problem)
        done = "waiting" if answer.status_code == _WAITING else str(self.act.action)
        return see_other(f"{PATH}/orders/{self.state.order}", done=done)

    async def _now(self) -> "_Form":
        """The same form, of the order as it stands now."""
        return replace(self, state=await visible_order(self.use, self.who.caller, self.state.order))


def _is_filled(act: Act, fields: Posted) -> bool:
    """Whether there is enough to look at: everything that decides is known."""
    return all(
        fields.get(each.name, "").strip()
        for each in act.fields
        if each.required and each.kind is not Kind.REASON
    )


def _with_reasons(act: Act, fields: Posted) -> dict[str, str]:
    """The same with its reasons given: what an act does can be seen before it is explained."""
    unsaid = {
        each.name: "…"
        for each in act.fields
        if each.kind is Kind.REASON and not fields.get(each.name, "").strip()
    }
    return dict(fields) | unsaid


def digest(act: Act, fields: Posted) -> str:
    """What of a form was previewed: every field that decides what happens, not the reason."""
    deciding = [each.name for each in act.fields if each.kind is not Kind.REASON]
    said = json.dumps([fields.get(name, "").strip() for name in deciding])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def verb(page: Page, act: Act, fields: Posted, currency: str) -> str:
    """What the button says: the verb with its object, "Refund EUR 12.30 to the buyer"."""
    spoken = {each.name: _spoken(page, each, fields, currency) for each in act.fields}
    return page.words(f"act.{act.action}.button", **spoken)


def _spoken(page: Page, field: Field, fields: Posted, currency: str) -> str:
    value = fields.get(field.name, "").strip()
    if not value:
        return "…"
    if field.kind is Kind.AMOUNT:
        try:
            return page.reading.money(Money.from_major(value, currency).minor, currency)
        except ValueError:
            return value
    if field.kind in {Kind.CHOICE, Kind.TOPIC, Kind.CONSENT}:
        return page.words.name("option", value)
    return value
