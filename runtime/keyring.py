"""Master keys: what wraps every other key, kept beside the data and never in it."""

import base64
import binascii
import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

_KEY_BYTES: Final = 32
_HOW_TO: Final = "Make one with `caravan keys new FILE`, or restore the one that was in use"


class KeyRingInvalid(Exception):
    """There is no usable key ring. The text says what to do and never holds a key."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    active: str
    keys: dict[str, str]


@dataclass(frozen=True)
class KeyRing:
    """Master keys by their id. New keys are wrapped by the `active` one, all others only unwrap.

    A lost ring loses every encrypted history and mail for ever, so a missing or malformed one
    stops the start instead of being replaced silently.
    """

    active: str
    keys: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        """Raise `KeyRingInvalid` unless each key has 256 bits and the active one is there."""
        if self.active not in self.keys:
            raise KeyRingInvalid(f"The key ring has no key {self.active!r}, its active one.")
        for key_id, key in self.keys.items():
            if len(key) != _KEY_BYTES:
                raise KeyRingInvalid(f"Key {key_id!r} of the key ring is not {_KEY_BYTES} bytes.")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    def key(self, key_id: str) -> bytes:
        """The master key of that id. Raises `KeyRingInvalid` if the ring has lost it."""
        try:
            return self.keys[key_id]
        except KeyError:
            raise KeyRingInvalid(
                f"The key ring lacks {key_id!r}, which data in the database still need. "
                "Put it back; run `caravan keys rewrap` before dropping a key."
            ) from None

    @classmethod
    def generate(cls, key_id: str = "key-1") -> Self:
        """A new ring with one random key."""
        return cls(key_id, {key_id: secrets.token_bytes(_KEY_BYTES)})

    def rotated(self, key_id: str) -> "KeyRing":
        """The same ring with one more random key, which is active now; the old ones still read."""
        if key_id in self.keys:
            raise KeyRingInvalid(f"The key ring already has a key {key_id!r}: choose another id.")
        return KeyRing(key_id, {**self.keys, key_id: secrets.token_bytes(_KEY_BYTES)})

    def dump(self) -> str:
        """The ring as JSON with keys in base64: secret, for the file alone."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self.keys.items()}
        return json.dumps({"active": self.active, "keys": keys}, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """Write a new file that only its owner may read.

        Raises `FileExistsError`: no ring is ever overwritten by another.
        """
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(self.dump())

    def replace(self, path: Path) -> None:
        """Write over a ring, in one step. Raises `KeyRingInvalid` if a key of it would be lost."""
        lost = KeyRing.read(path).keys.items() - self.keys.items()
        if lost:
            names = ", ".join(sorted(key_id for key_id, _ in lost))
            raise KeyRingInvalid(f"{path} holds keys that the new ring lacks: {names}.")
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        self.write(new)
        new.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the ring from a file in JSON or TOML. Raises `KeyRingInvalid`."""
        try:
            text = path.read_text()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise KeyRingInvalid(
                f"The key ring {path} cannot be read ({reason}). {_HOW_TO}."
            ) from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the ring from a text in JSON or TOML, as a variable holds it."""
        document = _document(text)
        return cls(document.active, {i: _decoded(i, key) for i, key in document.keys.items()})


def _document(text: str) -> _Document:
    try:
        raw = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        return _Document.model_validate(raw)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError):
        raise KeyRingInvalid(f"The key ring is neither JSON nor TOML. {_HOW_TO}.") from None
    except ValidationError as error:
        # The message of pydantic would print the input, which is the keys.
        places = ", ".join(".".join(map(str, one["loc"])) or "all" for one in error.errors())
        raise KeyRingInvalid(
            f'The key ring must be {{"active": id, "keys": {{id: base64}}}}; wrong: {places}. '
            f"{_HOW_TO}."
        ) from None


def _decoded(key_id: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise KeyRingInvalid(f"Key {key_id!r} of the key ring is not base64.") from None
