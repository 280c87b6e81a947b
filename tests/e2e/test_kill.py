"""Power cuts at random moments, with orders on the way: nothing lost, nothing done twice."""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx2
import pytest
from sqlalchemy import text

from domain.actors import Role
from tests.support.market import Json, Person, an_order
from tests.support.sandbox import SandboxWorld
from tests.support.up import BothBooks, Up, dhl_number, with_account

pytestmark = [pytest.mark.timeout(480), pytest.mark.slow]

_SEED: Final = 20_261
_ORDERS: Final = 30
_ALL_WITHIN: Final = 240
_VICTIMS: Final = ("api", "worker", "relay", "sandbox")
_STRIKES_EACH: Final = 3
_ONE_EVERY: Final = 0.8
_LOOK_EVERY: Final = 0.7
_TOTAL: Final = 20_400


@dataclass
class Stubborn:
    """A caller who asks under the same key until there is an answer, and remembers it."""

    person: Person
    asked: list[tuple[str, Json | None, str, httpx2.Response]] = field(
        default_factory=list[tuple[str, "Json | None", str, httpx2.Response]]
    )

    async def ask(self, path: str, body: Json | None, key: str) -> httpx2.Response:
        """The final answer: never 202, never an outage."""
        while True:
            answer = await self._tried(path, body, key)
            if answer is not None and answer.status_code != 202 and answer.status_code < 500:
                self.asked.append((path, body, key, answer))
                return answer
            await asyncio.sleep(_LOOK_EVERY)

    async def _tried(self, path: str, body: Json | None, key: str) -> httpx2.Response | None:
        try:
            return await self.person.post(path, body, key)
        except httpx2.HTTPError:
            return None

    async def until(self, path: str, so: Callable[[Json], bool]) -> Json:
        """Read until it is so; the body that says so."""
        while True:
            try:
                answer = await self.person.get(path)
            except httpx2.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 200 and so(answer.json()):
                body: Json = answer.json()
                return body
            await asyncio.sleep(_LOOK_EVERY)


async def _played(act: Callable[[], Awaitable[object]]) -> None:
    """Let the world do something, again while its process is down; what is done is done."""
    while True:
        try:
            await act()
        except httpx2.HTTPStatusError:
            return  # It was done before the process fell, and cannot be done again.
        except httpx2.HTTPError:
            await asyncio.sleep(_LOOK_EVERY)
        else:
            return


@dataclass
class Lives:
    """Thirty orders of a few kinds, each driven by its own client."""

    buyer: Stubborn
    seller: Stubborn
    support: Stubborn
    world: SandboxWorld
    name: str

    async def live(self, number: int, kind: str) -> str:
        """Drive one order to where its kind ends; the status it then has."""
        order = f"o-{kind}-{number}"
        here = f"/v1/orders/{order}"
        method = {} if kind in {"slow", "cancelled"} else {"method": "pm_card_visa"}
        body = an_order(order, seller=self.name, payment=method)
        await self.buyer.ask("/v1/orders", body, f"place {order}")
        if kind == "cancelled":
            await self._opened(here)
            await self.buyer.ask(f"{here}/cancellation", {"reason": "second thoughts"}, order)
            return await self._ends(here)
        if kind == "slow":
            await self._pays_slowly(here)
        await self.buyer.until(here, lambda seen: seen["axes"]["payment"] == "captured")
        if kind == "refunded":
            await self._refund(here, order, _TOTAL)
            return await self._ends(here)
        if kind == "partly":
            await self._refund(here, order, 400)
        await self._delivered(here, order, number)
        await self.buyer.ask(f"{here}/receipt", None, f"receive {order}")
        return await self._ends(here)

    async def _opened(self, here: str) -> None:
        await self.buyer.until(here, lambda seen: seen["version"] >= 2)

    async def _pays_slowly(self, here: str) -> None:
        payment = await self.buyer.until(f"{here}/payment", lambda seen: "reference" in seen)
        intent = payment["reference"]
        await _played(lambda: self.world.pay(intent, "slow"))
        await _played(lambda: self.world.arrive(intent))

    async def _refund(self, here: str, order: str, amount: int) -> None:
        wish = {"amount": amount, "reason": "as agreed"}
        await self.support.ask(f"{here}/refunds", wish, f"refund {order}")

    async def _delivered(self, here: str, order: str, number: int) -> None:
        parcel = dhl_number(200_000_000 + number)
        body = {"carrier": "DHLExpress", "number": parcel}
        await self.seller.ask(f"{here}/shipments", body, f"ship {order}")
        await _played(lambda: self.world.deliver("DHLExpress", parcel, city="Hamburg"))
        await self.buyer.until(here, lambda seen: seen["axes"]["fulfilment"] == "delivered")

    async def _ends(self, here: str) -> str:
        seen = await self.buyer.until(here, lambda seen: seen["ended_at"] is not None)
        return str(seen["status"])


_KINDS: Final = {
    "card": "completed",
    "partly": "completed",
    "slow": "completed",
    "refunded": "refunded",
    "cancelled": "cancelled_by_buyer",
}
# How often each kind asks for something; and once for the payout.
_ASKS: Final = {"card": 3, "partly": 4, "slow": 3, "refunded": 2, "cancelled": 2}
_ASKED: Final = sum(_ASKS.values()) * _ORDERS // len(_KINDS) + 1
# What each kind moves at the provider, and no more.
_MOVES: Final = {
    "card": (_TOTAL,),
    "partly": (-400, _TOTAL),
    "slow": (_TOTAL,),
    "refunded": (-_TOTAL, _TOTAL),
    "cancelled": (),
}


