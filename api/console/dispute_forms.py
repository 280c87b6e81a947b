"""The forms of acts on a dispute, and of opening one."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from api.asking import Asking
from api.console.forms import Act, Ask, Field, Fields, Kind
from api.routers import disputes
from api.schemas import disputes as forms
from api.schemas.online import BoxQuery
from api.schemas.returns import ReturnIn
from domain.dispute.reasons import REASONS, Reason, Remedy
from domain.dispute.rules import Action

Handler = Callable[..., Awaitable[Response]]


class Opening(StrEnum):
    """What a buyer does about an order, before there is a dispute."""

    OPEN_DISPUTE = "open_dispute"


def _asks(handler: Handler) -> Ask:
    async def ask(dispute: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
        return await handler(dispute=dispute, body=body, asked=asked)

    return ask


async def _open(order: str, body: Any, _: Fields, asked: Asking) -> Response:  # noqa: ANN401 - a form
    return await disputes.open_dispute(order=order, body=body, caller=asked.caller, asked=asked)


def _category(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """A reason is of one category: nobody has to name both."""
    found = [str(name) for name, reasons in REASONS.items() if said.get("reason") in reasons]
    return {"category": found[0]} if found else {}


def _choice(name: str, of: type[StrEnum], family: str) -> Field:
    return Field(name, Kind.CHOICE, tuple(map(str, of)), family=family, label=family)


_WHY: Final = Field("why", Kind.REASON, required=False)
_REVISION: Final = Field("revision", Kind.GIVEN)
_REMEDY: Final = _choice("remedy", Remedy, "remedy")
_AMOUNT: Final = Field("amount", Kind.AMOUNT, label="award")
_PARCEL: Final = (Field("carrier", Kind.TEXT), Field("number", Kind.TEXT))

OPENING: Final = Act(
    Opening.OPEN_DISPUTE,
    forms.DisputeIn,
    _open,
    (
        Field("lines", Kind.LINES, label="disputed"),
        _choice("reason", Reason, "cause"),
        _REMEDY,
        _AMOUNT,
    ),
    implied=_category,
)
_ALL: Final = (
    Act(
        Action.RESOLVE,
        forms.DisputeResolutionIn,
        _asks(disputes.resolve_dispute),
        (Field("resolution", Kind.CHOICE), Field("note", Kind.REASON)),
    ),
    Act(
        Action.DECIDE,
        forms.RulingIn,
        _asks(disputes.decide_dispute),
        (
            _REVISION,
            _REMEDY,
            _AMOUNT,
            Field("platform", Kind.AMOUNT, required=False, label="platform_part"),
            Field("carrier", Kind.AMOUNT, required=False, label="carrier_part"),
            Field("why", Kind.REASON),
        ),
        is_grave=True,
    ),
    Act(
        Action.APPROVE,
        forms.ApprovalIn,
        _asks(disputes.approve_decision),
        (_REVISION, _WHY),
        is_grave=True,
    ),
    Act(
        Action.DISAPPROVE, forms.ApprovalIn, _asks(disputes.disapprove_decision), (_REVISION, _WHY)
    ),
    Act(Action.TAKE_BACK, forms.WhyIn, _asks(disputes.take_back_decision), (_WHY,)),
    Act(
        Action.ACCEPT,
        forms.AcceptanceIn,
        _asks(disputes.accept_proposal),
        (Field("version", Kind.PROPOSAL),),
        is_grave=True,
    ),
    Act(Action.PROPOSE, forms.ProposalIn, _asks(disputes.propose), (_REMEDY, _AMOUNT)),
    Act(Action.DECLINE, forms.WhyIn, _asks(disputes.decline_proposal), (_WHY,)),
    Act(
        Action.RETURN_LABEL,
        BoxQuery,
        _asks(disputes.buy_return_label),
        (Field("grams", Kind.NUMBER),),
    ),
    Act(
        Action.SEND_BACK,
        ReturnIn,
        _asks(disputes.declare_return),
        (Field("carrier", Kind.TEXT, required=False), Field("number", Kind.TEXT, required=False)),
    ),
    Act(Action.SEND_AGAIN, forms.ParcelIn, _asks(disputes.declare_reshipment), _PARCEL),
    Act(
        Action.ACCEPT_RETURN,
        forms.WhyIn,
        _asks(disputes.accept_return),
        (_WHY,),
        is_grave=True,
    ),
    Act(Action.ACCEPT_GOODS, forms.WhyIn, _asks(disputes.accept_goods), (_WHY,), is_grave=True),
    Act(Action.OBJECT_TO_GOODS, forms.WhyIn, _asks(disputes.object_to_goods), (_WHY,)),
    Act(
        Action.CHANGE_REASON,
        forms.CauseIn,
        _asks(disputes.change_reason),
        (_choice("reason", Reason, "cause"),),
    ),
    Act(Action.CONTEST_ARRIVAL, forms.WhyIn, _asks(disputes.contest_arrival), (_WHY,)),
    Act(Action.APPEAL, forms.WhyIn, _asks(disputes.appeal_ruling), (_WHY,)),
    Act(Action.ESCALATE, forms.WhyIn, _asks(disputes.escalate), (_WHY,)),
    Act(Action.EXTEND_EVIDENCE, forms.WhyIn, _asks(disputes.extend_evidence), (_WHY,)),
    Act(
        Action.ASSIGN,
        forms.AssignmentIn,
        _asks(disputes.assign_dispute),
        (Field("to", Kind.TEXT, required=False), _WHY),
    ),
    Act(Action.WITHDRAW, forms.WhyIn, _asks(disputes.withdraw_dispute), (_WHY,), is_grave=True),
)
# The most pressing first: so they are offered.
ACTS: Final[Mapping[Action, Act]] = MappingProxyType({Action(act.action): act for act in _ALL})
