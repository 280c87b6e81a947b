"""The entries of a chargeback, and what it does to the locked money of an order."""

from dataclasses import replace

from domain.chargeback.state import ChargebackState, Slice
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, move
from domain.money import allocate
from domain.order.money import OrderFunds
from domain.order.postings import RefundPlan


def taken(provider: str, chargeback: str, amount: int, fee: int) -> tuple[Leg, ...]:
    """The provider has taken the money, and a fee that it keeps whatever the verdict is."""
    return move(
        [
            (Kind.CHARGEBACKS_PENDING, chargeback, amount),
            (Kind.PROVIDER_FEES, provider, fee),
            (Kind.CLEARING, provider, -amount - fee),
        ]
    )


def given_back(provider: str, chargeback: str, amount: int) -> tuple[Leg, ...]:
    """The bank has found for us: the provider gives the money back."""
    return move(
        [(Kind.CLEARING, provider, amount), (Kind.CHARGEBACKS_PENDING, chargeback, -amount)]
    )


def lost(chargeback: str, order: str, seller: str, plan: RefundPlan) -> tuple[Leg, ...]:
    """An order's part is gone: taken from where a refund would have been taken."""
    return move(
        [
            (Kind.ESCROW, order, plan.escrow),
            (Kind.COMMISSION, "", plan.commission),
            (Kind.PAYABLE, seller, plan.payable),
            (Kind.RESERVE, seller, plan.reserve),
            (Kind.DEPOSIT, seller, plan.deposit),
            (Kind.DEBT, seller, plan.debt),
            (Kind.FX_RESULT, "", plan.exchanged),
            (Kind.CHARGEBACKS_PENDING, chargeback, -plan.escrow - plan.recovered),
        ]
    )


def borne(chargeback: str, amount: int) -> tuple[Leg, ...]:
    """What no order had any more when the bank took it: the platform's loss."""
    return move([(Kind.PLATFORM_LOSS, "", amount), (Kind.CHARGEBACKS_PENDING, chargeback, -amount)])


def parted(state: ChargebackState, kept: int) -> tuple[tuple[int, ...], int]:
    """What each slice bears of what the buyer keeps, and what the platform bears.

    What the buyer has had from us already comes first: it was given for the same goods, so that
    claim and refund net to the larger of the two, and no seller bears more than that. What was
    given twice is the platform's loss. The parts sum to *kept* exactly.
    """
    shares = [one.amount for one in state.slices]
    borne = min(kept, state.amount - sum(shares))
    left = kept - borne
    return (allocate(left, shares) if left else (0,) * len(shares)), borne


def share_of(order: str, seller: str, amount: int, funds: OrderFunds) -> Slice:
    """Freeze what escrow still has of *amount*; the platform stands in for the rest."""
    held = min(amount, funds.releasable)
    return Slice(order, seller, amount, held, amount - held)


def frozen(funds: OrderFunds, share: Slice) -> OrderFunds:
    """The order's money with its share frozen: neither refunded nor released, whatever comes."""
    after = funds.with_hold(share.held) if share.held else funds
    return _carried(after, share.carried)


def freed(funds: OrderFunds, share: Slice, held: int) -> OrderFunds:
    """The same as it was before; *held* is what its hold still kept."""
    return _carried(funds.without_hold(held), -share.carried)


def charged_back(
    funds: OrderFunds, plan: RefundPlan, abroad: RefundPlan | None = None
) -> OrderFunds:
    """What was freed before is gone for good; *abroad* is what a seller elsewhere gives for it."""
    return replace(
        funds,
        charged_back=funds.charged_back + plan.escrow + plan.recovered,
        recovered=funds.recovered + plan.recovered,
        charged=funds.charged - plan.commission,
        reserved=funds.reserved - min(funds.reserved, (abroad or plan).reserve),
        settled=funds.settled - (abroad.recovered if abroad else 0),
    )


def _carried(funds: OrderFunds, amount: int) -> OrderFunds:
    return replace(
        funds,
        charged_back=funds.charged_back + amount,
        contributed=funds.contributed + amount,
    )
