"""Every money step, disturbed in every way, ends in the books of an undisturbed one."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from sqlalchemy import text

from adapters.errors import Unavailable
from persistence.engine import connect
from tests.activities.chargeback_steps import CHARGEBACK_STEPS
from tests.activities.dispute_steps import DISPUTE_STEPS
from tests.activities.money_steps import STEPS, MoneyStep, Ready
from tests.activities.repayment_steps import REPAYMENT_STEPS
from tests.activities.victim import CONVERTER, begun
from tests.support.audit import Left, left_by
from tests.support.shop import Shop

_PATIENCE = 30
_TWINS: dict[str, Left] = {}
Disturbed = Callable[[MoneyStep], Awaitable[Ready]]

EVERY: Final = (*STEPS, *DISPUTE_STEPS, *REPAYMENT_STEPS, *CHARGEBACK_STEPS)
# The last entry is the one that settles; those before it are for `make proofs`.
GAPS: Final = tuple(
    pytest.param(
        step,
        entry,
        id=f"{step}-{entry}",
        marks=() if entry + 1 == step.entries else pytest.mark.thorough,
    )
    for step in EVERY
    for entry in range(step.entries)
)
EFFECTS: Final = tuple((step, route) for step in EVERY for route in step.effects)


every_step = pytest.mark.parametrize("step", EVERY, ids=str)
every_effect = pytest.mark.parametrize(
    ("step", "route"), EFFECTS, ids=[f"{step}:{route.split('/')[-1]}" for step, route in EFFECTS]
)


async def ends_like_an_undisturbed_one(shop: Shop, step: MoneyStep, ready: Ready) -> None:
    """Take the step once more, without trouble, and compare what its life left in both books."""
    await shop.world.clear_faults()
    await ready.run(attempt=2)

    assert await left_by(shop, ready.order, ready.seller) == await _undisturbed(shop, step)


async def _undisturbed(shop: Shop, step: MoneyStep) -> Left:
    """What a life without trouble leaves; it is lived once per run, for it is always the same."""
    if step.name not in _TWINS:
        twin = await step.ready(shop)
        await twin.run()
        _TWINS[step.name] = await left_by(shop, twin.order, twin.seller)
    return _TWINS[step.name]


@every_step
async def test_a_step_taken_twice_is_taken_once(shop: Shop, step: MoneyStep) -> None:
    """An answer that is lost on its way to Temporal brings every step a second time."""
    ready = await step.ready(shop)
    first = await ready.run()

    assert await ready.run(attempt=2) == first or step.name == "late_refund"
    await ends_like_an_undisturbed_one(shop, step, ready)


@every_step
async def test_a_step_taken_twice_at_once_is_taken_once(shop: Shop, step: MoneyStep) -> None:
    """A step that Temporal gave up for lost may still be running when the next one begins."""
    ready = await step.ready(shop)
    both = await asyncio.gather(ready.run(), ready.run(attempt=2), return_exceptions=True)

    answered = [one for one in both if not isinstance(one, BaseException)]
    assert all(isinstance(one, Unavailable) for one in both if isinstance(one, BaseException))
    assert answered
    assert all(one == answered[0] for one in answered) or step.name == "late_refund"
    await ends_like_an_undisturbed_one(shop, step, ready)


@every_effect
@pytest.mark.parametrize(
    "fault", ["error", pytest.param("connection_reset", marks=pytest.mark.thorough)]
)
async def test_a_step_that_fails_first_succeeds_later(
    shop: Shop, step: MoneyStep, route: str, fault: str
) -> None:
    """The provider is down for a moment, before anything happened there."""
    ready = await step.ready(shop)
    await shop.world.fault(fault, route, key=f"{ready.order}|{ready.seller}", times=2, status=503)
    for attempt in (1, 2):
        with pytest.raises(Unavailable):
            await ready.run(attempt)

    await ends_like_an_undisturbed_one(shop, step, ready)


@pytest.mark.case(56)
@every_effect
@pytest.mark.parametrize("again", [pytest.param("soon", marks=pytest.mark.thorough), "days later"])
async def test_a_lost_answer_moves_money_once(
    shop: Shop, step: MoneyStep, route: str, again: str
) -> None:
    """The money has moved and nobody told us; days later the provider has forgotten our key."""
    ready = await step.ready(shop)
    whose = f"{ready.order}|{ready.seller}"
    await shop.world.fault("reset_after_effect", route, key=whose, times=1)
    with pytest.raises(Unavailable):
        await ready.run()
    if again == "days later":
        await shop.world.expire_keys()

    await ends_like_an_undisturbed_one(shop, step, ready)


@every_effect
@pytest.mark.parametrize(
    "fault",
    [pytest.param("hang_before_effect", marks=pytest.mark.thorough), "timeout_after_effect"],
)
async def test_a_step_killed_while_the_provider_is_asked_is_taken_once(
    shop: Shop, step: MoneyStep, route: str, fault: str
) -> None:
    """The first gap: set aside and asked for, on either side of the effect."""
    ready = await step.ready(shop)
    whose = f"{ready.order}|{ready.seller}"
    await shop.world.fault(fault, route, key=whose, times=1, seconds=3)
    async with killed(ready.run()):
        await until(lambda: _has_struck(shop))
    await shop.world.expire_keys()

    await ends_like_an_undisturbed_one(shop, step, ready)


@pytest.mark.parametrize(("step", "entry"), GAPS)
async def test_a_step_killed_while_it_posts_is_taken_once(
    shop: Shop, step: MoneyStep, entry: int
) -> None:
    """The other gaps: each entry is held up at the database, and there the step is killed."""
    ready = await step.ready(shop)
    async with barred(shop, ready, entry), killed(ready.run()):
        await until(lambda: _is_waiting(shop))

    await ends_like_an_undisturbed_one(shop, step, ready)


@asynccontextmanager
async def killed(running: Coroutine[Any, Any, Any]) -> AsyncGenerator[None]:
    """Run a step beside the block, and break it off when the block ends."""
    task = asyncio.create_task(running)
    try:
        yield
        assert not task.done(), "the step was over before it could be killed"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def barred(shop: Shop, ready: Ready, number: int) -> AsyncGenerator[None]:
    """Hold up the step at its entry of that number: another transaction has it in hand."""
    async with shop.engine.connect() as db:
        if ready.bars:
            entry = (
                "INSERT INTO postings (key, kind, process, currency, effective_at)"
                " VALUES (:key, '', '', 'EUR', now())"
            )
            await db.execute(text(entry), {"key": ready.bars[number]})
        else:
            row = 'SELECT 1 FROM order_money WHERE "order" = :order FOR UPDATE'
            await db.execute(text(row), {"order": ready.order})
            payment = "SELECT 1 FROM purchases WHERE purchase = :order FOR UPDATE"
            await db.execute(text(payment), {"order": ready.order})
        yield
        await db.rollback()


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it has happened, at most as long as a test may wonder."""
    async with asyncio.timeout(_PATIENCE):
        while not await happened():
            await asyncio.sleep(0.01)


