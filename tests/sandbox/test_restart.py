"""What was answered survives a kill at any moment; what was not told yet is told afterwards."""

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path

import stripe

from tests.support.dealings import new_key, problem_of, refund, take
from tests.support.receiver import Receiver
from tests.support.sandbox import ROOT, SandboxProcess, SandboxWorld


async def test_a_kill_loses_nothing_that_was_answered(own_sandbox: SandboxProcess) -> None:
    """Payments, keys, faults, scans and mails are where they were."""
    client = own_sandbox.place.stripe()
    keys = [new_key() for _ in range(20)]
    made = [take(client, key=key).id for key in keys]
    own_sandbox.kill()
    own_sandbox.start()
    replayed = [take(client, key=key).id for key in keys]
    async with SandboxWorld(own_sandbox.place) as world:
        books = await world.books()

    assert replayed == made
    assert books["currencies"]["brl"]["captured"] == 20 * 1000
    assert books["duplicates"] == []


async def test_a_kill_while_answers_are_on_their_way_does_nothing_twice(
    own_sandbox: SandboxProcess,
) -> None:
    """Callers whose answer was lost ask again under their keys: one effect for each."""
    place = own_sandbox.place
    keys = [new_key() for _ in range(30)]
    calls = [asyncio.create_task(asyncio.to_thread(attempt, place.stripe(), key)) for key in keys]
    await calls[4]
    own_sandbox.kill()
    answered = await asyncio.gather(*calls)
    own_sandbox.start()
    client = place.stripe()
    again = [take(client, key=key).id for key in keys]
    async with SandboxWorld(place) as world:
        effects = await world.effects()

    assert None in answered
    assert answered.count(None) < len(keys)
    assert [new for old, new in zip(answered, again, strict=True) if old not in {None, new}] == []
    assert effects["duplicates"] == []
    assert len(effects["lines"]) == 30


def attempt(client: stripe.StripeClient, key: str) -> str | None:
    try:
        return take(client, key=key).id
    except stripe.APIConnectionError:
        return None


async def test_webhooks_that_were_waiting_go_out_after_a_restart(
    own_sandbox: SandboxProcess,
) -> None:
    """Nothing that happened stays untold because the teller died."""
    async with Receiver(answers=[503] * 3) as endpoint, SandboxWorld(own_sandbox.place) as world:
        await world.tell(stripe_url=endpoint.url)
        intent = take(own_sandbox.place.stripe())
        await endpoint.wait_for(3)
        own_sandbox.kill()
        own_sandbox.start()
        await world.rest(intent.id)
        states = {each["state"] for each in await world.webhooks(subject=intent.id)}

    assert states == {"delivered"}


async def test_the_clock_and_the_faults_survive(own_sandbox: SandboxProcess) -> None:
    """A chaos run that kills the sandbox too goes on with the same chaos."""
    async with SandboxWorld(own_sandbox.place) as world:
        before = await world.advance(1_000_000)
        await world.fault("error", "POST /v1/refunds", times=2)
        client = own_sandbox.place.stripe()
        intent = take(client)
        problem_of(partial(refund, client, intent))
        own_sandbox.kill()
        own_sandbox.start()
        after = await world.advance(0)
        problem_of(partial(refund, client, intent))
        third = refund(client, intent)

    assert before <= after < before + 60
    assert third.status == "succeeded"


def test_a_taken_port_is_told_in_a_sentence(own_sandbox: SandboxProcess, tmp_path: Path) -> None:
    """A newcomer has a second one running, and should not have to read a traceback."""
    taken = str(own_sandbox.place.port)
    command = [sys.executable, "-m", "sandbox", "--port", taken, "--data", str(tmp_path / "second")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)

    assert ended.returncode == 1
    assert b"choose another port" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_signal_ends_it_cleanly(own_sandbox: SandboxProcess) -> None:
    """`make up` stops it so; a status other than zero would look like a crash."""
    assert own_sandbox.stop() == 0
    assert "sandbox.stopped" in own_sandbox.log.read_text()
