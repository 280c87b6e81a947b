"""What any way of sending words to people must do for us, and promise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """One message to one person. `key` names it for ever: a repeat carries the same Message-ID.

    `language` is that of its words (BCP 47), for programs that read it aloud or translate it.
    """

    key: str
    to: str
    subject: str
    text: str
    language: str = "en"


class Post(Protocol):
    """Sends letters. A repeat of the same key is recognisable by the receiver as the same.

    Raises `Unavailable` when it should be tried again and `Rejected` when it never will work.
    """

    async def send(self, letter: Letter) -> None:
        """Hand the letter over."""
        ...


@dataclass(frozen=True)
class Call:
    """One message to one endpoint. `id` names it for ever; every valid secret signs it."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[str] = field(repr=False)


@dataclass(frozen=True)
class Heard:
    """What came of a call: a status, or the reason why there is none (`error`).

    `excerpt` is the beginning of what was answered, as plain text.
    """

    status: int | None
    ms: int
    excerpt: str = ""
    error: str = ""


class Hooks(Protocol):
    """Calls endpoints.

    The contract, asked in `tests/adapters/test_webhook_calls.py`:

    * every call is signed as Standard Webhooks has it, a repeat under the same id;
    * a redirect is an answer, and is not followed;
    * it ends in time, however slowly or however much the endpoint answers;
    * it reaches no address that the deployment does not allow, whatever the name resolves to.
    """

    def objection(self, url: str) -> str:
        """Why this address may not be called, as far as one can see from it; "" if it may."""
        ...

    async def call(self, call: Call) -> Heard:
        """Call the endpoint. What goes wrong is what was heard: nothing is raised for it."""
        ...
