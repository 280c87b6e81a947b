"""What befalls a stack: parts that die, freeze and restart, and providers that fail."""

import asyncio
import random
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import DBAPIError
from temporalio.testing import ActivityEnvironment

from activities.upkeep import Upkeep, UpkeepActivities
from adapters.errors import Outage
from adapters.logistics.easypost import EasyPostTracking
from persistence.books import SqlBooks
from persistence.silence import SqlSilence
from sandbox.faults import AFTER, BEFORE, WEBHOOK
from tests.support.sandbox import SandboxWorld
from tests.support.up import VICTIMS, BothBooks, Up

BLOWS: Final = ("kill", "freeze", "restart")
_FROZEN_FOR: Final = (0.5, 4.0)
# Longer than a step may be silent, and some longer than it may last: somebody else takes it, and
# then the first one wakes up.
_FROZEN_LONG: Final = (25.0, 45.0)
_OFTEN_LONG: Final = 1 / 3
_LOOK_EVERY: Final = 0.3
# So much of all calls, and so much of all webhooks, goes wrong in one way or another.
_SHARE: Final = 0.10
_SLOW_SECONDS: Final = 2.0
_SWEEP_EVERY: Final = 5.0


@dataclass(frozen=True)
class Storm:
    """Strikes every part of a stack, at moments and in an order that *seed* decides."""

    stack: Up
    seed: int
    freezes_long: bool = False

    async def rages(self, rounds: int, every: float) -> int:
        """Deal each part every kind of blow *rounds* times; how many were dealt.

        At most *every* seconds lie between a part's blows, and at least a fifth of that.
        """
        blows = (self._strike(victim, rounds, every) for victim in VICTIMS)
        return sum(await asyncio.gather(*blows))

    async def _strike(self, victim: str, rounds: int, every: float) -> int:
        chance = random.Random(f"{self.seed}/{victim}")  # noqa: S311 - the same blows each time
        blows = [*BLOWS] * rounds
        chance.shuffle(blows)
        for blow in blows:
            await asyncio.sleep(chance.uniform(every / 5, every))
            is_long = self.freezes_long and chance.random() < _OFTEN_LONG
            frozen_for = chance.uniform(*(_FROZEN_LONG if is_long else _FROZEN_FOR))
            while not await self._dealt(victim, blow, frozen_for):
                await asyncio.sleep(_LOOK_EVERY)
        return len(blows)

    async def _dealt(self, victim: str, blow: str, frozen_for: float) -> bool:
        """Deal one blow to a part that works; False if it does not work now."""
        if not await self.stack.works(victim):
            return False
        match blow:
            case "kill":
                return self.stack.strike(victim, signal.SIGKILL)
            case "restart":
                return self.stack.strike(victim, self.stack.polite(victim))
            case _:
                return await self._frozen(victim, frozen_for)

    async def _frozen(self, victim: str, seconds: float) -> bool:
        held = self.stack.freeze(victim)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.stack.thaw(held)
        return bool(held)


async def break_providers(world: SandboxWorld, seed: int) -> None:
    """Let a tenth of all calls and a tenth of all webhooks fail, evenly in every known way."""
    for kinds in ((*BEFORE, *AFTER), WEBHOOK):
        for number, kind in enumerate(kinds):
            often = {"rate": _SHARE / len(kinds), "seconds": _SLOW_SECONDS}
            await world.fault(kind, "", seed=seed + number, **often)
    # An error that the provider keeps and says again whenever the key comes back.
    await world.fault("error", "POST", rate=_SHARE / 10, seed=seed, stored=True)


@asynccontextmanager
async def swept(both: BothBooks, stack: Up) -> AsyncGenerator[None]:
    """Ask all the time, and not only after hours, about what nobody has heard of."""
    told = stack.settings
    tracking = EasyPostTracking(
        told["CARAVAN_LOGISTICS__API_KEY"],
        told["CARAVAN_LOGISTICS__WEBHOOK_SECRET"],
        told["CARAVAN_LOGISTICS__API_BASE"],
    )
    impatient = UpkeepActivities(
        SqlSilence(both.engine),
        SqlBooks(both.engine),
        both.gateway,
        tracking,
        parcel_silence=timedelta(seconds=_SWEEP_EVERY),
        payment_silence=timedelta(seconds=_SWEEP_EVERY),
    )

    async def sweep() -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            try:
                await ActivityEnvironment().run(impatient.sweep, Upkeep(datetime.now(UTC)))
            except (Outage, OSError, DBAPIError):
                continue  # Something is down; the next round asks again.

    sweeping = asyncio.create_task(sweep())
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        tracking.close()
