"""The steps of a marketplace, run one by one without Temporal: real database, real adapters.

The sandbox is the provider. A test deals, disturbs a step, and looks into both books.
"""

import asyncio
import dataclasses
import itertools
import json
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from stripe.params import AccountCreateParams
from temporalio.testing import ActivityEnvironment

from activities.aftercare import AftercareActivities
from activities.amount import AmountActivities
from activities.attempts import AttemptActivities
from activities.capture import CaptureActivities
from activities.carriage_check import CarriageCheckActivities
from activities.chargeback import ChargebackActivities
from activities.consent import ConsentActivities
from activities.courier_desk import CourierDesk
from activities.dispute import DisputeActivities
from activities.dispute_money import DisputeMoneyActivities
from activities.escrow import EscrowActivities
from activities.fraud import FraudActivities
from activities.label_desk import LabelDesk
from activities.order import OrderActivities
from activities.payment import PaymentActivities
from activities.payout import PayoutActivities
from activities.payout_operator import PayoutOperatorActivities
from activities.purchase import PurchaseActivities
from activities.purchase_amount import PurchaseAmountActivities
from activities.purchase_attempts import PurchaseAttemptActivities
from activities.purchase_care import PurchaseCareActivities
from activities.purchase_payment import PurchasePaymentActivities
from activities.refund import RefundActivities
from activities.repayment import RepaymentActivities
from activities.requests import (
    AskPayment,
    BuyLabel,
    CareForPayment,
    ChangeHold,
    ClosePayment,
    Move,
    OpenOrder,
    PayoutStep,
    Record,
    Refund,
    Ship,
    Step,
)
from activities.return_label import ReturnLabelActivities
from activities.shipment import ShipmentActivities
from activities.standing import StandingActivities
from adapters.documents.pdf import PdfPress
from adapters.fx.ecb import EcbRates
from adapters.logistics.easypost import EasyPostTracking
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.payment.stripe import StripeGateway
from domain.money import allocate
from domain.order.lines import OrderLine
from domain.order.state import OrderState, Outcome
from domain.payout.state import PayoutState
from domain.shipment.labels import Label
from persistence.books import SqlBooks
from persistence.carriage.addresses import SealedAddresses
from persistence.chargebacks.papers import SealedPapers
from persistence.database import SqlDatabase
from persistence.engine import connect
from persistence.idempotency import keep_particulars
from persistence.tables.business import Seller
from persistence.vault import Vault
from runtime.keyring import KeyRing
from runtime.policies import publish_shipped
from tests.support.policies import publish_variant
from tests.support.sandbox import EASYPOST_SECRET, STRIPE_SECRET, SandboxWorld

BEGAN: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
CARD: Final = "pm_card_visa"
SLIP: Final = "slow"
# The money waits there until our own payout takes it.
_ACCOUNT: Final[AccountCreateParams] = {
    "type": "custom",
    "settings": {"payouts": {"schedule": {"interval": "manual"}}},
}
_HOME: Final = {"city": "Hamburg", "street": "Kaistrasse 4", "postcode": "20457", "name": "A. B."}
_numbers: Final = itertools.count(1)

T = TypeVar("T")
R = TypeVar("R")


def after(**span: float) -> datetime:
    """The instant that lies so long after everything began."""
    return BEGAN + timedelta(**span)


def dhl_number() -> str:
    """A number that DHL Express could have given out, new every time."""
    serial = f"{os.getpid() % 10_000:04d}{next(_numbers):05d}"
    return serial + str(int(serial) % 7)


async def attempted(step: Callable[[T], Coroutine[Any, Any, R]], asked: T, attempt: int) -> R:
    """Run one step as Temporal would, as its attempt of that number."""
    env = ActivityEnvironment()
    env.info = dataclasses.replace(env.info, attempt=attempt)
    answer: R = await env.run(step, asked)
    return answer


