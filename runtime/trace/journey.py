"""One order's life as the trace tells it, fact by fact, on the order's own clock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.errors import Refusal, SellerNotActive
from domain.order.rules import next_due
from domain.order.state import Fulfilment, OrderState, Payment
from runtime.trace.acts import act, declare, is_unpaid
from runtime.trace.facts import DECIDES_AFTER, Confirm, Happened, Happening, facts_of
from runtime.trace.hands import Hands
from runtime.trace.numbers import Numbers
from runtime.trace.orders import TracedOrder
from runtime.trace.player import Impossible
from runtime.trace.rest import rest
from runtime.trace.world import World

# A clock is stopped so much before a fact, for it goes on by itself while the fact is told.
_EARLY: Final = timedelta(seconds=2)
_JUST_AFTER: Final = timedelta(milliseconds=1)
# Longer than any policy keeps an order open.
_FOR_GOOD: Final = timedelta(days=3_650)
_DECLARATIONS: Final = (Happening.DECLARED, Happening.HANDED_OVER)
_PAYING: Final = (Happening.PAID, Happening.AMOUNT_DECIDED)
_WAITS_FOR_GOODS: Final = (Fulfilment.AWAITING_SHIPMENT, Fulfilment.PARTLY_SHIPPED)


@dataclass(frozen=True)
class Missed:
    """A fact that could not be: the process had gone another way before, or refused it."""

    what: Happening
    at: datetime
    why: str


@dataclass
class Journey:
    """Drives one order. `missed` are its facts that came to nothing, `stuck` why it had to stop.

    `not_accepted` is why the marketplace would not take the order: nothing of it exists then.
    """

    world: World
    order: TracedOrder
    serial: int
    ship_to: str
    confirm: Confirm = Confirm.SILENCE
    missed: list[Missed] = field(default_factory=list[Missed])
    shipped_before_payment: bool = False
    stuck: str = ""
    not_accepted: str = ""
    _facts: list[Happened] = field(default_factory=list[Happened])
    _undeclared: list[str] = field(default_factory=list[str])
    _is_placed: bool = False
    _seen: OrderState | None = None
    _hands: Hands = field(init=False)

    def __post_init__(self) -> None:
        """Take what the trace tells of the order."""
        numbers = Numbers(self.order, self.serial)
        self._hands = Hands(self.world, self.order, numbers, self.ship_to)
        self._facts = facts_of(self.order, self.confirm)

    @property
    def process(self) -> str:
        """The id of the order's execution."""
        return self._hands.process

    async def travel(self, until: datetime | None = None) -> None:
        """Let everything happen that the trace tells before *until* (the trace's own date).

        None: to the end, and then let time run until the order is over.
        """
        if not self._is_placed and (until is None or self.order.purchased_at < until):
            await self._place()
        if not self._is_placed or self.not_accepted:
            return
        while self._facts and (until is None or self._facts[0].at < until):
            fact = self._facts.pop(0)
            state = await self._at(fact.at)
            if state.ended_at is None:
                self._facts += await self._told(fact)
                self._facts.sort(key=lambda one: one.turn)
            else:
                self._miss(fact, f"the order had ended: {state.outcome}")
        if until is None:
            await self._to_the_end()
        else:
            await self._at(until)

    async def hear(self) -> None:
        """Let what was just said to the order from outside its own story reach it."""
        if self._is_placed and not self.not_accepted:
            await self._rest()

    async def _place(self) -> None:
        placed_at = clock = self.world.shift.ahead(self.order.purchased_at)
        self.world.clock.set(self.process, placed_at)
        self._is_placed = True
        try:
            await self._hands.place()
        except SellerNotActive as no:
            self.not_accepted = no.detail
            return
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
        state = await self._state()
        is_too_early = fact.what in _DECLARATIONS and is_unpaid(state)
        try:
            await act(self._hands, fact, state)
        except (Impossible, Refusal) as no:
            if is_too_early:
                self._undeclared.append(fact.about)
            else:
                self._miss(fact, _reason(no))
        self.shipped_before_payment |= is_too_early
        await self._rest()
        return await self._follow_up(fact)

    async def _follow_up(self, fact: Happened) -> list[Happened]:
        state = await self._state()
        if fact.what in _PAYING and state.payment is Payment.IN_RISK_CHECK:
            decided_at = self.order.told.risk_decided_at or fact.at + DECIDES_AFTER
            return [Happened(decided_at, Happening.RISK_DECIDED)]
        if state.fulfilment in _WAITS_FOR_GOODS:
            await self._declare_now(fact)
        return []

    async def _declare_now(self, fact: Happened) -> None:
        """What was handed over before the payment was there is declared now that it is."""
        while self._undeclared:
            parcel = self._hands.parcel(self._undeclared.pop(0))
            try:
                await declare(self._hands, parcel, fact)
            except Refusal as no:
                self._miss(fact, _reason(no))
            await self._rest()

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
        numbers = self._hands.numbers.all()
        await rest(self.world, self.process, self.order.order, *numbers)
        self._seen = None

    async def _to_the_end(self) -> None:
        state = await self._state()
        if state.ended_at is None:
            far = self.world.shift.ahead(self.order.last) + _FOR_GOOD
            await self._skip(far)
            await self._rest()


def _reason(no: Impossible | Refusal) -> str:
    return no.detail if isinstance(no, Refusal) else str(no)
