"""Streams of events: who may have how many open, and until when one goes on."""

import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from api.auth import Caller
from api.limits import Places

# Whoever listens comes back by themselves.
_LONGEST: Final = 900.0


class Stream(EventSourceResponse):
    """Events for one caller, who has a place for as long as it is open."""

    def __init__(self, places: Places, caller: Caller, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store"})
        self._places = places
        self._caller = str(caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them. Raises `Problem` (429, 503) where there is no place, before anything is sent.

        Not sooner: events that nobody begins to read would keep their place for ever.
        """
        with self._places.taken(self._caller):
            await super().__call__(scope, receive, send)


def seconds_left(caller: Caller) -> float:
    """How long a stream goes on: a quarter of an hour, and not beyond the caller's token."""
    return min(_LONGEST, caller.until - time.time())
