"""An order's money in its seller's currency: what a release brings, what a refund takes back.

Two entries are posted together, one per currency, each balanced through the exchange's result.
What the seller has of an order is what its money with the seller settles at, rounded down once for
all of it: parts released one by one sum to the whole, and a refund of everything takes back
exactly what was given, whatever the rate has become since.
"""

from dataclasses import replace

from domain.fx.rates import Exchange
from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, Posting, move
from domain.money import allocate
from domain.order.money import OrderFunds
from domain.order.postings import RefundPlan, RefundSources, ReleasePlan, plan_of, plan_refund


def exchange_key(key: str) -> str:
    """The key of the entry in the other currency that stands beside the one under *key*."""
    return f"{key}/exchange"


def released(plan: ReleasePlan, funds: OrderFunds, exchange: Exchange) -> ReleasePlan:
    """The plan of a release with the seller's part in the seller's currency.

    *funds* are as they were before it. Reserve and payable share what comes of it as they would
    in the order's currency.
    """
    net = plan.gross - plan.commission
    if not net:
        return plan
    brings = max(0, exchange.settled(funds.with_seller + net) - funds.settled)
    payable, reserve = allocate(brings, (plan.payable, plan.reserve))
    return ReleasePlan(plan.gross, plan.commission, payable, reserve, exchanged=net)


def released_legs(seller: str, plan: ReleasePlan) -> tuple[Leg, ...]:
    """The release's entry in the seller's currency; none where it comes to nothing."""
    return move(
        [
            (Kind.FX_RESULT, "", plan.payable + plan.reserve),
            (Kind.PAYABLE, seller, -plan.payable),
            (Kind.RESERVE, seller, -plan.reserve),
        ]
    )


def exchanged(plan: RefundPlan) -> RefundPlan:
    """The plan of a refund, all of the seller's part of it given in another currency."""
    part = plan.payable + plan.reserve + plan.deposit + plan.debt
    return replace(plan, payable=0, reserve=0, deposit=0, debt=0, exchanged=part)


def recovered(
    plan: RefundPlan, funds: OrderFunds, exchange: Exchange, balances: RefundSources
) -> RefundPlan:
    """What the seller gives back for a refund, in the recovery order.

    *funds* are as they were before it; of *balances* only the seller's count, in their currency.
    """
    left = exchange.settled(max(0, funds.with_seller - plan.exchanged))
    takes = max(0, funds.settled - left) if plan.exchanged else 0
    return plan_refund(takes, replace(balances, escrow=0, released=takes, commission=0))


def recovered_of(entry: Posting) -> RefundPlan:
    """Read back from its entry what the seller gave for a refund."""
    return replace(plan_of(entry), exchanged=0)


def recovered_legs(seller: str, plan: RefundPlan) -> tuple[Leg, ...]:
    """The refund's entry in the seller's currency; none where it comes to nothing."""
    return move(
        [
            (Kind.PAYABLE, seller, plan.payable),
            (Kind.RESERVE, seller, plan.reserve),
            (Kind.DEPOSIT, seller, plan.deposit),
            (Kind.DEBT, seller, plan.debt),
            (Kind.FX_RESULT, "", -plan.recovered),
        ]
    )
