"""Foreign exchange inside the money steps: the rate that an order keeps, and its second entries.

An order whose seller settles in its own currency passes through here unchanged.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from adapters.errors import Unavailable
from domain.errors import FxRateUnknown
from domain.fx import settlement
from domain.fx.rates import Exchange, Publication, is_fresh, newest_day
from domain.fx.rules import Fix
from domain.ledger import Leg, Posting
from domain.order.money import OrderFunds
from domain.order.postings import RefundPlan, RefundSources, ReleasePlan
from domain.order.state import OrderState
from domain.policy import Terms
from persistence.port import Transaction

EXCHANGE = "exchange"
_RATES = "rates"
log = structlog.get_logger()


async def agreed(tx: Transaction, state: OrderState, terms: Terms) -> OrderState:
    """Fix the rate when the order is placed, or see that there is one. Else `FxRateUnknown`."""
    if not terms.settles_in:
        return state
    at, max_age = state.placed_at, timedelta(seconds=terms.fx_max_age)
    rates = await usable(tx, state.currency, terms.settles_in, at, max_age)
    if terms.fx_fix is Fix.PLACED:
        await tx.rates.fix(state.order, _at_rate(state.currency, state.total, terms, rates, at))
    return await mirrored(tx, state)


async def captured(tx: Transaction, state: OrderState, terms: Terms) -> OrderState:
    """Fix the rate of the capture, if it is the one and is known already.

    The money is here, whatever the rates do: one that lacks is looked for again at the release.
    """
    if not terms.settles_in or terms.fx_fix is not Fix.CAPTURED or state.paid_at is None:
        return state
    try:
        await _fixed(tx, state.order, terms, state.paid_at)
    except FxRateUnknown:
        log.warning("exchange.postponed", order=state.order)
    return await mirrored(tx, state)


async def mirrored(tx: Transaction, state: OrderState) -> OrderState:
    """The state with the rate that the order keeps, once it is fixed."""
    if not state.settles_in or state.exchange is not None:
        return state
    return replace(state, exchange=await tx.rates.exchange(state.order))


async def released(
    tx: Transaction, terms: Terms, funds: OrderFunds, plan: ReleasePlan, at: datetime
) -> ReleasePlan:
    """The plan of a release in the seller's currency.

    A rate that is to be fixed now and cannot be is an outage of the rates (`Unavailable`): the
    money stays in escrow, and the step is tried again.
    """
    if not funds.settles_in:
        return plan
    try:
        exchange = await _fixed(tx, funds.order, terms, await _moment(tx, funds, terms, at))
    except FxRateUnknown as no:
        raise Unavailable(_RATES, no.detail) from no
    return settlement.released(plan, funds, exchange)


async def post_released(
    tx: Transaction, funds: OrderFunds, plan: ReleasePlan, entry: Posting
) -> None:
    """Post what the seller is credited with, beside the release itself."""
    if plan.exchanged:
        await _post(tx, funds, entry, settlement.released_legs(funds.seller, plan))


async def recovered(
    tx: Transaction, funds: OrderFunds, plan: RefundPlan, balances: RefundSources
) -> tuple[RefundPlan, RefundPlan | None]:
    """The plan of a refund, and what the seller gives for it in another currency.

    *balances* are the seller's in that currency, which says nothing of the order's.
    """
    if not funds.settles_in:
        return plan, None
    plan = settlement.exchanged(plan)
    exchange = await tx.rates.exchange(funds.order)
    if not plan.exchanged or exchange is None:
        return plan, None
    return plan, settlement.recovered(plan, funds, exchange, balances)


async def post_recovered(
    tx: Transaction, funds: OrderFunds, plan: RefundPlan | None, entry: Posting
) -> None:
    """Post what the seller gives, beside the refund itself."""
    if plan is not None:
        await _post(tx, funds, entry, settlement.recovered_legs(funds.seller, plan))


async def beside(tx: Transaction, entry: Posting) -> Posting | None:
    """The entry in the seller's currency that was posted with *entry*, if there is one."""
    return await tx.ledger.entry(settlement.exchange_key(entry.key))


