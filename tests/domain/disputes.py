"""A dispute without servers: its terms, its people, and everything that can happen to it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.actors import Actor, Role
from domain.calendar import Calendar
from domain.dispute import moves, rulings, settling
from domain.dispute.moves import Opening
from domain.dispute.reasons import Category, Reason, Remedy
from domain.dispute.state import Basis, Claim, DisputeEvent, DisputeState, Proposal, Stage, Verdict
from domain.dispute.terms import Days, DisputeTerms, dispute_rules, terms_of

BEGAN: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
BUYER: Final = Actor(Role.BUYER, "b-1")
SELLER: Final = Actor(Role.SELLER, "s-1")
AGENT: Final = Actor(Role.SUPPORT_AGENT, "a-1")
LEAD: Final = Actor(Role.SUPPORT_LEAD, "l-1")
OTHER_LEAD: Final = Actor(Role.SUPPORT_LEAD, "l-2")
OPERATOR: Final = Actor(Role.OPERATOR, "op-1")
CAP: Final = 10_000
LIMIT: Final = 6_000


def after(**span: float) -> datetime:
    """The instant that lies so long after the dispute was opened."""
    return BEGAN + timedelta(**span)


def terms(country: str = "DE", at: datetime = BEGAN, **rules: object) -> DisputeTerms:
    """The default rules, with a limit for one person and some that a test changes."""
    document = {"second_person_above": {"EUR": LIMIT}, "no_return_up_to": {"EUR": 900}} | rules
    days = Days("standard/1", "America/Los_Angeles", Calendar())
    return terms_of(dispute_rules(document), days, "EUR", country, at)


def asked(amount: int = CAP, remedy: Remedy = Remedy.REFUND) -> Proposal:
    return Proposal(0, Role.BUYER, remedy, amount, BEGAN)


def first(category: Category = Category.RECEIVED) -> DisputeState:
    """A dispute that is only asked for."""
    reason = Reason.DAMAGED if category is Category.RECEIVED else Reason.IN_TRANSIT
    return DisputeState("d-1", "o-1", "b-1", "s-1", "EUR", category, reason, BEGAN)


def opened(
    amount: int = CAP,
    remedy: Remedy = Remedy.REFUND,
    category: Category = Category.RECEIVED,
    lives_by: DisputeTerms | None = None,
) -> DisputeState:
    """A dispute about two lines, all of whose share is held."""
    opening = Opening((Claim("1", 7_000), Claim("2", 3_000)), CAP, CAP, "pi_1")
    wanted = asked(amount, remedy)
    return moves.opened(first(category), lives_by or terms(), opening, wanted)


def ruling(amount: int, version: int, judge: Actor = LEAD, basis: Basis = Basis.RULING) -> Verdict:
    return Verdict(basis, Remedy.REFUND, amount, version, str(judge), reason="evidence")


def in_review(**changed: object) -> DisputeState:
    """A dispute that waits for a person's decision."""
    state = moves.escalated(opened(**changed), terms(), after(days=1))  # type: ignore[arg-type]  # passed on
    closed = moves.happened(state, terms(), DisputeEvent.EVIDENCE_CLOSED, after(days=4))
    assert closed.stage is Stage.IN_REVIEW
    return closed


def appealable(amount: int = 4_000) -> DisputeState:
    """A dispute whose ruling was paid."""
    state = in_review()
    state = rulings.ruled(state, terms(), ruling(amount, state.revision), "l-1", after(days=5))
    settled = settling.settled(state, terms(), amount, amount, after(days=5))
    return settling.refund_sent(settled, "dispute/d-1/refund/1", is_final=True)
