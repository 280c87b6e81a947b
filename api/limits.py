"""How often one caller may ask: a bucket of tokens each, kept in this process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.problems import Problem

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
