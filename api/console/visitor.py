"""Who looks at a page: their session, language and clock; and what they post."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.auth import Caller, caller_of
from api.console.sign_in import SignIn
from api.deps import Use, idempotency_key
from api.problems import Problem
from domain.actors import Role

SESSION: Final = "caravan_session"
DRAFT: Final = "caravan_draft"
PATH: Final = "/console"
_LONGEST_DRAFT: Final = 3500


class SignedOut(Exception):
    """Nobody is signed in (any more) in this browser."""


class FormStale(Exception):
    """A form was made for another session: what was written is kept, and nothing is done."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in. The token is what they prove it with, and it ends."""

    caller: Caller
    token: str
    ends_at: datetime

    @property
    def csrf(self) -> str:
        """What only a page of this session can know."""
        return hmac.new(self.token.encode(), b"caravan-form", hashlib.sha256).hexdigest()


def sign_in_of(request: Request) -> SignIn:
    """The provider that vouches for visitors."""
    found: SignIn = request.app.state.sign_in
    return found


Provider = Annotated[SignIn, Depends(sign_in_of)]


async def visitor(request: Request, use: Use, provider: Provider) -> Visitor:
    """Whoever is signed in. Raises `SignedOut`, or `Problem` (429) where they ask too often."""
    token = request.cookies.get(SESSION, "")
    if not token:
        raise SignedOut
    try:
        claims = await provider.doorkeeper.claims(token)
    except Problem:
        raise SignedOut from None
    caller = caller_of(claims)
    request.scope["caller"] = str(caller)
    use.rate.take(str(caller))
    return Visitor(caller, token, datetime.fromtimestamp(float(claims["exp"]), UTC))


Somebody = Annotated[Visitor, Depends(visitor)]


def visitors(*roles: Role) -> Callable[..., Visitor]:
    """A dependency that lets these roles see a page, and refuses all others (403)."""

    def has_role(who: Somebody) -> Visitor:
        if who.caller.role not in roles:
            role = who.caller.role
            raise Problem("not-allowed", f"a {role} may not see this", {"role": role})
        return who

    has_role.__dict__["roles"] = frozenset(roles)
    return has_role


Posted = Mapping[str, str]


async def posted(request: Request, who: Somebody) -> Posted:
    """The fields of a form that a page of this session has made.

    Raises `FormStale` for one of an earlier session, `Problem` (403) for one of another site.
    """
    fields = await fields_of(request)
    _must_be_ours(request, who, fields.get("csrf", ""))
    return fields


async def uploaded(request: Request, who: Visitor) -> bytes:
    """The file in a form that a page of this session has made; raises as `posted` does."""
    async with request.form(max_files=1, max_fields=10) as form:
        _must_be_ours(request, who, str(form.get("csrf", "")))
        file = form.get("file")
        return await file.read() if isinstance(file, UploadFile) else b""


def _must_be_ours(request: Request, who: Visitor, csrf: str) -> None:
    if not hmac.compare_digest(csrf.encode(), who.csrf.encode()):
        if is_from_here(request):
            raise FormStale
        raise Problem("not-allowed", "the form was not made by a page of this session")


Fields = Annotated[Posted, Depends(posted)]


def key_of(fields: Posted, more: str = "") -> str:
    """The form's own key, with *more* that says what it is for. Raises `Problem` (400).

    It is the API's idempotency key, and held to its rules: forms without one would all be one.
    """
    return idempotency_key(idempotency_key(fields.get("key")) + more)


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a form; of several with one name, all, separated by commas."""
    form = await request.form(max_files=0, max_fields=200)
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def is_from_here(request: Request) -> bool:
    """Whether the browser says that a page of ours has sent this."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def keep_draft(response: Response, path: str, fields: Posted, *, is_secure: bool) -> bool:
    """Keep what was written in the browser, until its writer is back; False if it is too long."""
    written = {name: value for name, value in fields.items() if name != "csrf"}
    said = json.dumps({"path": path, "fields": written}, separators=(",", ":"), ensure_ascii=False)
    kept = urlsafe_b64encode(said.encode()).decode()
    if len(kept) > _LONGEST_DRAFT:
        return False
    response.set_cookie(
        DRAFT, kept, max_age=86_400, path=PATH, httponly=True, samesite="lax", secure=is_secure
    )
    return True


def draft_of(request: Request) -> tuple[str, Posted] | None:
    """What was written before the session ended: for which page, and its fields."""
    try:
        kept = json.loads(urlsafe_b64decode(request.cookies.get(DRAFT, "")))
        path = str(kept["path"])
        fields = {str(name): str(value) for name, value in kept["fields"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return (path, fields) if local(path) == path else None


def local(path: str) -> str:
    """*path* if it is one of the console's, else its first page: nobody is sent elsewhere."""
    is_ours = path == PATH or path.startswith((f"{PATH}/", f"{PATH}?"))
    is_plain = path.isprintable() and "\\" not in path and "//" not in path
    return path if is_ours and is_plain else PATH


def redirect_url(address: str) -> str:
    """Where the identity provider sends visitors of the console at *address* back to."""
    return f"{address.rstrip('/')}{PATH}/signed-in"
