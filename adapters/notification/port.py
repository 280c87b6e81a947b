"""What any way of sending words to people must do for us, and promise."""

from dataclasses import dataclass
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
