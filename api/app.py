"""The HTTP application, made from its services."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.responses import RedirectResponse

from api import docs, problems
from api.console.visitor import PATH
from api.deps import Services
from api.edge import Edge
from api.openapi import describe
from api.routers import (
    absences,
    audit,
    bank_details,
    books,
    bulk_rulings,
    chargebacks,
    disputes,
    evidence,
    fx,
    health,
    online,
    order_requests,
    orders,
    policies,
    purchases,
    repayments,
    requests,
    seller_money,
    sellers,
    timeline,
    webhook_deliveries,
    webhook_endpoints,
    webhooks,
    work,
)

_ROUTERS: Final = (
    orders.router,
    order_requests.router,
    online.router,
    timeline.router,
    repayments.router,
    purchases.router,
    disputes.router,
    bulk_rulings.router,
    evidence.router,
    chargebacks.router,
    sellers.router,
    bank_details.router,
    seller_money.router,
    books.router,
    fx.router,
    policies.router,
    requests.router,
    webhook_endpoints.router,
    webhook_deliveries.router,
    webhooks.router,
    work.router,
    absences.router,
    audit.router,
    health.router,
)


def create_app(
    services: Services, more: Sequence[APIRouter] = (), console: FastAPI | None = None
) -> FastAPI:
    """Make the application; *more* are routers of the place where it runs (the codec's)."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await services.wakeups.close()

    app = FastAPI(
        title="Caravan",
        version="1",
        summary="Durable marketplace processes over HTTP.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's own page loads scripts from another host.
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    app.state.problem_base = services.problem_base.rstrip("/")
    for router in (*_ROUTERS, *more):
        app.include_router(router)
    if console is not None:
        app.add_route(PATH, lambda _: RedirectResponse(f"{PATH}/", 303), include_in_schema=False)
        app.mount(PATH, console)
    problems.install(app)
    describe(app)
    docs.install(app)
    app.add_middleware(Edge)
    return app
