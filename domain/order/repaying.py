"""Goods that came although their money went back: what the buyer may pay again, and who has it."""

from collections.abc import Collection
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
from domain.order.state import Fulfilment, OrderState


class Stage(StrEnum):
    """Where a payment for goods that came after all stands."""

    OPENING = "opening"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    LAPSED = "lapsed"
    SENT_BACK = "sent_back"


class RepaymentEvent(StrEnum):
    """What happens to it."""

    BEGUN = "begun"
    ASKED = "asked"
    MONEY_ARRIVED = "money_arrived"
    OTHER_AMOUNT_ARRIVED = "other_amount_arrived"
    WINDOW_CLOSED = "window_closed"


_ENDED: Final = (Stage.PAID, Stage.LAPSED, Stage.SENT_BACK)
REPAYMENT: Final = Machine(
    "repayment",
    MappingProxyType(
        {
            (Stage.OPENING, RepaymentEvent.BEGUN): Stage.OPENING,
            (Stage.OPENING, RepaymentEvent.ASKED): Stage.AWAITING_PAYMENT,
            (Stage.OPENING, RepaymentEvent.WINDOW_CLOSED): Stage.LAPSED,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.MONEY_ARRIVED): Stage.PAID,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.OTHER_AMOUNT_ARRIVED): Stage.SENT_BACK,
            (Stage.AWAITING_PAYMENT, RepaymentEvent.WINDOW_CLOSED): Stage.LAPSED,
        }
        | {(ended, RepaymentEvent.BEGUN): Stage.OPENING for ended in _ENDED}
    ),
)


@dataclass(frozen=True)
class RepaymentState:
    """What an order's buyer pays again for what came after all. Minor units of `currency`.

    `worth` is the goods' price, of which the buyer pays `amount` and the platform what it paid
    before; of it, `loose` is what went back with the whole order, and not for one parcel.
    `settled` is the worth of what was paid again by earlier attempts. Several parcels may come one
    after another: each `attempt` asks for all that is not settled by then. `request` is what asked
    for the newest; `lengthened` says that its window was, for a buyer before their bank's page.
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
    loose: int = 0
    request: str = ""
    lengthened: bool = False
    intent: str = ""
    closes_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the buyer's money is still waited for."""
        return self.stage in (Stage.OPENING, Stage.AWAITING_PAYMENT)


@dataclass(frozen=True)
class Due:
    """What may be paid again, by who pays it; `loose` as in `RepaymentState`."""

    share: PaidBy
    loose: int = 0


def has_come(state: OrderState) -> bool:
    """Whether goods came whose money had gone back."""
    return any(parcel.came_anyway for parcel in state.parcels)


def refunds_of(state: OrderState) -> tuple[str, ...]:
    """The refunds by which the money of single parcels went back."""
    return tuple(parcel.refunded_by for parcel in state.parcels if parcel.refunded_by)


def due(state: OrderState, funds: OrderFunds, settled: int, failed: Collection[str] = ()) -> Due:
    """Who pays what of the goods that came and are not *settled*, as they did the first time.

    Only what really went back is asked for: a parcel whose own refund has *failed*, or was never
    sent, leaves nothing to pay, whatever else of the order was refunded.
    """
    linked = [one for one in state.parcels if one.refunded_by and one.refunded_by not in failed]
    rest = max(0, funds.refunded - sum(one.owed for one in linked))
    others = sum(one.came_anyway for one in state.parcels if not one.refunded_by)
    loose = min(rest, others) if _is_all_back(state, funds) else 0
    worth = sum(one.came_anyway for one in linked) + loose - settled
    if worth <= 0 or not funds.refunded:
        return Due(PaidBy(0))
    back = funds.subsidised_back + funds.borne_back
    buyer = worth * (funds.refunded - back) // funds.refunded
    return Due(PaidBy(buyer, worth - buyer), min(loose, worth))


def _is_all_back(state: OrderState, funds: OrderFunds) -> bool:
    return state.fulfilment is Fulfilment.CANCELLED or funds.refunded >= funds.captured


def offered(before: RepaymentState, owed: Due) -> RepaymentState:
    """What may be paid, before anybody has asked for it."""
    return replace(
        before,
        stage=Stage.OPENING,
        worth=owed.share.total,
        amount=owed.share.buyer,
        intent="",
        ended_at=None,
    )


def begun(before: RepaymentState, owed: Due, request: str, at: datetime) -> RepaymentState:
    """An attempt is on record, and with it what it asks for, before the provider hears of it."""
    return replace(
        before,
        stage=REPAYMENT.next(before.stage, RepaymentEvent.BEGUN),
        asked_at=at,
        attempt=before.attempt + 1,
        worth=owed.share.total,
        amount=owed.share.buyer,
        loose=owed.loose,
        request=request,
        lengthened=False,
        intent="",
        closes_at=None,
        ended_at=None,
        version=before.version + 1,
    )


def asked(before: RepaymentState, intent: str, closes_at: datetime) -> RepaymentState:
    """The buyer can pay, until the window closes."""
    return replace(
        before,
        stage=REPAYMENT.next(before.stage, RepaymentEvent.ASKED),
        intent=intent,
        closes_at=closes_at,
        version=before.version + 1,
    )


def waited_for(state: RepaymentState, until: datetime) -> RepaymentState:
    """Money is on its way as the window closes, or the buyer before their bank's page."""
    return replace(state, closes_at=until, lengthened=True, version=state.version + 1)


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


def plan_settlement(state: RepaymentState, funds: OrderFunds) -> tuple[ReleasePlan, int]:
    """How its worth is divided: as the order's release would have, and who bore its refund first.

    The second part is what others than the seller gave for what went back with the whole order,
    pro rata: it is theirs. The refund of one parcel was the seller's alone.
    """
    others = state.loose * funds.contributed // funds.refunded if funds.refunded else 0
    plan = plan_release(
        state.worth - others,
        released=funds.released - funds.recovered + state.settled,
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
