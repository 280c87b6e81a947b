"""The courier: carries webhooks to their endpoints, signed, again and again until they are in."""

import asyncio
import hashlib
import hmac
import time
import unicodedata
from typing import Final

import httpx2
import structlog

from sandbox.store import Json, Row
from sandbox.world import World

log = structlog.get_logger()

WIDTH: Final = 8
PATIENCE_SECONDS: Final = 3 * 86_400
_BACK_OFF: Final = (0.2, 1.0, 5.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 7200.0)
_ANSWER_SECONDS: Final = 15.0
_LONGEST_NAP: Final = 60.0


def stripe_signature(payload: bytes, secret: str, moment: int) -> str:
    """The `Stripe-Signature` header: an HMAC over the second of sending and the body."""
    signed = f"{moment}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def easypost_signature(payload: bytes, secret: str) -> str:
    """The `X-Hmac-Signature` header: an HMAC over the body, with the secret in normal form."""
    key = unicodedata.normalize("NFKD", secret).encode()
    return "hmac-sha256-hex=" + hmac.new(key, payload, hashlib.sha256).hexdigest()


class Courier:
    """Delivers what the post office holds, up to eight at a time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.store
        self._client = httpx2.AsyncClient(
            timeout=_ANSWER_SECONDS, trust_env=False, limits=httpx2.Limits(max_connections=WIDTH)
        )
        self._flying: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._world.post.wake.clear()
                for row in self._due():
                    self._start(row)
                await self._nap()
        finally:
            for task in self._flying.values():
                task.cancel()
            await asyncio.gather(*self._flying.values(), return_exceptions=True)
            await self._client.aclose()

    def _due(self) -> list[Row]:
        free = WIDTH - len(self._flying)
        if free <= 0:
            return []
        rows = self._store.rows(
            "SELECT * FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY due LIMIT ?",
            *(time.time(), free + len(self._flying)),
        )
        return [row for row in rows if row["seq"] not in self._flying][:free]

    async def _nap(self) -> None:
        """Sleep until something comes in, lands, or falls due."""
        soon = self._store.row(
            "SELECT min(due) AS due FROM deliveries WHERE state = 'pending' AND due > ?",
            time.time(),
        )
        wait = _LONGEST_NAP if soon is None or soon["due"] is None else soon["due"] - time.time()
        try:
            await asyncio.wait_for(
                self._world.post.wake.wait(), min(max(wait, 0.001), _LONGEST_NAP)
            )
        except TimeoutError:
            return

    def _start(self, row: Row) -> None:
        seq: int = row["seq"]
        task = asyncio.create_task(self._carry(row))
        self._flying[seq] = task
        task.add_done_callback(lambda _: self._landed(seq))

    def _landed(self, seq: int) -> None:
        self._flying.pop(seq, None)
        self._world.post.wake.set()

    async def _carry(self, row: Row) -> None:
        url, secret = self._world.rules.endpoint(row["target"])
        if not url:
            self._settle(row, "unrouted", None, "no endpoint is registered any more")
            return
        payload = str(row["payload"]).encode()
        try:
            answer = await self._client.post(url, content=payload, headers=_headers(row, secret))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            self._again(row, None, type(error).__name__)
            return
        if answer.is_success:
            self._settle(row, "delivered", answer.status_code, None)
        else:
            self._again(row, answer.status_code, answer.text[:200])

    def _again(self, row: Row, status: int | None, problem: str) -> None:
        """Try once more later, at growing distances; after three days it is given up."""
        if time.time() - row["born"] > PATIENCE_SECONDS:
            self._settle(row, "abandoned", status, problem)
            return
        tries: int = row["attempts"]
        wait = _BACK_OFF[min(tries, len(_BACK_OFF) - 1)]
        with self._store.transaction():
            self._log(row, status, problem)
            self._store.run(
                "UPDATE deliveries SET due = ?, attempts = attempts + 1 WHERE seq = ?",
                *(time.time() + wait, row["seq"]),
            )
        log.info("webhook.refused", webhook=row["event"], status=status, problem=problem)

    def _settle(self, row: Row, state: str, status: int | None, problem: str | None) -> None:
        with self._store.transaction():
            self._log(row, status, problem)
            again = state == "delivered" and row["copies"] > 0
            self._store.run(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, copies = 0, held = 0"
                " WHERE seq = ?",
                *("pending" if again else state, row["seq"]),
            )
            if state == "delivered":
                self._release_held(row)

    def _log(self, row: Row, status: int | None, problem: str | None) -> None:
        self._store.run(
            "INSERT INTO attempts VALUES (?, ?, ?, ?)", row["seq"], time.time(), status, problem
        )

    def _release_held(self, row: Row) -> None:
        """What was held back to arrive out of order may go once a later one has arrived."""
        self._store.run(
            "UPDATE deliveries SET due = 0, held = 0 WHERE held = 1 AND seq < ? AND seq IN"
            " (SELECT delivery FROM subjects WHERE subject IN"
            "  (SELECT subject FROM subjects WHERE delivery = ?))",
            *(row["seq"], row["seq"]),
        )

    async def flush(self) -> Json:
        """Try everything that waits once, now; say how much still waits."""
        tried = 0
        for row in self._store.rows("SELECT * FROM deliveries WHERE state = 'pending'"):
            while len(self._flying) >= WIDTH:
                await asyncio.wait(self._flying.values(), return_when=asyncio.FIRST_COMPLETED)
            if row["seq"] not in self._flying:
                self._start(row)
            tried += 1
        if self._flying:
            await asyncio.wait(list(self._flying.values()))
        return {"tried": tried, "pending": self._world.post.pending()}


def _headers(row: Row, secret: str) -> dict[str, str]:
    payload = str(row["payload"]).encode()
    plain = {"Content-Type": "application/json; charset=utf-8"}
    if row["target"] == "stripe":
        signature = stripe_signature(payload, secret, int(time.time()))
        return plain | {"Stripe-Signature": signature, "User-Agent": "Stripe/1.0"}
    return plain | {"X-Hmac-Signature": easypost_signature(payload, secret)}
