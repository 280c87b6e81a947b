"""From a world's tables and the journeys through it to the report of a trace."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from domain.dispute.state import DisputeState
from domain.order.state import OrderState
from persistence.records import ORDER_STATE, PAYOUT_STATE
from runtime.trace.books import audited
from runtime.trace.ends import (
    by_status,
    open_ends,
    outcome_of,
    parcels,
    questions,
    refunded_in_part,
)
from runtime.trace.facts import Confirm, Happening
from runtime.trace.journey import Journey
from runtime.trace.report import (
    Days,
    Deadline,
    LateFact,
    Payouts,
    Report,
    Sums,
)
from runtime.trace.rulings import disputes, endings, rulings, undecided
from runtime.trace.world import World

_DAY: Final = timedelta(days=1)
_STATES: Final = 'SELECT "order", state FROM order_views'
# What a deadline does, nobody has asked for.
_TIMELINE: Final = "SELECT subject, kind, at FROM timeline WHERE actor = '' ORDER BY seq"
_KINDS: Final = "SELECT kind, count(*) FROM timeline GROUP BY kind ORDER BY kind"
_ESCROW: Final = """
SELECT process, min(effective_at) FILTER (WHERE kind = 'capture'),
    max(effective_at) FILTER (WHERE kind IN ('release', 'refund_settled'))
FROM postings WHERE kind IN ('capture', 'release', 'refund_settled') GROUP BY process
"""
_ACCOUNTS: Final = """
SELECT currency, kind, -sum(amount)::bigint FROM legs
GROUP BY currency, kind HAVING sum(amount) <> 0 ORDER BY currency, kind
"""
_FLOWS: Final = """
SELECT l.currency, CASE
    WHEN starts_with(p.process, 'dispute/') AND p.key LIKE '%/settled' THEN 'refund_settled'
    ELSE p.kind END AS entry, l.kind, -sum(l.amount)::bigint
FROM legs l JOIN postings p ON p.id = l.posting GROUP BY l.currency, entry, l.kind
"""
_PAYABLE: Final = """
SELECT owner, currency, -sum(amount)::bigint FROM legs WHERE kind = 'seller_payable'
GROUP BY owner, currency HAVING sum(amount) <> 0
"""
_PAYOUTS: Final = "SELECT state FROM payouts ORDER BY payout"
_AFTERCARE: Final = """
SELECT count(*) FROM (SELECT subject FROM alarms WHERE kind = 'parcel_after_end'
    UNION SELECT subject FROM timeline WHERE kind = 'order.arrived_after_refund') AS told
"""


@dataclass(frozen=True)
class _Kind:
    """A deadline: the event that says that it passed, and the fact that would have kept it."""

    name: str
    meaning: str
    would_keep: Happening | None


_DEADLINES: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "order.payment_pending": _Kind(
            "payment, lengthened", "slow money was on its way: the window was lengthened once", None
        ),
        "order.never_paid": _Kind("payment", "the order closed unpaid", Happening.PAID),
        "order.risk_extended": _Kind("risk check", "nobody decided in the first window", None),
        "order.never_shipped": _Kind(
            "shipment", "cancelled, the buyer refunded in full", Happening.HANDED_OVER
        ),
        "order.not_all_shipped": _Kind(
            "shipment of the rest", "what had not left was refunded", Happening.HANDED_OVER
        ),
        "order.shipment_doubted": _Kind(
            "first scan", "the shipment was doubted, the buyer told", None
        ),
        "order.shipment_false": _Kind(
            "proof of shipment", "it counted as false, the buyer was refunded", None
        ),
        "order.return_overdue": _Kind(
            "return", "what was on its way back counted as back", Happening.RETURNED
        ),
        "order.buyer_asked": _Kind(
            "delivery promise", "the buyer was asked whether the goods came", None
        ),
        "order.never_received": _Kind(
            "buyer's answer", "nobody answered: the buyer was refunded", Happening.DELIVERED
        ),
        "order.received_by_silence": _Kind(
            "confirmation", "silence confirmed the receipt", Happening.CONFIRMED
        ),
    }
)


@dataclass(frozen=True)
class Gathered:
    """What a world has to say at its end; instants are those of the world."""

    states: Mapping[str, OrderState]
    kinds: Mapping[str, int]
    passed: Mapping[str, Mapping[str, datetime]]
    escrow: Sequence[Any]
    accounts: Sequence[Any]
    flows: Sequence[Any]
    payable: Sequence[Any]
    payouts: Sequence[Any]
    disputes: Sequence[DisputeState]


async def gather(world: World) -> Gathered:
    """Read everything once."""
    passed: dict[str, dict[str, datetime]] = defaultdict(dict)
    for subject, kind, at in await world.rows(_TIMELINE):
        if kind in _DEADLINES:
            passed[kind][subject.partition("/")[2]] = at
    return Gathered(
        states={
            order: ORDER_STATE.validate_python(state) for order, state in await world.rows(_STATES)
        },
        kinds={kind: int(count) for kind, count in await world.rows(_KINDS)},
        passed=passed,
        escrow=await world.rows(_ESCROW),
        accounts=await world.rows(_ACCOUNTS),
        flows=await world.rows(_FLOWS),
        payable=await world.rows(_PAYABLE),
        payouts=[PAYOUT_STATE.validate_python(state) for (state,) in await world.rows(_PAYOUTS)],
        disputes=await disputes(world),
    )


@dataclass(frozen=True)
class About:
    """What the report says of its making."""

    file: str
    about: str
    confirm: Confirm
    seconds: float
    ended: datetime


async def collect(
    world: World, journeys: Sequence[Journey], cycles: Sequence[datetime], about: About
) -> Report:
    """Put the report together. Dates become the trace's own again."""
    found = await gather(world)
    orders = [journey.order for journey in journeys]
    open_now = (*undecided(found.disputes), *open_ends(journeys, found.states))
    # An order is one, however much of it is open.
    unaccounted = tuple({one.order: one for one in open_now}.values())
    ends = [outcome_of(journey, found.states) for journey in journeys]
    return Report(
        file=about.file,
        policy=world.policy.label,
        about=about.about,
        confirm=str(about.confirm),
        first=f"{min(order.purchased_at for order in orders):%Y-%m-%d}",
        last=f"{max(order.last for order in orders):%Y-%m-%d}",
        purchases=len({order.purchase for order in orders}),
        orders=len(orders),
        sellers=len({order.seller for order in orders}),
        accounted=len(orders) - len(unaccounted),
        unaccounted=unaccounted,
        outcomes=dict(sorted(Counter(ends).items())),
        by_status=by_status(journeys, found.states),
        parcels=parcels(found.states.values()),
        refunded_in_part=refunded_in_part(found.states.values()),
        questions=questions(found.kinds),
        disputes=endings(found.disputes),
        rulings=tuple(await rulings(world, found.disputes)),
        deadlines=tuple(_deadlines(world, journeys, found)),
        shipped_before_payment=sum(journey.shipped_before_payment for journey in journeys),
        own_promises_missed=_own_promises(journeys),
        late_facts=tuple(_late_facts(journeys)),
        aftercare=int((await world.rows(_AFTERCARE))[0][0]),
        ledger=await audited(world, about.ended),
        money=tuple(_money(found, orders_total(journeys))),
        escrow_days=Days.of([(out - into) / _DAY for _, into, out in found.escrow if into and out]),
        payouts=tuple(_payouts(world, found, len(cycles))),
        seconds=about.seconds,
    )


