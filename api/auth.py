"""Who is asking: bearer tokens of an OpenID provider, and hashed keys for services."""

import asyncio
import hashlib
import hmac
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx2
import jwt
import structlog
from jwt import PyJWK

from adapters.errors import Unavailable
from api.problems import Problem
from domain.actors import Actor, Role

_ALGORITHMS: Final = ("ES256", "RS256")
_LEEWAY: Final = 30
_LONGEST: Final = 200
_SERVICE_PREFIX: Final = "csk_"
_FRESH_SECONDS: Final = 300.0
_BELIEVED_SECONDS: Final = 600.0
_SELDOM_SECONDS: Final = 30.0
_PATIENCE: Final = 5.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Caller:
    """Whoever asks. `seller` is the store that the caller acts for, "" for everybody else.

    `until` is when their token ends (seconds since 1970): never for a service's key.
    """

    role: Role
    id: str
    seller: str = ""
    until: float = field(default=math.inf, compare=False)

    @property
    def actor(self) -> Actor:
        """Who it is to the domain: a member of a seller's staff acts as the seller."""
        return Actor(self.role, self.seller or self.id)

    def __str__(self) -> str:
        """The form that is written to records: "buyer:b-1"."""
        return f"{self.role}:{self.id}"


class Keys(Protocol):
    """Where the issuer's public keys come from."""

    async def find(self, key_id: str) -> PyJWK | None:
        """The key of that id, if the issuer has it. Raises `Unavailable`."""
        ...


class FixedKeys:
    """Keys that are known from the start: the development issuer's."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read a JSON Web Key Set."""
        self._keys = _read(document)

    async def find(self, key_id: str) -> PyJWK | None:
        """The key of that id."""
        return self._keys.get(key_id)


class FetchedKeys:
    """Keys read from the issuer's address, and read anew every five minutes.

    One task reads, and whoever has a known key waits for it only after ten minutes without a
    reading, for the key may have been withdrawn; while the provider is away, what is known stays
    good. For an unknown id they are read again at once, but not more often than every half minute,
    whatever became of it: anybody can make one up, and a provider that hangs must not be asked by
    everybody.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Fetch from *url*, when the first token comes. *clock* counts seconds."""
        self._url = url
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._failed = ""

    async def find(self, key_id: str) -> PyJWK | None:
        """The key of that id. Raises `Unavailable` if it is not known and nobody answers."""
        known, age = self._keys.get(key_id), self._clock() - self._read_at
        if known is None or age > _FRESH_SECONDS:
            self._read_soon()
        if known is not None and age < _BELIEVED_SECONDS:
            return known
        if self._reading is not None:
            # Whoever hangs up must not end it for all who wait.
            await asyncio.shield(self._reading)
        known = self._keys.get(key_id)
        if known is None and self._failed:
            raise Unavailable("identity provider", self._failed)
        return known

    def _read_soon(self) -> None:
        if self._reading is None and self._clock() - self._tried_at > _SELDOM_SECONDS:
            self._tried_at = self._clock()
            self._reading = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        """Read them, or remember why not: whatever comes from there is a failure of the provider's.

        Keys that are known stay good meanwhile.
        """
        try:
            async with asyncio.timeout(_PATIENCE), httpx2.AsyncClient(timeout=_PATIENCE) as http:
                answer = await http.get(self._url)
            self._keys = _read(answer.raise_for_status().json())
            self._read_at, self._failed = self._clock(), ""
        except Exception as error:  # noqa: BLE001 - it is somebody else's document
            self._failed = type(error).__name__
            log.warning("issuer_keys.unread", why=self._failed, known=len(self._keys))
        finally:
            self._reading = None


def _read(document: Mapping[str, Any]) -> dict[str, PyJWK]:
    """The keys that sign, by their ids: what stands beside them for something else is left out."""
    found: dict[str, PyJWK] = {}
    for told in document["keys"]:
        if told.get("kty") in {"EC", "RSA"}:
            with suppress(jwt.PyJWTError):
                key = PyJWK.from_dict(told)
                found[key.key_id or ""] = key
    found.pop("", None)
    return found


class Doorkeeper:
    """Reads the `Authorization` header."""

    def __init__(
        self, keys: Keys, issuer: str, audience: str, service_keys: Sequence[str] = ()
    ) -> None:
        """*service_keys* are "name:hash", the hash being the SHA-256 of the whole key in hex."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._services = [entry.partition(":")[::2] for entry in service_keys]

    async def caller(self, header: str) -> Caller:
        """Who sends this header. Raises `Problem` (401) and says no more than it must."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _stranger("a bearer token is needed")
        if token.startswith(_SERVICE_PREFIX):
            return self._service(token)
        return caller_of(await self.claims(token))

    def _service(self, key: str) -> Caller:
        hashed = hashlib.sha256(key.encode()).hexdigest()
        found = [
            name for name, known in self._services if hmac.compare_digest(known.lower(), hashed)
        ]
        if not found:
            raise _stranger("the key is not known")
        return Caller(Role.SERVICE, found[0])

    async def claims(self, token: str) -> dict[str, Any]:
        """What a person's token says, once its signature, age and audience are found right.

        Raises `Problem` (401), also where it names nobody whom we could let in.
        """
        try:
            key = await self._keys.find(str(jwt.get_unverified_header(token).get("kid", "")))
            if key is None:
                raise _stranger("the token is not signed by a key that we know")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
            caller_of(claims)
        except jwt.ExpiredSignatureError:
            raise _stranger("the token has expired") from None
        except (jwt.InvalidTokenError, ValueError):
            raise _stranger("the token is not valid here") from None
        return claims


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """Whom a token's claims name. Raises `ValueError` where they name nobody in our sense."""
    role = Role(str(claims.get("role", "")))
    seller = str(claims.get("seller", "")) if role is Role.SELLER else ""
    if role is Role.SELLER and not seller:
        raise ValueError("a seller's token names no seller")
    name = str(claims["sub"])
    if any(len(text) > _LONGEST or not text.isprintable() for text in (name, seller)):
        raise ValueError("a token's names are short and can be shown")
    return Caller(role, name, seller, float(claims["exp"]))


def _stranger(why: str) -> Problem:
    return Problem("not-authenticated", why, headers={"WWW-Authenticate": "Bearer"})
