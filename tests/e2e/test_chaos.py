"""Everything falls at random moments, with orders on the way: nothing lost, nothing done twice.

`make chaos` lets 200 orders live through it, `make test` a few; `--storm-seed` repeats a storm.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
import structlog
from sqlalchemy import text
from temporalio.client import Client

from domain.actors import Role
from domain.order.state import Outcome
from tests.support.kinds import ABROAD, KINDS, LATER, SELLER, TOTAL
from tests.support.lives import PLANTED, Lives, open_lives
from tests.support.planted import PASSES, places, secrets_of, seen
from tests.support.receiver import Receiver
from tests.support.sandbox import SandboxWorld
from tests.support.storm import BLOWS, Storm, break_providers, swept
from tests.support.stubborn import LOOK_EVERY
from tests.support.up import VICTIMS, BothBooks, Up, open_stack

log = structlog.get_logger()
pytestmark = [pytest.mark.timeout(3_000), pytest.mark.slow]


_SENT: Final = ("sent", "settled")


@dataclass(frozen=True)
class Size:
    """How many orders live, how often one begins and for how long at most (seconds).

    In every round each part is killed, frozen and restarted, once in so many seconds at most.
    """

    orders: int
    one_every: float
    rounds: int
    blow_every: float
    all_within: float
    pay_every: float
    is_long: bool = False

    @property
    def blows(self) -> int:
        return self.rounds * len(VICTIMS) * len(BLOWS)


_SMALL: Final = Size(
    orders=len(KINDS), one_every=0.8, rounds=1, blow_every=5, all_within=400, pay_every=6
)
_LARGE: Final = Size(
    orders=200, one_every=1.5, rounds=5, blow_every=40, all_within=2_400, pay_every=30, is_long=True
)
# Every end that an order can have. What is not accepted is refused at the door, unless its seller
# is suspended in the very moment in between.
_ENDS: Final = set(Outcome) - {Outcome.OPEN, Outcome.NOT_ACCEPTED}
# What the provider gives for a euro.
_YUAN_FOR_A_EURO: Final = 8
_SERVER_ERROR: Final = 500
_AWAY: Final = 503


@pytest.fixture(scope="module")
async def traces() -> AsyncGenerator[Receiver]:
    """Where the parts send their traces."""
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
async def stack(traces: Receiver) -> AsyncGenerator[Up]:
    """A stack that is watched in every way it can be."""
    async with open_stack({"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url}) as up:
        yield up


async def _live_through(lives: Lives, storm: Storm, size: Size) -> dict[str, str]:
    """Let all orders live while the parts fall; how each ended."""
    raging = asyncio.create_task(storm.rages(size.rounds, size.blow_every))
    paying = asyncio.create_task(_pay_all_the_time(lives, size.pay_every))
    try:
        async with asyncio.timeout(size.all_within):
            ended = await lives.live_all(size.orders, size.one_every)
            assert await raging == size.blows
            return ended
    except TimeoutError:
        pytest.fail(f"not at their ends within {size.all_within:g} s: {sorted(lives.under_way)}")
    finally:
        raging.cancel()
        paying.cancel()
        await asyncio.gather(raging, paying, return_exceptions=True)


async def _pay_all_the_time(lives: Lives, every: float) -> None:
    """Let the seller ask for their money again and again, whatever falls meanwhile."""
    for number in itertools.count(1):
        await asyncio.sleep(every)
        await _paid_out(lives, f"pay {number}")


async def _at_rest(world: SandboxWorld) -> None:
    """Let the last webhooks arrive that were on their way when somebody fell."""
    async with asyncio.timeout(120):
        while not await world.at_rest():
            await world.flush()
            await asyncio.sleep(LOOK_EVERY)


async def _not_done(both: BothBooks) -> Sequence[object]:
    """Requests, facts and notices that still wait or were given up, and alarms."""
    query = """
        SELECT 'request', id, state FROM requests WHERE state <> 'answered'
        UNION ALL SELECT 'fact', event_id, state FROM inbox WHERE state IN ('waiting', 'parked')
        UNION ALL SELECT 'notice', key, state FROM outbox WHERE state IN ('waiting', 'parked')
        UNION ALL SELECT 'hook', event, state FROM webhook_deliveries WHERE state <> 'delivered'
        UNION ALL SELECT 'alarm', subject, kind FROM alarms WHERE cleared_at IS NULL
    """
    async with both.engine.connect() as db:
        return (await db.execute(text(query))).all()


async def _come_to_rest(both: BothBooks) -> Sequence[object]:
    """Wait until nothing waits any more; what still does after a minute.

    What was put off for hours because its endpoint fell is sent again now.
    """
    async with both.engine.begin() as db:
        now = "UPDATE webhook_deliveries SET due_at = now() WHERE state = 'waiting'"
        await db.execute(text(now))
    for _ in range(300):
        if not (left := await _not_done(both)):
            return left
        await asyncio.sleep(0.2)
    return await _not_done(both)


async def _paid_out(lives: Lives, key: str, name: str = SELLER, currency: str = "EUR") -> None:
    """Let a seller be paid what there is, and wait until it is sent, or is too little."""
    seller = await lives.caller(Role.SELLER, name)
    asked = await seller.ask(f"/v1/sellers/{name}/payouts", {"currency": currency}, key)
    await seller.until(
        asked.headers["Location"], lambda body: body["stage"] in {*_SENT, "withheld"}
    )


async def _paid_abroad(lives: Lives, both: BothBooks) -> None:
    """Convert what the seller abroad is owed, put that on record, and let them be paid."""
    async with both.engine.connect() as db:
        owed = (
            "SELECT -sum(amount) FROM balances WHERE kind = 'seller_payable' AND currency = 'CNY'"
        )
        due = int((await db.execute(text(owed))).scalar_one())
    made = await lives.world.convert((due // _YUAN_FOR_A_EURO, "eur"), (due, "cny"))
    halves = {
        half: {
            "amount": made[half]["amount"],
            "currency": made[half]["currency"].upper(),
            "line": made[half]["balance_transaction"],
        }
        for half in ("sold", "bought")
    }
    operator = await lives.caller(Role.OPERATOR)
    await operator.ask("/v1/ledger/conversions", {"reference": made["id"]} | halves, made["id"])
    await _paid_out(lives, "pay abroad", ABROAD, "CNY")


async def _payouts(both: BothBooks) -> tuple[int, int]:
    """How many payouts were sent, and what is payable still (minor units)."""
    async with both.engine.connect() as db:
        number = text("SELECT count(*) FROM payouts WHERE stage = ANY (:sent)")
        sent = await db.execute(number, {"sent": [*_SENT]})
        left = await db.execute(
            text("SELECT coalesce(-sum(amount), 0) FROM balances WHERE kind = 'seller_payable'")
        )
    return int(sent.scalar_one()), int(left.scalar_one())


async def _unwell(stack: Up) -> list[str]:
    """Executions that have failed, were cut off, or still run though everything is over."""
    client = await Client.connect(f"127.0.0.1:{stack.ports.temporal}")
    # A payout waits for the bank's word of it, which takes days.
    query = "ExecutionStatus NOT IN ('Completed', 'ContinuedAsNew') AND WorkflowType != 'payout'"
    return [f"{one.id} {one.status}" async for one in client.list_workflows(query)]


def _moved(
    lines: Sequence[dict[str, object]], names: Sequence[str], kind: str = "order"
) -> dict[str, object]:
    """What each order, or each dispute, moved at the provider under its own name."""
    return {
        name: tuple(sorted(int(str(line["amount"])) for line in lines if line[kind] == name))
        for name in names
    }


@pytest.mark.case(1, 10, 56, 69)
async def test_whatever_falls_nothing_is_lost_and_nothing_done_twice(
    stack: Up, traces: Receiver, request: pytest.FixtureRequest
) -> None:
    """Machines and providers fail at the worst moment, and no buyer or seller may feel it.

    Nobody of ours is needed for it, and what was written down on the way holds no word about a
    person and no secret, in tracebacks least of all.
    """
    size = _LARGE if request.config.option.thorough else _SMALL
    seed = int(request.config.option.storm_seed)
    log.info("storm.begins", seed=seed, repeat_with=f"--storm-seed {seed}")
    async with open_lives(stack) as lives, stack.books() as both:
        await break_providers(lives.world, seed)
        async with swept(both, stack):
            ended = await _live_through(lives, Storm(stack, seed, size.is_long), size)
            struck = await lives.world.faults()
            await lives.world.clear_faults()
            for seller in (SELLER, LATER):
                await _paid_out(lives, f"pay {seller} at the end", seller)
            await _paid_abroad(lives, both)
            await _at_rest(lives.world)
            left = await _come_to_rest(both)
        changed = [each for caller in lives.callers.values() for each in await caller.changed()]
        effects = await lives.world.effects()
        report, wrongs = await both.compared(), await both.wrongs()
        kept = await places(stack, [sent.body for sent in traces.received])
        answers = lives.answers()
        payouts, payable = await _payouts(both)
        unwell = await _unwell(stack)

    kinds = {order: KINDS[order.split("-")[1]] for order in ended}
    assert set(ended.values()) == _ENDS
    assert ended == {order: kind.ends for order, kind in kinds.items()}
    assert _moved(effects["lines"], list(kinds)) == {o: kind.moves for o, kind in kinds.items()}
    again = [order for order in kinds if kinds[order] is KINDS["again"]]
    assert _moved(effects["lines"], again, "repayment") == dict.fromkeys(again, (TOTAL,))
    bought = [order for order in kinds if kinds[order] is KINDS["bought"]]
    assert _moved(effects["lines"], [f"p-{o}" for o in bought], "purchase") == {
        f"p-{order}": (2 * TOTAL,) for order in bought
    }
    assert _moved(effects["lines"], [f"{o}-late" for o in bought]) == {
        f"{order}-late": (-TOTAL,) for order in bought
    }
    refunds = _moved(effects["lines"], list(lives.given), "dispute")
    assert refunds == {dispute: (-given,) for dispute, given in lives.given.items()}
    assert {each.key: each.answer.text for each in answers if each.answer.is_error} == {}
    assert changed == []
    # What falls is away for a while (503); a defect (500) is never an answer.
    assert {status for status in lives.statuses() if status >= _SERVER_ERROR} <= {_AWAY}
    assert not size.is_long or [fault["kind"] for fault in struck if not fault["struck"]] == []
    assert (payouts > 1, payable) == (True, 0)
    assert unwell == []
    assert effects["duplicates"] == []
    assert left == []
    assert wrongs == []
    assert report.matches, report.breaks
    # What can be found there is found: the names of orders are no secret.
    assert {place for place, _ in seen(kept, ["o-card-0"])} >= {"temporal", "api.log", "traces"}
    assert seen(kept, [*PLANTED, *PASSES, *secrets_of(stack)]) == []
