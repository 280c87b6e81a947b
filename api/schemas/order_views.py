"""Orders as they are shown: each to the caller who asks."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field

from api.auth import Caller
from api.schemas.common import Money, View
from api.schemas.settlement import SettlementView, settlement_of
from domain.actors import STAFF, Role
from domain.discretion import facts_for
from domain.order import rules
from domain.order.agreements import MANNERS, Agreement, who_answers
from domain.order.headlines import headline
from domain.order.parcels import Parcel
from domain.order.rules import WHEN_DUE, Action, Due
from domain.order.state import Clock, OrderState, Owed
from persistence.reading import Happened

# Where each action is asked for, below the order.
PATHS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.CANCEL: "cancellation",
        Action.PAY_ANOTHER_WAY: "payment-attempts",
        Action.DECIDE_AMOUNT: "amount-decision",
        Action.REPORT_FRAUD: "fraud-reports",
        Action.DECIDE_FRAUD: "fraud-decision",
        Action.DECIDE_RISK: "risk-decision",
        Action.DECLARE_SHIPMENT: "shipments",
        Action.CONFIRM_RECEIPT: "receipt",
        Action.DENY_RECEIPT: "non-receipt",
        Action.REFUND: "refunds",
        Action.PLACE_HOLD: "holds",
        Action.LIFT_HOLD: "holds/{hold}/lifting",
        Action.RESOLVE: "resolution",
        Action.EDIT_SHIPMENT: "shipments/number",
        Action.DISOWN_SHIPMENT: "shipments/disowning",
        Action.RULE_ON_CUSTOMS: "shipments/customs-ruling",
        Action.CHANGE_ADDRESS: "address",
        Action.ASK_CONSENT: "questions",
        Action.ANSWER_CONSENT: "questions/{topic}/answer",
        Action.WITHDRAW_QUESTION: "questions/{topic}/withdrawal",
        Action.BUY_LABEL: "labels",
        Action.VOID_LABEL: "labels/voiding",
        Action.SCHEDULE_PICKUP: "pickups",
    }
)


class AxesView(View):
    """Where each of the parallel axes stands."""

    payment: str = Field(examples=["captured"])
    fulfilment: str = Field(examples=["in_transit"])
    release: str = Field(examples=["none"])


class OrderMoneyView(View):
    """Where the order's money is. `in_escrow` includes what is held.

    `subsidy` is the platform's part of `total`; `authorised` what the buyer's bank has agreed to
    and nobody has taken; `kept_apart` a payment of another amount, of which support decides.
    `in_reserve` is in the currency that the seller settles in.
    """

    total: Money
    subsidy: Money
    authorised: Money
    kept_apart: Money
    captured: Money
    refunded: Money
    held: Money
    released: Money
    in_reserve: Money
    in_escrow: Money


class ParcelView(View):
    """A parcel, as declared and as its carrier tells. No lines named: all of the order's."""

    id: str = Field(examples=["1"])
    stage: str = Field(examples=["in_transit"])
    carrier: str
    number: str
    milestone: str
    lines: tuple[str, ...]
    amount: Money = Field(description="What the buyer paid for its lines.")
    declared_at: datetime | None
    doubt: str | None = Field(description="Why the shipment is doubted.")


class QuestionView(View):
    """Something that one side has asked of the other."""

    topic: str = Field(examples=["cancellation"])
    asked_by: str = Field(examples=["buyer"])
    asked_at: datetime
    days: int


class OwedView(View):
    """Money on its way back though the order goes on: a parcel's, or of lines never shipped."""

    name: str = Field(examples=["unshipped"])
    amount: Money
    reason: str = Field(examples=["never_shipped"])


class ClockView(View):
    """A deadline that runs, and what it does when it runs out."""

    name: str = Field(examples=["confirmation"])
    opened_at: datetime
    due_at: datetime
    parcel: str | None = Field(description="Whose clock it is; null for the whole order's.")
    when_due: str = Field(examples=["silence confirms the receipt"])


class NextView(View):
    """What will happen by itself, and when."""

    at: datetime
    clock: str
    what: str


