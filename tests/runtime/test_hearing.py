"""What a caller is told when Temporal says no."""

import pytest
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import IllegalTransition, NotKnown, Refusal
from runtime.embedded import LocalTemporal
from runtime.hearing import Interrupted, Undelivered, hearing


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("workflow execution already completed", IllegalTransition),
        ("workflow update was aborted by closing workflow", IllegalTransition),
        ("workflow not found for ID: order/o-1", NotKnown),
    ],
)
def test_a_process_that_has_just_ended_is_not_unknown(said: str, refusal: type[Refusal]) -> None:
    """Whoever cancels twice at once must not be told that their order does not exist."""
    with pytest.raises(refusal), hearing("order/o-1"):
        raise RPCError(said, RPCStatusCode.NOT_FOUND, b"")


def test_a_process_that_takes_its_step_again_is_asked_again() -> None:
    """Another fact reached it as it ended; the caller's request has not been heard at all."""
    said = (
        "Unable to perform workflow execution update due to unexpected workflow task failure."
        " Please retry."
    )
    with pytest.raises(Interrupted), hearing("purchase/p-1"):
        raise RPCError(said, RPCStatusCode.FAILED_PRECONDITION, b"")


@pytest.mark.parametrize("status", [RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED])
def test_a_key_that_has_run_out_is_an_outage(status: RPCStatusCode) -> None:
    """It is ours to renew; until then what was accepted waits, and an operator reads why."""
    with capture_logs() as logs, pytest.raises(Undelivered), hearing("order/o-1"):
        raise RPCError("Request unauthorized.", status, b"")

    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("temporal.refuses_us", "error")
    ]


@pytest.mark.parametrize(
    ("namespace", "said"), [("default", NotKnown), ("no-such-namespace", Undelivered)]
)
async def test_only_a_process_that_is_not_there_is_unknown(
    temporal: LocalTemporal, namespace: str, said: type[Exception]
) -> None:
    """A setting that names no namespace must not answer accepted requests with 404 for good."""
    client = await Client.connect(temporal.address, namespace=namespace)
    with pytest.raises(said), hearing("order/o-nowhere"):
        await client.get_workflow_handle("order/o-nowhere").signal("payment_changed")
