"""Translation between rows and what the domain speaks of; explicit, and only here."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from domain.chargeback.state import ChargebackState
from domain.dispute import clocks as dispute_clocks
from domain.dispute import rules as disputes
from domain.dispute.state import DisputeState
from domain.dispute.terms import DisputeTerms
from domain.order.headlines import headline
from domain.order.money import OrderFunds
from domain.order.repaying import RepaymentState
from domain.order.rules import next_due
from domain.order.state import OrderState
from domain.payout.rules import Standing
from domain.payout.state import PayoutState
from domain.policy import Terms
from domain.purchase import rules as purchases
from domain.purchase.money import PaymentFunds
from domain.purchase.state import PurchaseState
from persistence.port import EffectRecord, OrderRecord, SellerRecord
from persistence.tables.ledger import MoneyEffect
from persistence.tables.purchases import PurchaseRow

ORDER_STATE: TypeAdapter[OrderState] = TypeAdapter(OrderState)
PAYOUT_STATE: TypeAdapter[PayoutState] = TypeAdapter(PayoutState)
REPAYMENT_STATE: TypeAdapter[RepaymentState] = TypeAdapter(RepaymentState)
PURCHASE_STATE: TypeAdapter[PurchaseState] = TypeAdapter(PurchaseState)
CHARGEBACK_STATE: TypeAdapter[ChargebackState] = TypeAdapter(ChargebackState)
DISPUTE_STATE: TypeAdapter[DisputeState] = TypeAdapter(DisputeState)
DISPUTE_TERMS: TypeAdapter[DisputeTerms] = TypeAdapter(DisputeTerms)
TERMS: TypeAdapter[Terms] = TypeAdapter(Terms)


def view_values(state: OrderState) -> dict[str, Any]:
    """The columns of an order's view."""
    due = next_due(state)
    return {
        "order": state.order,
        "version": state.version,
        "buyer": state.buyer,
        "seller": state.seller,
        "status": headline(state),
        "needs_attention": state.parked is not None,
        "currency": state.currency,
        "total": state.total,
        "intent": state.intent,
        "due_at": due.at if due else None,
        "placed_at": state.placed_at,
        "ended_at": state.ended_at,
        "state": ORDER_STATE.dump_python(state, mode="json"),
    }


def payout_values(state: PayoutState) -> dict[str, Any]:
    """The columns of a payout's view."""
    return {
        "payout": state.payout,
        "version": state.version,
        "seller": state.seller,
        "currency": state.currency,
        "stage": str(state.stage),
        "gross": state.gross,
        "fee": state.fee,
        "reference": state.reference,
        "reason": state.reason,
        "as_of": state.as_of,
        "state": PAYOUT_STATE.dump_python(state, mode="json"),
    }


def purchase_values(state: PurchaseState) -> dict[str, Any]:
    """The columns of a purchase's view."""
    due = purchases.next_due(state)
    return {
        "purchase": state.purchase,
        "version": state.version,
        "buyer": state.buyer,
        "status": purchases.headline(state),
        "needs_attention": state.parked is not None,
        "currency": state.currency,
        "total": state.total,
        "intent": state.intent,
        "due_at": due.at if due else None,
        "placed_at": state.placed_at,
        "ended_at": state.ended_at,
        "state": PURCHASE_STATE.dump_python(state, mode="json"),
    }


def dispute_values(state: DisputeState) -> dict[str, Any]:
    """The columns of a dispute's view."""
    due = dispute_clocks.next_due(state)
    return {
        "dispute": state.dispute,
        "version": state.version,
        "order": state.order,
        "buyer": state.buyer,
        "seller": state.seller,
        "status": disputes.headline(state),
        "assignee": state.assignee,
        "needs_attention": state.parked is not None,
        "due_at": due.at if due else None,
        "opened_at": state.opened_at,
        "ended_at": state.ended_at,
        "state": DISPUTE_STATE.dump_python(state, mode="json"),
    }


def chargeback_values(state: ChargebackState) -> dict[str, Any]:
    """The columns of a chargeback's view."""
    return {
        "chargeback": state.chargeback,
        "version": state.version,
        "payment": state.payment,
        "buyer": state.buyer,
        "status": str(state.stage),
        "currency": state.currency,
        "amount": state.amount,
        "opened_at": state.opened_at,
        "ended_at": state.ended_at,
        "state": CHARGEBACK_STATE.dump_python(state, mode="json"),
    }


def payment_funds(row: PurchaseRow) -> PaymentFunds:
    """The one payment of a purchase."""
    return PaymentFunds(
        purchase=row.purchase,
        currency=row.currency,
        total=row.total,
        captured=row.captured,
        fee=row.fee,
        refunded=row.refunded,
        charged_back=row.charged_back,
    )


def order_record(row: Row[Any]) -> OrderRecord:
    """What an order lives by."""
    return OrderRecord(
        order=row.order,
        buyer=row.buyer,
        seller=row.seller,
        currency=row.currency,
        total=row.total,
        ship_to=row.ship_to,
        placed_at=row.placed_at,
        terms=TERMS.validate_python(row.terms),
        lines=tuple(row.lines),
        purchase=row.purchase,
    )


def funds(row: Row[Any]) -> OrderFunds:
    """An order's money, from all columns of its row."""
    return OrderFunds(**row._mapping)  # noqa: SLF001 - the public name of SQLAlchemy's mapping


def effect_record(row: MoneyEffect, *, is_new: bool) -> EffectRecord:
    """One effect asked of a provider."""
    return EffectRecord(
        key=row.key,
        kind=row.kind,
        subject=row.subject,
        provider=row.provider,
        currency=row.currency,
        amount=row.amount,
        effective_at=row.effective_at,
        state=row.state,
        reference=row.reference,
        failure=row.failure,
        is_new=is_new,
    )


def seller_record(row: Row[Any]) -> SellerRecord:
    """A seller, as processes see them."""
    return SellerRecord(
        seller=row.seller,
        account=row.account,
        country=row.country,
        level=row.level,
        standing=Standing(row.standing),
        policy=row.policy,
        bank_changed_at=row.bank_changed_at,
        refused_account=row.refused_account,
        settles_in=row.settles_in,
    )
