"""What was looked up is believed for less than a minute, and the newest of it alone is kept."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

_FRESH_SECONDS: Final = 50.0
_CACHED_KEYS: Final = 20_000
T = TypeVar("T")


class Cache(Generic[T]):
    """The newest entries, each believed for `_FRESH_SECONDS`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """*clock* counts seconds."""
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, name: str) -> T | None:
        """What is believed still; None where there is nothing."""
        at, value = self._entries.get(name, (None, None))
        if at is None or self._clock() - at > _FRESH_SECONDS:
            return None
        self._entries.move_to_end(name)
        return value

    def put(self, name: str, value: T) -> None:
        """Believe it from now on; the oldest entry goes where there are too many."""
        self._entries[name] = (self._clock(), value)
        self._entries.move_to_end(name)
        if len(self._entries) > _CACHED_KEYS:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Believe nothing any more."""
        self._entries.clear()
