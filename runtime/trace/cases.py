"""The dispute about one order of a trace, on a clock of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.dispute.clocks import next_due
from domain.dispute.state import DisputeState
from domain.ids import dispute_workflow_id
from persistence.records import DISPUTE_STATE
from runtime.trace.rest import rest
from runtime.trace.skips import JUST_AFTER
from runtime.trace.world import World

_STATE: Final = "SELECT state FROM dispute_views WHERE dispute = :dispute"


@dataclass
class Case:
    """A dispute that may once be. `number` is of the parcel in which its goods go back."""

    world: World
    dispute: str
    number: str
    is_open: bool = False

    @property
    def process(self) -> str:
        """The id of its execution."""
        return dispute_workflow_id(self.dispute)

    async def state(self) -> DisputeState:
        """How it stands. Raises `LookupError` if it was never opened."""
        rows = await self.world.rows(_STATE, dispute=self.dispute)
        if not rows:
            raise LookupError(self.dispute)
        return DISPUTE_STATE.validate_python(rows[0][0])

    async def opened(self, at: datetime) -> None:
        """It has just been opened, at an instant of the world: its clock starts there."""
        self.is_open = True
        await self.reach(at)

    async def due(self) -> datetime | None:
        """When its next deadline or reminder is; None if nothing runs, or there is no dispute."""
        if not self.is_open:
            return None
        due = next_due(await self.state())
        return None if due is None else due.at

    async def reach(self, at: datetime) -> None:
        """Put its clock forward to an instant before which nothing of it is due."""
        if self.is_open:
            self.world.clock.set(self.process, at)
            await self.world.skips.to(self.world.process(self.process), at)

    async def ring(self, due: datetime) -> None:
        """Let its deadline pass."""
        await self.reach(due + JUST_AFTER)

    async def rest(self) -> None:
        """Wait until nothing of it is on its way."""
        if self.is_open:
            await rest(self.world, self.process, self.dispute, self.number)
