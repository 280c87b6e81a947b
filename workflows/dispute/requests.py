"""What may be asked of a dispute: one table of updates, each judged at once, then heard in turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.dispute.rules import Action
    from domain.dispute.state import DisputeState
    from workflows._kit.handlers import update_of
    from workflows.dispute.messages import DisputeRequest

# What the UI says of each update; its name is the action's.
REQUESTS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.PROPOSE: "A side, or the platform, makes an offer.",
        Action.ACCEPT: "A side accepts a proposal by its version.",
        Action.DECLINE: "A side does not take the platform's proposal.",
        Action.ESCALATE: "A side asks the platform to step in.",
        Action.EXTEND_EVIDENCE: "More time for evidence, once in a round.",
        Action.DECIDE: "Support rules on the case, at the revision that it has seen.",
        Action.APPROVE: "A second person agrees to a ruling.",
        Action.DISAPPROVE: "A second person does not agree.",
        Action.TAKE_BACK: "Support calls a bulk ruling back, in its time.",
        Action.ASSIGN: "The case is somebody's, or goes back into the queue.",
        Action.RETURN_LABEL: "The buyer wants a label for the return.",
        Action.SEND_BACK: "The buyer has handed the return to a carrier.",
        Action.ACCEPT_RETURN: "The seller takes the return as it is, or does without it.",
        Action.SEND_AGAIN: "The seller has sent the goods once more.",
        Action.ACCEPT_GOODS: "The buyer has the goods that were sent again.",
        Action.OBJECT_TO_GOODS: "What came is empty, or wrong.",
        Action.CHANGE_REASON: "What was missing has come, and is not right.",
        Action.CONTEST_ARRIVAL: "Nothing came, whatever the carrier says.",
        Action.WITHDRAW: "The buyer disputes nothing any more.",
        Action.APPEAL: "A side does not take the ruling.",
    }
)


@dataclass(frozen=True)
class Wish:
    """One request as it waits for its turn."""

    action: Action
    request: DisputeRequest


class Hearing(Protocol):
    """A process that is asked: it judges a wish, and answers when its turn has come."""

    def judge(self, wish: Wish) -> None:
        """Refuse at once what the table does not allow."""
        ...

    async def asked(self, wish: Wish) -> DisputeState:
        """Write it down and wait for its turn."""
        ...


def update(action: Action) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The update that hears of *action*: its validator refuses what the table does not allow."""

    async def hear(self: Hearing, request: DisputeRequest) -> DisputeState:
        return await self.asked(Wish(action, request))

    def may(self: Hearing, request: DisputeRequest) -> None:
        self.judge(Wish(action, request))

    names = (str(action), REQUESTS[action])
    return update_of("DisputeWorkflow", names, DisputeRequest, hear, may)
