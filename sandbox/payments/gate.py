"""The payment provider's front door: who asks, under which key, and what is remembered."""

import base64
import binascii
import hashlib
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request, Response

from sandbox import wire
from sandbox.faults import Fault
from sandbox.payments import accounts, routes
from sandbox.payments.errors import StripeError
from sandbox.payments.events import API_VERSION
from sandbox.payments.listing import expand
from sandbox.payments.params import Params, nest
from sandbox.store import Json, is_table
from sandbox.world import PLATFORM, Desk, World, new_id

KEY_SECONDS: Final = 24 * 3600
_KEY_AT_MOST: Final = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON text, and whether it is a replay of a first answer."""

    status: int
    body: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read: nothing of it has been executed."""

    method: str
    path: str
    params: Params
    fingerprint: str
    headers: Mapping[str, str]
    id: str = field(default_factory=lambda: new_id("req", 14))

    @property
    def account(self) -> str:
        return self.headers.get("stripe-account") or PLATFORM

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key") if self.method == "POST" else None

    def names(self) -> tuple[str, ...]:
        """What a fault may be aimed at: the key and the metadata."""
        metadata = self.params.values.get("metadata")
        values = metadata.values() if is_table(metadata) else ()
        return (self.key or "", *(str(value) for value in values))


class Gate:
    """Serves the provider's HTTP API. A key in use is refused to others until it is answered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._in_use: set[tuple[str, str]] = set()

    async def __call__(self, request: Request) -> Response:
        asked = await _read(request)
        struck = self._world.faults.strike(f"{asked.method} {asked.path}", *asked.names())
        lost = await wire.cut(request, struck)
        if lost is not None:
            return lost
        answer = await self._admitted(request, asked, struck)
        return await wire.after(request, struck, _respond(asked, answer))

    async def _admitted(self, request: Request, asked: Asked, struck: list[Fault]) -> Answer:
        try:
            _authenticate(request)
            with self._claimed(asked):
                await wire.delay(struck)
                early = wire.named(struck, "error")
                return self._broken(asked, early) if early else self._answered(asked, struck)
        except StripeError as error:
            return _answer(error)

    @contextmanager
    def _claimed(self, asked: Asked) -> Generator[None]:
        """Keep the key to this request; raises where another one has it."""
        held = (asked.account, asked.key or asked.id)
        if held in self._in_use:
            raise _key_in_use(asked)
        self._in_use.add(held)
        try:
            yield
        finally:
            self._in_use.discard(held)

    def _broken(self, asked: Asked, fault: Fault) -> Answer:
        """An error that the provider answers with before it does anything."""
        answer = _answer(_outage(fault.status))
        if fault.stored:
            with self._world.store.transaction():
                self._remember(asked, answer)
        return answer

    def _answered(self, asked: Asked, struck: list[Fault]) -> Answer:
        try:
            with self._world.store.transaction():
                first = self._remembered(asked)
                return first or self._execute(asked, struck)
        except StripeError as error:
            return _answer(error)

    def _execute(self, asked: Asked, struck: list[Fault]) -> Answer:
        try:
            answer = Answer(200, json.dumps(self._done(asked)))
        except StripeError as error:
            if not error.stored:
                raise
            answer = _answer(error)
        spoilt = wire.named(struck, "error_after_effect")
        if spoilt is not None:
            answer = _answer(_outage(spoilt.status))
        self._remember(asked, answer)
        return answer

    def _done(self, asked: Asked) -> Json:
        desk = Desk(self._world, asked.account, self._world.store.now(), asked.id, asked.key)
        if asked.account != PLATFORM:
            accounts.authorise(desk, asked.account)
        found = routes.find(asked.method, asked.path)
        if found is None:
            raise StripeError(
                404,
                "invalid_request_error",
                f"Unrecognized request URL ({asked.method}: {asked.path}).",
            )
        route, ids = found
        asked.params.allow(route.accepts)
        return expand(desk, route.handler(desk, asked.params, *ids), asked.params.texts("expand"))

    def _remembered(self, asked: Asked) -> Answer | None:
        """The first answer under this key; raises where the key was used for something else."""
        if asked.key is None:
            return None
        if len(asked.key) > _KEY_AT_MOST:
            raise StripeError(400, "idempotency_error", "Idempotency keys are at most 255 long.")
        store = self._world.store
        store.run("DELETE FROM answers WHERE created <= ?", store.now() - KEY_SECONDS)
        row = store.row(
            "SELECT * FROM answers WHERE account = ? AND key = ?", asked.account, asked.key
        )
        if row is None:
            return None
        if row["asked"] != asked.fingerprint:
            raise _other_request(asked, row["route"])
        return Answer(row["status"], row["body"], replayed=True)

    def _remember(self, asked: Asked, answer: Answer) -> None:
        if asked.key is not None:
            self._world.store.run(
                "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                *(asked.account, asked.key, f"{asked.method} {asked.path}", asked.fingerprint),
                *(answer.status, answer.body, self._world.store.now()),
            )


async def _read(request: Request) -> Asked:
    path = request.url.path.removeprefix("/stripe")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _read_file(request, path)
    text = (await request.body()).decode() if request.method == "POST" else request.url.query
    pairs = parse_qsl(text, keep_blank_values=True)
    whole = json.dumps([request.method, path, sorted(pairs)])
    return Asked(
        request.method,
        path,
        Params(nest(pairs)),
        hashlib.sha256(whole.encode()).hexdigest(),
        request.headers,
    )


async def _read_file(request: Request, path: str) -> Asked:
    """A file comes in parts; the rest of its fields are as anywhere else."""
    values: Json = {}
    digest = hashlib.sha256(f"{request.method} {path}".encode())
    async with request.form() as form:
        for name, value in sorted(form.multi_items(), key=lambda item: item[0]):
            if isinstance(value, str):
                values[name], content = value, value.encode()
            else:
                values[name] = content = await value.read()
                values["filename"] = value.filename or ""
            digest.update(name.encode() + b"\x00" + content)
    return Asked(request.method, path, Params(values), digest.hexdigest(), request.headers)


def _authenticate(request: Request) -> None:
    key = _given_key(request.headers.get("authorization", ""))
    if not key.startswith(("sk_test_", "rk_test_")):
        shown = f"{key[:8]}****{key[-4:]}" if key else "none"
        live = " This is a live key: it does not belong here." if "_live_" in key else ""
        raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {shown}.{live}")


def _given_key(header: str) -> str:
    """The key as the clients send it, or as the user name that people give to curl."""
    scheme, _, given = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return given
        case "basic":
            try:
                return base64.b64decode(given).decode().split(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return ""


def _key_in_use(asked: Asked) -> StripeError:
    return StripeError(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably"
        f" means you submitted twice, and the other request is still going through): {asked.key}.",
        code="idempotency_key_in_use",
    )


def _other_request(asked: Asked, route: str) -> StripeError:
    asking = f"{asked.method} {asked.path}"
    what = "parameters they were first used with" if route == asking else f"endpoint ({route})"
    return StripeError(
        400,
        "idempotency_error",
        f"Keys for idempotent requests can only be used with the same {what}. Try using a key"
        f" other than '{asked.key}' if you meant to execute a different request.",
    )


def _outage(status: int) -> StripeError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        message = "Too many requests in a short time."
        return StripeError(status, "invalid_request_error", message, code="rate_limit")
    return StripeError(status, "api_error", "An unknown error occurred")


def _answer(error: StripeError) -> Answer:
    return Answer(error.status, json.dumps(error.body))


def _respond(asked: Asked, answer: Answer) -> Response:
    headers = {"Request-Id": asked.id, "Stripe-Version": API_VERSION}
    if asked.account != PLATFORM:
        headers["Stripe-Account"] = asked.account
    if asked.key is not None:
        headers["Idempotency-Key"] = asked.key
    if answer.replayed:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": asked.id}
    return Response(answer.body, answer.status, headers, "application/json")
