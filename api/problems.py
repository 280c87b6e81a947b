"""Problems: what is said when something is not done (RFC 9457), each with a stable type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from adapters.errors import NotGenuine, Outage
from domain.errors import Refusal
from persistence.outages import AWAY, passes
from persistence.vault import Erased
from runtime.answers import STATUS

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 5
_METHODS: Final = ("DELETE", "GET", "PATCH", "POST")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Kind:
    """One way to be told no: its status, its title, and what the caller can do about it."""

    status: int
    title: str
    help: str


def _refusal(code: str, title: str, advice: str) -> tuple[str, Kind]:
    return code, Kind(STATUS[code], title, advice)


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    dict(
        [
            _refusal("refused", "Refused", "A rule said no; the detail says which."),
            _refusal(
                "illegal-transition",
                "Not possible now",
                "The object is not in a state that allows this. Read it again: `allowed` says "
                "what is possible, `next` what will happen by itself.",
            ),
            _refusal(
                "amount-exceeded",
                "More than there is",
                "More money was asked for than is left. `available` says how much there is, in "
                "minor units of `currency`.",
            ),
            _refusal(
                "deadline-passed",
                "Too late",
                "It was asked after its time had run out, at `due_at`. The instant at which the "
                "request arrived here counts, not the one at which it was heard.",
            ),
            _refusal(
                "pending-request",
                "Somebody was first",
                "A request that came in time has not been heard yet. Try again shortly.",
            ),
            _refusal(
                "currency-unknown",
                "No figures for this currency",
                "The policy has no figures for the currency: use one that it lists.",
            ),
            _refusal(
                "fx-rate-unknown",
                "No exchange rate",
                "There is no rate between the order's currency and the seller's, or none that is "
                "fresh enough. Use the seller's currency, or try again after the next publication.",
            ),
            _refusal(
                "tracking-number-invalid",
                "Not a tracking number",
                "The carrier never gives out such a number: compare it with the label.",
            ),
            _refusal(
                "tracking-number-in-use",
                "Tracking number in use",
                "The number already belongs to another parcel.",
            ),
            _refusal(
                "shipment-fixed",
                "Shipment fixed",
                "The number can no longer be changed: the facts say why. The old one is kept.",
            ),
            _refusal(
                "address-fixed",
                "Address fixed",
                "The goods cannot be sent there: another country needs another order.",
            ),
            _refusal(
                "label-unavailable",
                "Not sold",
                "No carrier sells this label or sends this courier, or not at the price that was "
                "seen. Nothing was charged: look at the rates again.",
            ),
            _refusal(
                "address-missing",
                "No address",
                "A parcel cannot be fetched, or brought, without an address: `subject` says whose "
                "is missing.",
            ),
            _refusal(
                "seller-not-active",
                "Seller not active",
                "The seller may not do this in their present standing.",
            ),
            _refusal(
                "paid-on-shipment",
                "Paid on shipment",
                "What `seller` sells is paid when it is shipped, and a purchase over several "
                "sellers is paid at once: place the order of this seller by itself.",
            ),
            _refusal(
                "not-allowed",
                "Not allowed",
                "Your role does not allow this; ask somebody whose does.",
            ),
            _refusal("not-found", "Not found", "There is no such thing, or none that you may see."),
            _refusal(
                "already-exists", "Already exists", "The identifier is taken: choose another one."
            ),
            _refusal(
                "version-conflict",
                "Changed meanwhile",
                "It was changed since you looked. Read it again, then decide again.",
            ),
            _refusal(
                "idempotency-key-reused",
                "Idempotency key reused",
                "The key belongs to a request with another body. Use a new key for a new request.",
            ),
            _refusal(
                "payout-withheld",
                "Payout withheld",
                "Nothing is paid out now; `reason` says why. The balance stays payable.",
            ),
            _refusal(
                "address-refused",
                "Address refused",
                "Outgoing webhooks go to public addresses by https; the detail says what is not.",
            ),
            _refusal(
                "limit-reached", "Limit reached", "There are `limit` already, which is the most."
            ),
            _refusal(
                "infected",
                "Malware",
                "The scanner has found malware in the file, and it was not kept. Look after the "
                "device that it comes from, and show something else: a new picture, say.",
            ),
            _refusal(
                "not-evidence",
                "Not a file that can be shown",
                "Send a picture (JPEG, PNG, WebP), a film (MP4) or a document (PDF), as it is.",
            ),
            _refusal(
                "confirmation-code-invalid",
                "Not the code that was sent",
                "Take the code from the newest letter; `left` says how many more tries there are.",
            ),
            _refusal(
                "policy-invalid",
                "Policy invalid",
                "The document contradicts itself or its form; `key` says where.",
            ),
        ]
    )
    | {
        "request-invalid": Kind(
            422, "Request invalid", "`errors` names each field and what is wrong with it."
        ),
        "request-unreadable": Kind(400, "Request unreadable", "The request could not be read."),
        "idempotency-key-missing": Kind(
            400,
            "Idempotency key missing",
            "Every POST needs a header `Idempotency-Key` of your own choice (1 to 200 visible "
            "characters). Repeat the request with the same key and get the same answer.",
        ),
        "precondition-required": Kind(
            428, "Say what you saw", "Send `If-Match` with the `ETag` of what you have read."
        ),
        "not-authenticated": Kind(
            401, "Not authenticated", "Send `Authorization: Bearer` with a valid token or key."
        ),
        "not-genuine": Kind(400, "Not genuine", "The signature is not the provider's, or too old."),
        "person-erased": Kind(
            410, "Person forgotten", "The person whom this concerns was erased at their request."
        ),
        "method-not-allowed": Kind(
            405, "Method not allowed", "`Allow` lists the methods of this address."
        ),
        "body-too-large": Kind(413, "Body too large", "Send less at once."),
        "media-type-unsupported": Kind(
            415, "Media type unsupported", "Send `Content-Type: application/json`."
        ),
        "too-many-requests": Kind(
            429, "Too many requests", "Wait as long as `Retry-After` says, in seconds."
        ),
        "internal-error": Kind(
            500,
            "Our mistake",
            "It is on record under `request_id`. Repeating the request with the same key is safe.",
        ),
        "unavailable": Kind(
            503,
            "Not available now",
            "Something that this needs does not answer. Repeating the request with the same key "
            "is safe; `Retry-After` says when.",
        ),
    }
)
_BY_STATUS: Final = MappingProxyType(
    {
        400: "request-unreadable",
        401: "not-authenticated",
        403: "not-allowed",
        404: "not-found",
        405: "method-not-allowed",
        413: "body-too-large",
        415: "media-type-unsupported",
        429: "too-many-requests",
        503: "unavailable",
    }
)


@dataclass
class Problem(Exception):
    """Something that the edge itself says no to."""

    code: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def response(request: Request, problem: Problem) -> JSONResponse:
    """Render a problem; every one names its type and the request that met it."""
    kind = KINDS[problem.code]
    base: str = request.app.state.problem_base
    body = dict(problem.facts) | {
        "type": f"{base}/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "request_id": request.scope.get("request_id", ""),
    }
    headers = dict(problem.headers)
    if kind.status in {429, 503}:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return JSONResponse(body, kind.status, headers, MEDIA_TYPE)


def of_refusal(refusal: Refusal) -> Problem:
    """A rule's no, with the facts that explain it."""
    return Problem(refusal.code, refusal.detail, refusal.facts)


