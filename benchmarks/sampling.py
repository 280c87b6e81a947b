"""Where a worker's time goes: its stacks, looked at two hundred times a second.

Each look is put down to the innermost frame that belongs to something we can name.
"""

import sys
import threading
from collections import Counter
from types import FrameType
from typing import Final

_EVERY: Final = 0.005
# Where a thread stands that waits: for work, for a lock, or for somebody's answer.
_IDLE: Final = (
    *("selectors.py", "thread.py", "queue.py", "threading.py", "sampling.py"),
    *("socket.py", "ssl.py"),
)
_SANDBOX: Final = "create_instance"
SANDBOX: Final = "sandboxed imports"
# The first that matches, from the innermost frame outwards.
_PLACES: Final = (
    ("/runtime/codec.py", "codec"),
    ("/persistence/vault.py", "codec"),
    ("/persistence/ciphers.py", "codec"),
    ("/sqlalchemy/", "database"),
    ("/asyncpg/", "database"),
    ("/persistence/", "database"),
    ("/stripe/", "provider client"),
    ("/easypost/", "provider client"),
    ("/requests/", "provider client"),
    ("/urllib3/", "provider client"),
    ("/adapters/", "provider client"),
    ("/pydantic", "conversion"),
    ("/temporalio/converter/", "conversion"),
    ("/temporalio/contrib/pydantic", "conversion"),
    ("/temporalio/", "Temporal's SDK"),
    ("/domain/", "rules and steps"),
    ("/activities/", "rules and steps"),
    ("/workflows/", "rules and steps"),
)


class Sampler(threading.Thread):
    """Looks at every thread of this process until it is stopped."""

    def __init__(self) -> None:
        """Do nothing before `start`."""
        super().__init__(daemon=True)
        self._seen: Counter[str] = Counter()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look, and sleep."""
        while not self._stopping.wait(_EVERY):
            for thread, frame in sys._current_frames().items():  # noqa: SLF001 - documented for this
                if thread != self.ident:
                    self._seen[_place(frame)] += 1

    def shares(self) -> dict[str, float]:
        """The share of each place in the time in which anything ran."""
        self._stopping.set()
        seen = {place: count for place, count in self._seen.items() if place}
        return {place: count / sum(seen.values()) for place, count in sorted(seen.items())}


def _place(frame: FrameType) -> str:
    """What a stack is about; "" for one that waits."""
    if frame.f_code.co_filename.endswith(_IDLE):
        return ""
    stack: list[FrameType] = []
    here: FrameType | None = frame
    while here is not None:
        stack.append(here)
        here = here.f_back
    if any(one.f_code.co_name == _SANDBOX for one in stack):
        return SANDBOX
    names = (one.f_code.co_filename for one in stack)
    found = (place for name in names for part, place in _PLACES if part in name)
    return next(found, "the rest")
