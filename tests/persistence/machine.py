"""A machine that deals with money: what it holds, and how it takes its steps."""

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.errors import Unavailable
from domain.errors import Refusal
from domain.order.state import OrderState
from domain.payout.state import PayoutState
from domain.purchase.state import PurchaseState
from runtime.embedded import LocalPostgres
from tests.support.audit import wrongs
from tests.support.bundles import Bundle
from tests.support.sandbox import SandboxPlace, SandboxWorld
from tests.support.shop import BEGAN, Deal, Out, attempted, open_shop

_numbers: Final = itertools.count(1)
_HOUR: Final = timedelta(hours=1)
indexes = st.integers(0, 10**6)
Fit = Callable[[OrderState], bool]


class Hearer(Protocol):
    """Whatever else keeps what its steps come to."""

    def heard(self, answer: object) -> None:
        """Keep what a step has come to."""
        ...


@dataclass
class Taken:
    """One step as it was asked for, and whose state takes its answer."""

    step: Callable[[Any], Coroutine[Any, Any, Any]]
    asked: Any
    whose: "Deal | Out | Bundle | Hearer | None" = None


@dataclass(frozen=True)
class Move:
    """Something that can happen: when, and what is drawn for it."""

    is_possible: Callable[[Any], object]
    drawn: Mapping[str, st.SearchStrategy[Any]]


_MOVES: Final[dict[str, Move]] = {}
F = TypeVar("F", bound=Callable[..., None])


def move(is_possible: Callable[[Any], object], **drawn: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Let the machine choose this method where it is possible: no step is drawn in vain."""

    def noted(method: F) -> F:
        _MOVES[method.__name__] = Move(is_possible, drawn)
        return method

    return noted


class Machine(RuleBasedStateMachine):
    """Three sellers, two currencies, a few orders; a provider that sometimes loses an answer."""

    def __init__(
        self, runner: asyncio.Runner, postgres: LocalPostgres, template: str, place: SandboxPlace
    ) -> None:
        super().__init__()
        self._run = runner.run
        self._postgres = postgres
        self._name = f"machine_{os.getpid()}_{next(_numbers)}"
        url = self._run(postgres.create_database(self._name, template))
        self._opened = open_shop(url, SandboxWorld(place))
        self.shop = self._run(self._opened.__aenter__())
        self._run(self.shop.world.change(auto_refunds=False, auto_voids=False))
        self._run(self.shop.world.change(fx_at=(BEGAN + timedelta(hours=6)).isoformat()))
        self.sellers = [
            self._run(self.shop.seller(level, settles_in))
            for level, settles_in in (("standard", ""), ("early", ""), ("early", "JPY"))
        ]
        self.now: datetime = BEGAN
        self.deals: list[Deal] = []
        self.outs: list[Out] = []
        self.slips: list[Deal] = []
        self.bought: list[Bundle] = []
        self.shared_slips: list[Bundle] = []
        self.holds: list[tuple[Deal, str]] = []
        self.taken: list[Taken] = []
        self.unfinished: list[Taken] = []
        self.labels: list[str] = []

    # What everything goes through.

    def take(self, taken: Taken) -> None:
        """Take a step; a refusal ends it, an outage leaves it to be taken again."""
        self.taken.append(taken)
        self._again(taken, 1)

    def _again(self, taken: Taken, attempt: int) -> None:
        try:
            answer = self._run(attempted(taken.step, taken.asked, attempt))
        except Unavailable:
            self.unfinished.append(taken)
        except Refusal:
            self.taken = [one for one in self.taken if one is not taken]
        else:
            if isinstance(taken.whose, Deal) and isinstance(answer, OrderState):
                taken.whose.state = answer
            if isinstance(taken.whose, Out) and isinstance(answer, PayoutState):
                taken.whose.state = answer
            if isinstance(taken.whose, Bundle) and isinstance(answer, PurchaseState):
                taken.whose.state = answer
            if taken.whose is not None and not isinstance(taken.whose, Deal | Out | Bundle):
                taken.whose.heard(answer)

    def tick(self) -> datetime:
        self.now += _HOUR
        return self.now

    def is_busy(self, whose: "Deal | Out | Bundle | Hearer") -> bool:
        """Whether a step of theirs is to be taken again: no other is taken before that."""
        return any(taken.whose is whose for taken in self.unfinished)

    def fit(self, is_fit: Fit) -> list[Deal]:
        """The running orders of which that is true."""
        return [
            deal
            for deal in self.deals
            if deal.state.ended_at is None and is_fit(deal.state) and not self.is_busy(deal)
        ]

    def deal(self, index: int, is_fit: Fit) -> Deal:
        fit = self.fit(is_fit)
        return fit[index % len(fit)]

    def finish(self) -> None:
        """Take every step again that was left; there are never more of them than a few."""
        for _ in range(4 * (1 + len(self.unfinished))):
            if self.unfinished:
                self._again(self.unfinished.pop(0), 2)

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        name = data.draw(
            st.sampled_from(
                [
                    name
                    for name, one in _MOVES.items()
                    if hasattr(self, name) and one.is_possible(self)
                ]
            )
        )
        drawn = _MOVES[name].drawn
        getattr(self, name)(**{what: data.draw(drawn[what], what) for what in drawn})

    # What goes wrong.

    @move(
        lambda self: bool(self.taken),
        kind=st.sampled_from(["connection_reset", "reset_after_effect", "error_after_effect"]),
    )
    def trouble(self, kind: str) -> None:
        """The provider's next effect fails, before or after it took place."""
        self._run(self.shop.world.fault(kind, "POST /v1/", times=1))

    @move(lambda self: self.unfinished)
    def retry(self) -> None:
        self._again(self.unfinished.pop(0), 2)

    @move(lambda self: self.unfinished)
    def provider_forgets(self) -> None:
        self._run(self.shop.world.expire_keys())

    @move(lambda self: self.taken, index=indexes)
    def repeat(self, index: int) -> None:
        """An earlier step runs once more with the state that it had then: nobody hears it."""
        taken = self.taken[index % len(self.taken)]
        if not any(one is taken for one in self.unfinished):
            nobody = Taken(taken.step, taken.asked)
            self._again(nobody, 2)
            self.unfinished = [one for one in self.unfinished if one is not nobody]

    # What must hold.

    @invariant()
    def the_books_hold_together(self) -> None:
        assert self._run(wrongs(self.shop.engine)) == {}
