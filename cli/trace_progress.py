"""How far a trace has come, while it runs."""

from collections.abc import Generator
from contextlib import contextmanager

from rich import progress as rich_progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn

from runtime.trace.run import Progress

_EVERY = 50


class _OnTheScreen(Progress):
    """A bar for each stage."""

    def __init__(self, bars: rich_progress.Progress) -> None:
        self._bars = bars
        self._stage: TaskID | None = None

    def begin(self, what: str, total: int | None) -> None:
        self._end()
        self._stage = self._bars.add_task(what, total=total)

    def step(self) -> None:
        if self._stage is not None:
            self._bars.advance(self._stage)

    def _end(self) -> None:
        if self._stage is not None:
            done = self._bars.tasks[self._stage].completed
            self._bars.update(self._stage, total=done or 1, completed=done or 1)


class _InALog(Progress):
    """A line now and then, where nothing can be drawn over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done = 0
        self._total: int | None = None

    def begin(self, what: str, total: int | None) -> None:
        self._done, self._total = 0, total
        count = f" ({total})" if total else ""
        self._console.print(f"{what}{count} ...", markup=False)

    def step(self) -> None:
        self._done += 1
        if self._total and self._done % _EVERY == 0:
            self._console.print(f"  {self._done} of {self._total}", markup=False)


@contextmanager
def shown() -> Generator[Progress]:
    """Show progress on standard error while inside."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _InALog(console)
        return
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn())
    with rich_progress.Progress(*columns, TimeElapsedColumn(), console=console) as bars:
        yield _OnTheScreen(bars)
