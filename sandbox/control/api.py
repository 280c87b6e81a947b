"""The control API: a test, or a person's script, plays the buyer, the carrier and the bank."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from sandbox import books, mailbox, sink
from sandbox.carriers import trackers
from sandbox.carriers.errors import EasyPostError
from sandbox.control import play
from sandbox.control.play import BadControl
from sandbox.courier import Courier
from sandbox.faults import Fault
from sandbox.payments import intents
from sandbox.payments.errors import StripeError
from sandbox.rates import gate as rates
from sandbox.store import Json, is_table
from sandbox.world import World, instant


class Control:
    """Serves `/_control`: JSON in, JSON out, `{"error": {"message": …}}` where it cannot be."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._store = world.store
        self._courier = courier

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/_control")
        table: tuple[tuple[str, str, Callable[..., Any]], ...] = (
            ("POST", "/payment_intents/{name}/{act}", self.payment),
            ("POST", "/trackers/{carrier}/{code}/{act}", self.tracker),
            ("POST", "/labels/{name}/{act}", self.label),
            ("POST", "/pickups/{name}/{act}", self.pickup),
            ("POST", "/refunds/{name}/{act}", self.refund),
            ("POST", "/disputes/{name}/{act}", self.dispute),
            ("POST", "/payouts/{name}/{act}", self.payout),
            ("POST", "/accounts/{name}", self.account),
            ("POST", "/topup", self.topup),
            ("POST", "/conversions", self.convert),
            ("POST", "/rates", self.rates),
            ("GET", "/webhooks", self.webhooks),
            ("POST", "/webhooks/flush", self.flush),
            ("GET", "/rest", self.rest),
            ("GET", "/books", self.books),
            ("GET", "/mails", self.mails),
            ("GET", "/hooks", self.hooks),
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.add_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("GET", "/clock", self.clock),
            ("POST", "/clock", self.clock),
            ("POST", "/idempotency/expire", self.expire),
            ("GET", "/settings", self.settings),
            ("POST", "/settings", self.settings),
        )
        for method, path, act in table:
            router.add_api_route(path, _guarded(act), methods=[method], response_model=None)
        return router

    async def payment(self, request: Request) -> Json:
        asked = await _body(request)
        with self._store.transaction():
            return play.payment(
                self._world.desk(at=_at(asked)),
                request.path_params["name"],
                request.path_params["act"],
                asked,
            )

    async def tracker(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            desk = self._world.desk(at=_at(asked))
            if where["act"] == "withdraw":
                done = trackers.withdrawn(desk, where["carrier"], where["code"])
                return done or _raise(BadControl(409, "there is no delivered scan to withdraw"))
            if where["act"] != "scan":
                raise BadControl(404, "a tracker can be: scan, withdraw")
            scan = play.scan(asked, desk.at)
            return trackers.scanned(
                desk, where["carrier"], where["code"], scan, asked.get("est_delivery_date")
            )

    async def label(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            return play.label(self._world.desk(at=_at(asked)), where["name"], where["act"])

    async def pickup(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            return play.pickup(self._world.desk(at=_at(asked)), where["name"], where["act"])

    async def refund(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            return play.refund(self._world, where["name"], where["act"], asked, _at(asked))

    async def dispute(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            return play.dispute(self._world, where["name"], where["act"], asked, _at(asked))

    async def payout(self, request: Request) -> Json:
        asked = await _body(request)
        where = request.path_params
        with self._store.transaction():
            return play.payout(self._world, where["name"], where["act"], asked, _at(asked))

    async def account(self, request: Request) -> Json:
        asked = await _body(request)
        with self._store.transaction():
            return play.account(self._world.desk(at=_at(asked)), request.path_params["name"], asked)

    async def topup(self, request: Request) -> Json:
        asked = await _body(request)
        with self._store.transaction():
            return play.topup(self._world.desk(at=_at(asked)), asked)

    async def convert(self, request: Request) -> Json:
        asked = await _body(request)
        with self._store.transaction():
            return play.convert(self._world.desk(at=_at(asked)), asked)

    async def rates(self, request: Request) -> Json:
        return rates.tell(self._world, await _body(request))

    async def webhooks(self, request: Request) -> Json:
        query = request.query_params
        subject = query.get("subject")
        limit = _count(query.get("limit"), 100)
        items = self._world.post.listed(query.get("state"), subject, limit)
        return {"pending": self._world.post.pending(subject), "items": items}

    async def flush(self, request: Request) -> Json:
        del request
        return await self._courier.flush()

    async def rest(self, request: Request) -> Json:
        subjects: list[str | None] = [*request.query_params.getlist("subject")] or [None]
        return {"pending": sum(self._world.post.pending(subject) for subject in subjects)}

    async def books(self, request: Request) -> Json:
        if request.query_params.get("by") == "key":
            return books.by_key(self._store, request.query_params.get("subject"))
        return books.summary(self._store)

    async def mails(self, request: Request) -> Json:
        query = request.query_params
        return {
            "mails": mailbox.listed(self._store, query.get("to"), _count(query.get("limit"), 50))
        }

    async def hooks(self, request: Request) -> Json:
        query = request.query_params
        limit = _count(query.get("limit"), 50)
        return {"hooks": sink.listed(self._world.store, query.get("path"), limit)}

    async def faults(self, request: Request) -> Json:
        del request
        return {"faults": self._world.faults.listed()}

    async def add_fault(self, request: Request) -> Json:
        return {"id": self._world.faults.add(Fault.of(await _body(request)))}

    async def clear_faults(self, request: Request) -> Json:
        one = request.query_params.get("id")
        return {"cleared": self._world.faults.clear(None if one is None else _count(one, 0))}

    async def clock(self, request: Request) -> Json:
        asked = await _body(request)
        seconds = asked.get("advance_seconds", 0)
        if not isinstance(seconds, int) or seconds < 0:
            raise BadControl(400, "advance_seconds is a whole number and not negative")
        self._store.advance(seconds)
        with self._store.transaction():
            intents.lapse_all(self._world.desk())
        return {"now": self._store.now()}

    async def expire(self, request: Request) -> Json:
        del request
        return {"expired": self._store.run("DELETE FROM answers")}

    async def settings(self, request: Request) -> Json:
        self._world.change(self._world.rules.changed(await _body(request)))
        return self._world.rules.public()


def _guarded(act: Callable[[Request], Any]) -> Callable[[Request], Any]:
    async def guarded(request: Request) -> Response:
        try:
            return JSONResponse(await act(request))
        except StripeError as error:
            return JSONResponse(error.body, 409 if error.stored else error.status)
        except BadControl as error:
            return _problem(error.status, str(error))
        except EasyPostError as error:
            return _problem(404 if error.status == 404 else 409, str(error))  # noqa: PLR2004 - HTTP's
        except (ValueError, TypeError) as error:
            return _problem(400, str(error))

    return guarded


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)


async def _body(request: Request) -> Json:
    if not await request.body():
        return {}
    asked: Any = await request.json()
    if not is_table(asked):
        raise TypeError("the body is a JSON object")
    return asked


def _at(asked: Json) -> int | None:
    moment = asked.get("at")
    return None if moment is None else instant(str(moment))


def _count(text: str | None, default: int) -> int:
    return default if text is None else int(text)


def _raise(error: Exception) -> Json:
    raise error
