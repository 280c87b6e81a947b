"""Goods that came although their money went back: what the buyer may pay again, and who has it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, move
from domain.machine import Machine
from domain.order.money import OrderFunds
from domain.order.postings import PaidBy, ReleasePlan, plan_release
from domain.order.state import OrderState


class Stage(StrEnum):
    """Where a payment for goods that came after all stands."""

    OPENING = "opening"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    LAPSED = "lapsed"
    SENT_BACK = "sent_back"


class RepaymentEvent(StrEnum):
    """What happens to it."""

    ASKED = "asked"
    MONEY_ARRIVED = "money_arrived"
    OTHER_AMOUNT_ARRIVED = "other_amount_arrived"
    WINDOW_CLOSED = "window_closed"


_ENDED: Final = (Stage.PAID, Stage.LAPSED, Stage.SENT_BACK)
REPAYMENT: Final = Machine(
    "repayment",
    MappingProxyType(
        {
            (Stage.OPENING, RepaymentEvent.ASKED): Stage.AWAITING_PAYMENT,
            (Stage.OPENING, RepaymentEvent.WINDOW_CLOSED): Stage.LAPSED,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.MONEY_ARRIVED): Stage.PAID,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.OTHER_AMOUNT_ARRIVED): Stage.SENT_BACK,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.WINDOW_CLOSED): Stage.LAPSED,
        }
        | {(ended, RepaymentEvent.ASKED): Stage.AWAITING_PAYMENT for ended in _ENDED}
    ),
)


@dataclass(frozen=True)
class RepaymentState:
    """What an order's buyer pays again for what came after all. Minor units of `currency`.

    `worth` is the goods' price, of which the buyer pays `amount` and the platform what it paid
    before. `settled` is the worth of what was paid again by earlier attempts. Several parcels may
    come one after another: each `attempt` asks for all that is not settled by then.
    """

    order: str
    buyer: str
    seller: str
    currency: str
    asked_at: datetime
    version: int = 0
    stage: Stage = Stage.OPENING
    attempt: int = 0
    worth: int = 0
    amount: int = 0
    settled: int = 0
    intent: str = ""
    closes_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the buyer's money is still waited for."""
        return self.stage in (Stage.OPENING, Stage.AWAITING_PAYMENT)


def worth_of(state: OrderState) -> int:
    """The price of all that came after its money had gone back, in minor units."""
    return sum(parcel.came_anyway for parcel in state.parcels)


def due(state: OrderState, funds: OrderFunds, settled: int) -> PaidBy:
    """Who pays what of the goods that came and are not *settled*, as they did the first time.

    Only what really went back is asked for: a refund that failed leaves nothing to pay.
    """
    worth = min(worth_of(state), funds.refunded) - settled
    if worth <= 0:
        return PaidBy(0)
    back = funds.subsidised_back + funds.borne_back
    buyer = worth * (funds.refunded - back) // funds.refunded
    return PaidBy(buyer, worth - buyer)


def offered(before: RepaymentState, owed: PaidBy) -> RepaymentState:
    """What may be paid, before anybody has asked for it."""
    return replace(
        before, stage=Stage.OPENING, worth=owed.total, amount=owed.buyer, intent="", ended_at=None
    )


def asked(before: RepaymentState, owed: PaidBy, intent: str, closes_at: datetime) -> RepaymentState:
    """The buyer can pay, until the window closes."""
    return replace(
        before,
        stage=REPAYMENT.next(before.stage, RepaymentEvent.ASKED),
        attempt=before.attempt + 1,
        worth=owed.total,
        amount=owed.buyer,
        intent=intent,
        closes_at=closes_at,
        ended_at=None,
        version=before.version + 1,
    )


def waited_for(state: RepaymentState, until: datetime) -> RepaymentState:
    """Money is on its way as the window closes: it stays open."""
    return replace(state, closes_at=until, version=state.version + 1)


def ended(state: RepaymentState, event: RepaymentEvent, at: datetime) -> RepaymentState:
    """Nobody waits for it any more: it was paid, or its window has closed."""
    is_paid = event is RepaymentEvent.MONEY_ARRIVED
    return replace(
        state,
        stage=REPAYMENT.next(state.stage, event),
        settled=state.settled + state.worth * is_paid,
        closes_at=None,
        ended_at=at,
        version=state.version + 1,
    )


def plan_settlement(worth: int, funds: OrderFunds, settled: int) -> tuple[ReleasePlan, int]:
    """How *worth* is divided: as the order's release would have, and who bore its refund first.

    The second part is what others than the seller gave for the refund, pro rata: it is theirs.
    """
    others = worth * funds.contributed // funds.refunded if funds.refunded else 0
    plan = plan_release(
        worth - others,
        released=funds.released - funds.recovered + settled,
        total=funds.total,
        commission=funds.commission,
        reserve_bp=0,
    )
    return plan, others


def paid_again(
    provider: str, seller: str, share: PaidBy, fee: int, plan: ReleasePlan, others: int
) -> tuple[Leg, ...]:
    """The buyer's money is with the provider, and at once the seller's: the goods are there.

    The platform's part of the price comes from its subsidies once more; what *others* than the
    seller had given for the refund makes the platform's loss good.
    """
    is_own = not plan.exchanged
    return move(
        [
            (Kind.CLEARING, provider, share.buyer - fee),
            (Kind.PROVIDER_FEES, provider, fee),
            (Kind.SUBSIDY, "", share.subsidy),
            (Kind.PLATFORM_LOSS, "", -others),
            (Kind.COMMISSION, "", -plan.commission),
            (Kind.PAYABLE, seller, -(plan.payable + plan.reserve) * is_own),
            (Kind.FX_RESULT, "", -plan.exchanged),
        ]
    )
