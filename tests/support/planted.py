"""Looks for words in what a stack has written down: Temporal's store, logs, figures, traces."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import httpx2

from tests.support.up import Up

# How a caller's token begins, and what the secret of a payment holds, with which it can be paid.
PASSES: Final = ("eyJhbGciOi", "_secret_")


async def places(stack: Up, traces: Iterable[bytes]) -> dict[str, bytes]:
    """Everything that is kept outside the database, by where it is; *traces* as exported."""
    home = stack.home
    found = {path.name: path.read_bytes() for path in home.logs.iterdir() if path.is_file()}
    # The store, and beside it what is not yet in it.
    found["temporal"] = b"".join(
        path.read_bytes() for path in sorted((home.path / "temporal").iterdir())
    )
    async with httpx2.AsyncClient(trust_env=False) as http:
        ports = stack.ports
        metrics = {
            "api": ports.api,
            "worker": ports.worker_metrics,
            "relay": ports.relay_health,
        }
        for name, port in metrics.items():
            answer = await http.get(f"http://127.0.0.1:{port}/metrics")
            found[f"metrics of the {name}"] = answer.raise_for_status().content
    return found | {"traces": b"".join(traces)}


def seen(kept: dict[str, bytes], words: Iterable[str]) -> list[tuple[str, str]]:
    """Where which of *words* can be read, also in base64, as JSON writes bytes."""
    return [
        (place, word)
        for word in words
        for place, content in kept.items()
        if any(form in content for form in _forms(word))
    ]


def _forms(word: str) -> Iterator[bytes]:
    """A word in clear, and as base64 has it at each of the three offsets it can stand at."""
    raw = word.encode()
    yield raw
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
        # The first and the last letters hold bits of the neighbours, too.
        yield padded[(0, 2, 3)[offset] : -1]


def secrets_of(stack: Up) -> list[str]:
    """What the parts of a stack prove themselves with."""
    told = stack.settings
    named = ("API_KEY", "SECRET", "CAPABILITY")
    values = [value for name, value in told.items() if name.endswith(named)]
    password = told["DATABASE_URL"].partition("://")[2].partition("@")[0].partition(":")[2]
    return [*values, password, *_key_material(stack.home.key_ring)]


def _key_material(ring: Path) -> list[str]:
    """The keys of a ring, as its file spells them."""
    text = ring.read_text()
    return [part for part in text.split('"') if len(part) >= 40]
