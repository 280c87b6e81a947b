"""An order's happy path, driven from outside as buyer, seller, provider and carrier would.

Paid by card, its risk check passed, a parcel declared (or its label bought), two milestones,
the buyer's confirmation, protection, release: with every view, timeline entry and letter.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle

from benchmarks.board import Board
from domain.actors import Actor, Role
from domain.ids import order_workflow_id
from domain.order.lines import OrderLine
from domain.order.state import OrderState
from persistence.idempotency import keep_particulars
from persistence.tables.business import Seller
from persistence.vault import Vault
from runtime.policies import SHIPPED, publish, read
from workflows._kit.attributes import at_start
from workflows.order import messages as said
from workflows.order.editions import EDITION

SELLER: Final = "s-bench"
POLICY: Final = "benchmark"
_TOTAL: Final = 10_000
# Between two messages: in life it is hours, and no two of them ever share a task.
PAUSE: Final = 0.1
_HOME: Final = b'{"city": "Hamburg", "street": "Kai 4", "postcode": "20457"}'
_SCAN: Final = text(
    "INSERT INTO scans (parcel, milestone, at, received_at, message, city, country, is_withdrawn)"
    " VALUES (:parcel, :milestone, :at, :at, '', '', 'DE', false)"
)


@dataclass(frozen=True)
class Hands:
    """What it takes to play everybody around an order; *board* tells how far it has come."""

    client: Client
    engine: AsyncEngine
    vault: Vault
    task_queue: str
    board: Board


async def prepare(engine: AsyncEngine) -> None:
    """Publish a policy that protects the buyer for a second, and register a seller under it."""
    document = read(SHIPPED / "standard.toml")
    quick = {"name": POLICY, "release": document["release"] | {"protect_for": "1s"}}
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    async with engine.begin() as db:
        await publish(db, document | quick, "benchmarks", long_ago)
        seller = Seller(
            seller=SELLER,
            account="",
            country="DE",
            level="standard",
            standing="active",
            policy=POLICY,
            registered_at=long_ago,
        )
        await db.execute(Seller.__table__.insert(), seller.model_dump())  # type: ignore[attr-defined]  # SQLModel's table


def asked(order: str) -> said.PlaceOrder:
    """What a checkout asks for."""
    return said.PlaceOrder(
        order=order,
        buyer=f"b-{order}",
        seller=SELLER,
        currency="EUR",
        lines=(OrderLine("1", "p-1", "general", 1, _TOTAL - 500, 500),),
        ship_to="DE",
        received_at=datetime.now(UTC),
        method="pm_card_visa",
        edition=EDITION,
    )


async def place(hands: Hands, order: str) -> "Life":
    """Start an order; its payment is asked for when this returns."""
    process, placed = order_workflow_id(order), asked(order)
    await hands.vault.bind(process, placed.buyer)
    handle = await hands.client.start_workflow(
        "order",
        placed,
        id=process,
        task_queue=hands.task_queue,
        search_attributes=at_start("order", "awaiting_payment", SELLER, order),
        result_type=OrderState,
    )
    life = Life(hands, order, handle)
    await life.reached("payment.ask")
    return life


@dataclass(frozen=True)
class Life:
    """One order on its way."""

    hands: Hands
    order: str
    handle: WorkflowHandle[object, OrderState]

    async def reached(self, step: str, times: int = 1) -> None:
        """Wait until the order has heard that a step is done."""
        await self.hands.board.reached(self.handle.id, step, times)
        await asyncio.sleep(PAUSE)

    async def tell_paid(self) -> None:
        """The provider says that there is news."""
        fact = said.PaymentChanged(f"evt-{self.order}-paid", datetime.now(UTC))
        await self.handle.signal("payment_changed", fact)

    async def paid(self) -> None:
        """There is news of the payment, and the order has heard it."""
        await self.tell_paid()
        await self.reached("payment.settle")

    async def shipped(self, number: str) -> None:
        """The seller declares a parcel of DHL's."""
        seller = Actor(Role.SELLER, SELLER)
        await self._ask(
            "declare_shipment",
            said.DeclareShipment(seller, datetime.now(UTC), "DHLExpress", number),
        )

    async def label_bought(self) -> None:
        """The seller buys the label of the parcel here."""
        for subject, person in (("seller/" + SELLER, SELLER), (self.handle.id, f"b-{self.order}")):
            sealed = await self.hands.vault.seal(person, _HOME)
            async with self.hands.engine.begin() as db:
                await keep_particulars(db, subject, person, sealed)
        wanted = said.BuyLabel(
            Actor(Role.SELLER, SELLER),
            datetime.now(UTC),
            carrier="UPS",
            service="Ground",
            most=1_000_000,
            currency="EUR",
            grams=900,
        )
        await self._ask("buy_label", wanted)

    async def moved(self, milestone: str, times: int) -> None:
        """The carrier reaches a milestone; it is the so manieth."""
        now = datetime.now(UTC)
        scan = {"parcel": f"{self.order}/1", "milestone": milestone, "at": now}
        async with self.hands.engine.begin() as db:
            await db.execute(_SCAN, scan)
        fact = said.ParcelMoved(f"evt-{self.order}-{milestone}", now, milestone)
        await self.handle.signal("parcel_moved", fact)
        await self.reached("shipment.follow", times)

    async def confirmed(self) -> OrderState:
        """The buyer has the goods; the order's end is waited for."""
        buyer = Actor(Role.BUYER, f"b-{self.order}")
        await self._ask("confirm_receipt", said.ConfirmReceipt(buyer, datetime.now(UTC)))
        return await self.handle.result()

    async def _ask(self, update: str, request: said.Request) -> None:
        await self.handle.execute_update(update, request, result_type=OrderState)  # pyright: ignore[reportUnknownMemberType] - the SDK's overloads


async def live(hands: Hands, order: str, serial: int, *, is_online: bool = False) -> OrderState:
    """Live an order from checkout to its end. *serial* makes the parcel's number its own."""
    life = await place(hands, order)
    await life.paid()
    if is_online:
        await life.label_bought()
    else:
        await life.shipped(dhl_number(serial))
    await life.moved("in_transit", 1)
    await life.moved("delivered", 2)
    return await life.confirmed()


def dhl_number(serial: int) -> str:
    """A number that DHL Express could have given out."""
    return f"{serial:09d}{serial % 7}"
