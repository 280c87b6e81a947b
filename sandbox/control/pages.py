"""Pages for a person: what is open in the world, and buttons that play it. No script needed."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from sandbox import books, mailbox, sink
from sandbox.carriers import trackers
from sandbox.carriers.errors import EasyPostError
from sandbox.control import play
from sandbox.control.play import BadControl
from sandbox.courier import Courier
from sandbox.faults import KINDS, Fault
from sandbox.payments.errors import StripeError
from sandbox.payments.intents import voucher_lapses
from sandbox.store import Json
from sandbox.world import Desk, World, instant, iso

_TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_SHOWN: Final = 50
_BUTTONS: Final = (
    ("in_transit", "Scanned"),
    ("out_for_delivery", "Out for delivery"),
    ("delivered", "Delivered"),
    ("failure", "Exception"),
    ("return_to_sender", "Comes back"),
)
_THREE_DIGITS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_NO_DIGITS: Final = frozenset(
    {"jpy", "krw", "vnd", "clp", "xaf", "xof", "pyg", "rwf", "kmf", "bif"}
)


def money(minor: int, currency: str) -> str:
    """A minor-unit amount as people write it, with its currency."""
    digits = 0 if currency in _NO_DIGITS else 3 if currency in _THREE_DIGITS else 2
    return f"{minor / 10**digits:,.{digits}f} {currency.upper()}"


class Pages:
    """Serves the control page and the mailbox."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._store = world.store
        self._courier = courier
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=select_autoescape(), trim_blocks=True
        )

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/", self.front, methods=["GET"], response_model=None)
        router.add_api_route("/", self.act, methods=["POST"], response_model=None)
        router.add_api_route("/mail", self.mails, methods=["GET"], response_model=None)
        router.add_api_route("/mail/{seq:int}", self.mail, methods=["GET"], response_model=None)
        router.add_api_route("/hooks", self.hooks, methods=["GET"], response_model=None)
        router.add_api_route("/hooks/{seq:int}", self.hook, methods=["GET"], response_model=None)
        return router

    def _page(self, name: str, status: int = 200, **values: object) -> Response:
        tools: Json = {"money": money, "iso": iso, "lapses": voucher_lapses}
        page = self._environment.get_template(name)
        text = page.render(now=iso(self._store.now()), **tools, **values)
        return HTMLResponse(text, status)

    async def front(self, request: Request) -> Response:
        return self._page(
            "front.html",
            problem=request.query_params.get("problem"),
            payments=self._objects("payment_intent"),
            refunds=self._objects("refund"),
            payouts=self._objects("payout"),
            parcels=self._parcels(),
            labels=[each for each in self._objects("Shipment") if each["postage_label"]],
            pickups=self._objects("Pickup"),
            buttons=_BUTTONS,
            statuses=trackers.STATUSES,
            webhooks=self._world.post.listed("pending", None, _SHOWN),
            pending=self._world.post.pending(),
            faults=self._world.faults.listed(),
            kinds=KINDS,
            books=books.summary(self._store),
            rules=self._world.rules.public(),
        )

    def _objects(self, kind: str) -> list[Json]:
        rows = self._store.rows(
            "SELECT body FROM objects WHERE kind = ? ORDER BY seq DESC LIMIT ?", kind, _SHOWN
        )
        return [json.loads(row["body"]) for row in rows]

    def _parcels(self) -> list[Json]:
        rows = self._store.rows("SELECT * FROM parcels ORDER BY rowid DESC LIMIT ?", _SHOWN)
        return [
            {name: row[name] for name in ("carrier", "code", "tracker")}
            | {"scans": json.loads(row["scans"])}
            for row in rows
        ]

    async def act(self, request: Request) -> Response:
        """Do what a button says, then show the page again, with the problem if there was one."""
        asked: Json = dict(parse_qsl((await request.body()).decode()))
        try:
            at = instant(asked["at"]) if asked.get("at") else None
            with self._store.transaction():
                self._play(asked, at)
        except (StripeError, EasyPostError, BadControl, ValueError, KeyError) as error:
            return RedirectResponse(request.url.include_query_params(problem=str(error)), 303)
        if asked["kind"] == "flush":
            await self._courier.flush()
        return RedirectResponse(f"/#{asked['kind']}", 303)

    def _play(self, asked: Json, at: int | None) -> None:
        kind, name, act = asked["kind"], asked.get("name", ""), asked.get("act", "")
        desk = self._world.desk(at=at)
        match kind:
            case "payments":
                play.payment(desk, name, act, {"method": asked.get("method", "card")})
            case "refunds":
                play.refund(self._world, name, act, {}, at)
            case "payouts":
                play.payout(self._world, name, act, {}, at)
            case "labels" | "pickups" | "parcels":
                _carry(desk, asked)
            case "faults" if act == "clear":
                self._world.faults.clear()
            case "faults":
                self._world.faults.add(_fault(asked))
            case "flush":
                return
            case _:
                raise BadControl(404, f"there is nothing called {kind}")

    async def mails(self, request: Request) -> Response:
        to = request.query_params.get("to") or None
        return self._page("mails.html", mails=mailbox.listed(self._store, to, _SHOWN), to=to or "")

    async def mail(self, request: Request) -> Response:
        found = mailbox.one(self._store, request.path_params["seq"])
        if found is None:
            return self._page("mails.html", 404, mails=[], to="")
        return self._page("mail.html", mail=found)

    async def hooks(self, request: Request) -> Response:
        path = request.query_params.get("path") or None
        return self._hooks(request, sink.listed(self._store, path, _SHOWN), path or "")

    async def hook(self, request: Request) -> Response:
        found = sink.one(self._store, request.path_params["seq"])
        if found is None:
            return self._hooks(request, [], "", 404)
        return self._page("hook.html", hook=found)

    def _hooks(self, request: Request, found: list[Json], path: str, status: int = 200) -> Response:
        here = f"{request.base_url}hooks/mine"
        return self._page("hooks.html", status, hooks=found, path=path, here=here)


def _carry(desk: Desk, asked: Json) -> None:
    """Play the carrier: of a label's refund, of a pickup, of a parcel."""
    match asked["kind"], asked.get("act", ""):
        case "labels", act:
            play.label(desk, asked["name"], act)
        case "pickups", act:
            play.pickup(desk, asked["name"], act)
        case _, "withdraw":
            trackers.withdrawn(desk, asked["carrier"], asked["code"])
        case _:
            scan = play.scan(asked, desk.at)
            trackers.scanned(desk, asked["carrier"], asked["code"], scan)


def _fault(asked: Json) -> Fault:
    return Fault.of(
        {
            "kind": asked["fault"],
            "match": asked.get("match", ""),
            "times": int(asked.get("times") or 0),
            "rate": float(asked.get("rate") or 1),
            "seconds": float(asked.get("seconds") or 30),
        }
    )
