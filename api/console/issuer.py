"""The development issuer's own pages: whoever is asked for may be chosen. Local profile only."""

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode

import httpx2
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.auth import Doorkeeper, FixedKeys
from api.console.pages import HEADERS, page_of
from api.console.sign_in import SignIn, challenge_of
from api.console.visitor import PATH, fields_of, redirect_url
from api.problems import Problem
from domain.actors import Role
from domain.errors import NotYours
from runtime.issuer import DEVELOPMENT_ISSUER, DevelopmentIssuer

# Who is offered, in the order of how often somebody wants to be them.
PEOPLE: Final = (
    (Role.SUPPORT_AGENT, "agent-1"),
    (Role.SUPPORT_AGENT, "agent-2"),
    (Role.SUPPORT_LEAD, "lead-1"),
    (Role.COMPLIANCE, "compliance-1"),
    (Role.OPERATOR, "operator-1"),
    (Role.AUDITOR, "auditor-1"),
    (Role.SELLER, "s-1"),
    (Role.BUYER, "b-1"),
)
_LONGEST: Final = 64
_ASKED: Final = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")
Asked = Annotated[str, Query(max_length=500)]


def development_sign_in(
    issuer: DevelopmentIssuer, address: str, http: httpx2.AsyncClient
) -> SignIn:
    """The console of *address* as a client of the development issuer, which is beside it."""
    here = address.rstrip("/") + PATH
    keys = FixedKeys(issuer.jwks())
    return SignIn(
        doorkeeper=Doorkeeper(keys, DEVELOPMENT_ISSUER, issuer.audience),
        authorize_url=f"{here}/issuer/authorize",
        token_url=f"{here}/issuer/token",
        client_id=issuer.audience,
        redirect_url=redirect_url(address),
        http=http,
    )


def issuer_router(issuer: DevelopmentIssuer, client: SignIn) -> APIRouter:
    """The two ends of the code flow, for the one *client* that there is here."""
    router = APIRouter(prefix="/issuer")

    @router.get("/authorize")
    async def choose(request: Request) -> Response:
        """Ask who to be."""
        asked = _asked(request.query_params, client)
        return page_of(request).show("issuer.html", people=PEOPLE, asked=asked)

    @router.get("/choice")
    async def chosen(
        request: Request, role: Role, subject: Asked, seller: Annotated[str, Query()] = ""
    ) -> Response:
        """Send the browser back with a code for whoever was chosen."""
        asked = _asked(request.query_params, client)
        if not (0 < len(subject) <= _LONGEST and subject.isprintable()):
            raise NotYours("a name has 1 to 64 characters that can be shown")
        code = issuer.code({**asked, "role": str(role), "subject": subject, "seller": seller})
        back = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 303, HEADERS)

    @router.post("/token")
    async def token(request: Request) -> Response:
        """Redeem a code for an ID token, for whoever knows the verifier."""
        said = await fields_of(request)
        try:
            grant = issuer.redeem(said.get("code", ""))
        except ValueError:
            return _no("invalid_grant")
        is_theirs = (
            challenge_of(said.get("code_verifier", "")) == grant["code_challenge"]
            and said.get("redirect_uri") == grant["redirect_uri"]
            and said.get("client_id") == grant["client_id"]
        )
        if not is_theirs or said.get("grant_type") != "authorization_code":
            return _no("invalid_grant")
        made = issuer.mint(
            Role(grant["role"]), grant["subject"], seller=grant["seller"], nonce=grant["nonce"]
        )
        return JSONResponse({"id_token": made, "access_token": made, "token_type": "Bearer"})

    return router


def _asked(query: Mapping[str, str], client: SignIn) -> dict[str, str]:
    """What the client asks with. Another client, or another way, is refused (`Problem` 400)."""
    asked = {name: query.get(name, "") for name in _ASKED}
    is_known = (
        asked["client_id"] == client.client_id and asked["redirect_uri"] == client.redirect_url
    )
    is_complete = all(asked.values()) and query.get("code_challenge_method", "S256") == "S256"
    if not (is_known and is_complete):
        raise Problem("request-unreadable", "this is not how the console asks for a sign-in")
    return asked


def _no(error: str) -> Response:
    return JSONResponse({"error": error}, 400)
