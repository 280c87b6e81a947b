"""The development issuer: hands out tokens on a newcomer's machine, and nowhere else.

Whoever reads its key file is anybody. It exists so that `caravan up` can be tried without an
identity provider; production reads an OIDC provider's keys instead.
"""

import hashlib
import json
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import jwt
import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from domain.actors import Role

DEVELOPMENT_ISSUER: Final = "caravan-development-issuer"
_ALGORITHM: Final = "ES256"
_REDEMPTION: Final = "caravan-development-issuer/token"
_CODE_LIVES: Final = timedelta(minutes=1)
_MOST_CODES: Final = 1000

log = structlog.get_logger(__name__)


class DevelopmentIssuerRefused(Exception):
    """Somebody tried to use the development issuer outside the local profile."""


class DevelopmentIssuer:
    """Signs tokens that say whatever they are asked to say."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, *, audience: str = "caravan") -> None:
        self._key = key
        self.audience: Final = audience
        self._spent: deque[str] = deque(maxlen=_MOST_CODES)
        public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        thumbprint = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")})
        self._kid = hashlib.sha256(thumbprint.encode()).hexdigest()[:16]
        self._public = {**public, "kid": self._kid, "alg": _ALGORITHM, "use": "sig"}

    @classmethod
    def open(cls, key_file: Path, *, profile: str, audience: str = "caravan") -> Self:
        """Read the key, making it if there is none.

        Raises `DevelopmentIssuerRefused` for every *profile* but `local`.
        """
        if profile != "local":
            raise DevelopmentIssuerRefused(
                "The development issuer signs anything for anybody and works only in the local "
                "profile. Set CARAVAN_AUTH__ISSUER and CARAVAN_AUTH__JWKS_URL instead."
            )
        if not key_file.exists():
            _make_key(key_file)
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise DevelopmentIssuerRefused(f"{key_file} is not a key of the development issuer.")
        log.warning("development_issuer.opened", key_file=str(key_file))
        return cls(key, audience=audience)

    def mint(
        self,
        role: Role,
        subject: str,
        ttl: timedelta = timedelta(hours=12),
        *,
        seller: str = "",
        nonce: str = "",
    ) -> str:
        """Return a signed token for *subject* in *role*.

        A seller's id is its subject; a member of their staff names the *seller* besides. *nonce*
        comes back to whoever asked for a sign-in with it.
        """
        claims: dict[str, Any] = {"aud": self.audience, "sub": subject, "role": role.value}
        if role is Role.SELLER:
            claims["seller"] = seller or subject
        if nonce:
            claims["nonce"] = nonce
        return self._signed(claims, ttl)

    def code(self, grant: Mapping[str, str]) -> str:
        """Return a code that can be redeemed once, within a minute, for what *grant* says."""
        claims = {**grant, "aud": _REDEMPTION, "jti": secrets.token_urlsafe(16)}
        return self._signed(claims, _CODE_LIVES)

    def redeem(self, code: str) -> Mapping[str, str]:
        """Return what *code* was given for. Raises `ValueError` if it is none, old or spent."""
        try:
            grant: dict[str, str] = jwt.decode(
                code, self._key.public_key(), algorithms=[_ALGORITHM], audience=_REDEMPTION
            )
        except jwt.InvalidTokenError as error:
            raise ValueError("not a code of ours, or not any more") from error
        if grant["jti"] in self._spent:
            raise ValueError("the code was redeemed before")
        self._spent.append(grant["jti"])
        return grant

    def _signed(self, claims: Mapping[str, Any], ttl: timedelta) -> str:
        now = datetime.now(UTC)
        complete = {**claims, "iss": DEVELOPMENT_ISSUER, "iat": now, "exp": now + ttl}
        return jwt.encode(complete, self._key, algorithm=_ALGORITHM, headers={"kid": self._kid})

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public key as a JSON Web Key Set."""
        return {"keys": [dict(self._public)]}


def _make_key(key_file: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key_file.parent.mkdir(parents=True, exist_ok=True)
    key_file.touch(mode=0o600)
    key_file.write_bytes(pem)