@dataclass
class Shop:
    """Every activity over one database and one provider."""

    engine: AsyncEngine
    gateway: StripeGateway
    tracking: EasyPostTracking
    shipping: EasyPostShipping
    world: SandboxWorld
    rates: EcbRates
    accounts: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.database = SqlDatabase(self.engine)
        self.orders = OrderActivities(self.database, self.rates)
        self.payments = PaymentActivities(self.database, self.gateway)
        self.attempts = AttemptActivities(self.database, self.gateway)
        self.amounts = AmountActivities(self.database, self.gateway)
        self.captures = CaptureActivities(self.database, self.gateway)
        self.frauds = FraudActivities(self.database, self.gateway)
        self.refunds = RefundActivities(self.database, self.gateway)
        self.escrow = EscrowActivities(self.database)
        self.shipments = ShipmentActivities(self.database, self.tracking)
        self.payouts = PayoutActivities(self.database, self.gateway)
        self.payout_operator = PayoutOperatorActivities(self.database, self.gateway)
        self.aftercare = AftercareActivities(self.database, self.gateway)
        self.repayments = RepaymentActivities(self.database, self.gateway)
        self.consent = ConsentActivities(self.database)
        self.standing = StandingActivities(self.database)
        self.purchases = PurchaseActivities(self.database)
        self.purchase_payments = PurchasePaymentActivities(self.database, self.gateway)
        self.purchase_attempts = PurchaseAttemptActivities(self.database, self.gateway)
        self.purchase_amounts = PurchaseAmountActivities(self.database, self.gateway)
        self.purchase_care = PurchaseCareActivities(self.database, self.gateway)
        self.vault = Vault(self.engine, KeyRing.generate())
        addresses = SealedAddresses(self.engine, self.vault)
        self.disputes = DisputeActivities(self.database, self.tracking, addresses)
        self.dispute_money = DisputeMoneyActivities(self.database, self.gateway)
        papers = SealedPapers(self.engine, self.vault)
        self.chargebacks = ChargebackActivities(self.database, self.gateway, papers, PdfPress())
        self.books = SqlBooks(self.engine)
        self.labels = LabelDesk(self.database, self.shipping, addresses, self.rates)
        self.return_labels = ReturnLabelActivities(self.database, self.labels)
        self.pickups = CourierDesk(self.database, self.shipping, self.tracking, addresses)
        self.carriage = CarriageCheckActivities(
            self.database, self.books, self.labels, self.shipping
        )

    async def policy(self, name: str, **order: str) -> str:
        """Publish a policy that differs from the standard one in figures of its orders."""
        await publish_variant(self.engine, name, order)
        return name

    async def seller(
        self, level: str = "standard", settles_in: str = "", policy: str = "standard"
    ) -> str:
        """Register a seller with a connected account; "early" is paid before protection ends."""
        name = f"s-{os.getpid()}-{next(_numbers)}"
        stripe = self.world.place.stripe()
        account = await asyncio.to_thread(stripe.v1.accounts.create, _ACCOUNT)
        self.accounts[name] = account.id
        row = Seller(
            seller=name,
            account=account.id,
            country="DE",
            level=level,
            standing="active",
            policy=policy,
            registered_at=BEGAN,
            settles_in=settles_in,
        )
        async with self.engine.begin() as db:
            await db.execute(Seller.__table__.insert(), row.model_dump())  # type: ignore[attr-defined]  # SQLModel's table
        return name

    async def renamed(self, seller: str) -> str:
        """Let a seller's payouts go to another account from now on."""
        stripe = self.world.place.stripe()
        account = await asyncio.to_thread(stripe.v1.accounts.create, _ACCOUNT)
        row = "UPDATE sellers SET account = :account, refused_account = '' WHERE seller = :seller"
        async with self.engine.begin() as db:
            await db.execute(text(row), {"account": account.id, "seller": seller})
        return account.id

    async def order_of(self, seller: str) -> str:
        """The one order of a seller."""
        row = 'SELECT "order" FROM order_money WHERE seller = :seller'
        async with self.engine.connect() as db:
            return str((await db.execute(text(row), {"seller": seller})).scalar_one())

    async def order(
        self,
        seller: str,
        total: int = 10_000,
        currency: str = "EUR",
        parts: int = 1,
        subsidy: int = 0,
    ) -> "Deal":
        """Put a new order on record; nothing was asked of the provider.

        It has one line, or *parts* of them that sum to *total*.
        """
        order = f"o-{os.getpid()}-{next(_numbers)}"
        state = OrderState(order, f"b-{order}", seller, currency, total, BEGAN, subsidy=subsidy)
        lines = tuple(
            OrderLine(f"{number}", "p-1", "general", 1, price - price // 10, price // 10)
            for number, price in enumerate(allocate(total, [1] * parts), 1)
        )
        deal = Deal(self, seller, state)
        await deal.took(self.orders.open, OpenOrder(state, lines, "DE"))
        return deal

    async def lives_at(self, subject: str, person: str, **parts: str) -> None:
        """Put an address on file, sealed under its owner's key."""
        sealed = await self.vault.seal(person, json.dumps(_HOME | parts).encode())
        async with self.engine.begin() as db:
            await keep_particulars(db, subject, person, sealed)

    def payout(self, seller: str, as_of: datetime, name: str = "", currency: str = "EUR") -> "Out":
        """A payout that has not begun."""
        payout = f"{seller}/{name or 'c1'}-{currency}"
        return Out(self, PayoutState(payout, seller, currency, as_of))


@dataclass
class Deal:
    """One order and the state that its process would hold."""

    shop: Shop
    seller: str
    state: OrderState

    @property
    def order(self) -> str:
        return self.state.order

    async def took(
        self, step: Callable[[T], Coroutine[Any, Any, OrderState]], asked: T, attempt: int = 1
    ) -> OrderState:
        """Take one step and keep the state that it answers with."""
        self.state = await attempted(step, asked, attempt)
        return self.state

    def asking(self, method: str = "") -> AskPayment:
        return AskPayment(self.state, after(minutes=1), method)

    async def asked(self, method: str = "") -> OrderState:
        return await self.took(self.shop.payments.ask, self.asking(method))

    async def settled(self, at: datetime | None = None) -> OrderState:
        """Look at the payment as it stands."""
        return await self.took(self.shop.payments.settle, Step(self.state, at or after(minutes=2)))

    async def paid(self) -> OrderState:
        await self.asked(CARD)
        return await self.settled()

    def closing(self, at: datetime, *, by_deadline: bool = False) -> ClosePayment:
        return ClosePayment(self.state, at, Outcome.NEVER_PAID, by_deadline)

    async def closed(self, at: datetime | None = None) -> OrderState:
        """Close the payment window."""
        return await self.took(self.shop.payments.close, self.closing(at or after(days=3)))

    def shipping(self, at: datetime | None = None, lines: tuple[str, ...] = ()) -> Ship:
        """A declaration with a number that nobody else has, of some lines or of all."""
        number = dhl_number()
        return Ship(self.state, at or after(days=1), "DHLExpress", number, lines=lines)

    async def scan(self, parcel: str, milestone: str, at: datetime) -> None:
        """Put on record what the carrier saw of a parcel."""
        async with self.shop.engine.begin() as db:
            await db.execute(
                text(
                    "INSERT INTO scans (parcel, milestone, at, received_at, message, city, country,"
                    " is_withdrawn) VALUES (:parcel, :milestone, :at, :at, '', '', 'DE', false)"
                ),
                {"parcel": f"{self.order}/{parcel}", "milestone": milestone, "at": at},
            )

    async def shipped(self) -> OrderState:
        return await self.took(self.shop.shipments.declare, self.shipping())

    def receiving(self, at: datetime | None = None) -> Record:
        return Record(self.state, at or after(days=4), Move.RECEIVED)

    async def received(self, at: datetime | None = None) -> OrderState:
        """The buyer confirms."""
        return await self.took(self.shop.orders.record, self.receiving(at))

    def releasing(self, at: datetime | None = None) -> Step:
        return Step(self.state, at or after(days=20))

    async def released(self, at: datetime | None = None) -> OrderState:
        return await self.took(self.shop.escrow.release, self.releasing(at))

    async def reserve_released(self, at: datetime | None = None) -> OrderState:
        step = Step(self.state, at or after(days=70))
        return await self.took(self.shop.escrow.release_reserve, step)

    def refunding(self, amount: int, at: datetime | None = None) -> Refund:
        """The order's next refund, as its process would ask for it."""
        return Refund(self.state, at or after(days=5), self.state.refunds + 1, amount)

    async def addressed(self) -> None:
        """Let seller and buyer have an address."""
        await self.shop.lives_at(f"seller/{self.seller}", self.seller)
        await self.shop.lives_at(f"order/{self.order}", self.state.buyer, city="Bonn")

    def labelling(self, number: int = 1, **asked: Any) -> BuyLabel:  # noqa: ANN401 - any field
        """The order's label, at whatever it costs."""
        wanted = BuyLabel(
            self.order, number, after(days=1), "UPS", "Ground", 1_000_000, "EUR", grams=900
        )
        return dataclasses.replace(wanted, **asked)

    async def labelled(self, number: int = 1) -> Label:
        """Buy a label for the order."""
        await self.addressed()
        return await attempted(self.shop.labels.buy, self.labelling(number), 1)

    async def refunded(self, amount: int, at: datetime | None = None) -> OrderState:
        return await self.took(self.shop.refunds.refund, self.refunding(amount, at))

    def holding(self, name: str, amount: int = 0, at: datetime | None = None) -> ChangeHold:
        return ChangeHold(self.state, at or after(days=5), name, amount, "lead:l-1", "a claim")

    async def held(self, name: str, amount: int) -> OrderState:
        return await self.took(self.shop.escrow.hold, self.holding(name, amount))

    async def lifted(self, name: str) -> OrderState:
        return await self.took(self.shop.escrow.lift, self.holding(name))

    async def cared_for(self, at: datetime | None = None) -> str:
        """News of the payment after the order's end."""
        asked = CareForPayment(self.order, at or after(days=30))
        return await attempted(self.shop.aftercare.payment, asked, 1)

    async def at_refund(self, number: int = 1) -> str:
        """The provider's reference of one of the order's refunds."""
        async with self.shop.database.transaction() as tx:
            effect = await tx.funds.found(f"order/{self.order}/refund/{number}")
        assert effect is not None
        return effect.reference


@dataclass
class Out:
    """One payout and the state that its process would hold."""

    shop: Shop
    state: PayoutState

    async def sent(self, at: datetime | None = None) -> PayoutState:
        step = PayoutStep(self.state, at or after(days=30))
        self.state = await attempted(self.shop.payouts.send, step, 1)
        return self.state

    async def watched(self, at: datetime | None = None) -> PayoutState:
        step = PayoutStep(self.state, at or after(days=33))
        self.state = await attempted(self.shop.payouts.watch, step, 1)
        return self.state


@asynccontextmanager
async def open_shop(
    database_url: str, world: SandboxWorld, *, patience: float = 10
) -> AsyncGenerator[Shop]:
    """A shop on *database_url* whose provider may take *patience* seconds for an answer."""
    engine = connect(database_url)
    await publish_shipped(engine, datetime(2026, 1, 1, tzinfo=UTC))
    gateway = StripeGateway(
        "sk_test_shop", STRIPE_SECRET, world.place.stripe_base, timeout_seconds=patience
    )
    tracking = EasyPostTracking("EZTK_shop", EASYPOST_SECRET, world.place.easypost_base)
    rates = EcbRates(world.place.ecb_base, timeout_seconds=patience)
    shipping = EasyPostShipping("EZTK_shop", world.place.easypost_base, timeout_seconds=patience)
    try:
        yield Shop(engine, gateway, tracking, shipping, world, rates)
    finally:
        await rates.close()
        gateway.close()
        tracking.close()
        shipping.close()
        await engine.dispose()
