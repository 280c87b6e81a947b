"""The one entry that a verdict makes, over everybody whom it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.dispute.state import Claim, Verdict
from domain.ids import dispute_workflow_id
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, Posting, move
from domain.money import allocate
from domain.order.postings import PaidBy, RefundPlan, RefundSources, ReleasePlan, plan_refund


@dataclass(frozen=True)
class Parties:
    """Whose accounts a verdict moves: by the dispute, its order, seller, carrier and affiliate."""

    dispute: str
    order: str
    seller: str
    carrier: str = ""
    affiliate: str = ""


@dataclass(frozen=True)
class Award:
    """What the buyer is given, and what of it others than the seller pay (minor units).

    `affiliate` is the part of a commission that whoever led the buyer there loses with it.
    """

    amount: int
    platform: int = 0
    carrier: int = 0
    affiliate: int = 0

    @property
    def others_pay(self) -> int:
        """What the seller does not pay."""
        return self.platform + self.carrier + self.affiliate

    @property
    def seller_pays(self) -> int:
        """What comes out of the order's escrow, or back from the seller."""
        return self.amount - self.others_pay


def award_of(verdict: Verdict, awarded: int, available: int) -> Award:
    """What a verdict still gives, of which *awarded* was given before: never more than there is.

    Where less is left, everybody's part of it gives way by its weight.
    """
    more = min(verdict.amount - awarded, available)
    if more <= 0:
        return Award(0)
    seller = verdict.amount - verdict.platform - verdict.carrier
    _, platform, carrier = allocate(more, (seller, verdict.platform, verdict.carrier))
    return Award(more, platform, carrier)


def planned(award: Award, sources: RefundSources) -> RefundPlan:
    """Where the seller's part comes from: escrow first, then what they had already."""
    return plan_refund(award.seller_pays, sources)


def verdict_legs(of: Parties, award: Award, plan: RefundPlan, share: PaidBy) -> tuple[Leg, ...]:
    """The buyer's money is kept apart for them; seller, platform and carrier have paid it.

    Of the amount only the buyer's *share* is theirs: what the platform paid of the price goes back
    to the account that it came from.
    """
    return move(
        [
            (Kind.ESCROW, of.order, plan.escrow),
            (Kind.COMMISSION, "", plan.commission),
            (Kind.PAYABLE, of.seller, plan.payable),
            (Kind.RESERVE, of.seller, plan.reserve),
            (Kind.DEPOSIT, of.seller, plan.deposit),
            (Kind.DEBT, of.seller, plan.debt),
            (Kind.FX_RESULT, "", plan.exchanged),
            (Kind.PLATFORM_LOSS, "", award.platform),
            (Kind.CARRIER_COSTS, of.carrier, award.carrier),
            (Kind.AFFILIATE_PAYABLE, of.affiliate, award.affiliate),
            (Kind.UNAPPLIED, dispute_workflow_id(of.dispute), -share.buyer),
            (Kind.SUBSIDY, "", -share.subsidy),
            (Kind.PLATFORM_LOSS, "", -share.loss),
        ]
    )


def made_good(seller: str, plan: ReleasePlan) -> tuple[Leg, ...]:
    """An appeal takes back what cannot be had back from the buyer: the platform bears it.

    The seller gets what a release of that much would have brought them.
    """
    is_own = not plan.exchanged
    return move(
        [
            (Kind.PLATFORM_LOSS, "", plan.gross),
            (Kind.COMMISSION, "", -plan.commission),
            (Kind.PAYABLE, seller, -(plan.payable + plan.reserve) * is_own),
            (Kind.FX_RESULT, "", -plan.exchanged),
        ]
    )


def cash_of(entry: Posting) -> int:
    """Read back from its entry what of a verdict leaves for the buyer."""
    return -sum(leg.amount for leg in entry.legs if leg.account.kind is Kind.UNAPPLIED)


def given_by(entry: Posting) -> int:
    """Read back from its entry what a verdict gave the buyer's side; negative: took away."""
    total = sum(
        leg.amount
        for leg in entry.legs
        if leg.amount < 0 and leg.account.kind in (Kind.UNAPPLIED, Kind.SUBSIDY, Kind.PLATFORM_LOSS)
    )
    return -total


def per_line(claims: Sequence[Claim], awarded: int) -> dict[str, int]:
    """What of the whole award each line has had: by their caps, exactly."""
    parts = allocate(awarded, [claim.cap for claim in claims])
    return {claim.line: part for claim, part in zip(claims, parts, strict=True)}
