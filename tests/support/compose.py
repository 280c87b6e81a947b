"""`docker-compose.yml` as an engine reads it: parsed, merged, its variables filled in."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

import yaml

from tests.support.source import ROOT

Document: TypeAlias = dict[str, Any]
Json: TypeAlias = "str | float | bool | list[Json] | dict[str, Json] | None"
FILE: Final = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)")
_INSIDE = re.compile(r"([A-Za-z_]\w*)(:?[-?+])?(.*)", re.DOTALL)


class Missing(Exception):
    """A variable that must be set is not; the message is the file's own."""


def document() -> Document:
    """The file as it stands, variables and all."""
    return parsed(FILE.read_text())


def parsed(text: str) -> Document:
    """Read the text of a compose file."""
    read: Document = yaml.safe_load(text)
    return read


def services(compose: Document) -> dict[str, Document]:
    """Every part by its name."""
    found: dict[str, Document] = compose["services"]
    return found


def environment(service: Document) -> dict[str, str | None]:
    """A part's variables as the file has them; None is passed on from outside."""
    given: dict[str, str | None] = service.get("environment", {})
    return given


def told(service: Document, given: Mapping[str, str]) -> dict[str, str]:
    """What a part is told where *given* is set outside. Raises `Missing`."""
    known = environment(service)
    passed = {name: given[name] for name, value in known.items() if not value and name in given}
    return passed | {name: filled(value, given) for name, value in known.items() if value}


def filled(text: str, given: Mapping[str, str]) -> str:
    """Put the values of *given* where the text names variables. Raises `Missing`."""
    done, rest = "", text
    while (start := rest.find("${")) >= 0:
        end = _closing(rest, start + 2)
        done += rest[:start] + _value(rest[start + 2 : end], given)
        rest = rest[end + 1 :]
    return done + rest


def variables(value: Json) -> set[str]:
    """Every variable that is read anywhere within *value*, passed on ones left out."""
    return {name for text in _texts(value) for name in _VARIABLE.findall(text)}


def env_file(text: str) -> dict[str, str]:
    """What a file such as .env sets."""
    lines = (line.partition("=") for line in text.splitlines() if line and line[0] != "#")
    return {name: value for name, _, value in lines}


def _closing(text: str, begin: int) -> int:
    depth = 1
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a brace is not closed: {text}")


def _value(inside: str, given: Mapping[str, str]) -> str:
    found = _INSIDE.fullmatch(inside)
    if found is None:
        raise ValueError(f"this names no variable: {inside}")
    name, operator, word = found.groups()
    value = given.get(name)
    is_there = bool(value) if (operator or "").startswith(":") else value is not None
    match (operator or "-")[-1]:
        case "+":
            return filled(word, given) if is_there else ""
        case "?" if not is_there:
            raise Missing(f"{name}: {word}")
        case _:
            return (value or "") if is_there else filled(word, given)


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case _:
            pass