class AllowedView(View):
    """Something that you may ask for now, and where."""

    action: str = Field(examples=["confirm_receipt"])
    method: str = "POST"
    href: str


class ParkedView(View):
    """A step failed for good; an operator decides how it goes on."""

    step: str
    reason: str
    tried: str
    since: datetime
    may: tuple[str, ...]


class OrderView(View):
    """An order: where it stands, what you may do, what happens next and when."""

    id: str = Field(examples=["o-1001"])
    version: int = Field(description="Grows with every change; also the `ETag`.")
    status: str = Field(examples=["in_transit"])
    outcome: str = Field(examples=["open"])
    buyer: str
    seller: str
    purchase: str | None = Field(description="The purchase that it is a part of, if it is one.")
    policy: str = Field(description="The version whose rules the order keeps until it ends.")
    placed_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    received_at: datetime | None
    ended_at: datetime | None
    axes: AxesView
    money: OrderMoneyView
    settlement: SettlementView | None = Field(
        description="Where the seller settles in another currency; not shown to the buyer."
    )
    parcels: list[ParcelView]
    unshipped: tuple[str, ...] = Field(description="Lines that wait for a parcel.")
    questions: list[QuestionView]
    owed: list[OwedView]
    is_frozen: bool = Field(description="The seller is suspended: nothing is released to them.")
    clocks: list[ClockView]
    next: NextView | None
    allowed: list[AllowedView]
    parked: ParkedView | None = Field(description="Shown to staff.")
    fraud: str | None = Field(
        description="Shown to staff: none, suspected, cleared or confirmed.", examples=["none"]
    )
    links: dict[str, str]

    @classmethod
    def of(cls, state: OrderState, caller: Caller) -> "OrderView":
        """Show an order to *caller*, with what they may do about it."""
        return cls(
            id=state.order,
            version=state.version,
            status=headline(state),
            outcome=state.outcome,
            buyer=state.buyer,
            seller=state.seller,
            purchase=state.paid_by or None,
            policy=state.policy,
            placed_at=state.placed_at,
            paid_at=state.paid_at,
            shipped_at=state.shipped_at,
            delivered_at=state.delivered_at,
            received_at=state.confirmed_at,
            ended_at=state.ended_at,
            axes=AxesView(
                payment=state.payment, fulfilment=state.fulfilment, release=state.release
            ),
            money=_money(state),
            settlement=None if caller.role is Role.BUYER else settlement_of(state),
            parcels=[_parcel(parcel, state.currency) for parcel in state.parcels],
            unshipped=state.unshipped,
            questions=[_question(agreement) for agreement in state.agreements],
            owed=[_owed(owed, state.currency) for owed in state.owed],
            is_frozen=state.frozen,
            clocks=[_clock(clock) for clock in state.clocks],
            next=_next(rules.next_due(state)),
            allowed=_allowed(state, caller.role),
            parked=_parked(state) if caller.role in STAFF else None,
            fraud=state.fraud if caller.role in STAFF else None,
            links=_links(state, caller.role),
        )


class OrderFigures(View):
    """An order in a list."""

    id: str
    version: int
    status: str
    buyer: str
    seller: str
    total: Money
    placed_at: datetime
    next: NextView | None
    needs_attention: bool
    href: str

    @classmethod
    def of(cls, state: OrderState) -> "OrderFigures":
        """The line that a list shows."""
        return cls(
            id=state.order,
            version=state.version,
            status=headline(state),
            buyer=state.buyer,
            seller=state.seller,
            total=Money(amount=state.total, currency=state.currency),
            placed_at=state.placed_at,
            next=_next(rules.next_due(state)),
            needs_attention=state.parked is not None,
            href=f"/v1/orders/{state.order}",
        )


class HappenedView(View):
    """One thing that happened."""

    version: int
    kind: str = Field(examples=["order.shipped"])
    actor: str = Field(examples=["seller:s-1"])
    at: datetime
    facts: dict[str, Any]

    @classmethod
    def of(cls, entry: Happened, caller: Caller) -> "HappenedView":
        """Show an entry. Who exactly of the staff acted, and why, is the staff's business."""
        actor = entry.actor
        role = actor.partition(":")[0]
        if caller.role in {Role.BUYER, Role.SELLER} and role in STAFF:
            actor = role
        return cls(
            version=entry.version,
            kind=entry.kind,
            actor=actor,
            at=entry.at,
            facts=facts_for(caller.role, entry.kind, entry.facts),
        )


