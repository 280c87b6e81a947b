"""How the API is put together and served; it starts, and takes requests, without Temporal."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import httpx2
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client

from adapters.files.objects import ObjectFiles
from adapters.files.scanner import scanner_at
from api.app import create_app
from api.auth import Doorkeeper, FetchedKeys, FixedKeys, Keys
from api.console.app import create_console
from api.console.issuer import development_sign_in
from api.console.sign_in import SignIn
from api.console.visitor import redirect_url
from api.deps import Services, only
from api.limits import RateLimit
from api.routers.codec import codec_router
from domain.actors import Role
from runtime import wiring
from runtime.clock import UtcClock
from runtime.codec import CaravanCodec, data_converter
from runtime.desk import Desk
from runtime.endpoints import Endpoints
from runtime.evidence import Evidence
from runtime.intake import Intake
from runtime.issuer import DevelopmentIssuer
from runtime.policies import publish_shipped
from runtime.rates import Rates
from runtime.settings import AuthSettings, CodecSettings, Settings, SettingsError, required
from runtime.telemetry import configure_logging, configure_tracing
from runtime.wakeups import Wakeups

_LAST_WORDS: Final = 10
_PROVIDER_SECONDS: Final = 10
log = structlog.get_logger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until told to stop; what is being answered is finished first."""
    configure_logging("api", form=settings.log.format, level=settings.log.level)
    configure_tracing("caravan-api")
    async with opened(settings) as services:
        await _publish(services)
        async with httpx2.AsyncClient(timeout=_PROVIDER_SECONDS, trust_env=False) as http:
            console = _console(settings, services, http)
            await _listen(
                settings, create_app(services, [codec_of(settings.codec, services)], console)
            )
    log.info("api.stopped")


async def _listen(settings: Settings, app: FastAPI) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.api.host,
            port=settings.api.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_LAST_WORDS,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # Uvicorn raises the signal again when it has ended; we still have things to close.
        asyncio.get_running_loop().add_signal_handler(number, _leave_it_to_uvicorn)
    log.info("api.started", host=settings.api.host, port=settings.api.port)
    await server.serve()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncGenerator[Services]:
    """Open everything that the API works with."""
    auth = required(settings.auth, "auth")
    async with wiring.services(settings) as shared:
        client = await Client.connect(
            **settings.temporal.connection(),
            data_converter=data_converter(shared.vault),
            lazy=True,
        )
        yield Services(
            engine=shared.engine,
            vault=shared.vault,
            addresses=shared.addresses,
            desk=Desk(shared.engine, shared.vault, client, settings.temporal.task_queue),
            temporal=client,
            doorkeeper=_doorkeeper(auth, settings.profile),
            intake=Intake(shared.engine, shared.vault, shared.payments, shared.tracking),
            payments=shared.payments,
            rates=Rates(shared.shipping, shared.addresses),
            wakeups=Wakeups(shared.engine),
            endpoints=Endpoints(shared.vault, shared.hooks),
            evidence=Evidence(
                shared.engine,
                shared.vault,
                ObjectFiles(settings.evidence.store),
                scanner_at(settings.evidence.scanner),
            ),
            clock=UtcClock(),
            rate=RateLimit(settings.api.requests_per_second, settings.api.burst),
            problem_base=settings.api.problem_base,
        )


def _doorkeeper(auth: AuthSettings, profile: str) -> Doorkeeper:
    return Doorkeeper(_keys(auth, profile), auth.issuer, auth.audience, auth.service_keys)


def _keys(auth: AuthSettings, profile: str) -> Keys:
    if auth.jwks_url is not None:
        return FetchedKeys(str(auth.jwks_url))
    if auth.development_key_file is None:
        raise SettingsError("Set CARAVAN_AUTH__JWKS_URL: nobody vouches for callers.")
    issuer = DevelopmentIssuer.open(
        auth.development_key_file, profile=profile, audience=auth.audience
    )
    return FixedKeys(issuer.jwks())


def _console(settings: Settings, services: Services, http: httpx2.AsyncClient) -> FastAPI | None:
    """The console, if there is somebody who vouches for its visitors."""
    auth, wanted = required(settings.auth, "auth"), settings.console
    address, temporal_ui = str(settings.api.public_url), str(wanted.temporal_ui or "")
    if auth.development_key_file is not None:
        issuer = DevelopmentIssuer.open(
            auth.development_key_file, profile=settings.profile, audience=auth.audience
        )
        sign_in = development_sign_in(issuer, address, http)
        return create_console(services, sign_in, temporal_ui, issuer)
    if wanted.authorize_url is None or wanted.token_url is None:
        log.warning("console.left_out", lacks="CARAVAN_CONSOLE__AUTHORIZE_URL and __TOKEN_URL")
        return None
    secret = wanted.client_secret.get_secret_value() if wanted.client_secret else ""
    sign_in = SignIn(
        doorkeeper=Doorkeeper(_keys(auth, settings.profile), auth.issuer, wanted.client_id),
        authorize_url=str(wanted.authorize_url),
        token_url=str(wanted.token_url),
        client_id=wanted.client_id,
        redirect_url=redirect_url(address),
        http=http,
        client_secret=secret,
    )
    return create_console(services, sign_in, temporal_ui)


def codec_of(told: CodecSettings, services: Services) -> APIRouter:
    """Histories in clear, for operators; locally also for whoever knows the capability."""
    capability = told.capability
    return codec_router(
        CaravanCodec(services.vault),
        only(Role.OPERATOR),
        told.ui_origins,
        capability.get_secret_value() if capability else None,
    )


def _leave_it_to_uvicorn() -> None:
    return


async def _publish(services: Services) -> None:
    """Publish the shipped policies at the first start of all; later, if the database is away."""
    try:
        await publish_shipped(services.engine, services.clock.now("policies"))
        await services.desk.follow_policies()
    except (OSError, DBAPIError) as error:
        log.warning("policies.postponed", error=type(error).__name__)
