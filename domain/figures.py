"""What a policy document may hold in one place: each figure in its form, or `PolicyInvalid`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from domain.calendar import Span
from domain.errors import PolicyInvalid
from domain.fx.rules import Fix


def invalid_at(key: str, why: str) -> PolicyInvalid:
    return PolicyInvalid(f"{key}: {why}", key=key)


def text_of(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise invalid_at(key, "a text is needed here")
    return value


def table_of(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid_at(key, "a table is needed here")
    return cast("Mapping[str, Any]", value)


def must_be_known(table: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    names = sorted(known)
    for key in table:
        if key not in names:
            raise invalid_at(f"{path}.{key}", f"unknown; known are {', '.join(names)}")


def like_default(default: object, raw: object, path: str) -> Span | int | Fix | tuple[str, ...]:
    match default:
        case Span():
            return span_of(raw, path)
        case Fix():
            return fix_of(raw, path)
        case int():
            return count_of(raw, path)
        case _:
            return names_of(raw, path)


def span_of(raw: object, path: str) -> Span:
    try:
        span = Span.parse(str(raw))
    except ValueError as error:
        raise invalid_at(path, str(error)) from None
    if span == Span():
        raise invalid_at(path, "a window of no length closes before anybody can act")
    return span


def fix_of(raw: object, path: str) -> Fix:
    if raw not in tuple(Fix):
        raise invalid_at(path, f"one of {', '.join(Fix)}")
    return Fix(str(raw))


def count_of(raw: object, path: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise invalid_at(path, f"{raw!r} is not a whole number of at least 0")
    return raw


def names_of(raw: object, path: str) -> tuple[str, ...]:
    items = cast("Sequence[object]", raw) if isinstance(raw, list | tuple) else ()
    names = tuple(item for item in items if isinstance(item, str))
    if not names or len(names) != len(items):
        raise invalid_at(path, "a list of texts is needed here")
    return names
