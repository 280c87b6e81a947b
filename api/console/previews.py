"""What an act would do, before it is done: the API's own function, rehearsed instead of asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import Response

from api.asking import Asking, Show, visible_dispute, visible_order
from api.deps import Services
from api.routers.chargebacks import visible as visible_chargeback
from domain.chargeback import rules as chargeback_rules
from domain.chargeback.state import ChargebackState
from domain.dispute import rules as dispute_rules
from domain.dispute.rules import Action as DisputeAction
from domain.dispute.state import DisputeState
from domain.errors import Refusal
from domain.ledger import AccountKind
from domain.order.money import OrderFunds
from domain.order.rules import Action
from domain.order.state import OrderState
from domain.order.whereabouts import Whereabouts, whereabouts
from runtime import rehearsal
from runtime.claim_rehearsal import if_lost
from runtime.desk import Ask, Work
from runtime.dispute_rehearsal import DisputeRehearsal, Theatre
from runtime.rehearsal import OrderRehearsal
from workflows.chargeback.messages import AnswerBank
from workflows.dispute.messages import DisputeRequest, OpenDispute
from workflows.order.hearing import judge
from workflows.order.messages import Resolve

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
# Goods that are sent are only judged: a carrier would hear of them.
SENDING: Final = frozenset(
    {DisputeAction.SEND_BACK, DisputeAction.SEND_AGAIN, DisputeAction.RETURN_LABEL}
)
_OTHERS: Final = (
    AccountKind.PLATFORM_LOSS,
    AccountKind.CARRIER_COSTS,
    AccountKind.AFFILIATE_PAYABLE,
    AccountKind.SUBSIDY,
)


@dataclass(frozen=True)
class Moved:
    """One place's money before and after, in minor units of the order's currency."""

    where: Whereabouts
    before: int
    after: int


@dataclass(frozen=True)
class Borne:
    """What an account of the platform's or a carrier's would pay (minor units)."""

    account: AccountKind
    amount: int


@dataclass(frozen=True)
class Preview:
    """What an act would do: nothing of money where it was only judged."""

    played: OrderRehearsal | DisputeRehearsal | None = None
    moved: tuple[Moved, ...] = ()
    borne: tuple[Borne, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Rehearsing(Asking):
    """Asks nothing: what the API's function would have asked is rehearsed, and `found` here."""

    found: list[Preview] = field(default_factory=list[Preview])

    async def sent(self, ask: Ask, show: Show) -> Response:
        """Rehearse it, or judge it where it cannot be."""
        del show
        try:
            self.found.append(await self._previewed(ask))
        except Refusal as refusal:
            self.found.append(Preview(refusal=refusal))
        return Response()

    async def do(self, ask: Ask, work: Work) -> Response:
        """What moves no money and no process is not done either: there is nothing to rehearse."""
        del ask, work
        self.found.append(Preview())
        return Response()

    async def _previewed(self, ask: Ask) -> Preview:
        kind, _, name = ask.object.partition("/")
        action = ask.command.partition("/")[0].partition(".")[2]
        if isinstance(ask.message, OpenDispute):
            return _of_dispute(await _theatre(self.use).opening(ask.message))
        if isinstance(ask.message, AnswerBank):
            chargeback = await visible_chargeback(self.use, self.caller, name)
            chargeback_rules.check(chargeback, ask.message.action, ask.message.actor)
            return await _answered(self.use, chargeback, ask.message)
        if kind == "dispute":
            dispute = await visible_dispute(self.use, self.caller, name)
            return await _asked_of_dispute(self.use, dispute, DisputeAction(action), ask.message)
        order = await visible_order(self.use, self.caller, name)
        return await _asked_of_order(self.use, order, Action(action), ask.message)


async def _asked_of_order(
    use: Services,
    state: OrderState,
    action: Action,
    request: Any,  # noqa: ANN401 - any message
) -> Preview:
    if action not in REHEARSED:
        judge(state, request)
        return Preview()
    played = await rehearsal.rehearse(use.engine, state, request)
    before = _places(played.funds_before, state.received)
    return Preview(played, _moved(before, _places(played.funds_after, played.after.received)))


async def _answered(use: Services, state: ChargebackState, said: AnswerBank) -> Preview:
    """Evidence moves nothing; what is given up is taken from the first of its orders as it is."""
    if said.action is not chargeback_rules.Action.CONCEDE or not state.slices:
        return Preview()
    before, after = await if_lost(use.engine, state, state.slices[0], said.received_at)
    return Preview(moved=_moved(_places(before), _places(after)))


async def rehearsed(
    use: Services, state: DisputeState, action: DisputeAction, request: DisputeRequest
) -> Preview:
    """What a request would do to a dispute, or why it would be refused."""
    try:
        return await _asked_of_dispute(use, state, action, request)
    except Refusal as refusal:
        return Preview(refusal=refusal)


def _theatre(use: Services) -> Theatre:
    return Theatre(use.engine, use.addresses)


async def _asked_of_dispute(
    use: Services,
    state: DisputeState,
    action: DisputeAction,
    request: Any,  # noqa: ANN401 - any message
) -> Preview:
    match request:
        case Resolve():
            return _of_dispute(await _theatre(use).resolution(state, request))
        case _ if action in SENDING:
            dispute_rules.check(state, action, request.actor, request.received_at, request.asked)
            return Preview()
        case _:
            return _of_dispute(await _theatre(use).act(state, action, request))


def _of_dispute(played: DisputeRehearsal) -> Preview:
    moved = _moved(_places(played.funds_before), _places(played.funds_after))
    return Preview(played, moved, tuple(_borne(played)))


def _moved(before: dict[Whereabouts, int], after: dict[Whereabouts, int]) -> tuple[Moved, ...]:
    return tuple(
        Moved(where, before.get(where, 0), after.get(where, 0))
        for where in Whereabouts
        if where in before or where in after
    )


def _places(funds: OrderFunds, apart: int = 0) -> dict[Whereabouts, int]:
    return {part.where: part.amount for part in whereabouts(funds, apart)}


def _borne(played: DisputeRehearsal) -> Iterator[Borne]:
    """Who else than buyer and seller pays, or gets: what an order's own money does not show."""
    currency = played.before.currency
    entries = [entry for entry in played.traces.entries if entry.currency == currency]
    legs = [leg for entry in entries for leg in entry.legs]
    for account in _OTHERS:
        amount = sum(leg.amount for leg in legs if leg.account == account)
        if amount:
            yield Borne(account, amount)
