"""What activities need of the database: one transaction, and what can be done inside it.

Everything done through one `Transaction` becomes true together or not at all. The contract:

* posting twice under one key changes nothing the second time;
* a row of funds, once locked, is nobody else's until the transaction ends;
* a view is never overwritten by an older version of the state it shows.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.chargeback.state import ChargebackState
from domain.dispute.state import DisputeState
from domain.ledger import Account, Posting
from domain.order.money import OrderFunds
from domain.order.repaying import RepaymentState
from domain.order.state import OrderState
from domain.payout.rules import Standing
from domain.payout.state import PayoutState
from domain.policy import Policy, Terms
from domain.purchase.state import PurchaseState
from persistence.carriage.port import Labels
from persistence.chargebacks.port import Chargebacks
from persistence.disputes.port import Disputes
from persistence.fx_port import Rates
from persistence.purchase_port import Purchases

Facts = Mapping[str, str | int]


@dataclass(frozen=True)
class OrderRecord:
    """What an order lives by: `lines` as asked for, `purchase` as what pays it ("": itself)."""

    order: str
    buyer: str
    seller: str
    currency: str
    total: int
    ship_to: str
    placed_at: datetime
    terms: Terms
    lines: tuple[Mapping[str, str | int], ...] = ()
    purchase: str = ""


@dataclass(frozen=True)
class SellerRecord:
    """A seller as processes see them."""

    seller: str
    account: str
    country: str
    level: str
    standing: Standing
    policy: str
    bank_changed_at: datetime | None = None
    refused_account: str = ""
    settles_in: str = ""


@dataclass(frozen=True)
class EffectRecord:
    """One effect asked of a provider. `is_new`: this call put it on record."""

    key: str
    kind: str
    subject: str
    provider: str
    currency: str
    amount: int
    effective_at: datetime
    state: str = "asked"
    reference: str = ""
    failure: str = ""
    is_new: bool = True


@dataclass(frozen=True)
class ParcelRecord:
    """One declared number; `parcel` is our own name for it ("o-1/1")."""

    parcel: str
    order: str
    carrier: str
    number: str
    declared_at: datetime
    tracker: str = ""


@dataclass(frozen=True)
class LastScan:
    """The newest scan of a parcel that stands: what the carrier says now, and where.

    `first_at` is the oldest that stands; `is_delivered` whether one of them is a delivery.
    """

    milestone: str
    at: datetime
    city: str
    country: str
    first_at: datetime
    is_delivered: bool


@dataclass(frozen=True)
class Event:
    """What happened, for the timeline and for the people whom it concerns.

    `part` tells several of one kind apart that left the object as it was.
    """

    kind: str
    at: datetime
    actor: str = ""
    facts: Facts = field(default_factory=dict[str, str | int])
    part: int = 0


class Ledger(Protocol):
    """Double entry."""

    async def post(self, posting: Posting) -> bool:
        """Write an entry; False if its key was posted before, and nothing changes then."""
        ...

    async def entry(self, key: str) -> Posting | None:
        """The entry posted under *key*, if there is one."""
        ...

    async def balance(self, account: Account, currency: str) -> int:
        """What a locked account holds for its owner (credit positive), locking its row."""
        ...

    async def held_as_of(self, account: Account, currency: str, as_of: datetime) -> int:
        """What an account held for its owner by the entries effective up to *as_of*."""
        ...


class Funds(Protocol):
    """Orders' money, the holds on it, and the effects asked of providers."""

    async def locked(self, order: str) -> OrderFunds:
        """The order's money; its row is locked until the transaction ends."""
        ...

    async def put(self, funds: OrderFunds) -> None:
        """Write what changed of a locked row."""
        ...

    async def place_hold(
        self, hold: str, order: str, amount: int, reason: str, by: str, at: datetime
    ) -> bool:
        """Put a hold on record; False if it was placed before."""
        ...

    async def lift_hold(self, hold: str, order: str, by: str, at: datetime) -> int:
        """End a hold and return its amount; zero if it had ended. Unknown: `NotKnown`."""
        ...

    async def standing_holds(self, hold: str, order: str) -> Sequence[str]:
        """The holds of that name, and those below it, that have not been lifted."""
        ...

    async def has_hold(self, hold: str, order: str) -> bool:
        """Whether a hold of that name was ever placed on the order."""
        ...

    async def ask(self, effect: EffectRecord) -> EffectRecord:
        """Put an effect on record before the provider hears of it, or find it there."""
        ...

    async def of(self, subject: str, kind: str) -> Sequence[EffectRecord]:
        """Every effect of one kind that was asked for *subject*, oldest first."""
        ...

    async def found(self, key: str) -> EffectRecord | None:
        """An effect by its key."""
        ...

    async def finish(self, key: str, state: str, reference: str = "", failure: str = "") -> None:
        """Say how an effect ended: done, pending or failed."""
        ...