@asynccontextmanager
async def _lives(stack: Up) -> AsyncGenerator[Lives]:
    async with AsyncExitStack() as open_until_the_end:

        async def caller(role: Role, subject: str = "") -> Stubborn:
            return Stubborn(
                await open_until_the_end.enter_async_context(stack.caller(role, subject))
            )

        service = await caller(Role.SERVICE)
        await service.ask("/v1/sellers", await with_account(stack, "s-kill"), "register")
        world = await open_until_the_end.enter_async_context(stack.world())
        yield Lives(
            await caller(Role.BUYER, "b-kill"),
            await caller(Role.SELLER, "s-kill"),
            await caller(Role.SUPPORT_AGENT),
            world,
            "s-kill",
        )


async def _strike(stack: Up, victim: str) -> int:
    """Kill one part again and again at random moments of its work; how often it was hit."""
    chance = random.Random(f"{_SEED}/{victim}")  # noqa: S311 - the same moments each time
    hits = 0
    while hits < _STRIKES_EACH:
        await asyncio.sleep(chance.uniform(0.5, 4.0))
        if await stack.works(victim):
            hits += stack.strike(victim, signal.SIGKILL)
    return hits


async def _live_through(stack: Up, lives: Lives) -> tuple[int, dict[str, str]]:
    """Let all orders live while the parts fall; how many fell, and how each order ended."""

    async def one(number: int, kind: str) -> tuple[str, str]:
        await asyncio.sleep(number * _ONE_EVERY)
        return f"o-{kind}-{number}", await lives.live(number, kind)

    kinds = [list(_KINDS)[number % len(_KINDS)] for number in range(_ORDERS)]
    strikes = asyncio.gather(*(_strike(stack, victim) for victim in _VICTIMS))
    try:
        async with asyncio.timeout(_ALL_WITHIN):
            ended = await asyncio.gather(*(one(*each) for each in enumerate(kinds)))
            return sum(await strikes), dict(ended)
    finally:
        strikes.cancel()


async def _at_rest(world: SandboxWorld) -> None:
    """Let the last webhooks arrive that were on their way when somebody fell."""
    async with asyncio.timeout(120):
        while not await world.at_rest():
            await world.flush()
            await asyncio.sleep(_LOOK_EVERY)


async def _not_done(both: BothBooks) -> Sequence[object]:
    """Requests, facts and notices that still wait or were given up, and alarms."""
    query = """
        SELECT 'request', id, state FROM requests WHERE state <> 'answered'
        UNION ALL SELECT 'fact', event_id, state FROM inbox WHERE state IN ('waiting', 'parked')
        UNION ALL SELECT 'notice', key, state FROM outbox WHERE state IN ('waiting', 'parked')
        UNION ALL SELECT 'alarm', subject, kind FROM alarms WHERE cleared_at IS NULL
    """
    async with both.engine.connect() as db:
        return (await db.execute(text(query))).all()


async def _come_to_rest(both: BothBooks) -> Sequence[object]:
    """Wait until nothing waits any more; what still does after a minute."""
    for _ in range(300):
        if not (left := await _not_done(both)):
            return left
        await asyncio.sleep(0.2)
    return await _not_done(both)


@pytest.mark.case(1, 56, 69)
async def test_killing_every_part_loses_nothing_and_does_nothing_twice(stack: Up) -> None:
    """Machines fall at the worst moment. No buyer pays twice, no seller waits for ever."""
    async with _lives(stack) as lives, stack.books() as both:
        hits, ended = await _live_through(stack, lives)
        paid_out = await lives.seller.ask("/v1/sellers/s-kill/payouts", {"currency": "EUR"}, "pay")
        where = paid_out.headers["Location"]
        payout = await lives.seller.until(where, lambda seen: seen["stage"] == "sent")
        await _at_rest(lives.world)
        left = await _come_to_rest(both)
        callers = (lives.buyer, lives.seller, lives.support)
        changed = [
            (path, key)
            for each in callers
            for path, body, key, answer in each.asked
            if (await each.person.post(path, body, key)).json() != answer.json()
        ]
        effects = await lives.world.effects()
        report, wrongs = await both.compared(), await both.wrongs()

    answers = [answer for each in callers for *_, answer in each.asked]
    moves: dict[str, list[int]] = {order: [] for order in ended}
    for line in effects["lines"]:
        if line["order"] is not None:
            moves[line["order"]].append(line["amount"])
    assert hits == len(_VICTIMS) * _STRIKES_EACH
    assert len(answers) == _ASKED
    assert {answer.status_code for answer in answers} == {200, 201}
    assert changed == []
    assert ended == {order: _KINDS[order.split("-")[1]] for order in ended}
    assert {order: tuple(sorted(found)) for order, found in moves.items()} == {
        order: _MOVES[order.split("-")[1]] for order in ended
    }
    assert payout["gross"]["amount"] > 0
    assert effects["duplicates"] == []
    assert left == []
    assert wrongs == []
    assert report.matches, report.breaks
