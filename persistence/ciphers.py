"""AES-256-GCM in the one form that is used everywhere: nonce, then ciphertext with its tag."""

import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Tampered(Exception):
    """The bytes are not what was encrypted, or belong somewhere else."""


def encrypt(key: bytes, clear: bytes, context: bytes) -> bytes:
    """Encrypt under a fresh nonce. *context* is not kept, but must be the same to decrypt."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, clear, context)


def decrypt(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Undo `encrypt`. Raises `Tampered` if a byte of it, the key or the context differs."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise Tampered(f"cannot be decrypted as {context.decode(errors='replace')}") from None


def new_key() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(KEY_BYTES)


@dataclass(frozen=True)
class DataKey:
    """The key of one execution's payloads, known by its id."""

    key_id: str
    secret: bytes = field(repr=False)

    def encrypt(self, clear: bytes, context: str) -> bytes:
        """Encrypt, bound to this key's id and to *context*."""
        return encrypt(self.secret, clear, f"{self.key_id}/{context}".encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Undo `encrypt`. Raises `Tampered`."""
        return decrypt(self.secret, sealed, f"{self.key_id}/{context}".encode())
