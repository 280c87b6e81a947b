"""The world as its doors see it, and the desk at which one request is served."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sandbox.faults import Faults
from sandbox.post import Post
from sandbox.rules import Rules
from sandbox.store import Json, Store

PLATFORM: Final = "acct_1SandboxPlatform"
_LETTERS: Final = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """An id as providers make them. Its letters are not quite even, which nobody needs."""
    letters = (_LETTERS[byte % len(_LETTERS)] for byte in secrets.token_bytes(length))
    return f"{prefix}_{''.join(letters)}"


class World:
    """Everything that the sandbox is, put together once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.faults = Faults(store)
        self.post = Post(store, self.faults)
        self.rules = Rules.load(store)

    def change(self, rules: Rules) -> None:
        rules.save(self.store)
        self.rules = rules
        self.post.wake.set()

    def desk(self, *, account: str = PLATFORM, at: int | None = None) -> "Desk":
        """A desk for a control call, at the given instant (UTC seconds) or now."""
        return Desk(self, account, self.store.now() if at is None else at)


@dataclass(frozen=True, slots=True)
class Desk:
    """One caller's hands on the books: for which account, at what moment, by which request."""

    world: World
    account: str
    at: int
    request: str | None = None
    key: str | None = None
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", self.world.store)

    @property
    def rules(self) -> Rules:
        return self.world.rules

    def keep(self, body: Json) -> Json:
        """Write an object of this desk's account down."""
        self.store.write(body, self.account)
        return body

    def of(self, account: str) -> "Desk":
        """The same request's desk at another account."""
        return Desk(self.world, account, self.at, self.request, self.key)


def instant(text: str) -> int:
    """UTC seconds of an ISO 8601 instant; raises ValueError where it has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone: write 2018-03-01T12:00:00Z or +00:00")
    return int(moment.timestamp())


def iso(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
