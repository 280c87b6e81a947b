"""What the guide tells people to type works when it is typed."""

import json
import re
import subprocess

from api.auth import Doorkeeper, FixedKeys
from domain.actors import Role
from tests.support.compose import env_file
from tests.support.source import ROOT

GUIDE = (ROOT / "docs" / "deployment.md").read_text()


def _typed(beginning: str) -> str:
    """What a shell says to the block of the guide that begins so."""
    block = re.search(rf"```sh\n(\s*{beginning}.*?)```", GUIDE, re.DOTALL)
    assert block
    shell = ["sh", "-c", block[1]]
    return subprocess.run(shell, capture_output=True, text=True, check=True).stdout


async def test_a_service_key_made_as_the_guide_says_opens_the_door() -> None:
    """A digest over one more line break opens nothing, and nobody sees why."""
    said = _typed("key=csk_")
    key = said.splitlines()[0].rpartition(": ")[2]
    digests = json.loads(env_file(said)["CARAVAN_AUTH__SERVICE_KEYS"])
    door = Doorkeeper(FixedKeys({"keys": []}), "issuer", "caravan", digests)
    caller = await door.caller(f"Bearer {key}")

    assert (caller.role, caller.id) == (Role.SERVICE, "checkout")
