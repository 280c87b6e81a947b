"""The forms of acts: which fields each has, and what is asked for with them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from api.asking import Asking
from api.routers import online, order_requests
from api.schemas import online as online_forms
from api.schemas import orders as forms
from api.schemas.common import ID
from domain.money import Money
from domain.order.agreements import Topic
from domain.order.paying import AmountDecision, BorneBy
from domain.order.rules import Action
from workflows.order.messages import CustomsRuling, FraudVerdict, Resolution, RiskVerdict

Fields = Mapping[str, str]


class Kind(StrEnum):
    """How a field is filled in."""

    AMOUNT = "amount"
    REASON = "reason"
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    HOLD = "hold"
    PARCEL = "parcel"
    LINES = "lines"
    TOPIC = "topic"
    CONSENT = "consent"
    PROPOSAL = "proposal"
    GIVEN = "given"


@dataclass(frozen=True)
class Field:
    """One field. A choice has its options, whose words are of a *family*.

    What is not `required` may be left empty. What is given is not asked, but stands in the form.
    """

    name: str
    kind: Kind
    options: tuple[str, ...] = ()
    required: bool = True
    family: str = "option"
    label: str = ""

    @property
    def called(self) -> str:
        """What its label is found by."""
        return self.label or self.name


# What says which one is meant, and stands in the API's address instead of the body.
_NAMES: Final = frozenset({Kind.HOLD, Kind.TOPIC})
Ask = Callable[[str, Any, Fields, Asking], Awaitable[Response]]


@dataclass(frozen=True)
class Act:
    """One thing that may be done: its fields, its body, and the API's own function.

    `is_grave` marks what cannot be taken back; `implied` is what of the body follows from the rest.
    """

    action: StrEnum
    body: type[BaseModel]
    ask: Ask
    fields: tuple[Field, ...] = ()
    is_grave: bool = False
    implied: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _: {}

    def read(self, fields: Fields, currency: str) -> BaseModel:
        """The body that *fields* make. Raises `Unfit`, which names what cannot be accepted."""
        said: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for field in self.fields:
            value = fields.get(field.name, "").strip()
            if field.kind in _NAMES or (not value and not field.required):
                continue
            try:
                said[field.name] = _value(field, value, currency)
            except ValueError:
                errors[field.name] = "amount"
        if errors:
            raise Unfit(errors)
        try:
            return self.body.model_validate({**said, **self.implied(said)})
        except ValidationError as error:
            raise Unfit(
                {str(each["loc"][0]) if each["loc"] else "": "invalid" for each in error.errors()}
            ) from None


class Unfit(Exception):
    """A form that cannot be accepted: for each field that is wrong, how."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


def _value(field: Field, value: str, currency: str) -> object:
    match field.kind:
        case Kind.AMOUNT:
            return Money.from_major(value, currency).minor
        case Kind.NUMBER | Kind.GIVEN | Kind.PROPOSAL:
            return int(value)
        case Kind.LINES:
            return tuple(filter(None, value.split(",")))
        case Kind.CONSENT:
            return value == "yes"
        case _:
            return value