def etag(version: int) -> str:
    """A version as an `ETag`."""
    return f'"{version}"'


def _money(state: OrderState) -> OrderMoneyView:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=state.currency)

    return OrderMoneyView(
        total=money(state.total),
        subsidy=money(state.subsidy),
        authorised=money(state.authorised),
        kept_apart=money(state.received),
        captured=money(state.captured),
        refunded=money(state.refunded),
        held=money(state.held),
        released=money(state.released),
        in_reserve=Money(amount=state.reserved, currency=state.settles_in or state.currency),
        in_escrow=money(max(0, state.captured - state.refunded - state.released)),
    )


def _parcel(parcel: Parcel, currency: str) -> ParcelView:
    return ParcelView(
        id=parcel.name,
        stage=parcel.stage,
        carrier=parcel.carrier,
        number=parcel.number,
        milestone=parcel.milestone,
        lines=parcel.lines,
        amount=Money(amount=parcel.amount, currency=currency),
        declared_at=parcel.declared_at,
        doubt=str(parcel.doubt) or None,
    )


def _question(agreement: Agreement) -> QuestionView:
    return QuestionView(
        topic=agreement.topic,
        asked_by=agreement.asked_by,
        asked_at=agreement.asked_at,
        days=agreement.days,
    )


def _owed(owed: Owed, currency: str) -> OwedView:
    amount = Money(amount=owed.amount, currency=currency)
    return OwedView(name=owed.name, amount=amount, reason=owed.reason)


def _clock(clock: Clock) -> ClockView:
    return ClockView(
        name=clock.name,
        opened_at=clock.opened_at,
        due_at=clock.due_at,
        parcel=clock.parcel or None,
        when_due=WHEN_DUE[clock.name],
    )


def _next(due: Due | None) -> NextView | None:
    if due is None:
        return None
    what = "a reminder goes out" if due.is_reminder else WHEN_DUE[due.clock]
    return NextView(at=due.at, clock=due.clock, what=what)


def _allowed(state: OrderState, role: Role) -> list[AllowedView]:
    return [
        AllowedView(action=action, href=f"/v1/orders/{state.order}/{path}")
        for action, roles in rules.allowed(state).items()
        if role in roles
        for path in _paths(state, action, role)
    ]


def _paths(state: OrderState, action: Action, role: Role) -> list[str]:
    """Where an action is asked for; of each open question's own address those that are theirs."""
    if action is Action.ASK_CONSENT:
        may = any(role in MANNERS[topic].asked_by for topic in rules.topics(state))
        return [PATHS[action]] if may else []
    if action is Action.ANSWER_CONSENT:
        theirs = [one.topic for one in state.agreements if role in who_answers(one)]
    elif action is Action.WITHDRAW_QUESTION:
        theirs = [one.topic for one in state.agreements if role is one.asked_by]
    else:
        return [PATHS[action]]
    return [PATHS[action].format(topic=topic) for topic in theirs]


def _parked(state: OrderState) -> ParkedView | None:
    parked = state.parked
    if parked is None:
        return None
    return ParkedView(
        step=parked.step,
        reason=parked.reason,
        tried=parked.tried,
        since=parked.since,
        may=parked.may,
    )


def _links(state: OrderState, role: Role) -> dict[str, str]:
    """Where to read on, as far as the caller may."""
    here = f"/v1/orders/{state.order}"
    names = ["timeline"]
    if role is not Role.BUYER:
        names.append("postings")
        names.append("labels")
    if role in {Role.BUYER, Role.SERVICE}:
        names.append("payment")
    links = {"self": here} | {name: f"{here}/{name}" for name in names}
    if state.paid_by:
        links["purchase"] = purchase = f"/v1/purchases/{state.paid_by}"
        if "payment" in links:
            links["payment"] = f"{purchase}/payment"
    return links
