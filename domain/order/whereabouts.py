"""Where an order's money is now, as parts that add up to what has arrived for it."""

from dataclasses import dataclass
from enum import StrEnum

from domain.order.money import OrderFunds


class Whereabouts(StrEnum):
    """A place where a part of an order's money can be."""

    APART = "kept_apart"
    ESCROW = "escrow"
    HELD = "held"
    SELLER = "with_seller"
    RESERVE = "in_reserve"
    COMMISSION = "commission"
    REFUNDED = "refunded"
    CHARGED_BACK = "charged_back"
    PLATFORM = "back_to_platform"


@dataclass(frozen=True)
class Part:
    """How much is in one place, in minor units of the order's currency."""

    where: Whereabouts
    amount: int


def whereabouts(funds: OrderFunds, apart: int = 0) -> tuple[Part, ...]:
    """Divide what was captured, and what is kept *apart*, by where it is; empty places left out.

    The parts sum to `captured + contributed + apart`: what others than the buyer paid into a
    dispute is the order's, too. A reserve in another currency is the seller's already.
    """
    reserve = 0 if funds.settles_in else funds.reserved
    back = funds.subsidised_back + funds.borne_back
    parts = (
        Part(Whereabouts.APART, apart),
        Part(Whereabouts.ESCROW, funds.escrow - funds.held),
        Part(Whereabouts.HELD, funds.held),
        Part(Whereabouts.SELLER, funds.with_seller - reserve),
        Part(Whereabouts.RESERVE, reserve),
        Part(Whereabouts.COMMISSION, funds.charged),
        Part(Whereabouts.REFUNDED, funds.refunded - back),
        Part(Whereabouts.CHARGED_BACK, funds.charged_back),
        Part(Whereabouts.PLATFORM, back),
    )
    return tuple(part for part in parts if part.amount)
