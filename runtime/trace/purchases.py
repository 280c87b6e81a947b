"""One payment for the orders of several sellers, as the trace tells of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.actors import Actor, Role
from domain.errors import Refusal
from domain.ids import fingerprint, purchase_workflow_id
from domain.purchase.state import PurchaseState, Stage
from persistence import purchase_reading
from runtime.commands import PURCHASE
from runtime.desk import Ask
from runtime.trace.facts import Happened, Happening, payment_of
from runtime.trace.journey import EARLY, FOR_GOOD, Journey, Missed, reason
from runtime.trace.paying import PAYS, method_of, pay
from runtime.trace.player import Impossible
from runtime.trace.rest import rest
from runtime.trace.world import World
from workflows.order.editions import EDITION
from workflows.purchase.messages import CancelPurchase, PlacePurchase, SellerPart

_CANCEL: Final = "purchase.cancel"


class SharedPayment:
    """Drives the purchase whose orders are *journeys*: it places them, and is paid for all.

    A clock cannot be put forward while children of its execution live, and the orders are. The
    execution therefore begins when the payment is decided: what was due before is done at once,
    each as of its own instant.
    """

    def __init__(self, world: World, journeys: Sequence[Journey]) -> None:
        """Begin before the purchase is placed."""
        self.journeys = journeys
        self._world = world
        self._order = journeys[0].order
        self._process = purchase_workflow_id(self._order.purchase)
        placed = Happened(self._order.purchased_at, Happening.PLACED)
        # Money that is on its way is so from the beginning.
        told = [one for one in payment_of(self._order) if one.what is not Happening.CHOSEN_SLOW]
        self._facts = [placed, *told]

    @property
    def at(self) -> datetime | None:
        """As `Meeting` has it."""
        return self._facts[0].at if self._facts else None

    async def happen(self) -> Happened:
        """Let the next thing be told of it; returns that."""
        fact = self._facts.pop(0)
        there = self._world.shift.ahead(fact.at)
        if fact.what is Happening.PLACED:
            await self._place(there)
        else:
            self._world.clock.set(self._process, there)
            await self._tell(fact, there)
        await self._rest()
        return fact

    @property
    def _decided_at(self) -> datetime:
        """When the execution begins: the last that is told of the payment, or after all windows."""
        last = self._facts[-1] if self._facts else None
        if last is None or last.what is Happening.DECLINED:
            return self._order.purchased_at + FOR_GOOD
        return last.at - EARLY

    async def _place(self, there: datetime) -> None:
        first = self._order
        message = PlacePurchase(
            purchase=first.purchase,
            buyer=first.buyer,
            currency=first.currency,
            parts=tuple(
                SellerPart(one.order.order, one.order.seller, one.order.lines)
                for one in self.journeys
            ),
            ship_to=self.journeys[0].ship_to,
            received_at=there,
            method=method_of(first),
            edition=EDITION,
        )
        words = next((words for one in self.journeys if (words := one.given())), None)
        begins = max(there, self._world.shift.ahead(self._decided_at))
        self._world.clock.set(self._process, begins)
        try:
            await self._ask(PURCHASE, message, there, words, is_creation=True)
        except Refusal as no:
            self._refused(no.detail)
            return
        self._world.clock.set(self._process, there)
        await self._world.skips.begin(self._world.process(self._process))
        await self._rest()
        state = await self._state()
        if state.stage is Stage.NOT_ACCEPTED:
            self._refused(state.reason)

    def _refused(self, why: str) -> None:
        """Nothing of the purchase exists."""
        self._facts.clear()
        for journey in self.journeys:
            journey.not_accepted = why

    async def _tell(self, fact: Happened, there: datetime) -> None:
        state = await self._state()
        if state.ended_at is not None:
            self._miss(fact, f"the purchase had ended: {state.stage}")
            return
        try:
            if fact.what in PAYS:
                player = self._world.player
                await pay(player, self._order, fact.what, state.intent, there)
            else:
                buyer = Actor(Role.BUYER, self._order.buyer)
                await self._ask(_CANCEL, CancelPurchase(buyer, there), there)
        except (Impossible, Refusal) as no:
            self._miss(fact, reason(no))

    def _miss(self, fact: Happened, why: str) -> None:
        for journey in self.journeys:
            journey.missed.append(Missed(fact.what, fact.at, why))

    async def _ask(
        self,
        command: str,
        message: object,
        received_at: datetime,
        words: bytes | None = None,
        *,
        is_creation: bool = False,
    ) -> None:
        answer = await self._world.desk.ask(
            Ask(
                caller="service:trace",
                route=command,
                object=self._process,
                key=f"{self._process}-{command}",
                body_hash=fingerprint(self._process, command),
                command=command,
                received_at=received_at,
                message=message,
                person=self._order.buyer,
                particulars=words,
                is_creation=is_creation,
            )
        )
        refusal: Refusal | None = answer.refusal
        if refusal is not None:
            raise refusal

    async def _state(self) -> PurchaseState:
        async with self._world.engine.connect() as db:
            found = await purchase_reading.purchase(db, self._order.purchase)
        if found is None:
            raise LookupError(self._order.purchase)
        return found

    async def _rest(self) -> None:
        await rest(self._world, self._process, self._order.purchase)
