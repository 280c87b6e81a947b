"""What a caller is told when Temporal says no."""

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import IllegalTransition, NotKnown, Refusal
from runtime.hearing import Interrupted, hearing


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
