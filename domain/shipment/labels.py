"""Labels that are bought online: their states, who bears them, what they do to the books."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.ledger import AccountKind as Kind
from domain.ledger import Leg, move
from domain.machine import Machine


@dataclass(frozen=True)
class Box:
    """A packed parcel: grams and millimetres (zero: not measured)."""

    grams: int
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0


class LabelStatus(StrEnum):
    """Where a label stands."""

    NONE = "none"
    BOUGHT = "bought"
    NOT_BOUGHT = "not_bought"
    USED = "used"
    VOID_ASKED = "void_asked"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"


class LabelEvent(StrEnum):
    """What happens to a label."""

    BOUGHT = "bought"
    REFUSED = "refused"
    SCANNED = "scanned"
    VOID_ASKED = "void_asked"
    VOID_GRANTED = "void_granted"
    VOID_REFUSED = "void_refused"


# A label whose refund is under way stays so even if the carrier scans it: the carrier decides
# about its money, and the scan reaches the parcel all the same.
LABEL: Final = Machine(
    "label",
    MappingProxyType(
        {
            (LabelStatus.NONE, LabelEvent.BOUGHT): LabelStatus.BOUGHT,
            (LabelStatus.NONE, LabelEvent.REFUSED): LabelStatus.NOT_BOUGHT,
            (LabelStatus.BOUGHT, LabelEvent.SCANNED): LabelStatus.USED,
            (LabelStatus.BOUGHT, LabelEvent.VOID_ASKED): LabelStatus.VOID_ASKED,
            (LabelStatus.VOID_ASKED, LabelEvent.VOID_GRANTED): LabelStatus.VOIDED,
            (LabelStatus.VOID_ASKED, LabelEvent.VOID_REFUSED): LabelStatus.VOID_REFUSED,
            (LabelStatus.VOID_REFUSED, LabelEvent.VOID_ASKED): LabelStatus.VOID_ASKED,
            (LabelStatus.VOID_REFUSED, LabelEvent.SCANNED): LabelStatus.USED,
        }
    ),
)


class Bearer(StrEnum):
    """Who bears what carriers ask: the seller, or the platform for them."""

    SELLER = "seller"
    PLATFORM = "platform"


@dataclass(frozen=True)
class Label:
    """One label, under the key of its purchase ("order/o-1/label/1").

    `cost` is minor units of the currency of the carrier's bill, which need not be the order's.
    `shipment` and `rate` are the provider's references, on record before anything is paid;
    `number` is the carrier's, `url` where the print is fetched.
    """

    key: str
    order: str
    seller: str
    carrier: str
    service: str
    cost: int
    currency: str
    bearer: Bearer
    shipment: str
    rate: str
    asked_at: datetime
    status: LabelStatus = LabelStatus.NONE
    number: str = ""
    tracker: str = ""
    url: str = ""
    bought_at: datetime | None = None

    def after(self, event: LabelEvent) -> "Label":
        """The label after *event*, or a refusal (`IllegalTransition`)."""
        return replace(self, status=LABEL.next(self.status, event))


def charged(bearer: Bearer, seller: str, amount: int, payable: int) -> tuple[Leg, ...]:
    """What a carrier is about to be paid is set aside: from what is payable, the rest as debt.

    Until the carrier has been paid it stands on carrier costs. Where the platform bears it,
    nothing is taken from anybody.
    """
    if bearer is Bearer.PLATFORM:
        return ()
    return move((*_from_seller(seller, amount, payable), (Kind.CARRIER_COSTS, "", -amount)))


def exchanged(amount: int) -> tuple[Leg, ...]:
    """The same in the carrier's currency, of a seller who settles in another one."""
    return move(((Kind.FX_RESULT, "", amount), (Kind.CARRIER_COSTS, "", -amount)))


def charged_abroad(seller: str, costs: int, payable: int) -> tuple[Leg, ...]:
    """What the seller gives for it in their own currency, beside `exchanged`."""
    return move((*_from_seller(seller, costs, payable), (Kind.FX_RESULT, "", -costs)))


def _from_seller(seller: str, amount: int, payable: int) -> tuple[tuple[Kind, str, int], ...]:
    from_payable = min(amount, max(0, payable))
    return ((Kind.PAYABLE, seller, from_payable), (Kind.DEBT, seller, amount - from_payable))


def paid(provider: str, amount: int) -> tuple[Leg, ...]:
    """The carrier was paid out of the wallet at *provider*."""
    return move(((Kind.CARRIER_COSTS, "", amount), (Kind.CLEARING, provider, -amount)))


def given_back(
    provider: str, bearer: Bearer, seller: str, amount: int, owed: int
) -> tuple[Leg, ...]:
    """The carrier has paid it back: to whom bore it, what they still owe first."""
    to_wallet = (Kind.CLEARING, provider, amount)
    if bearer is Bearer.PLATFORM:
        return move((to_wallet, (Kind.CARRIER_COSTS, "", -amount)))
    return move((to_wallet, *_to_seller(seller, amount, owed)))


def given_back_exchanged(provider: str, amount: int) -> tuple[Leg, ...]:
    """The same in the carrier's currency, of a seller who settles in another one."""
    return move(((Kind.CLEARING, provider, amount), (Kind.FX_RESULT, "", -amount)))


def given_back_abroad(seller: str, costs: int, owed: int) -> tuple[Leg, ...]:
    """What the seller has back in their own currency: what they gave, whatever rates are now."""
    return move(((Kind.FX_RESULT, "", costs), *_to_seller(seller, costs, owed)))


def _to_seller(seller: str, amount: int, owed: int) -> tuple[tuple[Kind, str, int], ...]:
    to_debt = min(amount, max(0, owed))
    return ((Kind.DEBT, seller, -to_debt), (Kind.PAYABLE, seller, to_debt - amount))