def of_failure(error: Exception) -> Problem:
    """What a failure of any kind is to whoever has asked.

    An outage is told apart from a mistake of ours: a broken statement stays one (500).
    """
    match error:
        case Problem():
            return error
        case Refusal():
            return of_refusal(error)
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            code = _BY_STATUS.get(error.status_code, "request-unreadable")
            return Problem(code, KINDS[code].help, headers=error.headers or {})
        case NotGenuine():
            # And no more: whoever tries signatures is not helped along.
            code = "not-genuine"
        case Erased():
            code = "person-erased"
        case _:
            code = _unforeseen(error)
    return Problem(code, KINDS[code].help)


def _unforeseen(error: Exception) -> str:
    if not _is_outage(error):
        return "internal-error"
    # By name alone: what a driver says may quote the values of a statement.
    log.warning("dependency.failed", why=type(getattr(error, "orig", None) or error).__name__)
    return "unavailable"


def install(app: FastAPI) -> None:
    """Let every failure leave as a problem."""
    for failure in FAILURES:
        app.add_exception_handler(failure, _on_failure)


def _on_failure(request: Request, error: Exception) -> JSONResponse:
    problem = of_failure(error)
    if problem.code == "internal-error":
        raise error
    if isinstance(error, NotGenuine):
        log.warning("webhook.refused", path=request.url.path, why=str(error))
    if problem.code == "method-not-allowed":
        problem.headers = dict(problem.headers) | {"Allow": ", ".join(_methods_here(request))}
    return response(request, problem)


def _invalid(error: RequestValidationError) -> Problem:
    """Name each field, and never echo what was sent: it may be anybody's data."""
    errors = [{"field": _path(problem["loc"]), "why": _why(problem)} for problem in error.errors()]
    named = ", ".join(sorted({problem["field"] for problem in errors}))
    return Problem("request-invalid", f"cannot be accepted: {named}", {"errors": errors})


def _why(problem: Mapping[str, Any]) -> str:
    """What is wrong with it, in words for people who have never heard of a tuple."""
    match problem["type"]:
        case "too_long":
            return f"has more than {problem['ctx']['max_length']} entries"
        case "too_short":
            return f"needs {problem['ctx']['min_length']} or more entries"
        case _:
            return str(problem["msg"]).removeprefix("Value error, ")


def _path(location: tuple[int | str, ...]) -> str:
    """Where it is, as a person would write it: "lines[0].price"."""
    source, *inner = location
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner)
    if source == "body":
        return path.lstrip(".") or "body"
    return f"{source} {path.lstrip('.')}"


def _methods_here(request: Request) -> list[str]:
    """Every method of the address: each route knows its own alone."""
    return [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


def _is_outage(error: Exception) -> bool:
    return isinstance(error, Outage) or passes(error)


FAILURES: Final[tuple[type[Exception], ...]] = (
    *(Problem, Refusal, RequestValidationError, HTTPException, Erased, NotGenuine),
    *(Outage, OSError, *AWAY, DBAPIError),
)
