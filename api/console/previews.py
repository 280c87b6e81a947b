"""What an act would do, before it is done: the API's own function, rehearsed instead of asked."""

from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import Response

from api.asking import Asking, Draft, Message, visible_order
from api.deps import Services
from domain.errors import Refusal
from domain.ids import order_workflow_id
from domain.order.money import OrderFunds
from domain.order.rules import Action
from domain.order.state import OrderState
from domain.order.whereabouts import Whereabouts, whereabouts
from runtime import rehearsal
from runtime.rehearsal import OrderRehearsal
from workflows.order.hearing import judge

# What a rehearsal can play: the rest needs a carrier or the buyer's bank, and moves no money now.
REHEARSED: Final = frozenset(
    {
        Action.RESOLVE,
        Action.DECIDE_AMOUNT,
        Action.DECIDE_RISK,
        Action.REPORT_FRAUD,
        Action.DECIDE_FRAUD,
        Action.RULE_ON_CUSTOMS,
        Action.ANSWER_CONSENT,
        Action.CONFIRM_RECEIPT,
        Action.DENY_RECEIPT,
        Action.DISOWN_SHIPMENT,
        Action.REFUND,
        Action.PLACE_HOLD,
        Action.LIFT_HOLD,
    }
)


@dataclass(frozen=True)
class Moved:
    """One place's money before and after, in minor units of the order's currency."""

    where: Whereabouts
    before: int
    after: int


@dataclass(frozen=True)
class Preview:
    """What an act would do: nothing of money where it was only judged."""

    played: OrderRehearsal | None = None
    moved: tuple[Moved, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Rehearsing(Asking):
    """Asks nothing: what the API's function would have asked is rehearsed, and `found` here."""

    found: list[Preview] = field(default_factory=list[Preview])

    async def order(
        self,
        name: str,
        command: str,
        body: BaseModel,
        message: Message,
        draft: Draft | None = None,
    ) -> Response:
        """Rehearse it, or judge it where it cannot be."""
        del body, draft
        state = await visible_order(self.use, self.caller, name)
        request = message(self.caller.actor, self.use.clock.now(order_workflow_id(name)))
        action = Action(command.partition("/")[0].removeprefix("order."))
        try:
            self.found.append(await _previewed(self.use, state, action, request))
        except Refusal as refusal:
            self.found.append(Preview(refusal=refusal))
        return Response()


async def _previewed(use: Services, state: OrderState, action: Action, request: Any) -> Preview:  # noqa: ANN401 - any message
    if action not in REHEARSED:
        judge(state, request)
        return Preview()
    played = await rehearsal.rehearse(use.engine, state, request)
    before = _places(played.funds_before, state)
    after = _places(played.funds_after, played.after)
    moved = tuple(
        Moved(where, before.get(where, 0), after.get(where, 0))
        for where in Whereabouts
        if where in before or where in after
    )
    return Preview(played, moved)


def _places(funds: OrderFunds, state: OrderState) -> dict[Whereabouts, int]:
    return {part.where: part.amount for part in whereabouts(funds, state.received)}
