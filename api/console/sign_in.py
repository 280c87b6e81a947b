"""Signing in at an OpenID provider: the code flow, with PKCE."""

import base64
import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Final, Self
from urllib.parse import urlencode

import httpx2

from adapters.errors import Unavailable
from api.auth import Doorkeeper
from api.problems import Problem

_PROVIDER: Final = "identity provider"


@dataclass(frozen=True)
class Attempt:
    """One sign-in under way, kept in the browser that began it; `to` is where it leads."""

    state: str
    nonce: str
    verifier: str
    to: str

    @classmethod
    def begin(cls, to: str) -> Self:
        """Draw what the provider must send back, and what only this browser knows."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, to)

    @classmethod
    def read(cls, kept: str) -> Self | None:
        """The attempt as it was kept; None where it is none of ours."""
        try:
            return cls(**json.loads(base64.urlsafe_b64decode(kept)))
        except (ValueError, TypeError):
            return None

    def kept(self) -> str:
        """The form in which it is kept."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier."""
        return challenge_of(self.verifier)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class SignIn:
    """The provider, as this client of it sees it.

    Its ID tokens are what people are known by here: they name the client as their audience.
    """

    doorkeeper: Doorkeeper
    authorize_url: str
    token_url: str
    client_id: str
    redirect_url: str
    http: httpx2.AsyncClient
    client_secret: str = ""

    def address(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_url,
            "scope": "openid profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.authorize_url}?{urlencode(asked)}"

    async def redeem(self, code: str, attempt: Attempt) -> str:
        """The ID token that *code* is redeemed for, verified.

        Raises `Problem` (401) if the provider or we do not accept it, `Unavailable` if nobody
        answers.
        """
        token = await self._token(code, attempt)
        claims = await self.doorkeeper.claims(token)
        if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise Problem("not-authenticated", "the token was not made for this sign-in")
        return token

    async def _token(self, code: str, attempt: Attempt) -> str:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_url,
            "client_id": self.client_id,
            "code_verifier": attempt.verifier,
        }
        if self.client_secret:
            said["client_secret"] = self.client_secret
        try:
            answer = await self.http.post(self.token_url, data=said)
            if answer.status_code in {400, 401}:
                raise Problem("not-authenticated", "the provider did not accept the sign-in")
            told: dict[str, Any] = answer.raise_for_status().json()
            return str(told["id_token"])
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise Unavailable(_PROVIDER, type(error).__name__) from None
