"""Purchases in PostgreSQL: the payment's row, its allocations, its chargebacks."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.errors import AlreadyExists, NotKnown
from domain.purchase.money import PaymentFunds, chargeback_shares
from domain.purchase.state import PurchaseState, Share
from persistence import records
from persistence.purchase_port import PurchaseRecord
from persistence.session import Session
from persistence.tables import table_of
from persistence.tables.ledger import OrderMoney
from persistence.tables.purchases import (
    ChargebackAllocation,
    PurchaseAllocation,
    PurchaseRow,
    PurchaseViewRow,
)


class SqlPurchases:
    """Keeps `persistence.purchase_port.Purchases` inside one open transaction."""

    def __init__(self, session: Session) -> None:
        """Write through *session*; its owner commits."""
        self._session = session

    async def open(self, record: PurchaseRecord) -> PurchaseRecord:
        """Write the payment and its allocations, or return the ones that are there."""
        written = await self._session.execute(
            insert(PurchaseRow)
            .values(
                purchase=record.purchase,
                buyer=record.buyer,
                currency=record.currency,
                total=record.total,
                captured=0,
                fee=0,
                refunded=0,
                charged_back=0,
                pay_within=record.pay_within,
                pending_within=record.pending_within,
                authenticate_within=record.authenticate_within,
                decide_within=record.decide_within,
                placed_at=record.placed_at,
            )
            .on_conflict_do_nothing()
            .returning(col(PurchaseRow.purchase))
        )
        if written.scalar_one_or_none() is None:
            return await self.get(record.purchase)
        await self._session.execute(insert(PurchaseAllocation), _allocations(record))
        return record

    async def get(self, purchase: str) -> PurchaseRecord:
        """What the purchase lives by. Unknown: `NotKnown`."""
        row = await self._session.get(PurchaseRow, purchase)
        if row is None:
            raise _unknown(purchase)
        return PurchaseRecord(
            purchase=row.purchase,
            buyer=row.buyer,
            currency=row.currency,
            shares=await self._shares(purchase),
            placed_at=row.placed_at,
            pay_within=row.pay_within,
            pending_within=row.pending_within,
            authenticate_within=row.authenticate_within,
            decide_within=row.decide_within,
        )

    async def _shares(self, purchase: str) -> tuple[Share, ...]:
        found = await self._session.execute(
            select(
                col(PurchaseAllocation.order),
                col(PurchaseAllocation.seller),
                col(PurchaseAllocation.amount),
                col(PurchaseAllocation.subsidy),
            )
            .where(col(PurchaseAllocation.purchase) == purchase)
            .order_by(col(PurchaseAllocation.position))
        )
        return tuple(Share(*row) for row in found.all())

    async def state(self, purchase: str) -> PurchaseState | None:
        """The state that the view shows."""
        found = await self._session.execute(
            select(col(PurchaseViewRow.state)).where(col(PurchaseViewRow.purchase) == purchase)
        )
        state = found.scalar_one_or_none()
        return None if state is None else records.PURCHASE_STATE.validate_python(state)

    async def locked(self, purchase: str) -> PaymentFunds:
        """Lock the row that the captures and refunds of all its orders lock."""
        row = await self._session.get(
            PurchaseRow, purchase, with_for_update=True, populate_existing=True
        )
        if row is None:
            raise _unknown(purchase)
        return records.payment_funds(row)

    async def paying(self, order: str) -> PaymentFunds | None:
        """Look for the order's allocation, and lock the payment that it is of."""
        found = await self._session.execute(
            select(col(PurchaseAllocation.purchase)).where(col(PurchaseAllocation.order) == order)
        )
        purchase = found.scalar_one_or_none()
        return None if purchase is None else await self.locked(purchase)

    async def put(self, funds: PaymentFunds) -> None:
        """Write the locked row back; identity and total never change."""
        await self._session.execute(
            update(PurchaseRow)
            .where(col(PurchaseRow.purchase) == funds.purchase)
            .values(
                captured=funds.captured,
                fee=funds.fee,
                refunded=funds.refunded,
                charged_back=funds.charged_back,
            )
        )

    async def bear(self, fees: Mapping[str, int]) -> None:
        """One figure for each order."""
        for order, fee in fees.items():
            await self._session.execute(
                update(PurchaseAllocation)
                .where(col(PurchaseAllocation.order) == order)
                .values(fee=fee)
            )

    async def charge_back(self, chargeback: str, purchase: str, amount: int) -> Mapping[str, int]:
        """Allocate under the payment's lock; a chargeback of that name is found as it was."""
        await self.locked(purchase)
        kept = await self._charged_back(chargeback)
        if kept:
            if sum(kept.values()) != amount:
                raise AlreadyExists(
                    f"chargeback {chargeback} is of another amount", chargeback=chargeback
                )
            return kept
        shares = chargeback_shares(amount, await self._left(purchase))
        rows = [
            {"chargeback": chargeback, "order": order, "purchase": purchase, "amount": share}
            for order, share in shares.items()
        ]
        await self._session.execute(insert(ChargebackAllocation), rows)
        return shares

    async def _charged_back(self, chargeback: str) -> dict[str, int]:
        found = await self._session.execute(
            select(col(ChargebackAllocation.order), col(ChargebackAllocation.amount))
            .where(col(ChargebackAllocation.chargeback) == chargeback)
            .order_by(col(ChargebackAllocation.order))
        )
        return {row.order: row.amount for row in found}

    async def _left(self, purchase: str) -> dict[str, int]:
        """What each order has of the buyer's money, its row locked, in the order of names."""
        found = await self._session.execute(
            select(table_of(OrderMoney))
            .where(
                col(OrderMoney.order).in_(
                    select(col(PurchaseAllocation.order)).where(
                        col(PurchaseAllocation.purchase) == purchase
                    )
                )
            )
            .order_by(col(OrderMoney.order))
            .with_for_update()
        )
        return {funds.order: funds.left_of_buyer for funds in (records.funds(row) for row in found)}


def _allocations(record: PurchaseRecord) -> list[dict[str, Any]]:
    return [
        {
            "order": share.order,
            "purchase": record.purchase,
            "position": position,
            "seller": share.seller,
            "amount": share.amount,
            "subsidy": share.subsidy,
            "fee": 0,
        }
        for position, share in enumerate(record.shares, 1)
    ]


def _unknown(purchase: str) -> NotKnown:
    return NotKnown(f"there is no purchase {purchase}", purchase=purchase)
