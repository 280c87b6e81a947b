"""In what a seller settles, and at which rate."""

from datetime import date, datetime

from pydantic import Field

from api.schemas.common import Currency, Money, View
from domain.fx.rates import Exchange, decimal
from domain.order.state import OrderState


class ExchangeView(View):
    """The rate that an order keeps, in words and figures that anybody can check."""

    rate: str = Field(
        description="How much of the settlement currency for one of the order's, the margin taken "
        "off; rounded to ten digits here, exact in the books.",
        examples=["7.854100000"],
    )
    per_euro: dict[str, str] = Field(
        description="The two quotes as published.", examples=[{"EUR": "1", "CNY": "7.8541"}]
    )
    margin_bp: int
    published_on: date
    fixed_at: datetime
    estimate: Money = Field(description="What the whole order would settle at.")


class SettlementView(View):
    """The currency that the seller is credited in; `exchange` once its rate is fixed."""

    currency: Currency
    exchange: ExchangeView | None


def settlement_of(state: OrderState) -> SettlementView | None:
    """Show the settlement of an order; None where it is in the order's own currency."""
    if not state.settles_in:
        return None
    kept = state.exchange
    return SettlementView(currency=state.settles_in, exchange=_exchange(kept) if kept else None)


def _exchange(kept: Exchange) -> ExchangeView:
    return ExchangeView(
        rate=decimal(kept.major_rate, 10),
        per_euro={kept.sold: kept.sold_per_euro, kept.bought: kept.bought_per_euro},
        margin_bp=kept.margin_bp,
        published_on=kept.published_on,
        fixed_at=kept.fixed_at,
        estimate=Money(amount=kept.estimate, currency=kept.bought),
    )
