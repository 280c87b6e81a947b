"""The witness: its books must agree with the provider's own list of balance transactions."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support.dealings import ask, payout, refund, seller, take, transfer
from tests.support.sandbox import SandboxPlace, SandboxProcess, SandboxWorld

AMOUNTS = st.integers(1, 5000)
_RUNS = settings(
    max_examples=8,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SandboxPlace]:
    process = SandboxProcess(tmp_path).start()
    yield process.place
    process.stop()


def played(place: SandboxPlace, act: str, *about: str, **more: int) -> dict[str, Any]:
    """One control call, from a place that has no event loop."""

    async def call() -> dict[str, Any]:
        async with SandboxWorld(place) as world:
            done: dict[str, Any] = await getattr(world, act)(*about, **more)
            return done

    return asyncio.run(call())


class MoneyMoves(RuleBasedStateMachine):
    """Pays, refunds, transfers, reverses and pays out in any order, in any amount."""

    place: SandboxPlace

    def __init__(self) -> None:
        super().__init__()
        self.client = self.place.stripe()
        self.account = seller(self.client)
        self.paid: list[stripe.PaymentIntent] = []
        self.refunds: list[str] = []
        self.payouts: list[str] = []
        self.transfers: list[str] = []

    def attempt(self, call: Any) -> Any:  # noqa: ANN401 whatever the client gives
        """Make a call that the balance or the state may refuse, as the provider would."""
        try:
            return call()
        except stripe.InvalidRequestError:
            return None

    @rule(amount=AMOUNTS)
    def pay(self, amount: int) -> None:
        self.paid.append(take(self.client, amount))

    @rule(amount=AMOUNTS, arrived=AMOUNTS)
    def pay_slowly(self, amount: int, arrived: int) -> None:
        intent = ask(self.client, amount)
        played(self.place, "pay", intent.id, "slow")
        played(self.place, "arrive", intent.id, amount=arrived)
        self.paid.append(intent)

    @rule(amount=AMOUNTS, pick=st.integers(0, 99))
    def give_back(self, amount: int, pick: int) -> None:
        if self.paid:
            intent = self.paid[pick % len(self.paid)]
            done = self.attempt(partial(refund, self.client, intent, amount))
            self.refunds += [done.id] if done else []

    @rule(pick=st.integers(0, 99))
    def send_a_refund_back(self, pick: int) -> None:
        if self.refunds:
            played(self.place, "fail_refund", self.refunds.pop(pick % len(self.refunds)))

    @rule(amount=AMOUNTS)
    def move(self, amount: int) -> None:
        done = self.attempt(partial(transfer, self.client, self.account, amount))
        self.transfers += [done.id] if done else []

    @rule(amount=AMOUNTS, pick=st.integers(0, 99))
    def move_back(self, amount: int, pick: int) -> None:
        if self.transfers:
            one = self.transfers[pick % len(self.transfers)]
            reverse = partial(self.client.v1.transfers.reversals.create, one, {"amount": amount})
            self.attempt(reverse)

    @rule(amount=AMOUNTS)
    def pay_out(self, amount: int) -> None:
        done = self.attempt(partial(payout, self.client, self.account, amount))
        self.payouts += [done.id] if done else []

    @rule(pick=st.integers(0, 99))
    def send_a_payout_back(self, pick: int) -> None:
        if self.payouts:
            played(self.place, "fail_payout", self.payouts.pop(pick % len(self.payouts)))

    @invariant()
    def the_books_are_the_sum_of_the_entries(self) -> None:
        page = played(self.place, "books")["currencies"].get("brl")
        if page is None:
            return
        sums: Counter[str] = Counter()
        for entry in self.client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter():
            sums[entry.type] += entry.amount
            sums["fee"] += entry.fee
            sums["net"] += entry.net
        available = self.client.v1.balance.retrieve().available[0].amount
        inward = page["captured"] + page["reversed"]
        outward = page["refunded"] + page["fees"] + page["transferred"]
        held = sum(page["connected_balances"].values())

        assert sums["net"] == available == page["platform_balance"] == inward - outward
        assert sums["charge"] == page["captured"]
        assert -sums["refund"] - sums["refund_failure"] == page["refunded"]
        assert held == page["transferred"] - page["reversed"] - page["paid_out"]
        assert held >= 0


def test_the_books_are_the_sum_of_the_entries_whatever_happens(place: SandboxPlace) -> None:
    """A witness whose own sums were wrong would accuse a ledger that is right."""
    machine = type("MoneyMovesHere", (MoneyMoves,), {"place": place})

    run_state_machine_as_test(machine, settings=_RUNS)


async def test_each_effect_is_listed_with_its_key(own_sandbox: SandboxProcess) -> None:
    """Line by line the ledger's postings can be laid beside it."""
    client = own_sandbox.place.stripe()
    intent = take(client, 5000, key="order/o-1/take/1")
    refund(client, intent, 700, key="order/o-1/refund/1")
    account = seller(client)
    client.v1.transfers.create(
        {
            "amount": 1000,
            "currency": "brl",
            "destination": account,
            "metadata": {"key": "payout/p-1/transfer/1", "payout": "p-1"},
        }
    )
    async with SandboxWorld(own_sandbox.place) as world:
        found = await world.effects()
        of_payout = await world.effects("p-1")

    assert [(line["key"], line["type"], line["amount"]) for line in found["lines"]] == [
        ("order/o-1/take/1", "charge", 5000),
        ("order/o-1/refund/1", "refund", -700),
        ("payout/p-1/transfer/1", "transfer", -1000),
    ]
    assert [line["payout"] for line in of_payout["lines"]] == ["p-1"]
    assert found["duplicates"] == []


async def test_two_effects_under_one_key_are_shown(own_sandbox: SandboxProcess) -> None:
    """What the whole of the engine has to prevent, and what would show that it did not."""
    client = own_sandbox.place.stripe()
    async with SandboxWorld(own_sandbox.place) as world:
        first = take(client, key="order/o-2/take/1")
        await world.expire_keys()
        second = take(client, key="order/o-2/take/1")
        found = await world.effects()

    charges = sorted([str(first.latest_charge), str(second.latest_charge)])
    assert found["duplicates"] == [{"key": "order/o-2/take/1", "sources": charges}]


async def test_a_failed_refund_is_no_duplicate(own_sandbox: SandboxProcess) -> None:
    """It is one effect that came back, not two."""
    client = own_sandbox.place.stripe()
    async with SandboxWorld(own_sandbox.place) as world:
        given = refund(client, take(client), 100)
        await world.fail_refund(given.id)
        books = await world.books()

    assert books["duplicates"] == []
    assert books["currencies"]["brl"]["refunded"] == 0
