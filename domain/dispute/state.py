"""A dispute's states and events, the tables that are the only copy of the rule, and its figures."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Role
from domain.dispute.reasons import Category, Reason, Remedy
from domain.machine import Machine
from domain.order.state import Parked


class Stage(StrEnum):
    """Where a dispute stands."""

    OPENING = "opening"
    NOT_OPENED = "not_opened"
    AWAITING_SELLER = "awaiting_seller"
    AWAITING_BUYER = "awaiting_buyer"
    EVIDENCE = "evidence"
    IN_REVIEW = "in_review"
    PLATFORM_PROPOSED = "platform_proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    RULED = "ruled"
    RETURN_DUE = "return_due"
    RETURN_DECLARED = "return_declared"
    RETURN_UNDER_WAY = "return_under_way"
    RETURN_CHECK = "return_check"
    RESHIP_DUE = "reship_due"
    RESHIPPED = "reshipped"
    RESHIP_CHECK = "reship_check"
    SETTLING = "settling"
    APPEALABLE = "appealable"
    APPEALED = "appealed"
    APPEAL_APPROVAL = "appeal_approval"
    CLOSED = "closed"


class DisputeEvent(StrEnum):
    """What happens to a dispute."""

    OPENED = "opened"
    NOT_OPENED = "not_opened"
    BUYER_PROPOSED = "buyer_proposed"
    SELLER_PROPOSED = "seller_proposed"
    ESCALATED = "escalated"
    EVIDENCE_EXTENDED = "evidence_extended"
    EVIDENCE_CLOSED = "evidence_closed"
    PLATFORM_PROPOSED = "platform_proposed"
    PROPOSAL_DECLINED = "proposal_declined"
    REVIEW_LATE = "review_late"
    SECOND_NEEDED = "second_needed"
    SECOND_DISAGREED = "second_disagreed"
    SECOND_AGREED = "second_agreed"
    TAKEN_BACK = "taken_back"
    REFUND_FIXED = "refund_fixed"
    RETURN_FIXED = "return_fixed"
    RESHIP_FIXED = "reship_fixed"
    RETURN_SHIPPED = "return_shipped"
    RETURN_SCANNED = "return_scanned"
    RETURN_DELIVERED = "return_delivered"
    RETURN_LOST = "return_lost"
    RETURN_MISSING = "return_missing"
    RETURN_ACCEPTED = "return_accepted"
    GOODS_OBJECTED = "goods_objected"
    RESHIPPED = "reshipped"
    RESHIP_DELIVERED = "reship_delivered"
    RESHIP_FAILED = "reship_failed"
    RESHIP_ACCEPTED = "reship_accepted"
    REASON_CHANGED = "reason_changed"
    ARRIVED = "arrived"
    WITHDRAWN = "withdrawn"
    CHARGED_BACK = "charged_back"
    SETTLED = "settled"
    RULING_SETTLED = "ruling_settled"
    APPEALED = "appealed"
    APPEAL_LAPSED = "appeal_lapsed"
    APPEAL_RULED = "appeal_ruled"


_TALKING: Final = (Stage.AWAITING_SELLER, Stage.AWAITING_BUYER)
_WITH_STAFF: Final = (Stage.EVIDENCE, Stage.IN_REVIEW, Stage.PLATFORM_PROPOSED)
# Everything stays editable until something is fixed: both sides may still agree.
NEGOTIABLE: Final = (*_TALKING, *_WITH_STAFF, Stage.AWAITING_APPROVAL, Stage.RULED)
_RETURNING: Final = (
    Stage.RETURN_DUE,
    Stage.RETURN_DECLARED,
    Stage.RETURN_UNDER_WAY,
    Stage.RETURN_CHECK,
)
_RESHIPPING: Final = (Stage.RESHIP_DUE, Stage.RESHIPPED, Stage.RESHIP_CHECK)
_ON_APPEAL: Final = (Stage.APPEALABLE, Stage.APPEALED, Stage.APPEAL_APPROVAL)
# Nothing of it is posted yet.
UNSETTLED: Final = (*NEGOTIABLE, *_RETURNING, *_RESHIPPING)

_E = DisputeEvent
DISPUTE: Final = Machine(
    "dispute",
    MappingProxyType(
        {
            (Stage.OPENING, _E.OPENED): Stage.AWAITING_SELLER,
            (Stage.OPENING, _E.NOT_OPENED): Stage.NOT_OPENED,
            (Stage.AWAITING_SELLER, _E.BUYER_PROPOSED): Stage.AWAITING_SELLER,
            (Stage.AWAITING_BUYER, _E.BUYER_PROPOSED): Stage.AWAITING_SELLER,
            (Stage.EVIDENCE, _E.EVIDENCE_EXTENDED): Stage.EVIDENCE,
            (Stage.EVIDENCE, _E.EVIDENCE_CLOSED): Stage.IN_REVIEW,
            (Stage.PLATFORM_PROPOSED, _E.PROPOSAL_DECLINED): Stage.IN_REVIEW,
            (Stage.IN_REVIEW, _E.REVIEW_LATE): Stage.IN_REVIEW,
            (Stage.IN_REVIEW, _E.SECOND_NEEDED): Stage.AWAITING_APPROVAL,
            (Stage.PLATFORM_PROPOSED, _E.SECOND_NEEDED): Stage.AWAITING_APPROVAL,
            (Stage.AWAITING_APPROVAL, _E.SECOND_DISAGREED): Stage.IN_REVIEW,
            (Stage.AWAITING_APPROVAL, _E.SECOND_AGREED): Stage.RULED,
            (Stage.RULED, _E.TAKEN_BACK): Stage.IN_REVIEW,
            (Stage.RETURN_DUE, _E.RETURN_SHIPPED): Stage.RETURN_DECLARED,
            (Stage.RETURN_DUE, _E.RETURN_MISSING): Stage.SETTLING,
            (Stage.RETURN_DUE, _E.RETURN_SCANNED): Stage.RETURN_UNDER_WAY,
            (Stage.RETURN_DUE, _E.RETURN_DELIVERED): Stage.RETURN_CHECK,
            (Stage.RETURN_DUE, _E.RETURN_LOST): Stage.EVIDENCE,
            (Stage.RETURN_DECLARED, _E.RETURN_SCANNED): Stage.RETURN_UNDER_WAY,
            (Stage.RETURN_DECLARED, _E.RETURN_DELIVERED): Stage.RETURN_CHECK,
            (Stage.RETURN_DECLARED, _E.RETURN_LOST): Stage.EVIDENCE,
            (Stage.RETURN_DECLARED, _E.RETURN_MISSING): Stage.SETTLING,
            (Stage.RETURN_UNDER_WAY, _E.RETURN_DELIVERED): Stage.RETURN_CHECK,
            (Stage.RETURN_UNDER_WAY, _E.RETURN_LOST): Stage.EVIDENCE,
            (Stage.RETURN_CHECK, _E.GOODS_OBJECTED): Stage.EVIDENCE,
            (Stage.RESHIP_DUE, _E.RESHIPPED): Stage.RESHIPPED,
            (Stage.RESHIP_DUE, _E.RESHIP_FAILED): Stage.SETTLING,
            (Stage.RESHIPPED, _E.RESHIP_DELIVERED): Stage.RESHIP_CHECK,
            (Stage.RESHIPPED, _E.RESHIP_FAILED): Stage.SETTLING,
            (Stage.RESHIPPED, _E.RESHIP_ACCEPTED): Stage.SETTLING,
            (Stage.RESHIP_CHECK, _E.RESHIP_ACCEPTED): Stage.SETTLING,
            (Stage.RESHIP_CHECK, _E.GOODS_OBJECTED): Stage.EVIDENCE,
            (Stage.SETTLING, _E.CHARGED_BACK): Stage.SETTLING,
            (Stage.SETTLING, _E.SETTLED): Stage.CLOSED,
            (Stage.SETTLING, _E.RULING_SETTLED): Stage.APPEALABLE,
            (Stage.APPEALABLE, _E.APPEALED): Stage.APPEALED,
            (Stage.APPEALABLE, _E.APPEAL_LAPSED): Stage.CLOSED,
            (Stage.APPEALED, _E.REVIEW_LATE): Stage.APPEALED,
            (Stage.APPEALED, _E.SECOND_NEEDED): Stage.APPEAL_APPROVAL,
            (Stage.APPEALED, _E.APPEAL_RULED): Stage.SETTLING,
            (Stage.APPEAL_APPROVAL, _E.SECOND_DISAGREED): Stage.APPEALED,
            (Stage.APPEAL_APPROVAL, _E.APPEAL_RULED): Stage.SETTLING,
        }
        | {(stage, _E.BUYER_PROPOSED): stage for stage in _WITH_STAFF}
        | {(stage, _E.SELLER_PROPOSED): Stage.AWAITING_BUYER for stage in _TALKING}
        | {(stage, _E.SELLER_PROPOSED): stage for stage in _WITH_STAFF}
        | {(stage, _E.ESCALATED): Stage.EVIDENCE for stage in _TALKING}
        | {(stage, _E.PLATFORM_PROPOSED): Stage.PLATFORM_PROPOSED for stage in _WITH_STAFF}
        | {(stage, _E.REFUND_FIXED): Stage.SETTLING for stage in NEGOTIABLE}
        | {(stage, _E.RETURN_FIXED): Stage.RETURN_DUE for stage in NEGOTIABLE}
        | {(stage, _E.RESHIP_FIXED): Stage.RESHIP_DUE for stage in NEGOTIABLE}
        | {(stage, _E.REASON_CHANGED): stage for stage in NEGOTIABLE}
        | {(stage, _E.ARRIVED): Stage.SETTLING for stage in NEGOTIABLE}
        | {(stage, _E.RETURN_ACCEPTED): Stage.SETTLING for stage in _RETURNING}
        | {(stage, _E.WITHDRAWN): Stage.SETTLING for stage in UNSETTLED}
        | {(stage, _E.CHARGED_BACK): Stage.SETTLING for stage in UNSETTLED}
        | {(stage, _E.CHARGED_BACK): Stage.CLOSED for stage in _ON_APPEAL}
    ),
)


class Pause(StrEnum):
    """Whether a dispute waits for a chargeback on the same payment."""

    RUNNING = "running"
    PAUSED = "paused"


class PauseEvent(StrEnum):
    """What a chargeback does to a dispute."""

    CHARGEBACK_OPENED = "chargeback_opened"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"
    CHARGEBACK_PARTLY = "chargeback_partly"


PAUSE: Final = Machine(
    "chargeback",
    MappingProxyType(
        {
            (Pause.RUNNING, PauseEvent.CHARGEBACK_OPENED): Pause.PAUSED,
            (Pause.PAUSED, PauseEvent.CHARGEBACK_WON): Pause.RUNNING,
            (Pause.PAUSED, PauseEvent.CHARGEBACK_LOST): Pause.RUNNING,
            (Pause.PAUSED, PauseEvent.CHARGEBACK_PARTLY): Pause.RUNNING,
        }
    ),
)


class ClockName(StrEnum):
    """Every deadline a dispute can have; what each does when it runs out is in `clocks.py`."""

    SELLER_ANSWER = "seller_answer"
    BUYER_ANSWER = "buyer_answer"
    INTERVENTION = "intervention"
    EVIDENCE = "evidence"
    REVIEW = "review"
    PROPOSAL = "proposal"
    APPROVAL = "approval"
    TAKE_BACK = "take_back"
    ARRIVAL = "arrival"
    RETURN_SHIPMENT = "return_shipment"
    RETURN_SCAN = "return_scan"
    RETURN_TRANSIT = "return_transit"
    RETURN_CHECK = "return_check"
    RESHIPMENT = "reshipment"
    RESHIP_TRANSIT = "reship_transit"
    RESHIP_CHECK = "reship_check"
    APPEAL = "appeal"
    APPEAL_REVIEW = "appeal_review"


@dataclass(frozen=True)
class Clock:
    """One running deadline (UTC). `reminded` counts its reminders, or alarms, that went out."""

    name: ClockName
    opened_at: datetime
    due_at: datetime
    reminded: int = 0


@dataclass(frozen=True)
class Claim:
    """One disputed line: what may be given back for it at the most (minor units)."""

    line: str
    cap: int


@dataclass(frozen=True)
class Proposal:
    """What one side offers; `version` is the case's revision then, and an acceptance names it.

    `amount` (minor units) is what the buyer is to get, `by` buyer, seller or support-agent.
    """

    version: int
    by: Role
    remedy: Remedy
    amount: int
    at: datetime


class Basis(StrEnum):
    """Why something was fixed."""

    AGREEMENT = "agreement"
    SILENCE = "silence"
    PROPOSAL = "proposal"
    RULING = "ruling"
    APPEAL = "appeal"


# What only a person of the platform has fixed can be appealed against.
APPEALABLE: Final = frozenset({Basis.PROPOSAL, Basis.RULING})


@dataclass(frozen=True)
class Verdict:
    """What is to be done: the buyer gets `amount`, of which others than the seller pay parts.

    `version` is the proposal that was accepted, or the revision that was judged; `by` who fixed it
    ("buyer:b-1", "" for a clock), `approved_by` the second person, `bulk` the bulk ruling that it
    is a part of.
    """

    basis: Basis
    remedy: Remedy
    amount: int
    version: int
    by: str = ""
    platform: int = 0
    carrier: int = 0
    reason: str = ""
    approved_by: str = ""
    bulk: str = ""


class Outcome(StrEnum):
    """How a dispute ended."""

    OPEN = "open"
    NOT_OPENED = "not_opened"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    REJECTED = "rejected"
    RESHIPPED = "reshipped"
    ARRIVED = "arrived"
    WITHDRAWN = "withdrawn"
    RETURN_MISSING = "return_missing"
    CHARGED_BACK = "charged_back"


@dataclass(frozen=True)
class Sent:
    """A parcel of the dispute's own: goods on their way back, or sent once more.

    `url` is where its label is fetched for printing, if the platform has bought it.
    """

    carrier: str
    number: str
    tracker: str = ""
    url: str = ""


@dataclass(frozen=True)
class DisputeState:
    """Everything the process knows, flat and small. Amounts are minor units of `currency`.

    `cap` is what the buyer may get at the most, `held` what of it is kept in escrow, `awarded`
    what they were given, `to_pay` what of that has not left yet. `proposals` are the last of each
    side; `revision` grows with whatever a judge must have seen. `pending` waits for a second
    person. `touched` are the people who have acted for a side: they never decide. `decided_by`
    have decided: an appeal is for somebody else. `refunds` counts attempts to pay the buyer,
    `open_refund` is the one that is not final. `assignee` is the person whose case it is,
    `sent` a parcel of the dispute's own, `chargeback` the one that it waits for.
    `label` was bought for the return and is neither used nor given back, by its key; `labels`
    counts their purchases. `netted` is what the buyer has had for the same from their bank or
    wallet: a verdict gives that much less.
    `is_waived`: no seller is to blame, so that their silence decides nothing.
    """

    dispute: str
    order: str
    buyer: str
    seller: str
    currency: str
    category: Category
    reason: Reason
    opened_at: datetime
    policy: str = ""
    version: int = 0
    stage: Stage = Stage.OPENING
    pause: Pause = Pause.RUNNING
    paused_at: datetime | None = None
    outcome: Outcome = Outcome.OPEN
    claims: tuple[Claim, ...] = ()
    cap: int = 0
    held: int = 0
    awarded: int = 0
    to_pay: int = 0
    refunds: int = 0
    open_refund: str = ""
    proposals: tuple[Proposal, ...] = ()
    revision: int = 0
    accepted_by: tuple[Role, ...] = ()
    clocks: tuple[Clock, ...] = ()
    verdict: Verdict | None = None
    pending: Verdict | None = None
    evidence_round: int = 0
    is_extended: bool = False
    is_waived: bool = False
    touched: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()
    assignee: str = ""
    sent: Sent | None = None
    chargeback: str = ""
    intent: str = ""
    ended_at: datetime | None = None
    parked: Parked | None = None
    label: str = ""
    labels: int = 0
    netted: int = 0
