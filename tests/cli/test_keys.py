"""`caravan keys`: what an operator does with the key ring, from the first day to a leak."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from cli.keys import keys
from persistence.vault import Vault
from runtime.embedded import LocalPostgres
from runtime.keyring import KeyRing
from tests.support.vaults import key_tables

RUN = CliRunner()


def test_a_new_ring_is_made_once(tmp_path: Path) -> None:
    """Typed twice, the command must not destroy what the first one made."""
    path = tmp_path / "ring.json"

    first = RUN.invoke(keys, ["new", str(path)])
    ring = KeyRing.read(path)
    again = RUN.invoke(keys, ["new", str(path)])

    assert (first.exit_code, again.exit_code) == (0, 1)
    assert "exists" in again.output
    assert KeyRing.read(path) == ring


def test_rotating_a_ring_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """A mistyped path gets a sentence, not a traceback."""
    result = RUN.invoke(keys, ["rotate", str(tmp_path / "none.json"), "b"])

    assert result.exit_code == 1
    assert "caravan keys new" in result.output


async def test_after_rewrapping_the_old_key_may_go(
    postgres: LocalPostgres, template_database: str, tmp_path: Path
) -> None:
    """The whole way after a leak: rotate, rewrap, drop."""
    path = tmp_path / "ring.json"
    async with key_tables(postgres, template_database) as engine:
        old = KeyRing.generate("a")
        old.write(path)
        key = await Vault(engine, old).key_of("order/o-1")
        url = engine.url.render_as_string(hide_password=False)

        rotated = await asyncio.to_thread(RUN.invoke, keys, ["rotate", str(path), "b"])
        rewrapped = await asyncio.to_thread(
            RUN.invoke, keys, ["rewrap", str(path), "--database-url", url]
        )

        assert (rotated.exit_code, rewrapped.exit_code) == (0, 0)
        assert "1 keys" in rewrapped.output
        only_new = KeyRing("b", {"b": KeyRing.read(path).key("b")})
        assert await Vault(engine, only_new).key_of("order/o-1") == key
