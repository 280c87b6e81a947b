"""Finds variables that look like settings and are none."""

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import get_args

from pydantic import BaseModel

PREFIX = "CARAVAN_"


def known_names(settings: type[BaseModel]) -> frozenset[str]:
    """Return the name of every variable that *settings* reads."""
    return frozenset(f"{PREFIX}{name}" for name in _names(settings))


def misspelt(given: Iterable[str], known: Collection[str]) -> list[str]:
    """Return a sentence for each variable with our prefix that means nothing to us."""
    unknown = sorted(n for n in given if n.upper().startswith(PREFIX) and n.upper() not in known)
    return [_sentence(name, known) for name in unknown]


def _sentence(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name.upper(), known, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"{name} is not a setting{hint}"


def _names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        groups = [
            kind
            for kind in (field.annotation, *get_args(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not groups:
            yield name.upper()
        for group in groups:
            yield from (f"{name.upper()}__{inner}" for inner in _names(group))
