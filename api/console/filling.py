"""A form of an act in a visitor's hands: shown, previewed, and done by whoever saw it last."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from fastapi import Request
from starlette.responses import Response

from api.asking import Asking
from api.console.forms import Act, Field, Kind, Unfit
from api.console.pages import Page, page_of, see_other
from api.console.previews import Preview, Rehearsing
from api.console.visitor import DRAFT, PATH, Posted, Visitor, draft_of, key_of
from api.deps import Services, if_match
from api.problems import Problem, of_refusal
from api.schemas.order_views import HappenedView
from domain.errors import Refusal, VersionConflict
from domain.money import Money

_REFUSED: Final = 400
_CREATED: Final = 201
_WAITING: Final = 202
_KEY: Final = "console"


@dataclass(frozen=True)
class Around:
    """What a form's page shows besides the form. `case` is what its head is drawn from.

    `options` are the choices of each field, `own` what has happened to what the act is about,
    `is_possible` says whether the act is allowed at all now.
    """

    case: object
    options: Mapping[str, list[str]]
    own: list[HappenedView]
    is_possible: bool


class Thing(Protocol):
    """What an act is about, as it stands."""

    @property
    def name(self) -> str:
        """Its id."""
        ...

    @property
    def subject(self) -> str:
        """Its execution: "order/o-1"."""
        ...

    @property
    def path(self) -> str:
        """Its page."""
        ...

    @property
    def head(self) -> str:
        """The template of the head of its pages."""
        ...

    @property
    def currency(self) -> str:
        """What its amounts are in."""
        ...

    @property
    def version(self) -> int:
        """What an act goes by."""
        ...

    def given(self, act: Act) -> Mapping[str, str]:
        """What of a form is not asked, but stands: the revision that is judged."""
        ...

    async def around(self, act: Act) -> Around:
        """What stands around a form of *act*."""
        ...

    async def now(self) -> "Thing":
        """The same, read again."""
        ...


@dataclass(frozen=True)
class Form:
    """One act's form in the hands of one visitor."""

    request: Request
    who: Visitor
    use: Services
    thing: Thing
    act: Act

    async def open(self) -> Response:
        """The empty form, or with what was written in it before the session ended."""
        draft = draft_of(self.request) if "kept" in self.request.query_params else None
        if draft is None or draft[0] != self.request.url.path:
            return await self.show(dict(self.request.query_params))
        shown = await self.show(draft[1], is_kept=True)
        shown.delete_cookie(DRAFT, path=PATH)
        return shown

    async def take(self, fields: Posted) -> Response:
        """Preview what the form says; or do it, if exactly that was previewed and is still so."""
        if fields.get("step") != "do" or fields.get("previewed") != digest(self.act, fields):
            return await self.show(fields)
        return await self.do(fields)

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
        fields = {**fields, **self.thing.given(self.act)}
        preview, errors = await self._looked_at(fields)
        page = page_of(self.request, self.who, self.thing.subject)
        around = await self.thing.around(self.act)
        is_wrong = bool(errors) and fields.get("step") == "do"
        return page.show(
            "act.html",
            409 if conflict is not None or problem else 422 if is_wrong else 200,
            thing=self.thing,
            around=around,
            case=around.case,
            act=self.act,
            fields=fields,
            errors=errors,
            options=around.options,
            preview=preview,
            verb=verb(page, self.act, fields, self.thing.currency),
            key=fields.get("key") or f"{_KEY}-{secrets.token_urlsafe(16)}",
            previewed=digest(self.act, fields),
            is_kept=is_kept,
            changed=[event for event in around.own if event.version > (conflict or 0)],
            is_changed=conflict is not None,
            problem=problem,
        )

    async def _looked_at(self, fields: Posted) -> tuple[Preview | None, Mapping[str, str]]:
        """What it would do, once enough is known; and what cannot be accepted."""
        errors: dict[str, str] = {}
        if fields.get("step") == "do":
            try:
                self.act.read(fields, self.thing.currency)
            except Unfit as unfit:
                errors |= unfit.errors
        if not _is_filled(self.act, fields):
            return None, errors
        asked = Rehearsing(self.request, self.use, self.who.caller, _KEY)
        try:
            body = self.act.read(_with_reasons(self.act, fields), self.thing.currency)
            await self.act.ask(self.thing.name, body, fields, asked)
        except Unfit as unfit:
            return None, errors | dict(unfit.errors)
        return asked.found[0] if asked.found else None, errors

    async def do(self, fields: Posted) -> Response:
        """Ask it for good, by the version that was previewed, under the form's own key."""
        try:
            body = self.act.read(fields, self.thing.currency)
            seen = if_match(fields.get("seen"))
        except (Unfit, Problem):
            return await self.show(fields)
        asked = Asking(self.request, self.use, self.who.caller, key_of(fields), seen)
        try:
            answer = await self.act.ask(self.thing.name, body, fields, asked)
        except Unfit:
            return await self.show(fields)
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
        return see_other(self._leads_to(answer), done=done)

    def _leads_to(self, answer: Response) -> str:
        """The page of what was made by the act, or of what it was about."""
        made = answer.headers.get("Location", "") if answer.status_code == _CREATED else ""
        return made.replace("/v1", PATH, 1) if made else self.thing.path

    async def _now(self) -> "Form":
        """The same form, of what it is about as it stands now."""
        return replace(self, thing=await self.thing.now())


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
        return page.words.name(field.family, value)
    return value
