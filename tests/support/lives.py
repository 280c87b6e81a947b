"""Orders of every kind, each driven to its end by its own callers."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from domain.actors import Role
from runtime.policies import SHIPPED, read
from tests.support.kinds import (
    ABROAD,
    KINDS,
    LATER,
    SAID,
    SELLER,
    TOTAL,
    UNPAID,
    UNPROVED,
    UNSEEN,
    UNSHIPPED,
)
from tests.support.market import Json, a_seller, an_order
from tests.support.sandbox import SandboxWorld
from tests.support.stubborn import Exchange, Stubborn, played
from tests.support.up import Up, dhl_number, with_account

_HEARD_WITHIN: Final = 15
_LONG: Final[dict[str, str]] = dict.fromkeys(
    (
        "pay_within",
        "assess_risk_within",
        "assess_risk_at_most",
        "prove_shipment_within",
        "ship_within",
        "decide_amount_within",
        "first_scan_within",
        "deliver_within",
        "answer_within",
        "confirm_within",
        "answer_cancellation_within",
    ),
    "60m",
)
_DISPUTE: Final[dict[str, str]] = dict.fromkeys(
    (
        "after_confirmation",
        "seller_answers_within",
        "buyer_answers_within",
        "platform_steps_in_after",
        "evidence_within",
        "proposal_stands_for",
        "review_target",
        "review_alarm",
        "return_within",
        "return_scan_within",
        "return_at_most",
        "check_return_within",
    ),
    "60m",
) | {"appeal_within": "5s", "take_back_within": "5s"}
# What is to run out does so soon; all else waits until the storm is over.
_WINDOWS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        SELLER: _LONG,
        ABROAD: _LONG,
        LATER: _LONG | {"capture": "on_shipment"},
        UNPAID: _LONG | {"pay_within": "15s"},
        UNSHIPPED: _LONG | {"ship_within": "15s"},
        UNSEEN: _LONG | {"first_scan_within": "15s"},
        UNPROVED: _LONG | {"deliver_within": "15s", "answer_within": "15s"},
    }
)
# The sellers who are paid in another currency than their buyers pay in.
_SETTLES_IN: Final[Mapping[str, str]] = MappingProxyType({ABROAD: "CNY"})
# Words about a person that may stand nowhere but sealed.
PERSON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "name": "Wilhelmina Quastenflosser",
        "street": "Schlehdornpfad 4711",
        "city": "Hamburg",
        "postcode": "20457",
        "phone": "+49 40 99887766",
        "email": "quastenflosser@planted.example",
    }
)
_STORE: Final = {"city": "Bremen", "street": "Hafen 1", "postcode": "28195", "name": "Store"}
PLANTED: Final = (
    *("Quastenflosser", "Schlehdornpfad", "99887766", "quastenflosser@planted.example"),
    *SAID,
)


@dataclass(frozen=True)
class Staff:
    """Those of ours who act for everybody; `second` agrees to what `lead` decides."""

    support: Stubborn
    lead: Stubborn
    second: Stubborn
    compliance: Stubborn
    operator: Stubborn
    service: Stubborn


@dataclass(frozen=True)
class Life:
    """One order on its way, and the hands of everybody around it."""

    order: str
    number: int
    buyer: Stubborn
    seller: Stubborn
    staff: Staff
    lives: "Lives"
    sold_by: str = SELLER

    @property
    def here(self) -> str:
        return f"/v1/orders/{self.order}"

    @property
    def world(self) -> SandboxWorld:
        return self.lives.world

    async def place(self, method: str = "pm_card_visa", **changed: object) -> None:
        body = an_order(
            self.order,
            seller=self.sold_by,
            buyer=f"b-{self.number}",
            payment={"method": method},
            ship_to={"country": "DE", **PERSON},
        )
        # Only a service may promise a part of the platform's own money.
        by = self.staff.service if "subsidy" in changed else self.buyer
        await by.ask("/v1/orders", body | changed, f"place {self.order}")

    async def another_seller(self) -> str:
        """Register a seller for this order alone; their name."""
        seller = f"s-{self.order}"
        await self.lives.register(a_seller(seller, policy=SELLER))
        return seller

    async def suspend(self, seller: str) -> None:
        """Let an operator keep a seller from taking any more orders."""
        await self.staff.operator.change(f"/v1/sellers/{seller}", standing="suspended")

    async def buy(self, orders: Mapping[str, str]) -> None:
        """Let the buyer buy of several sellers at once, each order of theirs by its name."""
        lines = [{"product": "p-1", "price": TOTAL}]
        body = {
            "purchase": f"p-{self.order}",
            "currency": "EUR",
            "orders": [{"seller": s, "order": o, "lines": lines} for s, o in orders.items()],
            "ship_to": {"country": "DE", **PERSON},
            "payment": {"method": "pm_card_visa"},
        }
        await self.buyer.ask("/v1/purchases", body, f"buy {self.order}")

    async def paid(self) -> None:
        await self.buyer.until(self.here, lambda seen: seen["axes"]["payment"] == "captured")

    async def pay_slowly(self, amount: int | None = None) -> None:
        """Pay from a bank's account; *amount* is what arrives, if not what was asked for."""
        payment = await self.buyer.until(f"{self.here}/payment", lambda seen: "reference" in seen)
        intent = payment["reference"]
        await played(lambda: self.world.pay(intent, "slow"))
        await played(lambda: self.world.arrive(intent, amount=amount))

    async def refund(self, amount: int) -> None:
        wish = {"amount": amount, "reason": "as agreed"}
        await self.staff.support.ask(f"{self.here}/refunds", wish, f"refund {self.order}")

    async def ship(self, *lines: str) -> str:
        """Let the seller declare a parcel of *lines* (none: of all); its number."""
        place = int(lines[0]) if lines else 0
        parcel = dhl_number(200_000_000 + 10 * self.number + place)
        body = {"carrier": "DHLExpress", "number": parcel, "lines": lines}
        await self.seller.ask(f"{self.here}/shipments", body, f"ship {self.order} {place}")
        return parcel

    async def sent(self) -> str:
        """Let it be ordered, paid for and shipped; its parcel's number."""
        await self.place()
        await self.paid()
        return await self.ship()

    async def is_at(self, stage: str) -> None:
        """Until its only parcel is there."""
        await self.buyer.until(
            self.here, lambda seen: [one["stage"] for one in seen["parcels"]] == [stage]
        )

    async def deliver(self, *lines: str) -> None:
        """The same, and the carrier brings it."""
        parcel = await self.ship(*lines)
        await played(lambda: self.world.deliver("DHLExpress", parcel, city="Hamburg"))

    async def claimed(self) -> str:
        """Let the buyer's bank or wallet take the payment back; the path of the chargeback."""
        await self.paid()
        payment = await self.buyer.until(f"{self.here}/payment", lambda seen: "reference" in seen)
        await played(lambda: self.world.dispute(payment["reference"]))
        listed = f"/v1/chargebacks?order={self.order}"
        found = await self.staff.lead.until(listed, lambda seen: bool(seen["items"]))
        return str(found["items"][0]["links"]["self"])

    async def came(self, parcel: str, path: str) -> None:
        """Let the carrier bring a parcel that nobody watches any more, until that is heard of."""
        while True:
            await played(lambda: self.world.deliver("DHLExpress", parcel, city="Hamburg"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARD_WITHIN):
                    await self.buyer.until(path, lambda seen: seen.get("status") == "opening")
                    return

    async def decided(self, path: str, verdict: str, kept: int | None = None) -> None:
        """Let the bank decide, and everybody hear of it; the buyer may have *kept* a part."""
        await played(lambda: self.world.decide(path.rpartition("/")[2], verdict, kept=kept))
        await self.staff.lead.until(path, lambda seen: seen["ended_at"] is not None)

    async def received(self) -> None:
        await self.buyer.until(self.here, lambda seen: seen["axes"]["fulfilment"] == "delivered")
        await self.buyer.ask(f"{self.here}/receipt", None, f"receive {self.order}")

    async def dispute(self, remedy: str = "refund") -> str:
        """Let the buyer dispute what came; the path of the dispute."""
        await self.place()
        await self.paid()
        await self.deliver()
        await self.received()
        wish = {"lines": ["1"], "category": "received", "reason": "quality", "amount": 5_000}
        wish["remedy"] = remedy
        opened = await self.buyer.ask(f"{self.here}/disputes", wish, f"dispute {self.order}")
        return opened.headers["Location"]

    async def settled(self, path: str, given: int) -> None:
        """Until the dispute is over, and has given so much."""
        await self.buyer.until(path, lambda seen: seen["ended_at"] is not None)
        self.lives.given[path.rpartition("/")[2]] = given


@dataclass
class Lives:
    """Everybody who asks, and the world that answers; each buyer has an order of their own.

    `given` is what each dispute gave its buyer, in minor units; `under_way` are the orders that
    have not come to their ends.
    """

    stack: Up
    open_until_the_end: AsyncExitStack
    world: SandboxWorld
    callers: dict[str, Stubborn]
    given: dict[str, int] = field(default_factory=dict[str, int])
    under_way: set[str] = field(default_factory=set[str])

    async def caller(self, role: Role, subject: str = "") -> Stubborn:
        """Somebody who stays until the end; the same one for the same name."""
        name = subject or str(role)
        if name not in self.callers:
            entered = self.stack.caller(role, subject)
            person = await self.open_until_the_end.enter_async_context(entered)
            self.callers[name] = Stubborn(person)
        return self.callers[name]

    async def _staff(self) -> Staff:
        return Staff(
            support=await self.caller(Role.SUPPORT_AGENT),
            lead=await self.caller(Role.SUPPORT_LEAD),
            second=await self.caller(Role.SUPPORT_LEAD, "lead-2"),
            compliance=await self.caller(Role.COMPLIANCE),
            operator=await self.caller(Role.OPERATOR),
            service=await self.caller(Role.SERVICE),
        )

    async def _life(self, order: str, number: int, sold_by: str) -> Life:
        buyer = await self.caller(Role.BUYER, f"b-{number}")
        seller = await self.caller(Role.SELLER, sold_by)
        return Life(order, number, buyer, seller, await self._staff(), self, sold_by)

    async def learn_rates(self) -> None:
        """Let an order need the rates while they can be had: without any it is not accepted."""
        await KINDS["cancelled"].live(await self._life("o-first", 0, ABROAD))

    async def live(self, number: int, kind: str) -> tuple[str, str]:
        """Drive one order to where its kind ends; its name, and the status it then has."""
        order = f"o-{kind}-{number}"
        life = await self._life(order, number, KINDS[kind].seller)
        self.under_way.add(order)
        await KINDS[kind].live(life)
        seen = await life.buyer.until(life.here, lambda seen: seen["ended_at"] is not None)
        self.under_way.remove(order)
        return order, str(seen["status"])

    async def live_all(self, orders: int, one_every: float) -> dict[str, str]:
        """Let so many orders of all kinds live, one beginning every so often; how each ended."""

        async def one(number: int, kind: str) -> tuple[str, str]:
            await asyncio.sleep(number * one_every)
            return await self.live(number, kind)

        kinds = [list(KINDS)[number % len(KINDS)] for number in range(orders)]
        return dict(await asyncio.gather(*(one(*each) for each in enumerate(kinds))))

    def answers(self) -> list[Exchange]:
        """Everything that was asked, with its final answer."""
        return [each for caller in self.callers.values() for each in caller.asked]

    def statuses(self) -> set[int]:
        """Every status that anybody was answered with."""
        return {status for caller in self.callers.values() for status in caller.statuses}

    async def publish(self, policy: str, windows: Mapping[str, str]) -> None:
        """Publish the demo policy with other windows; sellers are paid when they ask for it."""
        document = read(SHIPPED / "demo.toml")
        own = {
            "name": policy,
            "order": document["order"] | dict(windows),
            "dispute": document["dispute"] | _DISPUTE,
            "payout": document["payout"] | {"every": "1d"},
        }
        operator = await self.caller(Role.OPERATOR)
        await operator.ask("/v1/policies", document | own, f"publish {policy}")

    async def register(self, body: Json) -> None:
        """Register a seller as *body* says, with words about them."""
        service = await self.caller(Role.SERVICE)
        words = {"email": PERSON["email"], "name": PERSON["name"], "ship_from": _STORE}
        await service.ask("/v1/sellers", body | words, f"register {body['seller']}")


@asynccontextmanager
async def open_lives(stack: Up) -> AsyncGenerator[Lives]:
    """Sellers, and the callers that act for everybody."""
    async with AsyncExitStack() as open_until_the_end:
        world = await open_until_the_end.enter_async_context(stack.world())
        lives = Lives(stack, open_until_the_end, world, {})
        # Labels are billed in the currency of the orders: there is no rate to wait for.
        await world.change(postage_currency="EUR")
        for seller, windows in _WINDOWS.items():
            await lives.publish(seller, windows)
            paid = {"policy": seller, "settles_in": _SETTLES_IN.get(seller, "")}
            await lives.register(await with_account(stack, seller, **paid))
        await lives.learn_rates()
        yield lives
