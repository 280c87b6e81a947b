"""What has been said to a process and waits for its turn."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

S = TypeVar("S")


@dataclass
class Letter(Generic[S]):
    """One message. A request's sender waits for `answer` or `refusal`; a fact's does not."""

    message: object
    received_at: datetime
    answer: S | None = None
    refusal: ApplicationError | None = None

    @property
    def is_answered(self) -> bool:
        """Whether its turn has come and gone."""
        return self.answer is not None or self.refusal is not None


class Mailbox(Generic[S]):
    """Keeps messages in the order of their arrival; a fact that was seen before is not kept."""

    def __init__(self) -> None:
        """Begin empty."""
        self._letters: deque[Letter[S]] = deque()
        self._seen: dict[str, None] = {}

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._letters)

    def note(self, event_id: str, fact: object, received_at: datetime) -> None:
        """Write a fact down, once per event."""
        if event_id not in self._seen:
            self._seen[event_id] = None
            self._letters.append(Letter(fact, received_at))

    async def hear(self, request: object, received_at: datetime) -> S:
        """Write a request down and wait for its turn; raises its refusal."""
        letter: Letter[S] = Letter(request, received_at)
        self._letters.append(letter)
        await workflow.wait_condition(lambda: letter.is_answered)
        if letter.refusal is not None:
            raise letter.refusal
        assert letter.answer is not None  # noqa: S101 - what is_answered means
        return letter.answer

    def next(self) -> Letter[S]:
        """The oldest message that waits."""
        return self._letters.popleft()
