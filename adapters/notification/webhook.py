"""Outgoing webhooks over HTTP, signed as Standard Webhooks has it."""

import asyncio
import contextlib
import ssl
import time
import unicodedata
from datetime import UTC, datetime
from typing import Final

import httpx2
from standardwebhooks import Webhook

from adapters.notification import addresses
from adapters.notification.addresses import IPAddress, NotAllowed, Target
from adapters.notification.port import Call, Heard
from adapters.trust import authorities

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_TIMEOUT_SECONDS: Final = 15.0
_MOST_READ: Final = 4096
_EXCERPT: Final = 500
_READ_SECONDS: Final = 2.0
_UNSHOWN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class WebhookCaller:
    """Keeps the contract of `Hooks`.

    A name is looked up once per call, every address that it has is judged, and the connection
    goes to the one that was judged: a name that changes in between leads nowhere else.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        """*private* allows http and addresses of our own network; *trusted* is for tests."""
        self._private = private
        self._timeout = timeout_seconds
        self._http = httpx2.AsyncClient(
            timeout=timeout_seconds,
            follow_redirects=False,
            # The environment's proxy would connect for us, to wherever it likes.
            trust_env=False,
            verify=trusted or authorities(trust_env=False),
            # Two names may share an address: a connection was vouched for under one of them.
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    def objection(self, url: str) -> str:
        """As the port has it."""
        try:
            addresses.target(url, private=self._private)
        except NotAllowed as no:
            return str(no)
        return ""

    async def call(self, call: Call) -> Heard:
        """As the port has it."""
        began = time.perf_counter()
        status, excerpt, error = None, "", ""
        try:
            async with asyncio.timeout(self._timeout):
                status, excerpt = await self._answered(call)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except NotAllowed as no:
            error = f"may not be called: {no}"
        except httpx2.HTTPError as broken:
            error = type(broken).__name__
        except (OSError, ValueError) as unreachable:
            # The name has no address, or is none.
            error = f"cannot be reached: {type(unreachable).__name__}"
        return Heard(status, round((time.perf_counter() - began) * 1000), excerpt, error)

    async def _answered(self, call: Call) -> tuple[int, str]:
        found = addresses.target(call.url, private=self._private)
        tried = await addresses.resolved(found, private=self._private)
        for address in tried[:-1]:
            try:
                return await self._sent(found, address, call)
            except httpx2.ConnectError:
                continue
        return await self._sent(found, tried[-1], call)

    async def _sent(self, found: Target, address: IPAddress, call: Call) -> tuple[int, str]:
        headers = {"Host": found.authority, **signed(call, datetime.now(UTC))}
        extensions = {"sni_hostname": found.host}
        async with self._http.stream(
            "POST", found.at(address), content=call.body, headers=headers, extensions=extensions
        ) as answer:
            return answer.status_code, await _beginning(answer)


def signed(call: Call, at: datetime) -> dict[str, str]:
    """The headers of a message that is sent *at*: one signature for each secret."""
    text = call.body.decode()
    signatures = [Webhook(secret).sign(call.id, at, text) for secret in call.secrets]
    return {
        "Content-Type": MEDIA_TYPE,
        # What is packed could unfold into more than we want to hold.
        "Accept-Encoding": "identity",
        "User-Agent": "Caravan-Webhooks/1",
        "webhook-id": call.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


async def _beginning(answer: httpx2.Response) -> str:
    """The beginning of an answer, as plain text; the rest is left where it is.

    The status has been heard by then: an answer that comes drop by drop takes nothing from it.
    """
    read = b""
    with contextlib.suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_READ_SECONDS):
            async for part in answer.aiter_raw():
                read += part[: _MOST_READ - len(read)]
                if len(read) >= _MOST_READ:
                    break
    return plain(read)


def plain(read: bytes) -> str:
    """What can be shown of some bytes: no control characters, and not too much."""
    text = read.decode(errors="replace")
    shown = (
        " " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in text
    )
    return " ".join("".join(shown).split())[:_EXCERPT]
