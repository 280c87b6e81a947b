"""Each thing that a trace tells, done: paid at the provider, scanned by a carrier, asked of us."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.order.agreements import Topic
from domain.order.state import OrderState, Payment
from runtime.trace.facts import Happened, Happening
from runtime.trace.hands import Hands
from runtime.trace.orders import Paying, Question, TracedParcel
from runtime.trace.player import Impossible, Scan
from workflows.order import messages as said

Act = Callable[[Hands, Happened, OrderState], Awaitable[None]]
_SUPPORT: Final = Actor(Role.SUPPORT_LEAD, "trace")
_COMPLIANCE: Final = Actor(Role.COMPLIANCE, "trace")
_NOT_PAID: Final = (Payment.AWAITING, Payment.AMOUNT_DIFFERS, Payment.IN_RISK_CHECK)
_OTHER_SIDE: Final = MappingProxyType({Role.BUYER: Role.SELLER, Role.SELLER: Role.BUYER})
_SCANS: Final[Mapping[Happening, Scan]] = MappingProxyType(
    {
        Happening.HANDED_OVER: Scan("in_transit"),
        Happening.HELD_AT_CUSTOMS: Scan("in_transit", "held", "Held by customs"),
        Happening.REFUSED: Scan("failure", "refused", "Refused by the addressee"),
        Happening.RETURNING: Scan("return_to_sender", "return"),
        # On its way back, a parcel is delivered to whoever sent it.
        Happening.RETURNED: Scan("delivered"),
        Happening.LOST: Scan("failure", "lost", "Lost in transit"),
    }
)


async def act(hands: Hands, fact: Happened, state: OrderState) -> None:
    """Do what the trace tells. Raises the `Refusal`, or `Impossible` if the world cannot."""
    await _ACTS[fact.what](hands, fact, state)


async def declare(hands: Hands, parcel: TracedParcel, fact: Happened) -> None:
    """The seller tells of a parcel. Raises the refusal."""
    message = said.DeclareShipment(
        hands.seller,
        hands.ahead(fact.at),
        hands.numbers.carrier,
        hands.numbers.declared(parcel),
        parcel.lines,
    )
    await hands.require("declare_shipment", message, fact.at)


def is_unpaid(state: OrderState) -> bool:
    """Whether a seller who hands the goods over now is quicker than the bank."""
    return state.payment in _NOT_PAID


async def _choose_slow(hands: Hands, fact: Happened, state: OrderState) -> None:
    await hands.world.player.pay(state.intent, "slow", hands.ahead(fact.at))


async def _be_declined(hands: Hands, fact: Happened, state: OrderState) -> None:
    await hands.world.player.pay(state.intent, "decline", hands.ahead(fact.at))


async def _pay(hands: Hands, fact: Happened, state: OrderState) -> None:
    player, at = hands.world.player, hands.ahead(fact.at)
    amount = hands.order.told.paid_amount
    if hands.order.paying is Paying.SLOW:
        await player.arrive(state.intent, at, amount)
    else:
        await player.pay(state.intent, "card", at, amount)


async def _cancel(hands: Hands, fact: Happened, _: OrderState) -> None:
    at = hands.ahead(fact.at)
    await hands.require("cancel", said.CancelOrder(hands.buyer, at), fact.at)


async def _decide_amount(hands: Hands, fact: Happened, _: OrderState) -> None:
    what = hands.order.told.amount_decision
    if what is None:
        raise Impossible("nobody said what becomes of the money")
    decision = said.DecideAmount(_SUPPORT, hands.ahead(fact.at), what)
    await hands.require("decide_amount", decision, fact.at)


async def _report_fraud(hands: Hands, fact: Happened, _: OrderState) -> None:
    report = said.ReportFraud(_COMPLIANCE, hands.ahead(fact.at))
    await hands.require("report_fraud", report, fact.at)


async def _decide_fraud(hands: Hands, fact: Happened, _: OrderState) -> None:
    verdict = hands.order.told.fraud_verdict
    if verdict is None:
        raise Impossible("nobody said what was found")
    decision = said.DecideFraud(_COMPLIANCE, hands.ahead(fact.at), verdict)
    await hands.require("decide_fraud", decision, fact.at)


async def _decide_risk(hands: Hands, fact: Happened, _: OrderState) -> None:
    verdict = hands.order.told.risk_verdict or said.RiskVerdict.ACCEPT
    decision = said.DecideRisk(_COMPLIANCE, hands.ahead(fact.at), verdict)
    await hands.require("decide_risk", decision, fact.at)


async def _declare(hands: Hands, fact: Happened, _: OrderState) -> None:
    await declare(hands, hands.parcel(fact.about), fact)


async def _hand_over(hands: Hands, fact: Happened, state: OrderState) -> None:
    """The carrier scans it; a seller who has not told of it yet does so now."""
    await _scan(hands, fact, state)
    parcel = hands.parcel(fact.about)
    if parcel.told.declared_at is None:
        await declare(hands, parcel, fact)


async def _scan(hands: Hands, fact: Happened, _: OrderState) -> None:
    numbers, parcel = hands.numbers, hands.parcel(fact.about)
    at, scan = hands.ahead(fact.at), _SCANS[fact.what]
    await hands.world.player.scan(numbers.carrier, numbers.right(parcel), at, scan)


async def _deliver(hands: Hands, fact: Happened, _: OrderState) -> None:
    numbers, parcel = hands.numbers, hands.parcel(fact.about)
    scan = Scan("delivered", country=parcel.told.delivered_country or hands.ship_to)
    at = hands.ahead(fact.at)
    await hands.world.player.scan(numbers.carrier, numbers.right(parcel), at, scan)


async def _withdraw_delivery(hands: Hands, fact: Happened, _: OrderState) -> None:
    number = hands.numbers.right(hands.parcel(fact.about))
    await hands.world.player.withdraw(hands.numbers.carrier, number, hands.ahead(fact.at))


async def _correct_number(hands: Hands, fact: Happened, state: OrderState) -> None:
    parcel = hands.parcel(fact.about)
    right, name = hands.numbers.right(parcel), hands.known_as(parcel, state)
    message = said.EditShipment(hands.seller, hands.ahead(fact.at), right, name)
    await hands.require("edit_shipment", message, fact.at)


async def _disown(hands: Hands, fact: Happened, state: OrderState) -> None:
    name = hands.known_as(hands.parcel(fact.about), state)
    message = said.DisownShipment(hands.buyer, hands.ahead(fact.at), name)
    await hands.require("disown_shipment", message, fact.at)


async def _rule_on_customs(hands: Hands, fact: Happened, state: OrderState) -> None:
    parcel = hands.parcel(fact.about)
    ruling = parcel.told.customs_ruling
    if ruling is None:
        raise Impossible("nobody said whose fault it was")
    message = said.RuleOnCustoms(
        _SUPPORT, hands.ahead(fact.at), ruling, hands.known_as(parcel, state)
    )
    await hands.require("rule_on_customs", message, fact.at)


async def _ask(hands: Hands, fact: Happened, _: OrderState) -> None:
    question = _question(hands, fact)
    message = said.AskConsent(
        _side(hands, question.asked_by), hands.ahead(fact.at), question.topic, question.days
    )
    await hands.require("ask_consent", message, fact.at)


async def _answer(hands: Hands, fact: Happened, _: OrderState) -> None:
    question = _question(hands, fact)
    message = said.AnswerConsent(
        _side(hands, _OTHER_SIDE[question.asked_by]),
        hands.ahead(fact.at),
        question.topic,
        is_agreed=bool(question.answer),
    )
    await hands.require("answer_consent", message, fact.at)


def _question(hands: Hands, fact: Happened) -> Question:
    topic = Topic(fact.about)
    return next(one for one in hands.order.questions if one.topic is topic)


def _side(hands: Hands, role: Role) -> Actor:
    return hands.buyer if role is Role.BUYER else hands.seller


async def _confirm(hands: Hands, fact: Happened, _: OrderState) -> None:
    message = said.ConfirmReceipt(hands.buyer, hands.ahead(fact.at))
    await hands.require("confirm_receipt", message, fact.at)


async def _deny(hands: Hands, fact: Happened, _: OrderState) -> None:
    message = said.DenyReceipt(hands.buyer, hands.ahead(fact.at))
    await hands.require("deny_receipt", message, fact.at)


async def _refund(hands: Hands, fact: Happened, _: OrderState) -> None:
    amount = hands.order.told.refund_amount
    message = said.RefundOrder(_SUPPORT, hands.ahead(fact.at), amount)
    await hands.require("refund", message, fact.at)


_ACTS: Final[Mapping[Happening, Act]] = MappingProxyType(
    {
        Happening.CHOSEN_SLOW: _choose_slow,
        Happening.DECLINED: _be_declined,
        Happening.CANCELLED: _cancel,
        Happening.PAID: _pay,
        Happening.AMOUNT_DECIDED: _decide_amount,
        Happening.RISK_DECIDED: _decide_risk,
        Happening.FRAUD_REPORTED: _report_fraud,
        Happening.FRAUD_DECIDED: _decide_fraud,
        Happening.ASKED: _ask,
        Happening.ANSWERED: _answer,
        Happening.DECLARED: _declare,
        Happening.NUMBER_CORRECTED: _correct_number,
        Happening.HANDED_OVER: _hand_over,
        Happening.HELD_AT_CUSTOMS: _scan,
        Happening.CUSTOMS_RULED: _rule_on_customs,
        Happening.REFUSED: _scan,
        Happening.RETURNING: _scan,
        Happening.RETURNED: _scan,
        Happening.LOST: _scan,
        Happening.DELIVERED: _deliver,
        Happening.DELIVERY_WITHDRAWN: _withdraw_delivery,
        Happening.DISOWNED: _disown,
        Happening.CONFIRMED: _confirm,
        Happening.DENIED: _deny,
        Happening.REFUNDED: _refund,
    }
)
