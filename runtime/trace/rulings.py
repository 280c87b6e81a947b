"""The disputes of a trace: how they ended, and what staff decided about whose money."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.actors import Role
from domain.dispute.state import Basis, DisputeState
from domain.ids import dispute_workflow_id, order_workflow_id
from domain.ledger import AccountKind as Kind
from persistence.records import DISPUTE_STATE
from runtime.trace.report import Moved, Ruling, Unaccounted
from runtime.trace.world import World

_STATES: Final = "SELECT state FROM dispute_views ORDER BY dispute"
_LEGS: Final = """
SELECT p.process, p.id, starts_with(p.key, p.process || '/verdict/'), l.kind, -l.amount::bigint
FROM postings p JOIN legs l ON l.posting = p.id WHERE p.process = ANY(:processes)
"""
_OF_STAFF: Final = frozenset({Basis.RULING, Basis.APPEAL})
# What the verdict keeps apart is on its way to the buyer.
_BUYER: Final = "the buyer"
_SHOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        str(Kind.ESCROW): "escrow",
        str(Kind.UNAPPLIED): _BUYER,
        str(Kind.PAYABLE): "the seller",
        str(Kind.RESERVE): "the seller's reserve",
        str(Kind.COMMISSION): "commission",
        str(Kind.PLATFORM_LOSS): "the platform",
        str(Kind.CARRIER_COSTS): "the carrier",
    }
)


@dataclass(frozen=True)
class _Leg:
    """One leg of the postings of an order or its dispute; credit is positive."""

    posting: int
    is_verdict: bool
    account: str
    amount: int


async def disputes(world: World) -> list[DisputeState]:
    """Every dispute as it stands."""
    return [DISPUTE_STATE.validate_python(state) for (state,) in await world.rows(_STATES)]


def endings(found: Iterable[DisputeState]) -> dict[str, int]:
    """How many disputes ended how."""
    return dict(sorted(Counter(str(state.outcome) for state in found).items()))


def undecided(found: Iterable[DisputeState]) -> Iterable[Unaccounted]:
    """The disputes that never ended, by their orders."""
    for state in found:
        if state.ended_at is None:
            why = state.parked.reason if state.parked else f"it stands at {state.stage}"
            yield Unaccounted(state.order, f"its dispute has not ended: {why}")


async def rulings(world: World, found: Sequence[DisputeState]) -> list[Ruling]:
    """What staff decided, and what stood on the order's accounts before and after."""
    ruled = [one for one in found if one.verdict and one.verdict.basis in _OF_STAFF]
    names = {one.dispute: _processes(one) for one in ruled}
    legs: dict[str, list[_Leg]] = defaultdict(list)
    every = [name for ours in names.values() for name in ours]
    for process, *leg in await world.rows(_LEGS, processes=every):
        legs[process].append(_Leg(*leg))
    return [
        _ruling(one, [leg for process in names[one.dispute] for leg in legs[process]])
        for one in ruled
    ]


def _processes(state: DisputeState) -> tuple[str, str]:
    return order_workflow_id(state.order), dispute_workflow_id(state.dispute)


def _ruling(state: DisputeState, legs: Sequence[_Leg]) -> Ruling:
    verdict = state.verdict
    if verdict is None:
        raise LookupError(state.dispute)
    offers = {offer.by: offer.amount for offer in state.proposals}
    return Ruling(
        order=state.order,
        dispute=state.dispute,
        currency=state.currency,
        reason=str(state.reason),
        asked=offers.get(Role.BUYER, 0),
        offered=offers.get(Role.SELLER, 0),
        ruled=verdict.amount,
        by=verdict.by,
        approved_by=verdict.approved_by,
        outcome=str(state.outcome),
        moved=tuple(_moved(legs)),
    )


def _moved(legs: Sequence[_Leg]) -> Iterable[Moved]:
    verdicts = [leg.posting for leg in legs if leg.is_verdict]
    if not verdicts:
        return
    first, last = min(verdicts), max(verdicts)
    before = _standing(leg for leg in legs if leg.posting < first)
    after = _standing(leg for leg in legs if leg.posting <= last)
    for account, name in _SHOWN.items():
        if before[account] != after[account]:
            yield Moved(name, before[account], after[account])


def _standing(legs: Iterable[_Leg]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for leg in legs:
        sums[leg.account] += leg.amount
    return sums
