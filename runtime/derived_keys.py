"""Keys for recorded histories, which are replayed without any database."""

import hashlib
import hmac

from persistence.ciphers import DataKey
from runtime.keyring import KeyRing


class DerivedKeys:
    """Makes each execution's key out of the ring alone, the same one every time.

    Nothing can be erased under such keys, so they are for histories of made-up people: those
    committed with the tests, whose ring is committed beside them.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def key_of(self, workflow_id: str) -> DataKey:
        """The key of an execution, under the ring's active key."""
        name = hashlib.sha256(workflow_id.encode()).hexdigest()[:32]
        return await self.key_by_id(f"{self._ring.active}.{name}")

    async def key_by_id(self, key_id: str) -> DataKey:
        """The key of that id. Raises `KeyRingInvalid` if the ring has lost the master key."""
        master, _, _ = key_id.rpartition(".")
        secret = hmac.digest(self._ring.key(master), key_id.encode(), hashlib.sha256)
        return DataKey(key_id, secret)
