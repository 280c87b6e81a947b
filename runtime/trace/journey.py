"""One order's life as the trace tells it, fact by fact, on the order's own clock."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from domain.errors import Refusal, SellerNotActive
from domain.order.rules import next_due
from domain.order.state import Fulfilment, OrderState, Payment
from runtime.trace.acts import act, is_unpaid
from runtime.trace.dispute_acts import OF_DISPUTES
from runtime.trace.facts import DECIDES_AFTER, Confirm, Happened, Happening, facts_of
from runtime.trace.hands import Hands
from runtime.trace.numbers import Numbers
from runtime.trace.orders import TracedOrder
from runtime.trace.parcel_acts import SEEN, declare
from runtime.trace.player import Impossible
from runtime.trace.rest import rest, rest_afterwards
from runtime.trace.skips import JUST_AFTER
from runtime.trace.world import World

# A clock is stopped so much before a fact, for it goes on by itself while the fact is told.
EARLY: Final = timedelta(seconds=2)
# Steps of an order take less, however slow the machine is.
_SOON: Final = timedelta(minutes=10)
# Longer than any policy keeps an order open.
FOR_GOOD: Final = timedelta(days=3_650)
_DECLARATIONS: Final = (Happening.DECLARED, Happening.HANDED_OVER)
# After these compliance may have to look.
_LOOKED_AT: Final = (Happening.PAID, Happening.AMOUNT_DECIDED, Happening.ADDRESS_CHANGED)
_WAITSFOR_GOODS: Final = (Fulfilment.AWAITING_SHIPMENT, Fulfilment.PARTLY_SHIPPED)


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
            if state.ended_at is None or fact.what in OF_DISPUTES:
                self._expect(await self._told(fact))
            else:
                await self._too_late(fact, state)
        if until is None:
            await self._to_the_end()
        else:
            await self._at(until)

    async def hear(self, fact: Happened | None = None) -> None:
        """Let what was just said to the order from outside its own story reach it.

        A *fact* of its payment is followed up as if it were of the order alone.
        """
        if self._is_placed and not self.not_accepted:
            await self._rest()
            if fact is not None:
                self._expect(await self._follow_up(fact))

    def given(self) -> bytes | None:
        """What the buyer says of where they live, if something depends on it."""
        return self._hands.given()

    def _expect(self, facts: list[Happened]) -> None:
        self._facts = sorted([*self._facts, *facts], key=lambda one: one.turn)

    async def _place(self) -> None:
        self.world.clock.set(self.process, self.world.shift.ahead(self.order.purchased_at))
        self._is_placed = True
        if self.order.is_part:
            # Its purchase has placed it.
            return
        try:
            await self._hands.place()
        except SellerNotActive as no:
            self.not_accepted = no.detail
            return
        await self.world.skips.begin(self.world.process(self.process))
        await self._rest()

    async def _at(self, instant: datetime) -> OrderState:
        """Let the clocks run to *instant* (the trace's), exactly: what is due before, is.

        A deadline at that very instant is beaten by what happens then. Of an order and its
        dispute, whoever is due first goes first.
        """
        there = self.world.shift.ahead(instant)
        while (due := await self._hands.case.due()) is not None and due < there:
            await self._order_at(due)
            await self._hands.case.ring(due)
            await self._rest()
        state = await self._order_at(there)
        await self._hands.case.reach(there - EARLY)
        return state

    async def _order_at(self, there: datetime) -> OrderState:
        before = await self._state()
        if before.ended_at is not None:
            return before
        self.world.clock.set(self.process, there)
        state, due = before, next_due(before)
        if due is None or not timedelta() < there - due.at < _SOON:
            await self._skip(there - EARLY)
            state = await self._rested_since(before)
        while (due := next_due(state)) is not None and due.at < there:
            # No skip may end while the steps of a deadline are under way.
            await self._skip(due.at + JUST_AFTER)
            await self._rest()
            state = await self._state()
        await self._skip(there - EARLY)
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
                self._miss(fact, reason(no))
        self.shipped_before_payment |= is_too_early
        await self._rest()
        return await self._follow_up(fact)

    async def _too_late(self, fact: Happened, state: OrderState) -> None:
        """What carriers see they tell all the same, and aftercare hears of it."""
        self._miss(fact, f"the order had ended: {state.outcome}")
        if fact.what not in SEEN:
            return
        with suppress(Impossible):
            await SEEN[fact.what](self._hands, fact, state)
        await self._rest()
        await rest_afterwards(self.world, self.process)

    async def _follow_up(self, fact: Happened) -> list[Happened]:
        state = await self._state()
        if fact.what in _LOOKED_AT and state.payment is Payment.IN_RISK_CHECK:
            decided_at = self.order.told.risk_decided_at or fact.at + DECIDES_AFTER
            return [Happened(decided_at, Happening.RISK_DECIDED)]
        if state.fulfilment in _WAITSFOR_GOODS:
            await self._declare_now(fact)
        return []

    async def _declare_now(self, fact: Happened) -> None:
        """What was handed over before the payment was there is declared now that it is."""
        while self._undeclared:
            parcel = self._hands.parcel(self._undeclared.pop(0))
            try:
                await declare(self._hands, parcel, fact)
            except Refusal as no:
                self._miss(fact, reason(no))
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
        await self._hands.case.rest()
        await rest(self.world, self.process, self.order.order, *numbers)
        # What the order has heard meanwhile, it may have told its dispute.
        await self._hands.case.rest()
        self._seen = None

    async def _to_the_end(self) -> None:
        while (due := await self._hands.case.due()) is not None:
            await self._order_at(due)
            await self._hands.case.ring(due)
            await self._rest()
        state = await self._state()
        if state.ended_at is None:
            far = self.world.shift.ahead(self.order.last) + FOR_GOOD
            await self._skip(far)
            await self._rest()


def reason(no: Impossible | Refusal) -> str:
    """Why something could not be, in words."""
    return no.detail if isinstance(no, Refusal) else str(no)