def _plain(handler: Callable[..., Awaitable[Response]]) -> Ask:
    async def ask(order: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
        return await handler(order=order, body=body, asked=asked)

    return ask


def _named(
    name: str, handler: Callable[..., Awaitable[Response]], of: Callable[[str], object] = str
) -> Ask:
    """The same where the address names more than the order. Raises `Unfit` if nothing is named."""

    async def ask(order: str, body: Any, fields: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
        try:
            named = of(fields[name])
        except (KeyError, ValueError):
            raise Unfit({name: "missing"}) from None
        return await handler(order=order, body=body, asked=asked, **{name: named})

    return ask


_REASON: Final = Field("reason", Kind.REASON)
_WHY: Final = Field("reason", Kind.REASON, required=False)
_PARCEL: Final = Field("parcel", Kind.PARCEL, required=False)


def _choice(name: str, of: type[StrEnum]) -> Field:
    return Field(name, Kind.CHOICE, tuple(map(str, of)))


_ALL: Final = (
    Act(
        Action.RESOLVE,
        forms.ResolutionIn,
        _plain(order_requests.resolve),
        (_choice("resolution", Resolution), Field("note", Kind.REASON)),
    ),
    Act(
        Action.DECIDE_AMOUNT,
        forms.AmountDecisionIn,
        _plain(order_requests.decide_amount),
        (_choice("decision", AmountDecision), _choice("borne_by", BorneBy), _REASON),
        is_grave=True,
    ),
    Act(
        Action.DECIDE_RISK,
        forms.RiskDecisionIn,
        _plain(order_requests.decide_risk),
        (_choice("verdict", RiskVerdict), _REASON),
        is_grave=True,
    ),
    Act(
        Action.DECIDE_FRAUD,
        forms.FraudDecisionIn,
        _plain(order_requests.decide_fraud),
        (_choice("verdict", FraudVerdict), _REASON),
        is_grave=True,
    ),
    Act(
        Action.RULE_ON_CUSTOMS,
        forms.CustomsRulingIn,
        _plain(order_requests.rule_on_customs),
        (_choice("ruling", CustomsRuling), _PARCEL, _REASON),
        is_grave=True,
    ),
    Act(
        Action.ANSWER_CONSENT,
        forms.ConsentIn,
        _named("topic", order_requests.answer_consent, Topic),
        (Field("topic", Kind.TOPIC), Field("agreed", Kind.CONSENT), _WHY),
    ),
    Act(Action.CONFIRM_RECEIPT, forms.NothingMore, _plain(order_requests.confirm_receipt)),
    Act(Action.DENY_RECEIPT, forms.NothingMore, _plain(order_requests.deny_receipt)),
    Act(
        Action.DECLARE_SHIPMENT,
        forms.ShipmentIn,
        _plain(order_requests.declare_shipment),
        (
            Field("carrier", Kind.TEXT),
            Field("number", Kind.TEXT),
            Field("lines", Kind.LINES, required=False),
        ),
    ),
    Act(
        Action.EDIT_SHIPMENT,
        forms.NumberIn,
        _plain(order_requests.edit_shipment),
        (Field("number", Kind.TEXT), _PARCEL),
    ),
    Act(
        Action.REFUND,
        forms.RefundIn,
        _plain(order_requests.refund),
        (Field("amount", Kind.AMOUNT), _REASON),
        is_grave=True,
    ),
    Act(
        Action.PLACE_HOLD,
        forms.HoldIn,
        _plain(order_requests.place_hold),
        (Field("hold", Kind.TEXT), Field("amount", Kind.AMOUNT), _REASON),
    ),
    Act(
        Action.LIFT_HOLD,
        forms.LiftingIn,
        _named("hold", order_requests.lift_hold, ID.validate_python),
        (Field("hold", Kind.HOLD), _REASON),
    ),
    Act(
        Action.ASK_CONSENT,
        forms.QuestionIn,
        _plain(order_requests.ask_consent),
        (
            Field("topic", Kind.CHOICE),
            Field("days", Kind.NUMBER, required=False),
            _WHY,
        ),
    ),
    Act(
        Action.WITHDRAW_QUESTION,
        forms.NothingMore,
        _named("topic", order_requests.withdraw_question, Topic),
        (Field("topic", Kind.TOPIC),),
    ),
    Act(
        Action.DISOWN_SHIPMENT,
        forms.DisownIn,
        _plain(order_requests.disown_shipment),
        (_PARCEL,),
        is_grave=True,
    ),
    Act(
        Action.VOID_LABEL,
        online_forms.VoidIn,
        _plain(online.void_label),
        (_PARCEL,),
    ),
    Act(Action.CANCEL, forms.CancellationIn, _plain(order_requests.cancel), (_WHY,), is_grave=True),
    Act(Action.REPORT_FRAUD, forms.FraudReportIn, _plain(order_requests.report_fraud), (_REASON,)),
)
# The most pressing first: so they are offered.
ACTS: Final[Mapping[Action, Act]] = MappingProxyType({Action(act.action): act for act in _ALL})