async def given(tx: Transaction, reserved: Posting) -> RefundPlan | None:
    """What the seller gave in another currency for the refund that *reserved* set aside."""
    entry = await beside(tx, reserved)
    return None if entry is None else settlement.recovered_of(entry)


async def undo(tx: Transaction, done: Posting, undone: Posting) -> None:
    """Swap the ends of what was posted beside *done*, beside *undone*."""
    other = await beside(tx, done)
    if other is not None:
        key = settlement.exchange_key(undone.key)
        await tx.ledger.post(other.reversed(key, EXCHANGE, undone.effective_at))


async def must_be_quoted(
    tx: Transaction, sold: str, bought: str, at: datetime, max_age: timedelta
) -> None:
    """Refuse at once what no new publication would help: rates are fresh, and lack one of two."""
    newest = await tx.rates.newest((), newest_day(at))
    if newest is not None and is_fresh(newest.day, at, max_age):
        await usable(tx, sold, bought, at, max_age)


async def usable(
    tx: Transaction, sold: str, bought: str, at: datetime, max_age: timedelta
) -> Publication:
    """The newest rates of both currencies that an instant may use. None: `FxRateUnknown`."""
    found = await tx.rates.newest((sold, bought), newest_day(at))
    if found is None or not is_fresh(found.day, at, max_age):
        facts: dict[str, str | int] = {"newest": found.day.isoformat()} if found else {}
        raise FxRateUnknown(
            f"there is no rate between {sold} and {bought} that may be used at {at.isoformat()}",
            sold=sold,
            bought=bought,
            **facts,
        )
    return found


async def cost_of(
    tx: Transaction, amount: int, currency: str, settles_in: str, terms: Terms, at: datetime
) -> int:
    """What a seller gives for *amount* of another currency, by the rate of an instant.

    Without a rate that may be used: `FxRateUnknown`.
    """
    max_age = timedelta(seconds=terms.fx_max_age)
    rates = await usable(tx, settles_in, currency, at, max_age)
    return _exchange(settles_in, currency, terms, rates, at).costs(amount)


async def _fixed(tx: Transaction, order: str, terms: Terms, at: datetime) -> Exchange:
    """The rate that the order keeps; fixed at an instant of business time if it is not yet."""
    kept = await tx.rates.exchange(order)
    if kept is not None:
        return kept
    record = await tx.orders.get(order)
    max_age = timedelta(seconds=terms.fx_max_age)
    rates = await usable(tx, record.currency, terms.settles_in, at, max_age)
    return await tx.rates.fix(order, _at_rate(record.currency, record.total, terms, rates, at))


async def _moment(tx: Transaction, funds: OrderFunds, terms: Terms, at: datetime) -> datetime:
    """The instant whose rate counts: that of the capture, where the policy says so."""
    if terms.fx_fix is not Fix.CAPTURED:
        return at
    shown = await tx.orders.state(funds.order)
    return shown.paid_at if shown is not None and shown.paid_at is not None else at


def _at_rate(sold: str, total: int, terms: Terms, rates: Publication, at: datetime) -> Exchange:
    exchange = _exchange(sold, terms.settles_in, terms, rates, at)
    return replace(exchange, estimate=exchange.settled(total - terms.commission))


def _exchange(sold: str, bought: str, terms: Terms, rates: Publication, at: datetime) -> Exchange:
    return Exchange(
        sold=sold,
        bought=bought,
        sold_per_euro=rates.quote(sold) or "",
        bought_per_euro=rates.quote(bought) or "",
        published_on=rates.day,
        fixed_at=at,
        margin_bp=terms.fx_margin_bp,
    )


async def _post(tx: Transaction, funds: OrderFunds, entry: Posting, legs: tuple[Leg, ...]) -> None:
    if legs:
        key, at = settlement.exchange_key(entry.key), entry.effective_at
        await tx.ledger.post(Posting(key, EXCHANGE, entry.process, funds.settlement, at, legs))
