"""Our own source, parsed, for the tests that read code instead of running it."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("domain", "adapters", "persistence", "activities", "workflows", "runtime", "api", "cli"),
    *("sandbox", "benchmarks"),
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file; `path` is relative to the repository."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def room(self) -> str:
        return self.path.split("/")[0]

    def functions(self) -> Iterator[FunctionNode]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FunctionNode))

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Each call with the dotted name of what is called."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node

    def imports(self) -> Iterator[tuple[str, int]]:
        """The full name of each imported module, and the line of the import."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module, node.lineno


Rule = Callable[[Module], Iterator[str]]


@cache
def rooms() -> tuple[Module, ...]:
    """Every module of the product."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    worker = ROOT / "worker.py"
    return _read([*files, worker] if worker.exists() else files)


@cache
def of_tests() -> tuple[Module, ...]:
    """Every module of the tests."""
    return _read(sorted((ROOT / "tests").rglob("*.py")))


def complaints(rule: Rule, modules: Iterable[Module]) -> list[str]:
    """Return what *rule* finds, each as `path: what`."""
    return [f"{module.path}:{found}" for module in modules for found in rule(module)]


def length(node: FunctionNode) -> int:
    """Return the lines of a function, decorators left out, docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _read(paths: Iterable[Path]) -> tuple[Module, ...]:
    return tuple(Module(str(path.relative_to(ROOT)), path.read_text()) for path in paths)
