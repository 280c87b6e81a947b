"""Disputes, as they are asked for and shown."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Self

from pydantic import Field

from api.auth import Caller
from api.paging import PageQuery
from api.schemas.common import (
    LARGEST_VERSION,
    Amount,
    CarrierName,
    Currency,
    Form,
    Id,
    Money,
    Reason,
    TrackingNumber,
    View,
    Word,
)
from api.schemas.order_views import AllowedView, NextView, ParkedView
from api.schemas.returns import SentView
from domain.actors import STAFF, Role
from domain.dispute import rules
from domain.dispute.clocks import WHEN_DUE, next_due
from domain.dispute.reasons import Category, Remedy
from domain.dispute.reasons import Reason as Cause
from domain.dispute.rules import Action
from domain.dispute.state import DisputeState, Verdict
from persistence.audit import Entry
from workflows.order.messages import Resolution

# Where each action is asked for, below the dispute.
PATHS: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.PROPOSE: "proposals",
        Action.ACCEPT: "acceptance",
        Action.DECLINE: "declination",
        Action.ESCALATE: "escalation",
        Action.EXTEND_EVIDENCE: "evidence-extension",
        Action.DECIDE: "decision",
        Action.APPROVE: "decision/approval",
        Action.DISAPPROVE: "decision/disapproval",
        Action.TAKE_BACK: "decision/taking-back",
        Action.ASSIGN: "assignment",
        Action.RETURN_LABEL: "return/label",
        Action.SEND_BACK: "return",
        Action.ACCEPT_RETURN: "return/acceptance",
        Action.SEND_AGAIN: "reshipment",
        Action.ACCEPT_GOODS: "reshipment/acceptance",
        Action.OBJECT_TO_GOODS: "objection",
        Action.CHANGE_REASON: "reason",
        Action.CONTEST_ARRIVAL: "non-receipt",
        Action.WITHDRAW: "withdrawal",
        Action.APPEAL: "appeal",
        Action.RESOLVE: "resolution",
    }
)
_MOST_LINES: Final = 100


class DisputeIn(Form):
    """What a buyer disputes about an order, and asks for it."""

    lines: tuple[Id, ...] = Field(min_length=1, max_length=_MOST_LINES, examples=[["1"]])
    category: Category = Field(examples=["received"])
    reason: Cause = Field(examples=["damaged"])
    remedy: Remedy = Field(default=Remedy.REFUND)
    amount: Amount = Field(
        description="Minor units of `currency`; clamped to what the lines cost.", examples=[2500]
    )
    currency: Currency | None = Field(
        default=None, description="The order's, if absent; or the one that its seller settles in."
    )


class ProposalIn(Form):
    """An offer: what the buyer is to get, in minor units of the order's currency."""

    remedy: Remedy = Field(default=Remedy.REFUND)
    amount: Amount = Field(examples=[2500])


class AcceptanceIn(Form):
    """Accept the proposal of that version: no other one, also if it was superseded meanwhile."""

    version: int = Field(ge=1, le=LARGEST_VERSION, examples=[2])


class WhyIn(Form):
    """Why; it is kept in the log."""

    why: Reason = Field(default="", examples=["we do not agree"])


class RulingIn(Form):
    """A decision, on the revision that was looked at. Parts of the amount may be others'."""

    revision: int = Field(
        ge=1, le=LARGEST_VERSION, description="The case's `revision` that you have seen."
    )
    remedy: Remedy = Field(default=Remedy.REFUND)
    amount: Amount = Field(description="What the buyer gets in all.", examples=[2500])
    platform: Amount = Field(default=0, description="What of it the platform pays.")
    carrier: Amount = Field(default=0, description="What of it the carrier pays.")
    why: Reason = Field(min_length=1, examples=["the photos show a broken corner"])


class ApprovalIn(Form):
    """A second person's word on a ruling, which names the revision that it judges."""

    revision: int = Field(ge=1, le=LARGEST_VERSION)
    why: Reason = Field(default="")


