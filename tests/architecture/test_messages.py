"""Messages outlive the code: histories hold them for months, and other services send them."""

import ast
from collections.abc import Iterable, Iterator

from tests.support.messages import (
    Messages,
    fields_of,
    message_modules,
    messages_of,
    recorded,
    spoken,
)
from tests.support.source import Module, complaints

SAMPLE = Module(
    "workflows/x/messages.py",
    "@dataclass(frozen=True)\n"
    "class Place:\n    order: str\n    tags: frozenset[str]\n    gift: bool = False\n",
)


def sets(module: Module) -> Iterator[str]:
    for node in messages_of(module):
        for field in fields_of(node):
            names = {n.id for n in ast.walk(field.annotation) if isinstance(n, ast.Name)}
            if names & {"set", "frozenset", "Set", "FrozenSet", "AbstractSet"}:
                yield f"{field.lineno} {node.name}.{ast.unparse(field.target)} has no order"


def changeable(module: Module) -> Iterator[str]:
    for node in messages_of(module):
        if not any("frozen=True" in ast.unparse(decorator) for decorator in node.decorator_list):
            yield f"{node.lineno} {node.name} is not frozen"


def broken_promises(first: Messages, modules: Iterable[Module]) -> list[str]:
    """Return why a history written with *first* could not be read with *modules*."""
    modules = list(modules)
    now, optional = spoken(modules), _with_default(modules)
    gone = [f"{message} is gone" for message in first.keys() - now.keys()]
    changed = [
        f"{message}.{name} was {kind}, is {now[message].get(name)}"
        for message in first.keys() & now.keys()
        for name, kind in first[message].items()
        if now[message].get(name) != kind
    ]
    owed = [
        f"{message}.{name} is new and has no default"
        for message in first.keys() & now.keys()
        for name in now[message].keys() - first[message].keys()
        if (message, name) not in optional
    ]
    return sorted(gone + changed + owed)


def _with_default(modules: Iterable[Module]) -> set[tuple[str, str]]:
    return {
        (f"{module.path}:{node.name}", ast.unparse(field.target))
        for module in modules
        for node in messages_of(module)
        for field in fields_of(node)
        if field.value is not None
    }


def test_messages_have_an_order() -> None:
    """A set is written in another order by each process, so a replay would differ."""
    assert list(sets(SAMPLE))

    assert complaints(sets, message_modules()) == []


def test_messages_do_not_change_after_they_are_said() -> None:
    """A process that alters what it was told cannot be told the same again."""
    assert list(changeable(Module(SAMPLE.path, "@dataclass\nclass Place:\n    order: str")))

    assert complaints(changeable, message_modules()) == []


def test_an_old_history_can_still_be_read() -> None:
    """Fields are only ever added, each with a default; old senders do not know the new ones."""
    first = {SAMPLE.path + ":Place": {"order": "str", "buyer": "str"}}
    assert broken_promises(first, [SAMPLE]) == [
        "workflows/x/messages.py:Place.buyer was str, is None",
        "workflows/x/messages.py:Place.tags is new and has no default",
    ]

    assert broken_promises(recorded(), message_modules()) == []


def test_every_message_is_on_record() -> None:
    """What is not recorded is not guarded. Record it: python -m tests.support.messages."""
    assert sorted(spoken(message_modules()).keys() - recorded().keys()) == []
