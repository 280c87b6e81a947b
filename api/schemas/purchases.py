"""Purchases over several sellers, as they are asked for and shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Self

from pydantic import ConfigDict, Field, model_validator

from api.auth import Caller
from api.paging import PageQuery
from api.schemas.common import (
    Amount,
    Currency,
    Form,
    Id,
    Money,
    Reason,
    View,
    Word,
)
from api.schemas.order_views import AllowedView, NextView, ParkedView
from api.schemas.orders import MOST_LINES, LineIn, PaymentIn, ShipToIn
from domain.actors import STAFF, Role
from domain.charges import must_be_chargeable
from domain.order.headlines import headline as order_headline
from domain.order.lines import OrderLine
from domain.order.state import OrderState
from domain.purchase import rules
from domain.purchase.rules import MOST_SELLERS, Action
from domain.purchase.state import PurchaseState, Share
from workflows.order.messages import Resolution

# An order is called after its purchase and its place in it.
_LONGEST_NAME: Final = 60
PATHS: Final[Mapping[Action, str]] = {
    Action.CANCEL: "cancellation",
    Action.PAY_ANOTHER_WAY: "payment-attempts",
    Action.DECIDE_AMOUNT: "amount-decision",
    Action.RESOLVE: "resolution",
}


class SellerPartIn(Form):
    """What is bought of one seller; it becomes an order of its own."""

    seller: Id = Field(examples=["s-1"])
    order: Id | None = Field(default=None, description="Your own id of it; else `{purchase}-{n}`.")
    lines: tuple[LineIn, ...] = Field(min_length=1, max_length=MOST_LINES)
    subsidy: Amount = Field(
        default=0, description="The platform's part of the price; only a service may give one."
    )

    @property
    def total(self) -> int:
        """The price of this part, in minor units, whoever pays it."""
        return sum(line.price + line.freight for line in self.lines)

    def order_lines(self) -> tuple[OrderLine, ...]:
        """The lines, numbered in the order in which they were sent."""
        return tuple(
            OrderLine(
                line=str(number),
                product=line.product,
                category=line.category,
                quantity=line.quantity,
                price=line.price,
                freight=line.freight,
            )
            for number, line in enumerate(self.lines, 1)
        )


class PurchaseIn(Form):
    """What a buyer's checkout sends for several sellers at once: one payment, one order each."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purchase": "p-1001",
                    "buyer": "b-1",
                    "currency": "EUR",
                    "orders": [
                        {"seller": "s-1", "lines": [{"product": "p-7", "price": 19900}]},
                        {"seller": "s-2", "lines": [{"product": "p-9", "price": 4900}]},
                    ],
                    "ship_to": {
                        "country": "DE",
                        "city": "Hamburg",
                        "street": "Kaistrasse 4",
                        "name": "A. Buyer",
                        "email": "buyer@example.com",
                    },
                    "payment": {"method": "pm_card_visa"},
                }
            ]
        }
    )

    purchase: Id | None = Field(
        default=None,
        max_length=_LONGEST_NAME,
        description="Your own id; made from the key if absent.",
    )
    buyer: Id | None = Field(
        default=None, description="Whose purchase it is. A service must say, a buyer need not."
    )
    currency: Currency
    orders: tuple[SellerPartIn, ...] = Field(min_length=1, max_length=MOST_SELLERS)
    ship_to: ShipToIn
    payment: PaymentIn = PaymentIn()

    @model_validator(mode="after")
    def _has_totals(self) -> Self:
        if min(part.total for part in self.orders) <= 0:
            raise ValueError("each order's total must be at least 1")
        if any(part.subsidy >= part.total for part in self.orders):
            raise ValueError("a subsidy is less than its order's total")
        must_be_chargeable(sum(part.total - part.subsidy for part in self.orders), self.currency)
        return self

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        sellers = [part.seller for part in self.orders]
        orders = [part.order for part in self.orders if part.order is not None]
        if len(set(sellers)) < len(sellers):
            raise ValueError("a seller has one order in a purchase: put all lines into it")
        if len(set(orders)) < len(orders):
            raise ValueError("two orders cannot have the same id")
        return self


class PurchaseCancellationIn(Form):
    """Close a purchase, with all its orders, before it is paid."""

    reason: Reason = Field(default="", examples=["ordered twice"])


class PurchaseResolutionIn(Form):
    """What an operator does about a parked step; the note is kept."""

    resolution: Resolution = Field(examples=["retry"])
    note: Reason = Field(min_length=1, examples=["the provider's outage is over"])


class PurchaseQuery(PageQuery):
    """Which purchases to list; what is absent is not asked for."""

    status: Word | None = Field(default=None, examples=["paid"])
    buyer: Id | None = Field(default=None, examples=["b-1"])
    needs_attention: bool | None = None


