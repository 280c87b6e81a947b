"""Form-encoded parameters: nesting as Stripe writes it, and readers that say what is wrong."""

import re
from collections.abc import Iterable
from typing import Final

from sandbox.payments.errors import invalid
from sandbox.store import Json, Page, is_list, is_table

_PART: Final = re.compile(r"\[([^\]]*)\]")
_PAGE_AT_MOST: Final = 100
_KEYS_AT_MOST: Final = 50
_VALUE_AT_MOST: Final = 500
_AMOUNT_AT_MOST: Final = 99_999_999_999


def nest(pairs: Iterable[tuple[str, str]]) -> Json:
    """Turn `a[b]=1`, `a[]=2` and `a[0]=3` into dictionaries and lists."""
    tree: Json = {}
    for name, value in pairs:
        head = name.split("[", 1)[0]
        parts = [head, *_PART.findall(name)]
        node = tree
        for part in parts[:-1]:
            node = node.setdefault(part or str(len(node)), {})
        node[parts[-1] or str(len(node))] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(node: object) -> object:
    if not is_table(node):
        return node
    inner = {name: _lists(value) for name, value in node.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


class Params:
    """The parameters of one request."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def allow(self, accepted: Iterable[str]) -> None:
        """Refuse names that this route does not know."""
        for name in sorted(set(self.values) - set(accepted)):
            raise invalid(
                f"Received unknown parameter: {name}", param=name, code="parameter_unknown"
            )

    def optional(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", param=name)
        return value or None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of *choices*; the first where nothing is said."""
        value = self.optional(name) or choices[0]
        if value not in choices:
            raise invalid(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return value

    def flag(self, name: str) -> bool:
        value = self.optional(name) or "false"
        if value not in {"true", "false"}:
            raise invalid(f"Invalid boolean: {value}", param=name)
        return value == "true"

    def integer(self, name: str) -> int | None:
        value = self.optional(name)
        return None if value is None else _whole(value, name)

    def amount(self, name: str = "amount") -> int | None:
        """A positive amount in minor units, or None where nothing is said."""
        value = self.integer(name)
        if value is not None and value < 1:
            raise invalid(
                "This value must be greater than or equal to 1.",
                param=name,
                code="parameter_invalid_integer",
            )
        if value is not None and value > _AMOUNT_AT_MOST:
            raise invalid("Amount is too large.", param=name, code="amount_too_large")
        return value

    def table(self, name: str) -> Json:
        value: object = self.values.get(name) or {}
        if not is_table(value):
            raise invalid(f"Invalid object: {value}", param=name)
        return value

    def texts(self, name: str) -> list[str]:
        value: object = self.values.get(name) or []
        if not is_list(value):
            raise invalid(f"Invalid array: {value}", param=name)
        return [str(item) for item in value]

    def metadata(self, known: Json | None = None) -> Json:
        """*known* metadata with what is asked laid over it; an empty value takes a key away."""
        merged = dict(known or {}) | self.table("metadata")
        for name, value in merged.items():
            if not isinstance(value, str) or len(value) > _VALUE_AT_MOST:
                raise invalid("Invalid metadata value.", param=f"metadata[{name}]")
        kept = {name: value for name, value in merged.items() if value}
        if len(kept) > _KEYS_AT_MOST:
            raise invalid("You can only have up to 50 metadata keys.", param="metadata")
        return kept

    def page(self) -> Page:
        limit = self.integer("limit")
        if limit is not None and not 1 <= limit <= _PAGE_AT_MOST:
            raise invalid("Invalid integer: limit must be between 1 and 100.", param="limit")
        return Page(
            limit=limit or 10,
            after=self.optional("starting_after"),
            before=self.optional("ending_before"),
            created=self._created(),
        )

    def _created(self) -> dict[str, int]:
        asked: object = self.values.get("created") or {}
        bounds = asked if is_table(asked) else {"eq": asked}
        if set(bounds) - {"gt", "gte", "lt", "lte", "eq"}:
            raise invalid("Invalid created filter.", param="created")
        return {bound: _whole(str(moment), "created") for bound, moment in bounds.items()}


def _whole(text: str, name: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}", text):
        raise invalid(f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
    return int(text)
