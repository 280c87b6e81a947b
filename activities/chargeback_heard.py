"""What a chargeback's step answers with: its state, and the disputes that have to hear of it."""

from activities.chargeback_requests import Heard
from domain.chargeback import money
from domain.chargeback.state import ChargebackState
from domain.money import allocate
from persistence.port import Transaction


async def heard(tx: Transaction, state: ChargebackState) -> Heard:
    """The open disputes of its orders, with what the buyer has had for each from their bank."""
    parts, _ = money.parted(state, state.lost)
    names: list[str] = []
    netted: list[int] = []
    for share, part in zip(state.slices, parts, strict=True):
        standing = [one.dispute for one in await tx.disputes.open_of(share.order)]
        caps = [await _cap(tx, name) for name in standing]
        had = min(part, sum(caps))
        names += standing
        netted += allocate(had, caps) if had else [0] * len(caps)
        # One that was settled before it heard that it should wait, waits all the same.
        waiting = await tx.disputes.waiting_for(state.chargeback, share.order)
        late = [name for name in waiting if name not in standing]
        names += late
        netted += [0] * len(late)
    return Heard(state, tuple(names), tuple(netted))


async def _cap(tx: Transaction, dispute: str) -> int:
    state = await tx.disputes.state(dispute)
    return state.cap if state is not None else 0
