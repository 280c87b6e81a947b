"""Under which code an order began: its replay does what was done then (ADR 0037).

| edition | what is new |
|---|---|
| 0 | quick steps by a patch, up to five phases in a life that goes well |
| 1 | quick steps without a patch, fewer phases |
"""

from typing import Final

EDITION: Final = 1
"""What an order is told that begins today."""

WITHOUT_PATCH: Final = 1


class NewerEditionError(Exception):
    """Not for this worker. No failure of Temporal's, so the task fails and the order does not."""


def must_be_known(edition: int) -> None:
    """Refuse an order of a newer edition than this code knows (`NewerEditionError`).

    A worker that knows it takes the task over.
    """
    if edition > EDITION:
        raise NewerEditionError(f"an order of edition {edition} needs a newer worker than this")
