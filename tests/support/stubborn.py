"""Callers who ask until there is an answer, whatever falls meanwhile."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import httpx2

from tests.support.market import Json, Person

LOOK_EVERY: Final = 0.7


@dataclass(frozen=True)
class Exchange:
    """What was asked under which key, and the final answer."""

    path: str
    body: Json | None
    key: str
    answer: httpx2.Response


@dataclass
class Stubborn:
    """A caller who asks under the same key until there is an answer, and remembers it.

    `statuses` counts whatever was answered on the way.
    """

    person: Person
    asked: list[Exchange] = field(default_factory=list[Exchange])
    statuses: Counter[int] = field(default_factory=Counter[int])

    async def ask(self, path: str, body: Json | None, key: str) -> httpx2.Response:
        """The final answer: never 202, never an outage, never "not so often"."""
        while True:
            answer = await self._tried(path, body, key)
            if answer is not None and not _is_put_off(answer):
                self.asked.append(Exchange(path, body, key, answer))
                return answer
            await asyncio.sleep(LOOK_EVERY)

    async def _tried(self, path: str, body: Json | None, key: str) -> httpx2.Response | None:
        try:
            answer = await self.person.post(path, body, key)
        except httpx2.HTTPError:
            return None
        self.statuses[answer.status_code] += 1
        return answer

    async def until(self, path: str, so: Callable[[Json], bool]) -> Json:
        """Read until it is so; the body that says so."""
        while True:
            try:
                answer = await self.person.get(path)
            except httpx2.HTTPError:
                answer = None
            if answer is not None:
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200 and so(answer.json()):
                    body: Json = answer.json()
                    return body
            await asyncio.sleep(LOOK_EVERY)

    async def change(self, path: str, **wanted: object) -> None:
        """Change what stands at *path*, as often as it takes until it is as *wanted*."""
        while True:
            seen = await self.until(path, lambda _: True)
            if wanted.items() <= seen.items():
                return
            with contextlib.suppress(httpx2.HTTPError):
                answer = await self.person.patch(path, wanted, int(seen["version"]))
                self.statuses[answer.status_code] += 1
            await asyncio.sleep(LOOK_EVERY)

    async def changed(self) -> list[Exchange]:
        """What is answered otherwise when it is asked again, under the same key."""
        return [
            each
            for each in self.asked
            if (await self.person.post(each.path, each.body, each.key)).json() != each.answer.json()
        ]


def _is_put_off(answer: httpx2.Response) -> bool:
    return answer.status_code in {202, 429, 503}


async def played(act: Callable[[], Awaitable[object]]) -> None:
    """Let the world do something, again while its process is down; what is done is done."""
    while True:
        try:
            await act()
        except httpx2.HTTPStatusError:
            return  # It was done before the process fell, and cannot be done again.
        except httpx2.HTTPError:
            await asyncio.sleep(LOOK_EVERY)
        else:
            return
