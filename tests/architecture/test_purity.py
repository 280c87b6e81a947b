"""What keeps rules testable and processes replayable: no clock, no chance, no world."""

import ast
import sys
from collections.abc import Iterator

from tests.support.source import Module, complaints, rooms

# Modules of the standard library through which time, chance or the world comes in.
WORLDLY = frozenset(
    {
        "ctypes", "fcntl", "ftplib", "getpass", "glob", "http", "io", "logging", "mmap",
        "multiprocessing", "os", "pathlib", "random", "secrets", "select", "shutil", "signal",
        "smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
        "urllib", "uuid",
    }
)  # fmt: skip
OWN = {"domain": {"domain"}, "workflows": {"domain", "activities", "workflows", "temporalio"}}
WORLDLY_CALLS = frozenset({"open", "print", "input", "exec", "eval", "__import__"})


def worldly_imports(module: Module) -> Iterator[str]:
    banned = WORLDLY | ({"asyncio"} if module.room == "domain" else set[str]())
    for name, line in module.imports():
        top = name.split(".")[0]
        if top in banned:
            yield f"{line} imports {name}, which a replay cannot repeat"
        elif top not in sys.stdlib_module_names and top not in OWN[module.room]:
            yield f"{line} imports {name}, which this room may not"


def worldly_calls(module: Module) -> Iterator[str]:
    for name, node in module.calls():
        if name in WORLDLY_CALLS or name.endswith((".now", ".utcnow", ".today")):
            if name == "workflow.now":
                continue
            yield f"{node.lineno} calls {name}"


def waiting(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{node.lineno} waits: a rule has nothing to wait for"


def iterated_sets(module: Module) -> Iterator[str]:
    """A set's order differs between processes, so a replay would do things in another order."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            called = node.iter.func if isinstance(node.iter, ast.Call) else None
            unordered = isinstance(called, ast.Name) and called.id in {"set", "frozenset"}
            if isinstance(node.iter, ast.Set | ast.SetComp) or unordered:
                yield f"{node.iter.lineno} iterates over a set"


def _of(*names: str) -> list[Module]:
    return [module for module in rooms() if module.room in names]


def _bites(rule_found: Iterator[str]) -> bool:
    return bool(list(rule_found))


def test_rules_and_processes_import_nothing_worldly() -> None:
    """A replay months later must decide as the first run did."""
    assert _bites(worldly_imports(Module("workflows/x/workflow.py", "import random")))
    assert _bites(worldly_imports(Module("domain/x.py", "from pydantic import BaseModel")))
    assert not _bites(worldly_imports(Module("workflows/x.py", "from temporalio import workflow")))

    assert complaints(worldly_imports, _of("domain", "workflows")) == []


def test_rules_and_processes_ask_no_clock() -> None:
    """The moment is an argument; otherwise a test cannot choose it and a replay changes it."""
    assert _bites(worldly_calls(Module("domain/x.py", "datetime.now(UTC)")))
    assert not _bites(worldly_calls(Module("workflows/x.py", "workflow.now()")))

    assert complaints(worldly_calls, _of("domain", "workflows")) == []


def test_rules_do_not_wait() -> None:
    """What waits depends on the world, and belongs into a process or an activity."""
    assert _bites(waiting(Module("domain/x.py", "async def f():\n    pass")))

    assert complaints(waiting, _of("domain")) == []


def test_processes_keep_an_order() -> None:
    """Strings hash differently in each interpreter; a replay then issues other commands."""
    assert _bites(iterated_sets(Module("workflows/x.py", "for x in {'a', 'b'}:\n    f(x)")))
    assert _bites(iterated_sets(Module("workflows/x.py", "[f(x) for x in set(names)]")))

    assert complaints(iterated_sets, _of("workflows")) == []
