"""The console as an application of its own, mounted beside the API."""

from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from api.console import (
    acts,
    bulk_rulings,
    chargebacks,
    dispute_list,
    disputes,
    evidence,
    gate,
    issuer,
    live,
    orders,
    payouts,
    queue,
)
from api.console.pages import HEADERS, STATIC, page_of, see_other
from api.console.sign_in import SignIn
from api.console.visitor import (
    PATH,
    FormStale,
    SignedOut,
    fields_of,
    is_from_here,
    keep_draft,
    local,
)
from api.deps import Services
from api.problems import FAILURES, KINDS, Problem, of_failure
from runtime.issuer import DevelopmentIssuer

_ROUTERS: Final = (
    gate.router,
    queue.router,
    orders.router,
    acts.router,
    dispute_list.router,
    bulk_rulings.router,
    disputes.router,
    evidence.router,
    chargebacks.router,
    payouts.router,
    live.router,
)
log = structlog.get_logger(__name__)


def create_console(
    services: Services,
    sign_in: SignIn,
    temporal_ui: str = "",
    development: DevelopmentIssuer | None = None,
) -> FastAPI:
    """Make the console; *development* is who vouches for visitors on a newcomer's machine."""
    app = FastAPI(title="Caravan console", openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.state.problem_base = services.problem_base.rstrip("/")
    app.state.sign_in = sign_in
    app.state.temporal_ui = temporal_ui.rstrip("/")
    for router in _ROUTERS:
        app.include_router(router)
    if development is not None:
        app.include_router(issuer.issuer_router(development, sign_in))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(SignedOut, _on_signed_out)
    app.add_exception_handler(FormStale, _on_form_stale)
    for failure in (*FAILURES, Exception):
        app.add_exception_handler(failure, _on_failure)
    return app


async def _on_signed_out(request: Request, _: Exception) -> Response:
    """Lead to the sign-in; what was being posted is kept for when its writer is back."""
    here = local(request.url.path)
    if request.method != "POST":
        asked = f"{here}?{request.url.query}" if request.url.query else here
        if "hx-request" in request.headers:
            # A partial answer: the whole page has to go and sign in.
            return Response(status_code=204, headers={**HEADERS, "HX-Refresh": "true"})
        return see_other(f"{PATH}/sign-in", to=asked)
    response = see_other(f"{PATH}/session-ended", to=here)
    if is_from_here(request):
        _keep(request, response, here, await fields_of(request))
    return response


async def _on_form_stale(request: Request, _: Exception) -> Response:
    """Show the form again, made for this session, with what was written in it."""
    here = local(request.url.path)
    response = see_other(here, kept="1")
    _keep(request, response, here, await fields_of(request))
    return response


def _keep(request: Request, response: Response, path: str, fields: dict[str, str]) -> None:
    is_secure = request.app.state.sign_in.redirect_url.startswith("https:")
    if not keep_draft(response, path, fields, is_secure=is_secure):
        log.warning("draft.dropped", path=path)


def _on_failure(request: Request, error: Exception) -> Response:
    """Say what happened, what is safe, and what to do."""
    problem = _nowhere(error) or of_failure(error)
    kind = KINDS[problem.code]
    shown = page_of(request).show("error.html", kind.status, problem=problem, kind=kind)
    shown.headers.update(problem.headers)
    return shown


def _nowhere(error: Exception) -> Problem | None:
    """An address that names what nothing can be called is one where nothing is."""
    if not isinstance(error, RequestValidationError):
        return None
    if all(each["loc"][0] == "path" for each in error.errors()):
        return Problem("not-found", KINDS["not-found"].help)
    return None