class AssignmentIn(Form):
    """Whose case it is from now on; nobody's: it goes back into the queue."""

    to: Id | None = Field(default=None, examples=["agent-7"])
    why: Reason = Field(default="", examples=["on leave until Monday"])


class ParcelIn(Form):
    """What was handed to a carrier."""

    carrier: CarrierName
    number: TrackingNumber


class CauseIn(Form):
    """What was missing has come, and is not right."""

    reason: Cause = Field(examples=["damaged"])


class DisputeResolutionIn(Form):
    """What an operator does about a parked step; the note is kept."""

    resolution: Resolution = Field(examples=["retry"])
    note: Reason = Field(min_length=1, examples=["paid by wire, case 4713"])


class DisputeQuery(PageQuery):
    """Which disputes to list; what is absent is not asked for."""

    status: Word | None = Field(default=None, examples=["in_review"])
    reason: Cause | None = Field(default=None, examples=["damaged"])
    order: Id | None = Field(default=None, examples=["o-1001"])
    seller: Id | None = None
    buyer: Id | None = None
    assignee: Id | None = Field(default=None, examples=["agent-7"])
    unassigned: bool = Field(default=False, description="Only what is nobody's yet.")
    needs_attention: bool | None = None


class ClaimView(View):
    """One disputed line, and what may be given back for it at the most."""

    line: str
    cap: Money


class ProposalView(View):
    """What one side offers; an acceptance names its version."""

    version: int
    by: str = Field(examples=["seller"])
    remedy: Remedy
    amount: Money
    at: datetime
    accepted_by: list[str]


class VerdictView(View):
    """What is to be done, or was: who gets what, and why."""

    basis: str = Field(examples=["ruling"])
    remedy: Remedy
    amount: Money
    platform: Money
    carrier: Money
    why: str
    by: str = Field(description="Shown to staff.")
    approved_by: str
    bulk: str = Field(description="The bulk ruling that it is a part of; shown to staff.")


class DisputeMoneyView(View):
    """What may be given, is held for it, was given, and has not left yet.

    `by_bank` is what the buyer has had for the same from their bank or wallet: it counts.
    """

    cap: Money
    held: Money
    given: Money
    to_pay: Money
    by_bank: Money


class DisputeView(View):
    """A dispute: what it is about, who offers what, what you may do, what happens next and when."""

    id: str = Field(examples=["d-1001"])
    version: int = Field(description="Grows with every change; also the `ETag`.")
    revision: int = Field(description="Grows with what a judge must have seen: a ruling names it.")
    status: str = Field(examples=["awaiting_seller"])
    outcome: str
    order: str
    buyer: str
    seller: str
    category: Category
    reason: Cause
    lines: list[ClaimView]
    money: DisputeMoneyView
    proposals: list[ProposalView]
    verdict: VerdictView | None
    pending: VerdictView | None = Field(description="Waits for a second person; shown to staff.")
    assignee: str = Field(description="Shown to staff.")
    parcel: SentView | None = Field(description="Goods on their way back, or sent once more.")
    opened_at: datetime
    ended_at: datetime | None
    next: NextView | None
    allowed: list[AllowedView]
    parked: ParkedView | None = Field(description="Shown to staff.")
    links: dict[str, str]

    @classmethod
    def of(cls, state: DisputeState, caller: Caller) -> "DisputeView":
        """Show a dispute to *caller*: who judges it is nobody's business but staff's."""
        is_staff = caller.role in STAFF
        here = f"/v1/disputes/{state.dispute}"
        return cls(
            id=state.dispute,
            version=state.version,
            revision=state.revision,
            status=rules.headline(state),
            outcome=str(state.outcome),
            order=state.order,
            buyer=state.buyer,
            seller=state.seller,
            category=state.category,
            reason=state.reason,
            lines=[
                ClaimView(line=claim.line, cap=_money(state, claim.cap)) for claim in state.claims
            ],
            money=DisputeMoneyView(
                cap=_money(state, state.cap),
                held=_money(state, state.held),
                given=_money(state, state.awarded),
                to_pay=_money(state, state.to_pay),
                by_bank=_money(state, state.netted),
            ),
            proposals=_proposals(state),
            verdict=_verdict(state, state.verdict, is_staff=is_staff),
            pending=_verdict(state, state.pending, is_staff=True) if is_staff else None,
            assignee=state.assignee if is_staff else "",
            parcel=SentView.of(state, caller.role),
            opened_at=state.opened_at,
            ended_at=state.ended_at,
            next=_next(state),
            allowed=[
                AllowedView(action=action, href=f"{here}/{PATHS[action]}")
                for action in rules.open_to(state, caller.actor)
            ],
            parked=_parked(state) if is_staff else None,
            links=_links(here, caller.role),
        )


