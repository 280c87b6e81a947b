"""Tokens: who is let in by one, and what is turned away at the door."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm

from adapters.errors import Unavailable
from api.auth import Caller, Doorkeeper, FetchedKeys, FixedKeys
from api.problems import Problem
from domain.actors import Role
from runtime.child import free_port
from runtime.issuer import DEVELOPMENT_ISSUER
from tests.support.serving import served


def _claims(**changed: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": "caravan",
        "sub": "b-1",
        "role": "buyer",
        "exp": now + timedelta(minutes=5),
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


OWN_KEY: Final = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY: Final = ec.generate_private_key(ec.SECP256R1())
# What everybody can read; some doors take it for a shared secret when a token says HS256.
PUBLIC: Final = OWN_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _part(told: dict[str, Any]) -> str:
    packed = json.dumps(told, default=lambda at: int(at.timestamp())).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """A token that no library would sign: HS256 with a public key as its secret."""
    signed = f"{_part(header)}.{_part(claims)}"
    mac = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _altered(header: str, **changed: object) -> str:
    """The same token, another payload, the old signature."""
    start, _, signature = header.split(".")
    return f"{start}.{_part(_claims(**changed))}.{signature}"


def _document(key_id: str) -> dict[str, Any]:
    public = ECAlgorithm.to_jwk(OWN_KEY.public_key(), as_dict=True)
    return {"keys": [{**public, "kid": key_id, "alg": "ES256"}]}


def _fixed(key_id: str) -> FixedKeys:
    return FixedKeys(_document(key_id))


def _signed(key_id: str = "k", **changed: object) -> str:
    return "Bearer " + jwt.encode(_claims(**changed), OWN_KEY, "ES256", {"kid": key_id})


async def test_a_good_token_names_its_caller() -> None:
    """What the checks below refuse would pass otherwise."""
    door = Doorkeeper(_fixed("k"), DEVELOPMENT_ISSUER, "caravan")

    assert await door.caller(_signed()) == Caller(Role.BUYER, "b-1")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic YTpi",
        "Bearer",
        "Bearer not.a.token",
        _signed(exp=datetime.now(UTC) - timedelta(minutes=5)),
        _signed(exp=None),
        _signed(aud="others"),
        _signed(iss="https://elsewhere.example"),
        _signed(role="god"),
        _signed(role=None),
        _signed(role="seller"),
        _signed(role="seller", seller="s-1\0"),
        _signed(role="seller", seller="s" * 201),
        _signed(sub="b\0"),
        _signed(sub="b\n1"),
        _signed(sub="b" * 201),
        _signed(key_id="another"),
        "Bearer " + jwt.encode(_claims(), "", "none", {"kid": "k"}),
        "Bearer " + jwt.encode(_claims(), "x" * 64, "HS256", {"kid": "k"}),
        "Bearer " + jwt.encode(_claims(), OTHER_KEY, "ES256", {"kid": "k"}),
        "Bearer " + _by_hand({"alg": "HS256", "kid": "k"}, _claims(), PUBLIC),
        _altered(_signed(), role="operator"),
        "Bearer csk_unknown",
    ],
)
async def test_a_bad_token_opens_nothing(header: str) -> None:
    """Expired, for others, by others, unsigned, or without a role that we know."""
    door = Doorkeeper(_fixed("k"), DEVELOPMENT_ISSUER, "caravan", ["checkout:00"])

    with pytest.raises(Problem) as refused:
        await door.caller(header)
    assert refused.value.code == "not-authenticated"


@dataclass
class Provider:
    """An identity provider on a port of the loopback, which may say anything, or nothing."""

    says: Any
    hangs: bool = False
    asked: int = 0
    url: str = ""

    @asynccontextmanager
    async def served(self) -> AsyncGenerator[None]:
        app, woken = FastAPI(), asyncio.Event()

        @app.get("/jwks")
        async def jwks() -> Any:  # noqa: ANN401 - whatever it says
            self.asked += 1
            if self.hangs:
                await woken.wait()
            return self.says

        async with served(app) as url:
            self.url = f"{url}/jwks"
            yield
            woken.set()


@dataclass
class Door:
    """A door whose keys come from a provider, at a time that the test sets."""

    provider: Provider
    now: float = 0.0

    def __post_init__(self) -> None:
        keys = FetchedKeys(self.provider.url, lambda: self.now)
        self.keeper = Doorkeeper(keys, DEVELOPMENT_ISSUER, "caravan")

    async def opens(self, header: str) -> str:
        """Whom it lets in, or why not."""
        try:
            return str(await self.keeper.caller(header))
        except Problem as refused:
            return refused.code
        except Unavailable as away:
            return type(away).__name__


async def test_keys_are_fetched_once_and_not_for_made_up_ids() -> None:
    """Anybody can send tokens with a thousand ids: the provider must not feel it."""
    provider = Provider(_document("k"))
    async with provider.served():
        door = Door(provider)
        found = {await door.opens(_signed()) for _ in range(3)}
        made_up = {await door.opens(_signed(key_id=f"made-up-{number}")) for number in range(3)}

    assert found == {"buyer:b-1"}
    assert made_up == {"not-authenticated"}
    assert provider.asked == 1


async def test_an_identity_provider_that_is_away_is_an_outage() -> None:
    """It must not read as "your token is wrong", which would sign people out."""
    door = Door(Provider({}, url=f"http://127.0.0.1:{free_port()}/"))

    assert await door.opens(_signed()) == "Unavailable"


async def test_while_the_provider_hangs_everybody_who_is_known_comes_in() -> None:
    """Each waited five seconds, one after the other, for keys that were known all the time."""
    provider = Provider(_document("k"))
    async with provider.served():
        door = Door(provider)
        await door.opens(_signed())
        provider.hangs, door.now = True, 301.0
        began = time.monotonic()
        found = await asyncio.gather(*(door.opens(_signed()) for _ in range(20)))
        waited = time.monotonic() - began
        stranger = asyncio.create_task(door.opens(_signed(key_id="made-up")))
        await asyncio.sleep(0.1)
        beside = await door.opens(_signed())
        stranger.cancel()

    assert set(found) == {"buyer:b-1"}
    assert waited < 1
    assert beside == "buyer:b-1", "a made-up id keeps nobody waiting"
    assert provider.asked == 2


async def test_a_key_that_was_withdrawn_long_ago_opens_nothing() -> None:
    """Nobody came all night: the first of the morning may have stolen it."""
    provider = Provider(_document("k"))
    async with provider.served():
        door = Door(provider)
        at_first = await door.opens(_signed())
        provider.says, door.now = _document("another"), 30_000.0
        at_last = await door.opens(_signed())

    assert (at_first, at_last) == ("buyer:b-1", "not-authenticated")


async def test_a_provider_that_failed_is_let_be_for_half_a_minute() -> None:
    """Whoever makes ids up would otherwise have it asked by each of their requests."""
    provider = Provider({"no": "keys"})
    async with provider.served():
        door = Door(provider)
        at_first = {await door.opens(_signed()) for _ in range(5)}
        asked = provider.asked
        provider.says, door.now = _document("k"), 31.0
        at_last = await door.opens(_signed())

    assert at_first == {"Unavailable"}
    assert (asked, provider.asked) == (1, 2)
    assert at_last == "buyer:b-1"


@pytest.mark.parametrize("said", [{}, [], None, "keys", {"keys": None}, {"keys": ["k"]}])
async def test_what_is_no_set_of_keys_is_an_outage(said: object) -> None:
    """A page of an error, say: it is no defect of ours, and can be tried again."""
    provider = Provider(said)
    async with provider.served():
        opened = await Door(provider).opens(_signed())

    assert opened == "Unavailable"


async def test_keys_for_something_else_stand_in_nobodys_way() -> None:
    """Providers list what they encrypt with beside what they sign with."""
    wrong = [
        {"kty": "RSA", "kid": "enc", "alg": "RSA-OAEP", "use": "enc", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "kid": "half", "crv": "P-256"},
        {"kty": "EC", "kid": "odd", "crv": "P-0", "x": "AA", "y": "AA"},
        {"kid": "of no type"},
    ]
    provider = Provider({"keys": [*wrong, *_document("k")["keys"]]})
    async with provider.served():
        opened = await Door(provider).opens(_signed())

    assert opened == "buyer:b-1"
