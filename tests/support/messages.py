"""What is said to processes, read from `workflows/*/messages.py`, and the record of it.

`python -m tests.support.messages` writes the record anew. Before the first release that is how
a message changes; afterwards a changed line of the record means histories that cannot be read.
"""

import ast
import json
from collections.abc import Iterable, Iterator

from tests.support.source import ROOT, Module, rooms

RECORD = ROOT / "tests" / "architecture" / "messages.json"

Messages = dict[str, dict[str, str]]


def message_modules() -> list[Module]:
    return [module for module in rooms() if module.path.endswith("/messages.py")]


def fields_of(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    return (part for part in node.body if isinstance(part, ast.AnnAssign))


def messages_of(module: Module) -> Iterator[ast.ClassDef]:
    """Each dataclass of the module."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and any(
            "dataclass" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            yield node


def spoken(modules: Iterable[Module]) -> Messages:
    """Return each message with its fields and their types as written."""
    return {
        f"{module.path}:{node.name}": {
            ast.unparse(field.target): ast.unparse(field.annotation) for field in fields_of(node)
        }
        for module in modules
        for node in messages_of(module)
    }


def recorded() -> Messages:
    """Return the messages as they were first said."""
    said: Messages = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    return said


if __name__ == "__main__":
    RECORD.write_text(json.dumps(spoken(message_modules()), indent=2, sort_keys=True) + "\n")