async def _has_struck(shop: Shop) -> bool:
    """Whether the fault has struck; what comes before its effect is over within the same turn."""
    return any(fault["struck"] for fault in await shop.world.faults())


async def _is_waiting(shop: Shop) -> bool:
    """Whether a transaction waits for another one's row."""
    async with waiters(shop) as found:
        return found > 0


@asynccontextmanager
async def waiters(shop: Shop) -> AsyncGenerator[int]:
    """How many transactions wait for a row; only the owner may see it."""
    url = shop.engine.url.render_as_string(hide_password=False)
    engine = connect(url, as_owner=True)
    async with engine.connect() as db:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        yield int((await db.execute(text(waiting))).scalar_one())
    await engine.dispose()


@pytest.mark.parametrize("gap", ["hang_before_effect", "timeout_after_effect", "entry"])
@pytest.mark.parametrize("name", ["refund", "payout", "label"])
async def test_a_worker_killed_without_mercy_leaves_nothing_half_done(
    shop: Shop, name: str, gap: str
) -> None:
    """The same gaps as above with kill -9 on a process: no code of ours runs any more."""
    step = next(step for step in STEPS if step.name == name)
    ready = await step.ready(shop)
    if gap == "entry":
        async with barred(shop, ready, len(ready.bars) - 1), slain(shop, ready, name):
            await until(lambda: _is_waiting(shop))
    else:
        whose = f"{ready.order}|{ready.seller}"
        await shop.world.fault(gap, step.effects[-1], key=whose, times=1, seconds=60)
        async with slain(shop, ready, name):
            await until(lambda: _has_struck(shop))
    await shop.world.expire_keys()

    await ends_like_an_undisturbed_one(shop, step, ready)


@asynccontextmanager
async def slain(shop: Shop, ready: Ready, name: str) -> AsyncGenerator[None]:
    """Let another process take the step beside the block, and kill it when the block ends."""
    url = shop.engine.url.render_as_string(hide_password=False)
    request = CONVERTER.to_payload(ready.asked).data
    victim = await asyncio.to_thread(begun, url, shop.world.place.url, name, request)
    try:
        yield
        assert victim.is_alive(), "the victim was done before it could be killed"
    finally:
        victim.kill()
        await asyncio.to_thread(victim.join)
