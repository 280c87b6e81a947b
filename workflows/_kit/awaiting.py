"""Words that came before a deadline and have not been heard yet: its step waits for them."""

from datetime import timedelta
from typing import Any, Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows._kit.mailbox import Mailbox

_AT_FIRST: Final = timedelta(seconds=30)
_AT_MOST: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 10


def heard_within(looks: int) -> timedelta:
    """How long to wait after so many looks in vain: twice as long each time, an hour at most.

    A request that is parked waits for an operator, for days perhaps: looked at every half minute,
    it would fill the history, and end the process, in less than two.
    """
    return min(_AT_FIRST * (1 << min(looks, _MOST_DOUBLINGS)), _AT_MOST)


class Awaited:
    """Waits for what is to be heard first, and counts the looks that were in vain."""

    def __init__(self, mail: Mailbox[Any]) -> None:
        """*mail* is where the words will arrive; whatever arrives there ends the wait."""
        self._mail = mail
        self._looks = 0

    async def arrives(self) -> bool:
        """Wait for a while; False if nothing has arrived in it."""
        patience = heard_within(self._looks)
        self._looks += 1
        try:
            await workflow.wait_condition(
                lambda: bool(self._mail),
                timeout=patience,
                timeout_summary="a request that came in time waits to be heard",
            )
        except TimeoutError:
            return False
        return True

    def is_over(self) -> None:
        """The deadline's step was taken: the next one has all the patience again."""
        self._looks = 0