class Orders(Protocol):
    """Orders and their parcels."""

    async def open(self, record: OrderRecord) -> OrderRecord:
        """Put a new order on record, with its row of money; a repeat finds the first."""
        ...

    async def get(self, order: str) -> OrderRecord:
        """What an order lives by."""
        ...

    async def state(self, order: str) -> OrderState | None:
        """The last state that was written of it."""
        ...

    async def declare(self, parcel: ParcelRecord) -> None:
        """Take a number for a parcel. Refuses one that is another parcel's (`TrackingInUse`)."""
        ...

    async def undeclare(self, parcel: str) -> None:
        """Give a number free that turned out to be none."""
        ...

    async def watched(self, parcel: str, tracker: str) -> None:
        """Remember who watches a parcel's number."""
        ...

    async def unwatched(self, order: str, parcel: str = "") -> None:
        """Nobody need ask about an order's parcels any more, or about the one named."""
        ...

    async def must_be_free(self, carrier: str, number: str, parcel: str) -> None:
        """Refuse (`TrackingInUse`) a number that another parcel than *parcel* has."""
        ...

    async def renumber(self, parcel: str, number: str, tracker: str) -> None:
        """Give a parcel another number, and say who watches it. In use: `TrackingInUse`."""
        ...

    async def scans(self, order: str) -> Mapping[str, LastScan]:
        """What the carriers say now of an order's parcels, by our names for them ("1")."""
        ...

    async def city(self, order: str) -> str:
        """The city that the goods go to; "" if it is not known (any more)."""
        ...

    async def readdress(self, order: str, draft: str) -> None:
        """Let the address that was kept under *draft* be the order's."""
        ...


class Repayments(Protocol):
    """What buyers pay again for goods that came after their refund, one per order."""

    async def state(self, order: str) -> RepaymentState | None:
        """The last state that was written."""
        ...

    async def put(self, state: RepaymentState) -> None:
        """Write a state unless a newer one is written."""
        ...

    async def failed(self, refunds: Sequence[str]) -> frozenset[str]:
        """Of these refunds, by their keys, those that did not leave or have come back."""
        ...


class Sellers(Protocol):
    """Sellers, as far as orders and payouts ask."""

    async def get(self, seller: str, *, is_steady: bool = False) -> SellerRecord:
        """A seller. Unknown: `NotKnown`. Steady: they cannot change until the transaction ends."""
        ...

    async def mark_non_fulfilment(self, seller: str) -> None:
        """The seller did not ship what was paid for."""
        ...

    async def policy(self, name: str, version: int | None = None) -> Policy:
        """A published policy, its newest version unless one is named. Unknown: `NotKnown`."""
        ...

    async def payable(
        self, as_of: datetime, after: tuple[str, str], limit: int, policy: str = ""
    ) -> Sequence[tuple[str, str, int]]:
        """(seller, currency, amount) of those with money to pay out, in order, after a mark.

        With *policy* only of the sellers who live by it.
        """
        ...

    async def refuse_details(self, seller: str, account: str) -> None:
        """The bank or the provider has turned *account* down: new details are needed."""
        ...


class Story(Protocol):
    """What people see: views, the timeline, notices, alarms; and what they have asked."""

    async def tell(self, state: OrderState, *events: Event) -> None:
        """Show an order's new state, say what happened, and let those concerned be told."""
        ...

    async def tell_payout(self, state: PayoutState, *events: Event) -> None:
        """The same for a payout."""
        ...

    async def tell_seller(self, seller: str, event: Event, sealed: bytes | None = None) -> None:
        """Say what happened to a seller; *sealed* are facts that only the letter holds."""
        ...

    async def tell_purchase(self, state: PurchaseState, *events: Event) -> None:
        """The same for a purchase."""
        ...

    async def tell_dispute(self, state: DisputeState, *events: Event) -> None:
        """The same for a dispute."""
        ...

    async def tell_chargeback(self, state: ChargebackState, *events: Event) -> None:
        """The same for a chargeback; its orders are told of it by themselves."""
        ...

    async def payout(self, payout: str) -> PayoutState | None:
        """The last state that was written of a payout."""
        ...

    async def is_asked(self, subject: str, by: datetime) -> bool:
        """Whether a request for *subject*, received by then, has not been heard yet."""
        ...

    async def alarm(
        self, kind: str, subject: str, detail: str, at: datetime, facts: Facts | None = None
    ) -> None:
        """Raise an alarm; one that is open already stays as it is."""
        ...

    async def clear(self, kind: str, subject: str, at: datetime) -> None:
        """The reason for an alarm is gone."""
        ...


class Transaction(Protocol):
    """One open transaction, by what it is about."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def funds(self) -> Funds: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def sellers(self) -> Sellers: ...
    @property
    def story(self) -> Story: ...
    @property
    def rates(self) -> Rates: ...
    @property
    def purchases(self) -> Purchases: ...
    @property
    def labels(self) -> Labels: ...
    @property
    def disputes(self) -> Disputes: ...
    @property
    def chargebacks(self) -> Chargebacks: ...
    @property
    def repayments(self) -> Repayments: ...


class Database(Protocol):
    """Where transactions come from."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction: committed when its block ends, rolled back when it raises."""
        ...

    def looking(self) -> AbstractAsyncContextManager[Transaction]:
        """The same for who only looks: each look sees what stands by then."""
        ...