class DisputeFigures(View):
    """A dispute in a list."""

    id: str
    version: int
    status: str
    order: str
    seller: str
    buyer: str
    category: Category
    reason: Cause
    cap: Money
    assignee: str
    opened_at: datetime
    next: NextView | None
    needs_attention: bool
    href: str

    @classmethod
    def of(cls, state: DisputeState, caller: Caller) -> "DisputeFigures":
        """The line that a list shows."""
        return cls(
            id=state.dispute,
            version=state.version,
            status=rules.headline(state),
            order=state.order,
            seller=state.seller,
            buyer=state.buyer,
            category=state.category,
            reason=state.reason,
            cap=_money(state, state.cap),
            assignee=state.assignee if caller.role in STAFF else "",
            opened_at=state.opened_at,
            next=_next(state),
            needs_attention=state.parked is not None,
            href=f"/v1/disputes/{state.dispute}",
        )


class DeedView(View):
    """Who did what, and why; never edited."""

    version: int
    action: str = Field(examples=["decide"])
    actor: str = Field(examples=["support-lead:lead-1"])
    at: datetime
    why: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, deed: Entry) -> Self:
        """One entry of the log."""
        return cls.model_validate({name: getattr(deed, name) for name in cls.model_fields})


def _money(state: DisputeState, minor: int) -> Money:
    return Money(amount=minor, currency=state.currency)


def _proposals(state: DisputeState) -> list[ProposalView]:
    sides = (Role.BUYER, Role.SELLER)
    return [
        ProposalView(
            version=one.version,
            by=str(one.by) if one.by in sides else "platform",
            remedy=one.remedy,
            amount=_money(state, one.amount),
            at=one.at,
            accepted_by=[] if one.by in sides else [str(role) for role in state.accepted_by],
        )
        for one in state.proposals
    ]


def _verdict(state: DisputeState, verdict: Verdict | None, *, is_staff: bool) -> VerdictView | None:
    if verdict is None:
        return None
    return VerdictView(
        basis=str(verdict.basis),
        remedy=verdict.remedy,
        amount=_money(state, verdict.amount),
        platform=_money(state, verdict.platform),
        carrier=_money(state, verdict.carrier),
        why=verdict.reason,
        by=verdict.by if is_staff else "",
        approved_by=verdict.approved_by if is_staff else "",
        bulk=verdict.bulk if is_staff else "",
    )


def _next(state: DisputeState) -> NextView | None:
    due = next_due(state)
    if due is None:
        return None
    what = "a reminder goes out" if due.is_reminder else WHEN_DUE[due.clock]
    return NextView(at=due.at, clock=due.clock, what=what)


def _parked(state: DisputeState) -> ParkedView | None:
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


def _links(here: str, role: Role) -> dict[str, str]:
    names = ["timeline", *(["log"] if role in STAFF else [])]
    return {"self": here} | {name: f"{here}/{name}" for name in names}
