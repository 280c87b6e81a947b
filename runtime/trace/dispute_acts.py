"""What happens in a dispute: opened, argued, ruled on, and the goods sent back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.dispute.reasons import REASONS, Remedy
from domain.dispute.rules import Action, Asked
from domain.dispute.state import Sent, Stage
from domain.order.state import OrderState
from runtime.trace.facts import Happened, Happening
from runtime.trace.hands import Hands
from runtime.trace.orders import TracedOrder
from runtime.trace.parcel_acts import SUPPORT, Act
from runtime.trace.parcels import carrier_of
from runtime.trace.player import Impossible, Scan
from workflows.dispute.messages import OpenDispute

_SECOND: Final = Actor(Role.SUPPORT_LEAD, "second")
_WHY: Final = "as the trace tells"
_SECOND_NEEDED: Final = (Stage.AWAITING_APPROVAL, Stage.APPEAL_APPROVAL)


async def _open(hands: Hands, fact: Happened, state: OrderState) -> None:
    order, told = hands.order, hands.order.of_dispute
    reason = told.dispute_reason
    if reason is None:
        raise Impossible("nobody said why")
    opening = OpenDispute(
        dispute=hands.case.dispute,
        order=order.order,
        buyer=state.buyer,
        seller=state.seller,
        order_currency=state.currency,
        lines=order.disputed_lines,
        category=next(one for one, reasons in REASONS.items() if reason in reasons),
        reason=reason,
        remedy=_remedy(order),
        amount=told.dispute_amount or order.disputable,
        currency=state.currency,
        received_at=hands.ahead(fact.at),
    )
    await hands.dispute(opening, fact.at)


async def _counter(hands: Hands, fact: Happened, _: OrderState) -> None:
    asked = Asked(remedy=_remedy(hands.order), amount=hands.order.of_dispute.counter_amount)
    await hands.argue(hands.seller, Action.PROPOSE, asked, fact.at)


async def _agree(hands: Hands, fact: Happened, _: OrderState) -> None:
    """Take what the other side has proposed last."""
    side = hands.order.of_dispute.agreed_by
    actor = hands.buyer if side is Role.BUYER else hands.seller
    theirs = [one for one in (await hands.case.state()).proposals if one.by is not side]
    if not theirs:
        raise Impossible("the other side has proposed nothing")
    last = max(theirs, key=lambda one: one.version)
    await hands.argue(actor, Action.ACCEPT, Asked(version=last.version), fact.at)


async def _escalate(hands: Hands, fact: Happened, _: OrderState) -> None:
    await hands.argue(hands.buyer, Action.ESCALATE, Asked(), fact.at)


async def _rule(hands: Hands, fact: Happened, _: OrderState) -> None:
    """By the version of the case that is there; and a second person agrees where one must."""
    amount, before = hands.order.of_dispute.ruled_amount, await hands.case.state()
    remedy = _remedy(hands.order) if amount else Remedy.REFUND
    ruling = Asked(version=before.revision, remedy=remedy, amount=amount, why=_WHY)
    await hands.argue(SUPPORT, Action.DECIDE, ruling, fact.at)
    after = await hands.case.state()
    if after.pending is not None and after.stage in _SECOND_NEEDED:
        agreed = Asked(version=after.pending.version)
        await hands.argue(_SECOND, Action.APPROVE, agreed, fact.at)


async def _send_back(hands: Hands, fact: Happened, _: OrderState) -> None:
    carrier = carrier_of(hands.order.currency)
    asked = Asked(parcel=Sent(carrier, hands.case.number))
    await hands.argue(hands.buyer, Action.SEND_BACK, asked, fact.at)
    await _scan(hands, fact, "in_transit")


async def _come_back(hands: Hands, fact: Happened, _: OrderState) -> None:
    await _scan(hands, fact, "delivered")


async def _scan(hands: Hands, fact: Happened, status: str) -> None:
    carrier, at = carrier_of(hands.order.currency), hands.ahead(fact.at)
    await hands.world.player.scan(carrier, hands.case.number, at, Scan(status))


async def _withdraw(hands: Hands, fact: Happened, _: OrderState) -> None:
    await hands.argue(hands.buyer, Action.WITHDRAW, Asked(), fact.at)


def _remedy(order: TracedOrder) -> Remedy:
    return order.of_dispute.dispute_remedy or Remedy.REFUND


OF_DISPUTES: Final[Mapping[Happening, Act]] = MappingProxyType(
    {
        Happening.DISPUTED: _open,
        Happening.COUNTERED: _counter,
        Happening.AGREED: _agree,
        Happening.ESCALATED: _escalate,
        Happening.RULED: _rule,
        Happening.SENT_BACK: _send_back,
        Happening.CAME_BACK: _come_back,
        Happening.DISPUTE_WITHDRAWN: _withdraw,
    }
)