class PurchasePaymentView(View):
    """The one payment. A seller is shown only what is theirs of it."""

    total: Money
    subsidy: Money = Field(description="The platform's part of `total`; the buyer pays the rest.")
    captured: Money
    refunded: Money
    other_amount: Money | None = Field(
        description="What came instead of what was asked, and waits for a decision."
    )


class PurchasedOrderView(View):
    """One order of the purchase, as it stands."""

    order: str = Field(examples=["p-1001-1"])
    seller: str
    status: str = Field(examples=["awaiting_shipment"])
    total: Money
    refunded: Money
    href: str


class PurchaseView(View):
    """A purchase: its payment, its orders, what you may do, what happens next and when."""

    id: str = Field(examples=["p-1001"])
    version: int = Field(description="Grows with every change; also the `ETag`.")
    status: str = Field(examples=["paid"])
    reason: str = Field(description="Why it was not accepted, as a code; else empty.")
    buyer: str
    placed_at: datetime
    paid_at: datetime | None
    ended_at: datetime | None = Field(description="When its payment was final; orders go on.")
    payment: PurchasePaymentView
    orders: list[PurchasedOrderView]
    next: NextView | None
    allowed: list[AllowedView]
    parked: ParkedView | None = Field(description="Shown to staff.")
    links: dict[str, str]

    @classmethod
    def of(
        cls, state: PurchaseState, orders: Mapping[str, OrderState], caller: Caller
    ) -> "PurchaseView":
        """Show a purchase to *caller*: to a seller only their own order, and nothing of others."""
        shares = [
            share
            for share in state.shares
            if caller.role is not Role.SELLER or share.seller == caller.seller
        ]
        shown = [_order(share, orders.get(share.order), state) for share in shares]
        return cls(
            id=state.purchase,
            version=state.version,
            status=rules.headline(state),
            reason=state.reason,
            buyer=state.buyer,
            placed_at=state.placed_at,
            paid_at=state.paid_at,
            ended_at=state.ended_at,
            payment=_payment(state, shares, shown),
            orders=shown,
            next=_next(state),
            allowed=[
                AllowedView(action=action, href=f"/v1/purchases/{state.purchase}/{PATHS[action]}")
                for action, roles in rules.allowed(state).items()
                if caller.role in roles
            ],
            parked=_parked(state) if caller.role in STAFF else None,
            links=_links(state.purchase, caller.role),
        )


class PurchaseFigures(View):
    """A purchase in a list."""

    id: str
    version: int
    status: str
    buyer: str
    orders: int
    total: Money
    placed_at: datetime
    next: NextView | None
    needs_attention: bool
    href: str

    @classmethod
    def of(cls, state: PurchaseState) -> "PurchaseFigures":
        """The line that a list shows."""
        return cls(
            id=state.purchase,
            version=state.version,
            status=rules.headline(state),
            buyer=state.buyer,
            orders=len(state.shares),
            total=Money(amount=state.total, currency=state.currency),
            placed_at=state.placed_at,
            next=_next(state),
            needs_attention=state.parked is not None,
            href=f"/v1/purchases/{state.purchase}",
        )


def _order(share: Share, order: OrderState | None, state: PurchaseState) -> PurchasedOrderView:
    refunded = order.refunded if order is not None else 0
    return PurchasedOrderView(
        order=share.order,
        seller=share.seller,
        status=order_headline(order) if order is not None else str(state.stage),
        total=Money(amount=share.amount, currency=state.currency),
        refunded=Money(amount=refunded, currency=state.currency),
        href=f"/v1/orders/{share.order}",
    )


def _payment(
    state: PurchaseState, shares: list[Share], shown: list[PurchasedOrderView]
) -> PurchasePaymentView:
    def money(amount: int) -> Money:
        return Money(amount=amount, currency=state.currency)

    total = sum(share.amount for share in shares)
    sees_all = len(shares) == len(state.shares)
    return PurchasePaymentView(
        total=money(total),
        subsidy=money(sum(share.subsidy for share in shares)),
        captured=money(total if state.captured else 0),
        refunded=money(sum(order.refunded.amount for order in shown)),
        other_amount=money(state.excess) if state.excess and sees_all else None,
    )


def _next(state: PurchaseState) -> NextView | None:
    due = rules.next_due(state)
    if due is None or state.clock is None:
        return None
    return NextView(at=due.at, clock=state.clock.name, what=rules.what_is_due(state))


def _parked(state: PurchaseState) -> ParkedView | None:
    parked = state.parked
    if parked is None:
        return None
    return ParkedView(
        step=parked.step,
        reason=parked.reason,
        tried=parked.tried,
        since=parked.since,
        may=parked.may,
    )


def _links(purchase: str, role: Role) -> dict[str, str]:
    """Where to read on, as far as the caller may."""
    here = f"/v1/purchases/{purchase}"
    names = [] if role is Role.SELLER else ["timeline"]
    if role in {Role.BUYER, Role.SERVICE}:
        names.append("payment")
    return {"self": here} | {name: f"{here}/{name}" for name in names}
