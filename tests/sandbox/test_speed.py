"""Speed: hundreds of orders are driven through the sandbox, call by call."""

import time

from tests.support.sandbox import SandboxWorld


async def test_an_answer_leaves_at_once(world: SandboxWorld) -> None:
    """Nagle's algorithm and a delayed acknowledgement cost 40 ms a call where nobody looks."""
    taken: list[float] = []
    for _ in range(20):
        began = time.monotonic()
        await world.at_rest("nothing")
        taken.append(time.monotonic() - began)

    assert min(taken) < 0.03
