"""The API beside what it is made of: placing and reading in turn with their bare forms."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from typing import Any, Final

import httpx2

from benchmarks import lives
from benchmarks.stack import Stack
from domain.actors import Role
from runtime.child import LOOPBACK
from runtime.issuer import DevelopmentIssuer

_numbers: Final = itertools.count(1)
_NOBODY: Final = "nobody"
# Of five requests one places an order.
_READS: Final = 4


@dataclass
class Times:
    """What one kind of call took, in milliseconds."""

    taken: list[float] = field(default_factory=list[float])

    async def of(self, call: Callable[[], Awaitable[object]]) -> None:
        """Make a call and keep what it took."""
        began = time.perf_counter()
        await call()
        self.taken.append((time.perf_counter() - began) * 1000)

    def figures(self) -> dict[str, float]:
        """The median, and what one in a hundred exceeds."""
        return {"median": median(self.taken), "p99": quantiles(self.taken, n=100)[-1]}


@dataclass(frozen=True)
class Load:
    """Calls that were sent at a fixed rate, whether or not the last had been answered."""

    offered: float
    achieved: float
    seconds: float
    statuses: dict[int, int]
    times: dict[str, float]
    api_ms_per_request: float
    relay_ms_per_order: float

    @property
    def errors(self) -> int:
        """Calls that were not done at once: refused, failed, or put off."""
        return sum(number for status, number in self.statuses.items() if status not in {200, 201})


class Checkout:
    """A service that places orders over HTTP and reads them."""

    def __init__(self, stack: Stack, http: httpx2.AsyncClient) -> None:
        """Ask by *http*, whose token is a service's."""
        self._stack = stack
        self._http = http
        self._placed: list[str] = []

    async def place(self) -> int:
        """Place an order; the status."""
        order = f"o-http-{next(_numbers)}"
        body = {
            "order": order,
            "buyer": f"b-{order}",
            "seller": lives.SELLER,
            "currency": "EUR",
            "lines": [{"product": "p-1", "category": "general", "price": 9500, "freight": 500}],
            "ship_to": {"country": "DE", "city": "Hamburg", "name": "A. B.", "street": "Kai 4"},
            "payment": {"method": "pm_card_visa"},
        }
        answer = await self._http.post("/v1/orders", json=body, headers={"Idempotency-Key": order})
        self._placed.append(order)
        return answer.status_code

    async def start_bare(self) -> None:
        """What placing is at the bottom: the same message, encrypted, handed to Temporal."""
        order = f"o-bare-{next(_numbers)}"
        await self._stack.hands.client.start_workflow(
            "order", lives.asked(order), id=f"order/{order}", task_queue=_NOBODY
        )

    async def read(self, order: str = "", at: str = "/v1/orders") -> int:
        """Read an order, or the newest that was placed; the status."""
        answer = await self._http.get(f"{at}/{order or self._placed[-1]}")
        return answer.status_code


@asynccontextmanager
async def checkout(stack: Stack) -> AsyncGenerator[Checkout]:
    """A caller of the stack's API, which is started if nobody has."""
    if "API" not in stack.parts:
        await stack.start("API", "benchmarks.api", port=stack.ports.api)
    issuer = DevelopmentIssuer.open(stack.home.issuer_key, profile="local")
    token = issuer.mint(Role.SERVICE, "checkout")
    async with httpx2.AsyncClient(
        base_url=f"http://{LOOPBACK}:{stack.ports.api}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    ) as http:
        yield Checkout(stack, http)


async def compared(stack: Stack, pairs: int) -> dict[str, Any]:
    """Placing and reading, each in turn with its bare form; nobody else is at work."""
    placed, started, read, bare = Times(), Times(), Times(), Times()
    order = f"o-read-{next(_numbers)}"
    await stack.worker()
    await lives.place(stack.hands, order)
    await stack.stop("order worker")
    async with checkout(stack) as service:
        for warm in (service.place, service.start_bare):
            for _ in range(10):
                await warm()
        # Whoever comes second has what the first one has left the servers to do: by turns.
        for turn in range(pairs):
            both = [(placed, service.place), (started, service.start_bare)]
            for times, call in both[:: 1 if turn % 2 else -1]:
                await times.of(call)
        for turn in range(pairs):
            ways = [(read, "/v1/orders"), (bare, "/bare")]
            for times, at in ways[:: 1 if turn % 2 else -1]:
                await times.of(partial(service.read, order, at))
    figures = {
        "placed": placed.figures(),
        "started": started.figures(),
        "read": read.figures(),
        "bare": bare.figures(),
    }
    ratios = {
        f"{name}_ratio{suffix}": figures[ours][of] / figures[theirs][of]
        for name, ours, theirs in (("place", "placed", "started"), ("read", "read", "bare"))
        for suffix, of in (("", "median"), ("_p99", "p99"))
    }
    return {"pairs": pairs, "ms": figures, **ratios}


async def sustained(stack: Stack, rate: float, seconds: float) -> Load:
    """Offer *rate* requests a second for so long, while worker and relay live the orders."""
    await stack.worker()
    await stack.start("relay", "runtime.relay", port=stack.ports.relay_health)
    statuses: dict[int, int] = {}
    times = Times()
    async with checkout(stack) as service, asyncio.TaskGroup() as tasks:
        await service.place()
        before = stack.cpu()

        async def call(number: int) -> None:
            began = time.perf_counter()
            made = service.place() if number % (_READS + 1) == 0 else service.read()
            status = await made
            times.taken.append((time.perf_counter() - began) * 1000)
            statuses[status] = statuses.get(status, 0) + 1

        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(began + number / rate - time.perf_counter())
            tasks.create_task(call(number))
    took, after, done = time.perf_counter() - began, stack.cpu(), sum(statuses.values())
    for part in ("order worker", "relay"):
        await stack.stop(part)
    used = {part: (after[part] - before[part]) * 1000 for part in ("API", "relay")}
    return Load(
        offered=rate,
        achieved=done / took,
        seconds=took,
        statuses=statuses,
        times=times.figures(),
        api_ms_per_request=used["API"] / done,
        relay_ms_per_order=used["relay"] * (_READS + 1) / done,
    )
