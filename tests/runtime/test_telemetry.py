"""Logs of a process: one form, with ids, without secrets. Each runs in a process of its own."""

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from runtime.child import free_port
from runtime.health import health_server
from runtime.redaction import redact
from tests.support.source import ROOT


def _logged(code: str) -> list[dict[str, Any]]:
    """Run *code* with our logging and return its log lines."""
    begin = (
        "import logging, structlog\nfrom runtime.telemetry import configure_logging\n"
        "configure_logging('tester', form='json', level='info')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_our_events_and_others_leave_in_one_form() -> None:
    """A log store that must guess the format of each line finds nothing."""
    ours, theirs = _logged(
        "structlog.get_logger('x').info('payment.taken', minor=5)\n"
        "logging.getLogger('y').warning('pool is %s', 'empty')"
    )

    assert (ours["event"], ours["minor"], ours["service"]) == ("payment.taken", 5, "tester")
    assert (theirs["event"], theirs["level"], theirs["service"]) == (
        *("pool is empty", "warning", "tester"),
    )


def test_a_process_is_named_without_its_help() -> None:
    """Support looks for an order's id; Temporal puts it where its loggers alone can see it."""
    (line,) = _logged(
        "logging.getLogger('temporalio.workflow').info('order.opened', "
        "extra={'temporal_workflow': {'workflow_id': 'order/o-1', 'namespace': 'd'}})"
    )

    assert line["workflow_id"] == "order/o-1"
    assert "temporal_workflow" not in line


@pytest.mark.parametrize(
    "event",
    [
        {"api_key": "s3cret"},
        {"headers": {"Authorization": "s3cret"}},
        {"event": "call failed: Bearer s3cret"},
        {"error": ["key sk_test_s3cret is wrong"]},
        {"url": "postgresql://app:s3cret@db/caravan"},
        {"event": "mail to s3cret@example.org"},
    ],
)
def test_a_secret_does_not_reach_the_log(event: dict[str, object]) -> None:
    """Logs are read by more people than the vault is."""
    assert "s3cret" not in str(redact(None, "info", event))


def test_what_is_no_secret_stays_readable() -> None:
    """A log that hides too much is switched off."""
    event = {"event": "payment.taken", "key": "order/o-1/take/1", "minor": 1299}

    assert redact(None, "info", event) == event


async def test_readiness_is_asked_each_time() -> None:
    """A worker that lost Temporal must stop being ready, and say so to whoever watches."""
    port, state = free_port(), {"ready": True}

    def status(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    async with health_server(port, lambda: state["ready"]):
        before = await asyncio.to_thread(status, "/readyz")
        state["ready"] = False
        after = await asyncio.to_thread(status, "/readyz")
        alive = await asyncio.to_thread(status, "/livez")
        metrics = await asyncio.to_thread(status, "/metrics")

    assert (before, after, alive, metrics) == (200, 503, 200, 200)


async def test_a_container_asks_with_the_program_that_it_has() -> None:
    """An image without curl is watched all the same, and no failure looks like health."""
    port, state = free_port(), {"ready": True}
    async with health_server(port, lambda: state["ready"]):
        ready = await _asked(str(port), "/readyz")
        state["ready"] = False
        unready = await _asked(str(port), "/readyz")
    gone = await _asked(str(port), "/readyz")

    assert (ready, unready, gone, await _asked("readyz")) == (0, 1, 1, 2)


async def _asked(*arguments: str) -> int:
    asking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "runtime.health", *arguments),
        cwd=ROOT,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await asking.wait()
