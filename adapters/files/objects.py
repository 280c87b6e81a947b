"""Files in a local folder, or in whatever speaks S3."""

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from adapters.errors import Outage, Unavailable

_LOCAL: Final = "file"
_PATIENCE: Final = 15


class ObjectFiles:
    """Keeps `adapters.files.port.FileStore` over an object store.

    A folder writes beside the name and renames: a process that is killed leaves no half file.
    """

    def __init__(self, place: str) -> None:
        """*place* is `file:///folder` or `s3://bucket/prefix`.

        Keys, region and endpoint of S3 come from its usual variables (`AWS_ACCESS_KEY_ID`,
        `AWS_ENDPOINT`, ...). Raises `ValueError` for a place of another kind.
        """
        parts = urlsplit(place)
        self._store: ObjectStore
        if parts.scheme == _LOCAL and not parts.netloc:
            self._store = LocalStore(Path(parts.path), mkdir=True)
        elif parts.scheme == "s3" and parts.netloc:
            self._store = from_url(place)
        else:
            raise ValueError(f"{place} is no place for files: write file:///folder or s3://bucket")

    async def put(self, name: str, content: bytes) -> None:
        """Write it over what may be there."""
        try:
            # The client's own tries go on for minutes, and somebody waits with a row in hand.
            async with asyncio.timeout(_PATIENCE):
                await obstore.put_async(self._store, name, content)
        except (BaseError, OSError) as error:
            raise _away(error) from error

    async def get(self, name: str) -> bytes:
        """Read it whole."""
        try:
            found = await obstore.get_async(self._store, name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            raise LookupError(name) from None
        except (BaseError, OSError) as error:
            raise _away(error) from error


def _away(error: Exception) -> Outage:
    return Unavailable("files", type(error).__name__)
