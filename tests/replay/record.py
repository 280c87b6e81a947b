"""Record histories anew: `make histories`, or with names of scenarios in ARGS."""

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from temporalio.client import Client

from persistence.migrate import migrate
from runtime.embedded import LocalPostgres, LocalTemporal
from runtime.keyring import KeyRing
from runtime.temporal import register_search_attributes
from tests.replay.recording import (
    HERE,
    HISTORIES,
    RING,
    commands,
    fingerprint,
    keys,
    recorded,
)
from tests.replay.scenarios import SCENARIOS
from tests.support.marketplace import open_marketplace
from tests.support.sandbox import SandboxProcess, SandboxWorld


async def record(names: list[str]) -> None:
    """Live each scenario once and write its history down."""
    if not RING.exists():
        KeyRing.generate("recorded").write(RING)
    folder = Path(tempfile.mkdtemp(prefix="caravan-record-", dir="/var/tmp"))
    await asyncio.to_thread(folder.chmod, 0o755)
    postgres = LocalPostgres(folder / "postgres", durable=False)
    temporal = LocalTemporal(logs=folder / "logs", time_skipping=True)
    sandbox = SandboxProcess(folder / "sandbox").start()
    try:
        await asyncio.gather(postgres.start(), temporal.start())
        await register_search_attributes(await Client.connect(temporal.address))
        for number, name in enumerate(names or SCENARIOS):
            url = await postgres.create_database(f"record_{number}")
            await asyncio.to_thread(migrate, url)
            async with (
                SandboxWorld(sandbox.place) as world,
                open_marketplace(url, temporal.address, world, keys=keys()) as market,
            ):
                await market.seller()
                await world.top_up(100_000_000, "EUR")  # Fees of refunded lives are the platform's.
                handle = await SCENARIOS[name](market)
                history = await handle.fetch_history()
            (HISTORIES / f"{name}.json").write_text(history.to_json() + "\n")
            sys.stdout.write(f"recorded {name}: {len(history.events)} events\n")
    finally:
        sandbox.stop()
        await temporal.stop()
        await postgres.stop()
        shutil.rmtree(folder)


def name_commands() -> None:
    """Write down what each history's commands are, so that a diff says what has changed."""
    named = {
        name: {"name": fingerprint(history), "commands": list(commands(history))}
        for name, history in recorded().items()
    }
    (HERE / "fingerprints.json").write_text(json.dumps(named, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))
    name_commands()
