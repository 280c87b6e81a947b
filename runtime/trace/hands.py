"""How one order of a trace is asked for something: as the API does it, and by whom."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.actors import Actor, Role
from domain.dispute.rules import Action, Asked
from domain.errors import Refusal
from domain.ids import fingerprint, order_workflow_id
from domain.order.state import OrderState
from runtime.commands import DISPUTE
from runtime.desk import Ask
from runtime.trace.cases import Case
from runtime.trace.numbers import Numbers
from runtime.trace.orders import TracedOrder, TracedParcel
from runtime.trace.parcels import address, city_of
from runtime.trace.player import Impossible
from runtime.trace.world import World
from workflows.dispute.messages import DisputeRequest, OpenDispute
from workflows.order import messages as said
from workflows.order.editions import EDITION


@dataclass(frozen=True)
class Draft:
    """Words about a person that are kept sealed under a name until they are accepted."""

    name: str
    words: bytes


@dataclass
class Hands:
    """Act for everybody around one order. Instants are the trace's own dates."""

    world: World
    order: TracedOrder
    numbers: Numbers
    ship_to: str
    case: Case = field(init=False)
    _asked: int = 0

    def __post_init__(self) -> None:
        """Know what a dispute about the order would be called."""
        self.case = Case(self.world, f"d-{self.order.order}", self.numbers.back())

    @property
    def process(self) -> str:
        """The id of the order's execution."""
        return order_workflow_id(self.order.order)

    @property
    def buyer(self) -> Actor:
        """Who bought it."""
        return Actor(Role.BUYER, self.order.buyer)

    @property
    def seller(self) -> Actor:
        """Who sold it."""
        return Actor(Role.SELLER, self.order.seller)

    def parcel(self, name: str) -> TracedParcel:
        """The parcel that the export calls so."""
        return next(parcel for parcel in self.order.parcels if parcel.name == name)

    def known_as(self, parcel: TracedParcel, state: OrderState) -> str:
        """What the order itself calls that parcel. Raises `Impossible` before it was declared."""
        ours = {self.numbers.right(parcel), self.numbers.declared(parcel)}
        for known in state.parcels:
            if known.number in ours:
                return known.name
        raise Impossible("the parcel was never declared")

    def ahead(self, at: datetime) -> datetime:
        """The instant here of a date of the trace."""
        return self.world.shift.ahead(at)

    async def place(self) -> None:
        """Order it. Raises the refusal."""
        placed_at = self.ahead(self.order.purchased_at)
        message = said.PlaceOrder(
            order=self.order.order,
            buyer=self.order.buyer,
            seller=self.order.seller,
            currency=self.order.currency,
            lines=self.order.lines,
            ship_to=self.ship_to,
            received_at=placed_at,
            subsidy=self.order.told.subsidy,
            edition=EDITION,
        )
        words = self.given()
        draft = None if words is None else Draft("", words)
        await self._ask("order.place", message, placed_at, draft, is_creation=True)

    async def require(
        self, command: str, message: object, at: datetime, draft: Draft | None = None
    ) -> None:
        """Ask something of the order. Raises the refusal."""
        await self._ask(f"order.{command}", message, self.ahead(at), draft)

    async def dispute(self, opening: OpenDispute, at: datetime) -> None:
        """Open the dispute. Raises the refusal."""
        await self._ask(DISPUTE, opening, self.ahead(at))
        await self.case.opened(self.ahead(at))

    async def argue(self, actor: Actor, action: Action, asked: Asked, at: datetime) -> None:
        """Ask something of the dispute. Raises the refusal; `Impossible` if there is none."""
        if not self.case.is_open:
            raise Impossible("the dispute was never opened")
        message = DisputeRequest(actor, self.ahead(at), asked)
        await self._ask(f"dispute.{action}", message, self.ahead(at), process=self.case.process)

    def address(self, city: str) -> bytes:
        """What a buyer says of themselves who lives there, for the order to keep."""
        return address(self.ship_to, city or city_of(self.ship_to), self.order.buyer)

    def given(self) -> bytes | None:
        """The buyer's address, if something of the order depends on it."""
        told = self.order.told
        is_sent = any(
            one.told.delivered_city or one.told.label_bought_at for one in self.order.parcels
        )
        if not (is_sent or told.ship_city or told.address_changed_at):
            return None
        return self.address(told.ship_city)

    async def _ask(
        self,
        command: str,
        message: object,
        received_at: datetime,
        draft: Draft | None = None,
        *,
        process: str = "",
        is_creation: bool = False,
    ) -> None:
        """Ask as the API does: on record first, then heard."""
        self._asked += 1
        key = f"{self.order.order}-{self._asked}"
        answer = await self.world.desk.ask(
            Ask(
                caller="service:trace",
                route=command,
                object=process or self.process,
                key=key,
                body_hash=fingerprint(key),
                command=command,
                received_at=received_at,
                message=message,
                person=self.order.buyer,
                particulars=draft.words if draft else None,
                draft=draft.name if draft else "",
                is_creation=is_creation,
            )
        )
        refusal: Refusal | None = answer.refusal
        if refusal is not None:
            raise refusal
