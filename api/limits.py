"""How often one caller may ask, and how much of what lasts they may have; kept in this process."""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from api.problems import RETRY_SECONDS, Problem

_KNOWN_CALLERS: Final = 10_000


@dataclass
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """Lets each caller ask *per_second* times on average, and *burst* times at once.

    It counts per process: several API processes allow as many times more.
    """

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """*clock* counts seconds."""
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request, or raise `Problem` (429) with the seconds to wait."""
        now = self._clock()
        bucket = self._buckets.pop(caller, None) or _Bucket(self._burst, now)
        refill = (now - bucket.at) * self._per_second
        bucket = _Bucket(min(self._burst, bucket.tokens + refill), now)
        self._buckets[caller] = bucket
        if len(self._buckets) > _KNOWN_CALLERS:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) / self._per_second)
            raise Problem(
                "too-many-requests",
                f"more than {self._per_second:g} requests a second",
                headers={"Retry-After": str(wait)},
            )
        bucket.tokens -= 1


class Places:
    """How many of what lasts are open at once: so many for *each* caller, and *most* in all.

    It counts per process: several API processes allow as many times more.
    """

    def __init__(self, what: str, each: int, most: int) -> None:
        """*what* they are called to those who are told that there are too many."""
        self._what = what
        self._each = each
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, caller: str) -> Generator[None]:
        """Have a place while inside. Raises `Problem` (429 for the caller's own, 503 in all)."""
        wait = {"Retry-After": str(RETRY_SECONDS)}
        if self._taken[caller] >= self._each:
            raise Problem(
                "too-many-requests",
                f"you have {self._each} {self._what} open at once, which is the most: end one of "
                "them first",
                {"limit": self._each},
                wait,
            )
        if self._taken.total() >= self._most:
            raise Problem(
                "unavailable",
                f"all {self._most} {self._what} that may be open at once are: try again shortly",
                headers=wait,
            )
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
