"""The ledger entries that an order's money makes: pure amounts, no balance is read here."""

from dataclasses import dataclass

from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, Posting, move
from domain.money import BASIS_POINTS


def captured(provider: str, order: str, gross: int, fee: int, subsidy: int = 0) -> tuple[Leg, ...]:
    """The buyer's money is with the provider, less the provider's fee, and owed to escrow.

    The platform's *subsidy* of the price comes to it from its own account.
    """
    return move(
        [
            (Kind.CLEARING, provider, gross - fee),
            (Kind.PROVIDER_FEES, provider, fee),
            (Kind.SUBSIDY, "", subsidy),
            (Kind.ESCROW, order, -gross - subsidy),
        ]
    )


def amount_accepted(
    order: str, paid: int, subsidy: int, borne: int, kept_for: str = ""
) -> tuple[Leg, ...]:
    """Of what was kept apart, *paid* pays the order; what is missing, somebody's account bears.

    It was kept apart for the order itself, or for the purchase that it is *kept_for*.
    """
    return move(
        [
            (Kind.UNAPPLIED, kept_for or order, paid),
            (Kind.SUBSIDY, "", subsidy),
            (Kind.PLATFORM_LOSS, "", borne),
            (Kind.ESCROW, order, -paid - subsidy - borne),
        ]
    )


def received_unapplied(provider: str, order: str, gross: int, fee: int) -> tuple[Leg, ...]:
    """Money that no open order waits for (late, excess): it is kept apart until it goes back."""
    return move(
        [
            (Kind.CLEARING, provider, gross - fee),
            (Kind.PROVIDER_FEES, provider, fee),
            (Kind.UNAPPLIED, order, -gross),
        ]
    )


def unapplied_refund_reserved(order: str, amount: int) -> tuple[Leg, ...]:
    """Unapplied money leaves for the buyer."""
    return move([(Kind.UNAPPLIED, order, amount), (Kind.REFUNDS_IN_TRANSIT, order, -amount)])


def unapplied_refund_returned(provider: str, order: str, amount: int) -> tuple[Leg, ...]:
    """Unapplied money came back from the buyer's bank, and is to be sent another way."""
    return move([(Kind.CLEARING, provider, amount), (Kind.UNAPPLIED, order, -amount)])


@dataclass(frozen=True)
class RefundSources:
    """What a refund can be taken from, in minor units, as found under the order's lock.

    `escrow` is what is left there beside the holds; `released` what went out of it and has not
    been recovered, `commission` what is still kept of that; the rest are the seller's balances.
    """

    escrow: int
    released: int
    commission: int
    payable: int = 0
    reserve: int = 0
    deposit: int = 0


@dataclass(frozen=True)
class RefundPlan:
    """Where a refund comes from; the parts sum to it exactly.

    `exchanged` is what the seller gives in another currency: in this one it is the exchange's.
    """

    escrow: int
    commission: int
    payable: int
    reserve: int
    deposit: int
    debt: int
    exchanged: int = 0

    @property
    def from_seller(self) -> int:
        """What the seller gives of it: from their balances, and what they owe from now on."""
        return self.payable + self.reserve + self.deposit + self.debt

    @property
    def recovered(self) -> int:
        """What is taken back from outside escrow."""
        return self.commission + self.from_seller + self.exchanged


@dataclass(frozen=True)
class PaidBy:
    """An amount by who paid it: the buyer, the platform's subsidy, the platform's loss."""

    buyer: int
    subsidy: int = 0
    loss: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.buyer + self.subsidy + self.loss


def share_of(reserved: Posting) -> PaidBy:
    """Read back from its entry to whom a refund went."""
    amounts = {leg.account.kind: -leg.amount for leg in reserved.legs}
    return PaidBy(
        buyer=amounts.get(Kind.REFUNDS_IN_TRANSIT, 0),
        subsidy=amounts.get(Kind.SUBSIDY, 0),
        loss=amounts.get(Kind.PLATFORM_LOSS, 0),
    )


def plan_of(reserved: Posting) -> RefundPlan:
    """Read back from its entry where a refund was taken from."""
    amounts = {leg.account.kind: leg.amount for leg in reserved.legs}
    return RefundPlan(
        escrow=amounts.get(Kind.ESCROW, 0),
        commission=amounts.get(Kind.COMMISSION, 0),
        payable=amounts.get(Kind.PAYABLE, 0),
        reserve=amounts.get(Kind.RESERVE, 0),
        deposit=amounts.get(Kind.DEPOSIT, 0),
        debt=amounts.get(Kind.DEBT, 0),
        exchanged=amounts.get(Kind.FX_RESULT, 0),
    )


