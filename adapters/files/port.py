"""What a place for files promises; nothing else of the application knows which place it is."""

from typing import Protocol


class FileStore(Protocol):
    """Keeps files under names. What was put is there whole, or not at all."""

    async def put(self, name: str, content: bytes) -> None:
        """Keep *content* under *name*; again does no harm. Raises `Outage`."""
        ...

    async def get(self, name: str) -> bytes:
        """The content. Raises `LookupError` if there is none, and `Outage`."""
        ...
