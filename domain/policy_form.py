"""How a policy's document is read: each value in its form, and what is wrong by its key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Final, cast

from domain.calendar import Span
from domain.errors import PolicyInvalid

# What a figure in words may be.
_WORDS: Final = MappingProxyType(
    {
        "capture": ("at_once", "on_shipment"),
        "authorisation_lost": ("ask_again", "cancel"),
        "fix": ("placed", "captured", "released"),
        "online_cost": ("seller", "platform"),
        "own_reason": ("offered", "refused"),
        "return_label": ("seller", "platform", "refused"),
    }
)


def invalid(key: str, why: str) -> PolicyInvalid:
    return PolicyInvalid(f"{key}: {why}", key=key)


def as_text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise invalid(key, "a text is needed here")
    return value


def as_table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid(key, "a table is needed here")
    return cast("Mapping[str, Any]", value)


def must_be_known(table: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    names = sorted(known)
    for key in table:
        if key not in names:
            raise invalid(f"{path}.{key}", f"unknown; known are {', '.join(names)}")


def as_group(defaults: object, value: object, path: str) -> dict[str, Any]:
    """Read the figures that a group states, each in the form that its default has."""
    known = {
        item.name: default
        for item in fields(defaults)  # type: ignore[arg-type]  # every group is a dataclass
        if not isinstance(default := getattr(defaults, item.name), Mapping)
    }
    table = as_table(value, path)
    must_be_known(table, known, path)
    return {key: as_like(known[key], raw, f"{path}.{key}") for key, raw in table.items()}


def as_like(default: object, raw: object, path: str) -> Span | int | str | tuple[str, ...]:
    match default:
        case str():
            return as_word(raw, path)
        case Span():
            return as_span(raw, path)
        case int():
            return as_count(raw, path)
        case _:
            return as_names(raw, path)


def as_span(raw: object, path: str) -> Span:
    try:
        span = Span.parse(str(raw))
    except ValueError as error:
        raise invalid(path, str(error)) from None
    if span == Span():
        raise invalid(path, "a window of no length closes before anybody can act")
    return span


def as_word(raw: object, path: str) -> str:
    known = _WORDS[path.rpartition(".")[2]]
    if raw not in known:
        raise invalid(path, f"{raw!r} is none of {', '.join(known)}")
    return str(raw)


def as_count(raw: object, path: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise invalid(path, f"{raw!r} is not a whole number of at least 0")
    return raw


def as_names(raw: object, path: str) -> tuple[str, ...]:
    items = cast("Sequence[object]", raw) if isinstance(raw, list | tuple) else ()
    names = tuple(item for item in items if isinstance(item, str))
    if not names or len(names) != len(items):
        raise invalid(path, "a list of texts is needed here")
    return names
