"""The carriers' front door: EasyPost's HTTP API for trackers, shipments and pickups."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from sandbox import wire
from sandbox.carriers import pickups, shipments, trackers, wallet
from sandbox.carriers.errors import EasyPostError, unknown
from sandbox.faults import Fault
from sandbox.store import Json, Page, is_table
from sandbox.world import PLATFORM, Desk, World, instant, new_id

PREFIX: Final = "/easypost/v2"
_PAGE_AT_MOST: Final = 100


class Gate:
    """Serves `/easypost/v2`, by bearer or basic authentication with any test key."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path
        names = (body.decode(errors="replace"), request.url.query, self._about(path))
        struck = self._world.faults.strike(f"{request.method} {path}", *names)
        lost = await wire.cut(request, struck)
        if lost is not None:
            return lost
        try:
            answer = _respond(await self._admitted(request, path, body, struck), 200)
        except EasyPostError as error:
            answer = _respond(error.body, error.status)
        return await wire.after(request, struck, answer)

    def _about(self, path: str) -> str:
        """The reference of the shipment or pickup that a path names, for faults to find it."""
        parts = path.removeprefix(PREFIX).strip("/").split("/")
        found = self._world.store.read(None, parts[1]) if len(parts) > 1 else None
        return str((found or {}).get("reference") or "")

    async def _admitted(
        self, request: Request, path: str, body: bytes, struck: list[Fault]
    ) -> Json:
        await wire.delay(struck)
        early = wire.named(struck, "error")
        if early is not None:
            raise _outage(early.status)
        _authenticate(request)
        with self._world.store.transaction():
            answer = self._done(request, path.removeprefix(PREFIX), _parsed(body))
        spoilt = wire.named(struck, "error_after_effect")
        if spoilt is not None:
            raise _outage(spoilt.status)
        return answer

    def _done(self, request: Request, path: str, body: Json) -> Json:
        desk = self._world.desk()
        match request.method, path.strip("/").split("/"):
            case _, ["trackers", *rest]:
                return _tracker(desk, request, rest, body)
            case _, ["shipments", *rest]:
                return _shipment(desk, request, rest, body)
            case _, ["pickups", *rest]:
                return _pickup(desk, request, rest, body)
            case "GET", ["events", event_id]:
                return _one(desk, "Event", event_id)
            case "GET", ["users"]:
                return _user(desk)
            case _:
                raise unknown()


def _tracker(desk: Desk, request: Request, rest: list[str], body: Json) -> Json:
    match request.method, rest:
        case "POST", []:
            asked = body.get("tracker", body)
            return trackers.create(desk, _code(asked), asked.get("carrier") or None)
        case "GET", []:
            return _listed(desk, request)
        case "POST", ["batch"]:
            return _batch(desk, body)
        case "GET", [tracker_id]:
            return _one(desk, "Tracker", tracker_id)
        case _:
            raise unknown()


def _shipment(desk: Desk, request: Request, rest: list[str], body: Json) -> Json:
    match request.method, rest:
        case "POST", []:
            return shipments.create(desk, _table(body, "shipment"))
        case "GET", []:
            page, since = _page(request), request.query_params.get("start_datetime")
            return shipments.bought(desk, page, instant(since) if since else None)
        case "GET", [name]:
            return shipments.shown(desk, name)
        case "POST", [name, "buy"]:
            return shipments.buy(desk, name, body)
        case "POST", [name, "refund"]:
            return shipments.refund(desk, name)
        case _:
            raise unknown()


def _pickup(desk: Desk, request: Request, rest: list[str], body: Json) -> Json:
    match request.method, rest:
        case "POST", []:
            return pickups.create(desk, _table(body, "pickup"))
        case "GET", []:
            found, more = desk.store.find("Pickup", PLATFORM, _page(request), {})
            return {"pickups": found, "has_more": more}
        case "GET", [name]:
            return pickups.load(desk, name)
        case "POST", [name, "buy"]:
            return pickups.buy(desk, name, body)
        case "POST", [name, "cancel"]:
            return pickups.cancel(desk, name)
        case _:
            raise unknown()


def _user(desk: Desk) -> Json:
    balance = f"{wallet.balance(desk) / 100:.5f}"
    return {"id": "user_sandbox", "object": "User", "name": "Sandbox", "balance": balance}


def _table(body: Json, name: str) -> Json:
    told = body.get(name)
    if not is_table(told):
        raise EasyPostError(422, "PARAMETER.REQUIRED", f"Missing required parameter {name}")
    return told


def _parsed(body: bytes) -> Json:
    try:
        parsed: Any = json.loads(body or b"{}")
    except ValueError:
        raise EasyPostError(400, "PARAMETER.INVALID", "The body is not JSON.") from None
    if not is_table(parsed):
        raise EasyPostError(400, "PARAMETER.INVALID", "The body is not an object.")
    return parsed


def _authenticate(request: Request) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given).decode().split(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given or scheme.lower() not in {"basic", "bearer"}:
        raise EasyPostError(401, "APIKEY.INACTIVE", "This api key is no longer active.")


def _code(asked: Mapping[str, Any]) -> str:
    code = asked.get("tracking_code")
    if not isinstance(code, str) or not code.strip():
        raise EasyPostError(422, "TRACKER.CREATE.ERROR", "Missing required parameter tracking_code")
    return code.strip()


def _one(desk: Desk, kind: str, object_id: str) -> Json:
    found = desk.store.read(kind, object_id)
    if found is None:
        raise unknown()
    return found


def _listed(desk: Desk, request: Request) -> Json:
    query = request.query_params
    wanted = [*query.getlist("tracking_codes[]"), *query.getlist("tracking_code")]
    page = _page(request)
    if wanted:
        found = _by_codes(desk, wanted, query.get("carrier"))
        return {"trackers": found[: page.limit], "has_more": len(found) > page.limit}
    carrier = query.get("carrier")
    where = {} if carrier is None else {"carrier": carrier}
    trackers_found, more = desk.store.find("Tracker", PLATFORM, page, where)
    return {"trackers": trackers_found, "has_more": more}


def _page(request: Request) -> Page:
    query = request.query_params
    size = query.get("page_size", "20")
    if not size.isdigit() or not 1 <= int(size) <= _PAGE_AT_MOST:
        raise EasyPostError(422, "PARAMETER.INVALID", "page_size must be between 1 and 100")
    return Page(int(size), query.get("before_id"), query.get("after_id"))


def _by_codes(desk: Desk, codes: list[str], carrier: str | None = None) -> list[Json]:
    found: list[Json] = []
    for code in dict.fromkeys(codes):
        where = {"tracking_code": code} | ({} if carrier is None else {"carrier": carrier})
        found += desk.store.find("Tracker", PLATFORM, Page(_PAGE_AT_MOST), where)[0]
    return found


def _batch(desk: Desk, body: Json) -> Json:
    """Trackers by code or by id, as many as are known."""
    codes, ids = (
        [str(each) for each in body.get(name) or ()] for name in ("tracking_codes", "ids")
    )
    if not codes and not ids:
        raise EasyPostError(422, "PARAMETER.REQUIRED", "Missing required parameter tracking_codes")
    by_id = [desk.store.read("Tracker", each) for each in ids]
    found = _by_codes(desk, codes)
    return {"trackers": [*found, *(each for each in by_id if each)], "has_more": False}


def _outage(status: int) -> EasyPostError:
    return EasyPostError(status, "INTERNAL_SERVER_ERROR", "We're sorry, something went wrong.")


def _respond(body: Json, status: int) -> Response:
    return JSONResponse(body, status, {"X-Request-Id": new_id("req", 16)})
