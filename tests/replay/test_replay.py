"""Executions that began under yesterday's code go on under today's."""

import json
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.converter import DataConverter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from domain.order.state import OrderState, Outcome
from domain.payout.state import PayoutState, Stage
from domain.purchase.state import PurchaseState
from domain.purchase.state import Stage as Bought
from runtime.codec import data_converter
from runtime.runner import SHARED_MODULES, Runner
from tests.replay.recording import HERE, commands, fingerprint, keys, recorded
from tests.replay.scenarios import SCENARIOS
from workflows.order import messages as said
from workflows.served import ALL

_RUNNER = Runner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*SHARED_MODULES))


def converter() -> DataConverter:
    return data_converter(keys())


@pytest.mark.case(66)
@pytest.mark.parametrize("name", sorted(recorded()))
async def test_a_recorded_life_replays(name: str) -> None:
    """A change of commands without a patch would strand every order that is on its way."""
    replayer = Replayer(workflows=ALL, data_converter=converter(), workflow_runner=_RUNNER)
    result = await replayer.replay_workflow(recorded()[name], raise_on_replay_failure=False)

    assert result.replay_failure is None


@workflow.defn(name="order", sandboxed=False)
class ForgetfulOrder:
    """An order whose author forgot that others are on their way: it waits before it begins."""

    @workflow.run
    async def run(self, placed: said.PlaceOrder) -> str:
        """Sleep where the recorded life asked for an activity."""
        await workflow.sleep(timedelta(minutes=1))
        return placed.order


@pytest.mark.case(66)
async def test_a_changed_life_does_not_replay() -> None:
    """The gate bites: without this, a replay that checks nothing would look as green."""
    replayer = Replayer(workflows=[ForgetfulOrder], data_converter=converter())
    history = recorded()["order-completed"]
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)

    assert isinstance(result.replay_failure, workflow.NondeterminismError)


def test_every_scenario_is_recorded() -> None:
    """A way to live that has no history is a way that nobody watches."""
    assert set(SCENARIOS) == set(recorded())


def test_every_process_has_a_history() -> None:
    """A workflow type that nobody recorded would change unseen."""
    lived = {
        history.events[0].workflow_execution_started_event_attributes.workflow_type.name
        for history in recorded().values()
    }

    assert lived == {workflow._Definition.must_from_class(kind).name for kind in ALL}


async def results(prefix: str) -> list[object]:
    """What the recorded executions ended with."""
    found: list[object] = []
    kind = {"order": OrderState, "purchase": PurchaseState}.get(prefix, PayoutState)
    for name, history in recorded().items():
        if not name.startswith(prefix) or name == "payout-cycle":
            continue
        ended = history.events[-1].workflow_execution_completed_event_attributes
        found += await converter().decode(ended.result.payloads, [kind])
    return found


async def test_every_end_of_an_order_has_a_history() -> None:
    """Each terminal state is replayed, not only the happy one."""
    outcomes = {state.outcome for state in await results("order") if isinstance(state, OrderState)}

    assert outcomes == set(Outcome) - {Outcome.OPEN}


async def test_every_end_of_a_payout_has_a_history() -> None:
    """Settled, withheld, returned."""
    stages = {state.stage for state in await results("payout") if isinstance(state, PayoutState)}

    assert stages == {Stage.SETTLED, Stage.WITHHELD, Stage.RETURNED}


async def test_every_end_of_a_purchase_has_a_history() -> None:
    """Paid, never paid, cancelled, not accepted."""
    states = await results("purchase")
    stages = {state.stage for state in states if isinstance(state, PurchaseState)}

    assert stages == {
        stage for stage in Bought if stage not in (Bought.AWAITING_PAYMENT, Bought.AMOUNT_DIFFERS)
    }


@pytest.mark.parametrize("name", sorted(recorded()))
def test_the_commands_of_a_life_are_those_on_record(name: str) -> None:
    """The fingerprint says in a diff that behaviour has changed, and the words say where."""
    on_record = json.loads((HERE / "fingerprints.json").read_text())
    history = recorded()[name]

    assert (on_record[name]["name"], on_record[name]["commands"]) == (
        fingerprint(history),
        list(commands(history)),
    )


def test_histories_hold_ciphertext() -> None:
    """Nobody's name, number or card is readable in what Temporal keeps."""
    for history in recorded().values():
        text = history.to_json()
        for plain in ("pm_card", "DHLExpress", '"buyer"', "pi_"):
            assert plain not in text
