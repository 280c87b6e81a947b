"""The console's door: signing in and out, and what a browser remembers of its owner's taste."""

import secrets
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.console.pages import HEADERS, THEME, THEMES, page_of, see_other
from api.console.sign_in import Attempt, SignIn
from api.console.visitor import (
    DRAFT,
    PATH,
    SESSION,
    Fields,
    Provider,
    Somebody,
    draft_of,
    fields_of,
    is_from_here,
    local,
)
from api.console.words import LANGUAGE, LANGUAGES
from api.problems import Problem
from domain.actors import STAFF

router = APIRouter()
ATTEMPT: Final = "caravan_attempt"
_ATTEMPT_SECONDS: Final = 600
_YEAR: Final = 365 * 86_400
To = Annotated[str, Query(max_length=1000)]


@router.get("/")
async def front(who: Somebody) -> Response:
    """Lead to the first page of whoever is signed in."""
    return see_other(f"{PATH}/queue" if who.caller.role in STAFF else f"{PATH}/orders")


@router.get("/sign-in")
async def sign_in(request: Request, provider: Provider, to: To = PATH) -> Response:
    """Go to the identity provider."""
    if request.url.netloc != urlsplit(provider.redirect_url).netloc:
        # The provider comes back to our public address: what is kept must be kept there.
        own = provider.redirect_url.removesuffix("/signed-in")
        return RedirectResponse(f"{own}/sign-in?to={quote(local(to))}", 303, HEADERS)
    attempt = Attempt.begin(local(to))
    response = RedirectResponse(provider.address(attempt), 303, HEADERS)
    _keep(response, ATTEMPT, attempt.kept(), provider, _ATTEMPT_SECONDS)
    return response


@router.get("/signed-in")
async def signed_in(
    request: Request, provider: Provider, code: str = "", state: str = ""
) -> Response:
    """Take in whoever comes back from the provider; what they had written is shown to them."""
    attempt = Attempt.read(request.cookies.get(ATTEMPT, ""))
    if attempt is None or not secrets.compare_digest(state.encode(), attempt.state.encode()):
        raise Problem("not-authenticated", "this sign-in was not begun in this browser, or is old")
    token = await provider.redeem(code, attempt)
    draft = draft_of(request)
    response = see_other(draft[0], kept="1") if draft else see_other(attempt.to)
    _keep(response, SESSION, token, provider)
    response.delete_cookie(ATTEMPT, path=PATH)
    return response


@router.post("/sign-out")
async def sign_out(fields: Fields) -> Response:
    """Forget the session, and what was being written."""
    del fields
    response = see_other(f"{PATH}/goodbye")
    response.delete_cookie(SESSION, path=PATH)
    response.delete_cookie(DRAFT, path=PATH)
    return response


@router.get("/goodbye")
async def goodbye(request: Request) -> Response:
    """Say that nobody is signed in."""
    return page_of(request).show("goodbye.html")


@router.get("/session-ended")
async def session_ended(request: Request, to: To = PATH) -> Response:
    """Say what became of what was being done: nothing, and it is kept."""
    draft = draft_of(request)
    return page_of(request).show(
        "ended.html", 200, to=draft[0] if draft else local(to), is_kept=draft is not None
    )


@router.post("/preferences")
async def prefer(request: Request) -> Response:
    """Remember a language, a zone or a theme in this browser. It needs nobody to be signed in."""
    if not is_from_here(request):
        raise Problem("not-allowed", "the form was not made by a page of ours")
    fields = await fields_of(request)
    response = see_other(local(fields.get("to", PATH)))
    taste = {
        LANGUAGE: fields.get("language", "") if fields.get("language") in LANGUAGES else "",
        THEME: fields.get("theme", "") if fields.get("theme") in THEMES else "",
    }
    for name, value in taste.items():
        if value:
            response.set_cookie(name, value, max_age=_YEAR, path=PATH, samesite="lax")
    return response


def _keep(
    response: Response, name: str, value: str, provider: SignIn, seconds: int | None = None
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=provider.redirect_url.startswith("https:"),
    )
