"""The import contracts bite: each is broken once, in a house made for that."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source import ROOMS, ROOT

BREACHES = {
    "Imports go downward only": ("domain/rule.py", "import api"),
    "The sandbox world knows nothing of us": ("sandbox/world.py", "import domain"),
    "Nothing of us knows the sandbox world": ("adapters/carrier.py", "import sandbox"),
    "Activities see ports, never what is behind them": (
        *("activities/pay.py", "import adapters.payment.vendor"),
    ),
    "Nothing a workflow imports, however indirectly, reaches the network or a database": (
        *("adapters/payment/port.py", "import stripe"),
    ),
    "A workflow reaches the world by naming activities": (
        *("workflows/order.py", "import persistence"),
    ),
}
HOUSE = {
    **{f"{room}/__init__.py": "" for room in ROOMS},
    "adapters/payment/__init__.py": "",
    "adapters/payment/port.py": "",
    "adapters/payment/vendor.py": "import stripe",
    "activities/take.py": "import adapters.payment.port",
    "workflows/life.py": "import activities.take",
}


def _lint(house: Path, extra: tuple[str, str] | None) -> str:
    for path, text in [*HOUSE.items(), *([extra] if extra else [])]:
        file = house / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    (house / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-logo", "--no-cache"], cwd=house, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_an_orderly_house_passes(tmp_path: Path) -> None:
    """Ports may be named by activities; a contract that forbids that forbids the design."""
    said = _lint(tmp_path, None)

    assert f"Contracts: {len(BREACHES)} kept, 0 broken" in said, said


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_is_found(tmp_path: Path, contract: str) -> None:
    """A contract with a slip of the pen keeps nobody out."""
    said = _lint(tmp_path, BREACHES[contract])

    assert f"{contract} BROKEN" in " ".join(said.split()), said
