"""One order's life as the trace tells it, fact by fact, on the order's own clock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.actors import Actor, Role
from domain.errors import Refusal
from domain.ids import fingerprint, order_workflow_id
from domain.order.rules import next_due
from domain.order.state import Fulfilment, OrderState, Payment
from runtime.desk import Ask
from runtime.trace.facts import DECIDES_AFTER, Confirm, Happened, Happening, facts_of
from runtime.trace.orders import Paying, TracedOrder
from runtime.trace.parcels import carrier_of, number_of
from runtime.trace.player import Impossible
from runtime.trace.rest import rest
from runtime.trace.world import World
from workflows.order import messages as said

# A clock is stopped so much before a fact, for it goes on by itself while the fact is told.
_EARLY: Final = timedelta(seconds=2)
_JUST_AFTER: Final = timedelta(milliseconds=1)
# Longer than any policy keeps an order open.
_FOR_GOOD: Final = timedelta(days=3_650)


@dataclass(frozen=True)
class Missed:
    """A fact that could not be: the process had gone another way before, or refused it."""

    what: Happening
    at: datetime
    why: str


@dataclass
class Journey:
    """Drives one order. `missed` are its facts that came to nothing, `stuck` why it had to stop."""

    world: World
    order: TracedOrder
    serial: int
    ship_to: str
    missed: list[Missed] = field(default_factory=list[Missed])
    shipped_before_payment: bool = False
    stuck: str = ""
    _asked: int = 0
    _waits_to_ship: datetime | None = None
    _seen: OrderState | None = None

    @property
    def process(self) -> str:
        """The id of the order's execution."""
        return order_workflow_id(self.order.order)

    async def travel(self, confirm: Confirm) -> None:
        """Let everything happen that the trace tells, then let time run to the order's end."""
        await self._place()
        facts = facts_of(self.order, confirm)
        while facts:
            fact = facts.pop(0)
            state = await self._at(fact.at)
            if state.ended_at is None:
                facts = sorted([*facts, *await self._told(fact)], key=lambda one: one.turn)
            else:
                self._miss(fact, f"the order had ended: {state.outcome}")
        await self._to_the_end()

    async def _place(self) -> None:
        placed_at = self.world.shift.ahead(self.order.purchased_at)
        self.world.clock.set(self.process, placed_at)
        message = said.PlaceOrder(
            order=self.order.order,
            buyer=self.order.buyer,
            seller=self.order.seller,
            currency=self.order.currency,
            lines=self.order.lines,
            ship_to=self.ship_to,
            received_at=placed_at,
        )
        refusal = await self._ask("order.place", message, placed_at, is_creation=True)
        if refusal is not None:
            raise refusal
        clock = placed_at
        # The delay began when the server had the call, which may have been a moment later.
        while await self.world.order(self.order.order) is None:
            clock += _EARLY
            await self._skip(clock)
            await self._rest()

    async def _at(self, instant: datetime) -> OrderState:
        """Let the order's clock run to *instant* (the trace's), exactly: what is due before, is.

        A deadline at that very instant is beaten by what happens then.
        """
        there = self.world.shift.ahead(instant)
        before = await self._state()
        if before.ended_at is not None:
            return before
        self.world.clock.set(self.process, there)
        await self._skip(there - _EARLY)
        state = await self._rested_since(before)
        while (due := next_due(state)) is not None and due.at < there:
            await self._skip(due.at + _JUST_AFTER)
            await self._rest()
            state = await self._state()
        return state

    async def _rested_since(self, before: OrderState) -> OrderState:
        """The state at rest; where nothing was due on the way, the order has been at rest."""
        state = await self._state()
        if state.version == before.version:
            return state
        await self._rest()
        return await self._state()

    async def _told(self, fact: Happened) -> list[Happened]:
        """Let a fact happen; returns what it makes people do later."""
        try:
            await self._tell(fact)
        except (Impossible, Refusal) as no:
            self._miss(fact, _reason(no))
        await self._rest()
        return await self._follow_up(fact)

    async def _tell(self, fact: Happened) -> None:
        match fact.what:
            case Happening.CHOSEN_SLOW:
                await self._choose(fact.at, "slow")
            case Happening.DECLINED:
                await self._choose(fact.at, "decline")
            case Happening.PAID:
                await self._pay(fact.at)
            case Happening.CANCELLED:
                await self._cancel(fact.at)
            case Happening.RISK_ACCEPTED:
                await self._accept_risk(fact.at)
            case Happening.HANDED_OVER:
                await self._hand_over(fact.at)
            case Happening.DELIVERED:
                await self._deliver(fact.at)
            case Happening.CONFIRMED:
                await self._confirm(fact.at)

    async def _follow_up(self, fact: Happened) -> list[Happened]:
        state = await self._state()
        if fact.what is Happening.PAID and state.payment is Payment.IN_RISK_CHECK:
            return [Happened(fact.at + DECIDES_AFTER, Happening.RISK_ACCEPTED)]
        if self._waits_to_ship and state.fulfilment is Fulfilment.AWAITING_SHIPMENT:
            self._waits_to_ship = None
            await self._declare(fact.at)
            await self._rest()
        return []

    async def _choose(self, at: datetime, how: str) -> None:
        await self.world.player.pay((await self._state()).intent, how, self._ahead(at))

    async def _pay(self, at: datetime) -> None:
        intent, player = (await self._state()).intent, self.world.player
        if self.order.paying is Paying.SLOW:
            await player.arrive(intent, self._ahead(at))
        else:
            await player.pay(intent, "card", self._ahead(at))

    async def _cancel(self, at: datetime) -> None:
        buyer = Actor(Role.BUYER, self.order.buyer)
        await self._require("order.cancel", said.CancelOrder(buyer, self._ahead(at)), at)

    async def _accept_risk(self, at: datetime) -> None:
        compliance = Actor(Role.COMPLIANCE, "trace")
        verdict = said.DecideRisk(compliance, self._ahead(at), said.RiskVerdict.ACCEPT)
        await self._require("order.decide_risk", verdict, at)

    async def _hand_over(self, at: datetime) -> None:
        """The carrier scans it now; the seller declares it now, or as soon as it is paid."""
        carrier, number = self._parcel
        await self.world.player.scan(carrier, number, "in_transit", self._ahead(at))
        if (await self._state()).payment in (Payment.AWAITING, Payment.IN_RISK_CHECK):
            self.shipped_before_payment = True
            self._waits_to_ship = at
        await self._declare(at)

    async def _declare(self, at: datetime) -> None:
        seller = Actor(Role.SELLER, self.order.seller)
        message = said.DeclareShipment(seller, self._ahead(at), *self._parcel)
        refusal = await self._ask("order.declare_shipment", message, self._ahead(at))
        if refusal is not None and not self._waits_to_ship:
            raise refusal

    async def _deliver(self, at: datetime) -> None:
        carrier, number = self._parcel
        await self.world.player.scan(carrier, number, "delivered", self._ahead(at), self.ship_to)

    async def _confirm(self, at: datetime) -> None:
        buyer = Actor(Role.BUYER, self.order.buyer)
        await self._require(
            "order.confirm_receipt", said.ConfirmReceipt(buyer, self._ahead(at)), at
        )

    @property
    def _parcel(self) -> tuple[str, str]:
        carrier = carrier_of(self.order.currency)
        return carrier, number_of(carrier, self.serial)

    async def _require(self, command: str, message: object, at: datetime) -> None:
        refusal = await self._ask(command, message, self._ahead(at))
        if refusal is not None:
            raise refusal

    async def _ask(
        self, command: str, message: object, received_at: datetime, *, is_creation: bool = False
    ) -> Refusal | None:
        """Ask as the API does: on record first, then heard; returns what was refused."""
        self._asked += 1
        key = f"{self.order.order}-{self._asked}"
        answer = await self.world.desk.ask(
            Ask(
                caller="service:trace",
                route=command,
                object=self.process,
                key=key,
                body_hash=fingerprint(key),
                command=command,
                received_at=received_at,
                message=message,
                person=self.order.buyer,
                is_creation=is_creation,
            )
        )
        return answer.refusal

    def _ahead(self, at: datetime) -> datetime:
        return self.world.shift.ahead(at)

    def _miss(self, fact: Happened, why: str) -> None:
        self.missed.append(Missed(fact.what, fact.at, why))

    async def _state(self) -> OrderState:
        """The order as it stands; looked up again only after something may have happened."""
        if self._seen is None:
            self._seen = await self.world.order(self.order.order)
        if self._seen is None:
            raise LookupError(self.order.order)
        return self._seen

    async def _skip(self, to: datetime) -> None:
        await self.world.skips.to(self.world.process(self.process), to)
        self._seen = None

    async def _rest(self) -> None:
        await rest(self.world, self.process, self.order.order, self._parcel[1])
        self._seen = None

    async def _to_the_end(self) -> None:
        state = await self._state()
        if state.ended_at is None:
            far = self._ahead(self.order.last) + _FOR_GOOD
            await self._skip(far)
            await self._rest()


def _reason(no: Impossible | Refusal) -> str:
    return no.detail if isinstance(no, Refusal) else str(no)
