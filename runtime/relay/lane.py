"""What every lane of the relay has in common: work is taken, done, and put off when it fails."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from prometheus_client import Counter

# A defect of our own is not going to mend itself. An outage is waited out, however long it takes:
# what was acknowledged is not sent to us again.
MOST_DEFECTS: Final = 20
_LONGEST_WAIT: Final = 30
DELIVERED: Final = Counter(
    "caravan_relay_delivered", "What the relay was rid of, by lane and result", ["lane", "result"]
)

Job = Callable[[], Awaitable[object]]


class Lane(Protocol):
    """One kind of work. Taking leases it: what a killed relay had taken comes due by itself."""

    name: str

    async def take(self, limit: int, subject: str | None = None) -> Sequence[Job]:
        """Take work of at most *limit* subjects; each job keeps the order of its subject."""
        ...

    async def pending(self, subject: str | None = None) -> int:
        """How much waits to be delivered (about *subject*)."""
        ...


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failures: twice as long each time, half a minute at most."""
    return timedelta(seconds=min(2.0 ** min(attempts, 10) / 2, _LONGEST_WAIT))
