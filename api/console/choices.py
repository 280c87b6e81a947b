"""What there is to choose from in an act's form, as the order stands."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from api.console.forms import Act, Field, Kind
from domain.actors import Role
from domain.order import rules
from domain.order.agreements import MANNERS, who_answers
from domain.order.rules import Action
from domain.order.state import OrderState
from persistence import case_reading


async def choices(
    db: AsyncConnection, state: OrderState, act: Act, role: Role
) -> Mapping[str, list[str]]:
    """The options of each field, for somebody in *role*; none where anything may be written."""
    found = {each.name: _of(state, Action(act.action), each, role) for each in act.fields}
    for each in act.fields:
        if each.kind is Kind.HOLD:
            holds = await case_reading.open_holds(db, state.order)
            found[each.name] = [hold.hold for hold in holds]
    return found


def _of(state: OrderState, action: Action, field: Field, role: Role) -> list[str]:
    match field.kind:
        case Kind.PARCEL:
            return [parcel.name for parcel in state.parcels]
        case Kind.LINES:
            return list(state.unshipped)
        case Kind.TOPIC:
            return _topics(state, action, role)
        case Kind.CHOICE if action is Action.ASK_CONSENT:
            return [str(topic) for topic in rules.topics(state) if role in MANNERS[topic].asked_by]
        case Kind.CHOICE if action is Action.RESOLVE and state.parked:
            return list(state.parked.may)
        case _:
            return list(field.options)


def _topics(state: OrderState, action: Action, role: Role) -> list[str]:
    """Of the open questions those that are theirs to answer, or to take back."""
    if action is Action.ANSWER_CONSENT:
        return [str(one.topic) for one in state.agreements if role in who_answers(one)]
    return [str(one.topic) for one in state.agreements if role is one.asked_by]
