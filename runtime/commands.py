"""What may be asked of processes: each command's message, and how it reaches Temporal."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities import exchange
from domain.chargeback.state import ChargebackState
from domain.dispute.state import DisputeState
from domain.errors import AlreadyExists, IllegalTransition, SellerNotActive
from domain.ids import (
    dispute_workflow_id,
    order_workflow_id,
    purchase_workflow_id,
    repayment_workflow_id,
)
from domain.money import Money
from domain.order.headlines import headline
from domain.order.state import OrderState
from domain.payout.rules import Standing
from domain.payout.state import PayoutState
from domain.policy import Policy
from domain.purchase.rules import must_be_paid_at_once
from domain.purchase.state import PurchaseState
from persistence import purchase_reading, repayments
from persistence.database import SqlDatabase, looked_at
from persistence.engine import looking
from persistence.idempotency import Recorded, creation_of
from persistence.port import SellerRecord
from persistence.records import (
    CHARGEBACK_STATE,
    DISPUTE_STATE,
    ORDER_STATE,
    PAYOUT_STATE,
    PURCHASE_STATE,
    REPAYMENT_STATE,
)
from persistence.vault import ConcernsAnother, Vault
from workflows._kit.attributes import at_start
from workflows.chargeback.messages import AnswerBank
from workflows.dispute.messages import DisputeRequest, OpenDispute
from workflows.dispute.requests import REQUESTS as DISPUTE_REQUESTS
from workflows.order.messages import DecideAmount, PayAnotherWay, PlaceOrder, Resolve
from workflows.order.requests import REQUESTS
from workflows.payout.messages import ResolvePayout, StartPayout
from workflows.purchase.messages import CancelPurchase, PlacePurchase
from workflows.repayment.messages import PayAgain

T = TypeVar("T")
Result = tuple[int, dict[str, Any]]
PLACE: Final = "order.place"
PURCHASE: Final = "purchase.place"
PAY_OUT: Final = "payout.send"
DISPUTE: Final = "dispute.open"
REPAY: Final = "order.pay_again"
ANSWER_BANK: Final = "chargeback.answer"
SAY_TO_BANK: Final = "chargeback.statement"
_CREATED: Final = 201
_OK: Final = 200


@dataclass(frozen=True)
class Delivery:
    """What it takes to deliver a command."""

    client: Client
    task_queue: str
    engine: AsyncEngine
    vault: Vault


Deliver = Callable[[Delivery, Recorded, Any], Awaitable[Result]]


@dataclass(frozen=True)
class Command:
    """One thing that may be asked: the form of its message, and its way to the process."""

    message: TypeAdapter[Any]
    deliver: Deliver


def first_state(placed: PlaceOrder) -> OrderState:
    """An order as it stands before its process has written anything (version 0)."""
    return OrderState(
        order=placed.order,
        buyer=placed.buyer,
        seller=placed.seller,
        currency=placed.currency,
        total=placed.total,
        placed_at=placed.received_at,
        subsidy=placed.subsidy,
    )


def first_payout_state(asked: StartPayout) -> PayoutState:
    """A payout as it stands before its process has written anything (version 0)."""
    return PayoutState(asked.payout, asked.seller, asked.currency, asked.as_of)


async def _place(delivery: Delivery, row: Recorded, placed: PlaceOrder) -> Result:
    await _must_be_possible(delivery, row, placed)
    try:
        await delivery.vault.bind(row.object, placed.buyer)
    except ConcernsAnother:
        raise _taken(placed.order) from None
    state = first_state(placed)
    # Already started: it has ended since the first attempt, for only the first request gets here.
    with suppress(WorkflowAlreadyStartedError):
        await delivery.client.start_workflow(
            "order",
            placed,
            id=order_workflow_id(placed.order),
            task_queue=delivery.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            # A repeat, after an answer that was lost, finds what the first one started.
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start("order", headline(state), placed.seller, placed.order),
            static_summary=f"{Money(placed.total, placed.currency)} from {placed.seller} "
            f"to {placed.ship_to}",
        )
    return _CREATED, ORDER_STATE.dump_python(state, mode="json")


async def _must_be_possible(delivery: Delivery, row: Recorded, placed: PlaceOrder) -> None:
    """Refuse at once what the process would have to refuse as its first act."""
    async with looking(delivery.engine) as db:
        first = await creation_of(db, PLACE, row.object)
        is_part = await purchase_reading.is_taken(db, [placed.order])
    if is_part or (first is not None and first.id != row.id):
        raise _taken(placed.order)
    await _must_be_sold(delivery, placed.seller, placed.currency, placed.received_at)


async def _must_be_sold(
    delivery: Delivery, of_seller: str, currency: str, at: datetime
) -> tuple[SellerRecord, Policy]:
    """Refuse what this seller cannot sell *at* that moment, or not in this currency.

    Returns the seller, and the policy by which they sell.
    """
    async with looked_at(delivery.engine) as books:
        seller = await books.sellers.get(of_seller)
        policy = await books.sellers.policy(seller.policy)
        settles_in = seller.settles_in or currency
        policy.must_know(currency)
        policy.must_know(settles_in)
        if settles_in != currency:
            max_age = policy.fx.max_age.elapsed
            await exchange.must_be_quoted(books, currency, settles_in, at, max_age)
    if seller.standing is not Standing.ACTIVE:
        raise SellerNotActive(
            f"seller {seller.seller} is {seller.standing} and takes no orders",
            seller=seller.seller,
            standing=seller.standing,
        )
    return seller, policy


async def _purchase(delivery: Delivery, row: Recorded, placed: PlacePurchase) -> Result:
    await _all_must_be_possible(delivery, row, placed)
    orders = [order_workflow_id(part.order) for part in placed.parts]
    try:
        await delivery.vault.bind_all((row.object, *orders), placed.buyer)
    except ConcernsAnother as other:
        raise _taken(other.workflow_id.partition("/")[2]) from None
    state = placed.first_state()
    with suppress(WorkflowAlreadyStartedError):
        await delivery.client.start_workflow(
            "purchase",
            placed,
            id=purchase_workflow_id(placed.purchase),
            task_queue=delivery.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start("purchase", str(state.stage), ""),
            static_summary=f"{Money(placed.total, placed.currency)} from {len(placed.parts)} "
            f"sellers to {placed.ship_to}",
        )
    return _CREATED, PURCHASE_STATE.dump_python(state, mode="json")


async def _all_must_be_possible(delivery: Delivery, row: Recorded, placed: PlacePurchase) -> None:
    """Refuse at once what one of the orders could not be: all are accepted or none."""
    names = [part.order for part in placed.parts]
    for name in names:
        # A name that was chosen can be the one that another part gets from the purchase.
        if names.count(name) > 1:
            raise AlreadyExists(
                f"two orders of the purchase would be called {name}; choose another id", order=name
            )
    async with looking(delivery.engine) as db:
        first = await creation_of(db, PURCHASE, row.object)
        if first is not None and first.id != row.id:
            raise AlreadyExists(
                f"there is a purchase {placed.purchase} already; choose another id",
                purchase=placed.purchase,
            )
        for name in names:
            if await purchase_reading.is_taken(db, [name], placed.purchase):
                raise _taken(name)
            if await creation_of(db, PLACE, order_workflow_id(name)) is not None:
                raise _taken(name)
    for part in placed.parts:
        at = placed.received_at
        seller, policy = await _must_be_sold(delivery, part.seller, placed.currency, at)
        categories = [line.category for line in part.lines]
        windows, _ = policy.rules_for(placed.ship_to, seller.level, categories)
        must_be_paid_at_once(part.seller, windows.capture)


def _taken(order: str) -> AlreadyExists:
    return AlreadyExists(f"there is an order {order} already; choose another id", order=order)


async def _pay_out(delivery: Delivery, _: Recorded, asked: StartPayout) -> Result:
    async with SqlDatabase(delivery.engine).transaction() as books:
        seller = await books.sellers.get(asked.seller)
        policy = await books.sellers.policy(seller.policy)
    policy.must_know(asked.currency)
    state = first_payout_state(asked)
    with suppress(WorkflowAlreadyStartedError):
        await delivery.client.start_workflow(
            "payout",
            asked,
            id=f"payout/{asked.payout}",
            task_queue=delivery.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start("payout", state.stage, asked.seller),
            static_summary=f"Payout of {asked.currency} to {asked.seller}, asked for",
        )
    return _CREATED, PAYOUT_STATE.dump_python(state, mode="json")


async def _dispute(delivery: Delivery, row: Recorded, asked: OpenDispute) -> Result:
    """Open a dispute: its start and the question whether it may be travel together."""
    name = dispute_workflow_id(asked.dispute)
    try:
        await delivery.vault.bind(name, asked.buyer)
    except ValueError:
        raise AlreadyExists(
            f"there is a dispute {asked.dispute} already; choose another id", dispute=asked.dispute
        ) from None
    operation: Any = WithStartWorkflowOperation
    starting = operation(
        "dispute",
        asked,
        id=name,
        task_queue=delivery.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=at_start("dispute", "opening", asked.seller, asked.order),
        static_summary=f"{asked.category} of order {asked.order}: "
        f"{Money(asked.amount, asked.currency)} asked",
    )
    client: Any = delivery.client
    try:
        state: DisputeState = await client.execute_update_with_start_workflow(
            "open", start_workflow_operation=starting, id=row.update_id, result_type=DisputeState
        )
    except WorkflowAlreadyStartedError:
        # It has ended since the first attempt, whose answer was lost.
        process: Any = client.get_workflow_handle(name)
        known = process.get_update_handle(row.update_id, result_type=DisputeState)
        state = await known.result()
    return _CREATED, DISPUTE_STATE.dump_python(state, mode="json")


async def _repay(delivery: Delivery, row: Recorded, asked: PayAgain) -> Result:
    """Let the buyer pay again; one that is open already is found, and answered with."""
    async with looking(delivery.engine) as db:
        shown = await repayments.repayment(db, asked.order)
        state = await repayments.offered(db, asked.order)
    if shown is not None and shown.request == row.id:
        # Started by an earlier delivery, whose answer was lost: it may be over by now.
        return _CREATED, REPAYMENT_STATE.dump_python(shown, mode="json")
    if state is not None and state.intent and asked.method:
        raise IllegalTransition(
            f"a payment for order {asked.order} is open already: pay it in the browser, with what "
            f"GET /v1/orders/{asked.order}/repayment/payment says",
            order=asked.order,
        )
    if state is None:
        raise IllegalTransition(
            f"nothing of order {asked.order} is to be paid again", order=asked.order
        )
    await delivery.vault.bind(row.object, asked.buyer)
    with suppress(WorkflowAlreadyStartedError):
        await delivery.client.start_workflow(
            "repayment",
            replace(asked, request=row.id),
            id=repayment_workflow_id(asked.order),
            task_queue=delivery.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start("repayment", state.stage, asked.seller, asked.order),
            static_summary=f"{Money(state.amount, state.currency)} to pay again for order "
            f"{asked.order}",
        )
    return _CREATED, REPAYMENT_STATE.dump_python(state, mode="json")


def _update(name: str, result: type[T], form: TypeAdapter[T]) -> Deliver:
    """Ask the process, and keep the state that it answers with."""

    async def deliver(delivery: Delivery, row: Recorded, command: object) -> Result:
        process: Any = delivery.client.get_workflow_handle(row.object)
        state: T = await process.execute_update(name, command, id=row.update_id, result_type=result)
        return _OK, form.dump_python(state, mode="json")

    return deliver


def _asks_dispute(message: type[Any], update: str) -> Command:
    return Command(TypeAdapter(message), _update(update, DisputeState, DISPUTE_STATE))


def _asks_order(message: type[Any], update: str) -> Command:
    return Command(TypeAdapter(message), _update(update, OrderState, ORDER_STATE))


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        PLACE: Command(TypeAdapter(PlaceOrder), _place),
        PURCHASE: Command(TypeAdapter(PlacePurchase), _purchase),
        "purchase.cancel": Command(
            TypeAdapter(CancelPurchase), _update("cancel", PurchaseState, PURCHASE_STATE)
        ),
        "purchase.pay_another_way": Command(
            TypeAdapter(PayAnotherWay), _update("pay_another_way", PurchaseState, PURCHASE_STATE)
        ),
        "purchase.decide_amount": Command(
            TypeAdapter(DecideAmount), _update("decide_amount", PurchaseState, PURCHASE_STATE)
        ),
        "purchase.resolve": Command(
            TypeAdapter(Resolve), _update("resolve", PurchaseState, PURCHASE_STATE)
        ),
        PAY_OUT: Command(TypeAdapter(StartPayout), _pay_out),
        "payout.resolve": Command(
            TypeAdapter(ResolvePayout), _update("resolve", PayoutState, PAYOUT_STATE)
        ),
        "order.resolve": _asks_order(Resolve, "resolve"),
        DISPUTE: Command(TypeAdapter(OpenDispute), _dispute),
        ANSWER_BANK: Command(
            TypeAdapter(AnswerBank), _update("answer", ChargebackState, CHARGEBACK_STATE)
        ),
        REPAY: Command(TypeAdapter(PayAgain), _repay),
        "dispute.resolve": _asks_dispute(Resolve, "resolve"),
    }
    | {f"dispute.{action}": _asks_dispute(DisputeRequest, action) for action in DISPUTE_REQUESTS}
    | {f"order.{update}": _asks_order(message, update) for message, (update, _) in REQUESTS.items()}
)