def plan_refund(amount: int, sources: RefundSources) -> RefundPlan:
    """Escrow first; then commission pro rata, payable, reserve, deposit, and debt for the rest.

    Source: the policy's recovery order of a later refund; commission is returned pro rata.
    """
    escrow = min(amount, sources.escrow)
    beyond = amount - escrow
    commission = sources.commission * beyond // sources.released if sources.released else 0
    left = beyond - commission
    taken: list[int] = []
    for balance in (sources.payable, sources.reserve, sources.deposit):
        part = min(left, max(0, balance))
        taken.append(part)
        left -= part
    payable, reserve, deposit = taken
    return RefundPlan(escrow, commission, payable, reserve, deposit, left)


def refund_reserved(
    order: str, seller: str, plan: RefundPlan, share: PaidBy | None = None
) -> tuple[Leg, ...]:
    """The refund is set aside before the provider hears of it: two can never take the same.

    Only the buyer's *share* (all of it where none is said) goes to them; what the platform paid
    of the price goes back to the account that paid it.
    """
    share = share or PaidBy(plan.escrow + plan.recovered)
    return move(
        [
            (Kind.ESCROW, order, plan.escrow),
            (Kind.COMMISSION, "", plan.commission),
            (Kind.PAYABLE, seller, plan.payable),
            (Kind.RESERVE, seller, plan.reserve),
            (Kind.DEPOSIT, seller, plan.deposit),
            (Kind.DEBT, seller, plan.debt),
            (Kind.FX_RESULT, "", plan.exchanged),
            (Kind.REFUNDS_IN_TRANSIT, order, -share.buyer),
            (Kind.SUBSIDY, "", -share.subsidy),
            (Kind.PLATFORM_LOSS, "", -share.loss),
        ]
    )


def refund_settled(provider: str, order: str, amount: int) -> tuple[Leg, ...]:
    """The provider has taken the refund out of our balance."""
    return move([(Kind.REFUNDS_IN_TRANSIT, order, amount), (Kind.CLEARING, provider, -amount)])


def refund_returned(provider: str, reserved: Posting) -> tuple[Leg, ...]:
    """A refund came back from the buyer's bank: everybody has again what they gave for it."""
    back = [(leg.account.kind, leg.account.owner, -leg.amount) for leg in reserved.legs]
    total = sum(amount for kind, _, amount in back if kind is Kind.REFUNDS_IN_TRANSIT)
    kept = [part for part in back if part[0] is not Kind.REFUNDS_IN_TRANSIT]
    return move([(Kind.CLEARING, provider, total), *kept])


@dataclass(frozen=True)
class ReleasePlan:
    """How *gross*, leaving escrow, divides; the parts sum to it exactly.

    Where the seller settles in another currency, all but the commission is `exchanged`, and
    `payable` and `reserve` are minor units of that currency.
    """

    gross: int
    commission: int
    payable: int
    reserve: int
    exchanged: int = 0


def plan_release(
    gross: int, *, released: int, total: int, commission: int, reserve_bp: int
) -> ReleasePlan:
    """Commission by its cumulative share, then the reserve's share of the rest, rounded up.

    *released* is what went out before, *total* and *commission* are the order's, in minor units.
    """
    due = commission_until(commission, total, released + gross)
    kept = due - commission_until(commission, total, released)
    net = gross - kept
    payable = net * (BASIS_POINTS - reserve_bp) // BASIS_POINTS
    return ReleasePlan(gross, kept, payable, net - payable)


def release_of(entry: Posting, settlement: Posting | None = None) -> ReleasePlan:
    """Read back from its entry how a release divided; *settlement* is the other currency's."""
    amounts = {leg.account.kind: leg.amount for leg in entry.legs}
    theirs = {leg.account.kind: leg.amount for leg in (settlement or entry).legs}
    return ReleasePlan(
        gross=amounts.get(Kind.ESCROW, 0),
        commission=-amounts.get(Kind.COMMISSION, 0),
        payable=-theirs.get(Kind.PAYABLE, 0),
        reserve=-theirs.get(Kind.RESERVE, 0),
        exchanged=-amounts.get(Kind.FX_RESULT, 0),
    )


def released(order: str, seller: str, plan: ReleasePlan) -> tuple[Leg, ...]:
    """Escrow becomes the seller's, or the exchange's, less what the platform keeps."""
    is_own = not plan.exchanged
    return move(
        [
            (Kind.ESCROW, order, plan.gross),
            (Kind.COMMISSION, "", -plan.commission),
            (Kind.PAYABLE, seller, -plan.payable * is_own),
            (Kind.RESERVE, seller, -plan.reserve * is_own),
            (Kind.FX_RESULT, "", -plan.exchanged),
        ]
    )


def reserve_released(seller: str, amount: int) -> tuple[Leg, ...]:
    """What was kept in reserve may be paid out."""
    return move([(Kind.RESERVE, seller, amount), (Kind.PAYABLE, seller, -amount)])


def commission_until(commission: int, total: int, released: int) -> int:
    """The commission due once *released* of *total* is out; cumulative, so that parts sum exactly.

    *commission* is what the whole order would bear, fixed when it was placed. Rounds down: the
    odd minor unit is the seller's until the last release.
    """
    return commission * released // total if total else 0
