"""Each thing that a trace tells, done: paid at the provider, scanned by a carrier, asked of us."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.actors import Actor, Role
from domain.ids import fingerprint
from domain.order.agreements import Topic
from domain.order.state import OrderState, Payment
from runtime.trace.dispute_acts import OF_DISPUTES
from runtime.trace.facts import Happened, Happening
from runtime.trace.hands import Draft, Hands
from runtime.trace.orders import Question
from runtime.trace.parcel_acts import OF_PARCELS, SUPPORT, Act
from runtime.trace.paying import PAYS, pay
from runtime.trace.player import Impossible
from workflows.order import messages as said

_COMPLIANCE: Final = Actor(Role.COMPLIANCE, "trace")
_NOT_PAID: Final = (Payment.AWAITING, Payment.AMOUNT_DIFFERS, Payment.IN_RISK_CHECK)
_OTHER_SIDE: Final = MappingProxyType({Role.BUYER: Role.SELLER, Role.SELLER: Role.BUYER})


async def act(hands: Hands, fact: Happened, state: OrderState) -> None:
    """Do what the trace tells. Raises the `Refusal`, or `Impossible` if the world cannot."""
    await _ACTS[fact.what](hands, fact, state)


def is_unpaid(state: OrderState) -> bool:
    """Whether a seller who hands the goods over now is quicker than the bank."""
    return state.payment in _NOT_PAID


async def _pay(hands: Hands, fact: Happened, state: OrderState) -> None:
    at = hands.ahead(fact.at)
    await pay(hands.world.player, hands.order, fact.what, state.intent, at)


async def _ask_another_way(hands: Hands, fact: Happened, _: OrderState) -> None:
    message = said.PayAnotherWay(hands.buyer, hands.ahead(fact.at))
    await hands.require("pay_another_way", message, fact.at)


async def _change_address(hands: Hands, fact: Happened, _: OrderState) -> None:
    city = hands.order.told.new_city
    draft = f"{hands.process}/address/{fingerprint(city)[:16]}"
    message = said.ChangeAddress(hands.buyer, hands.ahead(fact.at), hands.ship_to, draft)
    await hands.require("change_address", message, fact.at, Draft(draft, hands.address(city)))


async def _cancel(hands: Hands, fact: Happened, _: OrderState) -> None:
    at = hands.ahead(fact.at)
    await hands.require("cancel", said.CancelOrder(hands.buyer, at), fact.at)


async def _decide_amount(hands: Hands, fact: Happened, _: OrderState) -> None:
    what = hands.order.told.amount_decision
    if what is None:
        raise Impossible("nobody said what becomes of the money")
    decision = said.DecideAmount(SUPPORT, hands.ahead(fact.at), what)
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


async def _take_back(hands: Hands, fact: Happened, _: OrderState) -> None:
    question = _question(hands, fact)
    message = said.WithdrawQuestion(
        _side(hands, question.asked_by), hands.ahead(fact.at), question.topic
    )
    await hands.require("withdraw_question", message, fact.at)


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
    message = said.RefundOrder(SUPPORT, hands.ahead(fact.at), amount)
    await hands.require("refund", message, fact.at)


_ACTS: Final[Mapping[Happening, Act]] = MappingProxyType(
    {
        **dict.fromkeys(PAYS, _pay),
        Happening.ASKED_ANOTHER_WAY: _ask_another_way,
        Happening.CANCELLED: _cancel,
        Happening.AMOUNT_DECIDED: _decide_amount,
        Happening.RISK_DECIDED: _decide_risk,
        Happening.FRAUD_REPORTED: _report_fraud,
        Happening.FRAUD_DECIDED: _decide_fraud,
        Happening.ASKED: _ask,
        Happening.ANSWERED: _answer,
        Happening.TAKEN_BACK: _take_back,
        Happening.ADDRESS_CHANGED: _change_address,
        Happening.CONFIRMED: _confirm,
        Happening.DENIED: _deny,
        Happening.REFUNDED: _refund,
        **OF_PARCELS,
        **OF_DISPUTES,
    }
)
