"""Outgoing webhooks: when a delivery is tried again, and for how long."""

from datetime import timedelta
from types import MappingProxyType
from typing import Final

EVERYTHING: Final = "*"
TEST: Final = "webhook.test"
# Source: the back-off that the Standard Webhooks specification suggests; about three days in all.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# A wait is lengthened or shortened by at most this share of it.
# Less than half of the smallest step between two waits, so that each is longer than the last.
_JITTER: Final = 0.08
OLD_SECRET_LIVES: Final = timedelta(hours=24)
OLD_SECRET_LIVES_AT_MOST: Final = timedelta(days=7)
MOST_ENDPOINTS: Final = 20


def wait_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many failed attempts (one or more); None says to give up.

    *chance* lies in [0, 1): endpoints that failed together must not be called together again.
    """
    if attempts > len(WAITS):
        return None
    return WAITS[attempts - 1] * (1 - _JITTER + 2 * _JITTER * chance)


# Why an endpoint is disabled, when it was not a person who did it.
GONE: Final = "gone"
FAILING: Final = "failing"
WHY: Final = MappingProxyType(
    {
        GONE: "it answered 410: nobody is there any more",
        FAILING: "for three days nothing could be delivered to it",
    }
)
