"""Orders in every state that a page must show, made as they are made for good."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from domain.actors import Role
from domain.ids import order_workflow_id
from tests.support.market import Market, Person, an_order
from tests.support.sandbox import SandboxWorld
from workflows.chargeback.messages import FollowChargeback
from workflows.order.messages import ParcelMoved, PaymentChanged


@dataclass(frozen=True)
class Scenes:
    """Plays buyers, sellers, banks and carriers of one market."""

    market: Market
    world: SandboxWorld

    async def all(self) -> None:
        """One order of each kind."""
        await self.waiting("o-1001")
        await self.paid("o-1002")
        await self.shipped("o-1003", "1Z999AA10123456784")
        await self.delivered("o-1004", "1Z5R89390357567127")
        await self.doubted("o-1005")
        await self.another_amount("o-1006")
        await self.parked("o-1007")
        await self.partly_refunded("o-1008")
        await self.disputed("o-1009", "1ZW4F5810390310136")
        await self.received("o-1010", "1ZW4F5810391234566")
        await self.claimed("o-1011")

    async def buyer(self) -> Person:
        return await self.market.caller(Role.BUYER, "b-1")

    async def waiting(self, order: str) -> Person:
        """Placed, and asked to be paid in the browser."""
        buyer = await self.buyer()
        await buyer.post("/v1/orders", an_order(order))
        await self._payment(buyer, order)
        return buyer

    async def paid(self, order: str, **changed: object) -> Person:
        """Paid by card: the seller may ship."""
        buyer = await self.buyer()
        asked = an_order(order, payment={"method": "pm_card_visa"}, **changed)
        answer = await buyer.post("/v1/orders", asked)
        assert answer.status_code == 201, answer.text
        await self._payment(buyer, order)
        await self._news(order, "payment_changed", PaymentChanged("evt-1", self._now(order)))
        await self.until(buyer, order, "awaiting_shipment")
        return buyer

    async def shipped(self, order: str, number: str, **changed: object) -> Person:
        """On its way."""
        buyer = await self.paid(order, **changed)
        seller = await self.market.caller(Role.SELLER, "s-1")
        told = {"carrier": "UPS", "number": number}
        answer = await seller.post(f"/v1/orders/{order}/shipments", told)
        assert answer.status_code == 200, answer.text
        return buyer

    async def delivered(self, order: str, number: str) -> Person:
        """Delivered; the buyer may confirm."""
        buyer = await self.shipped(order, number)
        await self.world.deliver("UPS", number, city="Hamburg", country="DE")
        await self._news(order, "parcel_moved", ParcelMoved("evt-2", self._now(order)))
        return buyer

    async def doubted(self, order: str) -> None:
        """Paid, and reported as fraudulent."""
        await self.paid(order)
        compliance = await self.market.caller(Role.COMPLIANCE, "compliance-1")
        told = {"reason": "the card's holder denies the order"}
        answer = await compliance.post(f"/v1/orders/{order}/fraud-reports", told)
        assert answer.status_code == 200, answer.text

    async def another_amount(self, order: str) -> None:
        """A transfer that came short: support decides."""
        buyer = await self.waiting(order)
        intent = (await buyer.get(f"/v1/orders/{order}/payment")).json()["reference"]
        await self.world.pay(intent, "slow")
        await self.world.arrive(intent, amount=19000)
        await self._news(order, "payment_changed", PaymentChanged("evt-1", self._now(order)))
        await self.until(buyer, order, "amount_differs")

    async def parked(self, order: str) -> None:
        """The provider says no to asking for its money at all: an operator is needed."""
        buyer = await self.buyer()
        asking = "POST /v1/payment_intents$"
        await self.world.fault("error", asking, key=f"order/{order}", times=1, status=400)
        await buyer.post("/v1/orders", an_order(order))
        await self.until(buyer, order, "needs_attention")

    async def partly_refunded(self, order: str) -> None:
        """Some of it has gone back, some is held."""
        await self.paid(order)
        agent = await self.market.caller(Role.SUPPORT_AGENT, "agent-1")
        lead = await self.market.caller(Role.SUPPORT_LEAD, "lead-1")
        told = {"amount": 4200, "reason": "one part was missing"}
        answer = await agent.post(f"/v1/orders/{order}/refunds", told)
        assert answer.status_code == 200, answer.text
        claim = {"hold": "h-1", "amount": 5000, "reason": "claim of the card's holder"}
        answer = await lead.post(f"/v1/orders/{order}/holds", claim)
        assert answer.status_code == 200, answer.text

    async def received(self, order: str, number: str, **changed: object) -> Person:
        """Confirmed by its buyer, who may still dispute it."""
        buyer = await self.shipped(order, number, **changed)
        answer = await buyer.post(f"/v1/orders/{order}/receipt")
        assert answer.status_code == 200, answer.text
        return buyer

    async def disputed(self, order: str, number: str) -> str:
        """Received broken, disputed and before a judge; the dispute's path below `/v1`."""
        buyer = await self.received(order, number)
        told = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 10_000}
        opened = await buyer.post(f"/v1/orders/{order}/disputes", told)
        assert opened.status_code == 201, opened.text
        path = opened.headers["Location"]
        seller = await self.market.caller(Role.SELLER, "s-1")
        agent = await self.market.caller(Role.SUPPORT_AGENT, "agent-1")
        for who, what, said in (
            (seller, "proposals", {"amount": 2_000}),
            (buyer, "escalation", {}),
            (agent, "assignment", {"to": "agent-1"}),
            (agent, "proposals", {"amount": 6_000}),
        ):
            answer = await who.post(f"{path}/{what}", said)
            assert answer.status_code == 200, answer.text
        return path.removeprefix("/v1")

    async def claimed(self, order: str) -> str:
        """Paid, and taken back by its buyer's bank; where the chargeback is read."""
        buyer = await self.paid(order)
        intent = (await buyer.get(f"/v1/orders/{order}/payment")).json()["reference"]
        dispute = str((await self.world.dispute(intent))["id"])
        now = self._now(order)
        await self.market.services.temporal.start_workflow(
            "chargeback",
            FollowChargeback(dispute, now),
            id=f"chargeback/{dispute}",
            task_queue=self.market.task_queue,
            start_signal="payment_changed",
            start_signal_args=[PaymentChanged("evt-bank", now)],
        )
        path = f"/v1/chargebacks/{dispute}"
        lead = await self.market.caller(Role.SUPPORT_LEAD, "lead-1")
        async with asyncio.timeout(20):
            while (await lead.get(path)).status_code != 200:
                await asyncio.sleep(0.05)
        return path

    async def until(self, person: Person, order: str, status: str) -> None:
        """Wait until the order has a status."""
        async with asyncio.timeout(20):
            while (await person.get(f"/v1/orders/{order}")).json()["status"] != status:
                await asyncio.sleep(0.05)

    async def _payment(self, buyer: Person, order: str) -> None:
        async with asyncio.timeout(20):
            while (await buyer.get(f"/v1/orders/{order}/payment")).status_code == 409:
                await asyncio.sleep(0.05)

    async def _news(self, order: str, name: str, fact: object) -> None:
        """What the relay says when the provider's message has come."""
        process = self.market.services.temporal.get_workflow_handle(order_workflow_id(order))
        await process.signal(name, fact)

    def _now(self, order: str) -> datetime:
        return self.market.clock.now(order)
