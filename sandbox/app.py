"""The sandbox as one HTTP application, put together."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from sandbox.carriers import gate as carriers
from sandbox.control.api import Control
from sandbox.control.pages import Pages
from sandbox.courier import Courier
from sandbox.payments import gate as payments
from sandbox.rates import gate as rates
from sandbox.sink import Sink
from sandbox.world import World

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def build(world: World, courier: Courier) -> FastAPI:
    """All doors of the sandbox. Who runs the application runs the courier too."""
    app = FastAPI(title="Caravan sandbox", openapi_url=None, docs_url=None, redoc_url=None)
    stripe, easypost = payments.Gate(world), carriers.Gate(world)
    app.add_api_route("/stripe/{path:path}", stripe.__call__, methods=_METHODS, response_model=None)
    app.add_api_route(
        f"{carriers.PREFIX}/{{path:path}}", easypost.__call__, methods=_METHODS, response_model=None
    )
    app.add_api_route(
        f"{rates.PREFIX}/{{name}}", rates.Gate(world).__call__, methods=["GET"], response_model=None
    )
    app.include_router(Control(world, courier).router())
    app.include_router(Pages(world, courier).router())
    app.include_router(Sink(world).router())
    app.add_api_route("/livez", _alive, response_model=None)
    return app


async def _alive() -> Response:
    return JSONResponse({"status": "ok"})
