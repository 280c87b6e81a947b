"""Tokens: who is let in by one, and what is turned away at the door."""

import base64
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
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
from runtime.issuer import DEVELOPMENT_ISSUER, DevelopmentIssuer
from tests.support.sandbox import free_port
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


def _fixed(key_id: str) -> FixedKeys:
    public = ECAlgorithm.to_jwk(OWN_KEY.public_key(), as_dict=True)
    return FixedKeys({"keys": [{**public, "kid": key_id, "alg": "ES256"}]})


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


@asynccontextmanager
async def _identity_provider(keys: dict[str, Any], asked: list[str]) -> AsyncGenerator[str]:
    app = FastAPI()

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        asked.append("jwks")
        return keys

    async with served(app) as url:
        yield f"{url}/jwks"


async def test_keys_are_fetched_once_and_not_for_made_up_ids(tmp_path: Path) -> None:
    """Anybody can send tokens with a thousand ids: the provider must not feel it."""
    issuer = DevelopmentIssuer.open(tmp_path / "key.pem", profile="local")
    asked: list[str] = []
    async with _identity_provider(issuer.jwks(), asked) as url:
        door = Doorkeeper(FetchedKeys(url), DEVELOPMENT_ISSUER, "caravan")
        token = f"Bearer {issuer.mint(Role.BUYER, 'b-1')}"

        found = [await door.caller(token) for _ in range(3)]
        for number in range(3):
            with pytest.raises(Problem):
                await door.caller(_signed(key_id=f"made-up-{number}"))

    assert {str(caller) for caller in found} == {"buyer:b-1"}
    assert asked == ["jwks"]


async def test_an_identity_provider_that_is_away_is_an_outage() -> None:
    """It must not read as "your token is wrong", which would sign people out."""
    door = Doorkeeper(FetchedKeys(f"http://127.0.0.1:{free_port()}/"), DEVELOPMENT_ISSUER, "x")

    with pytest.raises(Unavailable):
        await door.caller(_signed())
