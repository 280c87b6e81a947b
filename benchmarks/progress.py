"""What the person who waits is told."""

import sys
import time

_began = time.monotonic()


def say(words: str) -> None:
    """One line, with the time since the beginning."""
    minutes, seconds = divmod(int(time.monotonic() - _began), 60)
    sys.stdout.write(f"{minutes:3d}:{seconds:02d}  {words}\n")
    sys.stdout.flush()