def orders_total(journeys: Sequence[Journey]) -> dict[str, int]:
    """What was ordered, per currency."""
    totals: Counter[str] = Counter()
    for journey in journeys:
        totals[journey.order.currency] += journey.order.total
        # Nothing is ordered in it, but there is money.
        totals[journey.order.of_seller.settles_in or journey.order.currency] += 0
    return dict(sorted(totals.items()))


def _deadlines(world: World, journeys: Sequence[Journey], found: Gathered) -> Iterable[Deadline]:
    by_order = {journey.order.order: journey for journey in journeys}
    for kind, deadline in _DEADLINES.items():
        passed = found.passed.get(kind, {})
        late = [
            (missed.at - world.shift.back(passed[order])) / _DAY
            for order in passed
            for missed in by_order[order].missed
            if missed.what is deadline.would_keep
        ]
        yield Deadline(deadline.name, deadline.meaning, len(passed), len(late), Days.of(late))


def _own_promises(journeys: Sequence[Journey]) -> dict[str, int]:
    """What the export itself promised: the seller's limit to ship, the day told to the buyer."""
    parcels = [(journey.order, parcel) for journey in journeys for parcel in journey.order.parcels]
    return {
        "shipped_after_ship_by": sum(
            bool(one.shipped_at and order.ship_by and one.shipped_at > order.ship_by)
            for order, one in parcels
        ),
        "delivered_after_promised_at": sum(
            bool(one.delivered_at and order.promised_at and one.delivered_at > order.promised_at)
            for order, one in parcels
        ),
    }


def _late_facts(journeys: Sequence[Journey]) -> Iterable[LateFact]:
    for journey in journeys:
        for missed in journey.missed:
            at = f"{missed.at:%Y-%m-%dT%H:%M:%SZ}"
            yield LateFact(journey.order.order, str(missed.what), at, missed.why)


def _money(found: Gathered, ordered: Mapping[str, int]) -> Iterable[Sums]:
    flows: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for currency, posting, account, amount in found.flows:
        flows[currency][posting, account] = int(amount)
    for currency, total in ordered.items():
        flow = flows[currency]
        accounts = {kind: int(amount) for code, kind, amount in found.accounts if code == currency}
        yield Sums(
            currency=currency,
            ordered=total,
            captured=flow["capture", "escrow"],
            refunded=-flow["refund_settled", "refunds_in_transit"],
            released=-flow["release", "escrow"],
            commission=accounts.get("commission", 0),
            provider_fees=-accounts.get("provider_fees", 0),
            payout_fees=accounts.get("fees", 0),
            paid_out=-flow["payout_paid", "payouts_in_transit"],
            still_payable=accounts.get("seller_payable", 0),
            accounts=accounts,
        )


def _payouts(world: World, found: Gathered, cycles: int) -> Iterable[Payouts]:
    currencies = sorted(
        {state.currency for state in found.states.values()}
        | {state.settles_in for state in found.states.values() if state.settles_in}
    )
    for currency in currencies:
        ours = [one for one in found.payouts if one.currency == currency]
        out = [one for one in ours if one.stage in ("sent", "settled")]
        minimum = world.policy.payout.minimum[currency]
        small = [
            amount for _, code, amount in found.payable if code == currency and 0 < amount < minimum
        ]
        months: Counter[str] = Counter()
        for one in out:
            months[f"{world.shift.back(one.as_of):%Y-%m}"] += one.net
        yield Payouts(
            currency=currency,
            cycles=cycles,
            sent=len(out),
            returned=sum(one.stage == "returned" for one in ours),
            withheld=sum(one.stage == "withheld" for one in ours),
            gross=sum(one.gross for one in out),
            net=sum(one.net for one in out),
            fees=sum(one.fee for one in out),
            sellers_paid=len({one.seller for one in out}),
            minimum=minimum,
            sellers_below_minimum=len(small),
            below_minimum=sum(small),
            by_month=tuple(sorted(months.items())),
        )
