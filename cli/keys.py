"""`caravan keys`: make the key ring, and change its active key."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.say import console, in_sentences
from runtime.keyring import KeyRing, KeyRingInvalid

RingFile = Annotated[Path, typer.Argument(help="The file of the key ring.")]

keys = typer.Typer(no_args_is_help=True, help="Make the key ring, and change its active key.")


@keys.command()
@in_sentences
def new(
    file: RingFile,
    key_id: Annotated[str, typer.Option(help="What the first key is called.")] = "key-1",
) -> None:
    """Make a ring with one key. Keep a copy elsewhere: without it nothing can be read."""
    try:
        KeyRing.generate(key_id).write(file)
    except FileExistsError:
        raise KeyRingInvalid(f"{file} exists: a ring is never replaced by a new one.") from None
    console.print(f"{file} holds the key {key_id}. Keep a copy apart from the database.")


@keys.command()
@in_sentences
def rotate(
    file: RingFile, key_id: Annotated[str, typer.Argument(help="What the new key is called.")]
) -> None:
    """Add a key and make it the active one. The old ones still read."""
    KeyRing.read(file).rotated(key_id).replace(file)
    console.print(f"New keys are wrapped by {key_id} once the processes have started again.")
    console.print("Then run `caravan keys rewrap`, and the older keys may be dropped.")


@keys.command()
@in_sentences
def rewrap(
    file: RingFile,
    database_url: Annotated[str, typer.Option(envvar="DATABASE_URL", help="PostgreSQL.")],
) -> None:
    """Wrap by the active key what older ones still wrap."""
    count = asyncio.run(_rewrap(KeyRing.read(file), database_url))
    console.print(f"{count} keys were wrapped anew. Older keys of the ring are not needed.")


async def _rewrap(ring: KeyRing, url: str) -> int:
    from persistence.engine import connect
    from persistence.vault import Vault

    engine = connect(url)
    try:
        return await Vault(engine, ring).rotate()
    finally:
        await engine.dispose()
