"""What routes need: the services, the caller, the clock of the edge."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Protocol

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.client import Client

from adapters.payment.port import Intent
from api.auth import Caller, Doorkeeper
from api.limits import Places, RateLimit
from api.problems import KINDS, Problem
from domain.actors import STAFF, Role
from persistence.carriage.port import Addresses
from persistence.engine import POOLED
from persistence.vault import Vault
from runtime.clock import EdgeClock, UtcClock
from runtime.desk import Desk
from runtime.endpoints import Endpoints
from runtime.evidence import Evidence
from runtime.intake import Intake
from runtime.rates import Rates
from runtime.wakeups import Wakeups

_KEY_LENGTH = 200


class PaymentReader(Protocol):
    """The one thing that the API asks of the payment provider."""

    name: str

    async def look(self, reference: str) -> Intent:
        """The truth about a payment now, with what the buyer's browser needs."""
        ...


@dataclass(frozen=True)
class Services:
    """Everything that the API works with; made once, at start-up."""

    engine: AsyncEngine
    vault: Vault
    addresses: Addresses
    desk: Desk
    temporal: Client
    doorkeeper: Doorkeeper
    intake: Intake
    payments: PaymentReader
    rates: Rates
    wakeups: Wakeups
    endpoints: Endpoints
    evidence: Evidence
    clock: EdgeClock = field(default_factory=UtcClock)
    rate: RateLimit = field(default_factory=lambda: RateLimit(50, 200))
    streams: Places = field(default_factory=lambda: Places("streams", 20, 500))
    # Each holds a file several times over in memory.
    uploads: Places = field(default_factory=lambda: Places("uploads", 2, 8))
    problem_base: str = "/problems"


def services(request: Request) -> Services:
    """What the application was made with."""
    found: Services = request.app.state.services
    return found


Use = Annotated[Services, Depends(services)]
_bearer = HTTPBearer(
    auto_error=False,
    description="A token of the identity provider, or a service's key (`csk_...`).",
)


async def authenticated(
    request: Request,
    use: Use,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Whoever asks, known and not too busy. Raises `Problem` (401, 429)."""
    header = f"{credentials.scheme} {credentials.credentials}" if credentials else ""
    caller = await use.doorkeeper.caller(header)
    request.scope["caller"] = str(caller)
    use.rate.take(str(caller))
    return caller


Anybody = Annotated[Caller, Depends(authenticated)]


def only(*roles: Role) -> Callable[..., Caller]:
    """A dependency that lets these roles pass and refuses all others (403)."""

    def has_role(caller: Anybody) -> Caller:
        if caller.role not in roles:
            raise Problem("not-allowed", f"a {caller.role} may not do this", {"role": caller.role})
        return caller

    has_role.__dict__["roles"] = frozenset(roles)
    return has_role


Everybody = frozenset(Role)
Staff = tuple(sorted(STAFF))


async def connection(use: Use) -> AsyncIterator[AsyncConnection]:
    """A connection to read with, or to try out what is rolled back."""
    async with use.engine.connect() as db:
        yield db


# Who holds one and looks something up beside it needs another for a moment. Half of a pool's
# connections at most are held so, hence nobody waits for somebody who waits. None is held while
# the answer is sent: a caller may read as slowly as they like.
_FOR_ACTS: Final = 4
Database = Annotated[
    AsyncConnection, Depends(connection, scope="function", max_concurrency=POOLED - _FOR_ACTS)
]
# The same for a form that is sent: it waits for its process, for seconds where Temporal is away,
# and keeps no reader waiting meanwhile.
ActingDatabase = Annotated[
    AsyncConnection, Depends(connection, scope="function", max_concurrency=_FOR_ACTS)
]


def idempotency_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Yours; the same key and body get the same answer.",
            examples=["4f8a-checkout-1001"],
        ),
    ] = None,
) -> str:
    """The key under which a POST is on record. Raises `Problem` (400) without one."""
    key = idempotency_key or ""
    if not (0 < len(key) <= _KEY_LENGTH and key.isascii() and key.isprintable()):
        raise Problem("idempotency-key-missing", KINDS["idempotency-key-missing"].help)
    return key


Key = Annotated[str, Depends(idempotency_key)]


def if_match(if_match: Annotated[str | None, Header(examples=['"3"'])] = None) -> int:
    """The version that the caller has seen. Raises `Problem` (428) without one."""
    tag = (if_match or "").removeprefix("W/").strip('"')
    if not (tag.isascii() and tag.isdigit() and len(tag) < 10):  # noqa: PLR2004 - of an integer
        raise Problem("precondition-required", KINDS["precondition-required"].help)
    return int(tag)


Seen = Annotated[int, Depends(if_match)]
