"""How EasyPost is called: its official client in threads, and which failures mean what."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from easypost.easypost_client import EasyPostClient
from easypost.errors.api.bad_request_error import BadRequestError
from easypost.errors.api.forbidden_error import ForbiddenError
from easypost.errors.api.invalid_request_error import InvalidRequestError
from easypost.errors.api.method_not_allowed_error import MethodNotAllowedError
from easypost.errors.api.not_found_error import NotFoundError
from easypost.errors.general.easypost_error import EasyPostError

from adapters.errors import Outage, Rejected, Unavailable
from adapters.threads import Threads

NAME: Final = "easypost"
TIMEOUT_SECONDS: Final = 10
# The request itself is wrong. Everything else is theirs or the operator's to mend.
_FINAL: Final = (
    BadRequestError,
    ForbiddenError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)

Json = dict[str, Any]
T = TypeVar("T")


class Calls:
    """EasyPost's client, which blocks and has no types."""

    def __init__(
        self,
        api_key: str,
        api_base: str | None = None,
        calls: int = 8,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """*api_base* replaces EasyPost's own address; at most *calls* run at the same time."""
        options = {"api_base": api_base.rstrip("/")} if api_base else {}
        self._options: Json = {"api_key": api_key, "timeout": timeout_seconds, **options}
        self._threads = Threads(NAME, calls)
        self._local = threading.local()

    async def ask(self, call: Callable[[Any], T]) -> T:
        """Run *call* with the client. What it raises leaves as an outage."""
        try:
            return await self._threads.run(lambda: call(self._client()))
        except EasyPostError as error:
            raise outage_of(error) from error

    def close(self) -> None:
        """Take no further calls."""
        self._threads.close()

    def _client(self) -> EasyPostClient:
        """One client per thread, for its connections are not made to be shared."""
        client: EasyPostClient | None = getattr(self._local, "client", None)
        if client is None:
            client = EasyPostClient(**self._options)
            self._local.client = client
        return client


def outage_of(error: EasyPostError) -> Outage:
    """The same failure in our words. Their sentence may repeat an address, so their code speaks."""
    code = getattr(error, "code", None) or type(error).__name__
    if isinstance(error, _FINAL):
        return Rejected(NAME, code, "the request was refused")
    return Unavailable(NAME, code)


def moment(text: str) -> datetime:
    """EasyPost's own time; it documents those without a zone as UTC."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
