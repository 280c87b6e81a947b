"""How long things may get before a reader loses the thread."""

import ast
from collections.abc import Iterator
from statistics import quantiles

from tests.support.source import Module, Rule, complaints, length, rooms

LONGEST_FUNCTION, LONGEST_FILE, LONGEST_RUN, LONGEST_WORKER = 60, 400, 30, 60
USUAL_FUNCTION = 30


def written() -> list[Module]:
    """What somebody wrote; a migration is generated, and never read again once it has run."""
    return [module for module in rooms() if "/migrations/versions/" not in module.path]


def long_functions(module: Module) -> Iterator[str]:
    for node in module.functions():
        if length(node) > LONGEST_FUNCTION:
            yield f"{node.lineno} {node.name} has {length(node)} lines"


def long_file(module: Module) -> Iterator[str]:
    lines = module.text.count("\n")
    limit = LONGEST_WORKER if module.path == "worker.py" else LONGEST_FILE
    if lines > limit:
        yield f"1 has {lines} lines, {limit} are allowed"


def long_run(module: Module) -> Iterator[str]:
    for node in module.functions():
        if _is_run(node) and length(node) > LONGEST_RUN:
            yield f"{node.lineno} run has {length(node)} lines: it is the table of contents"


def no_docstring(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield "1 says nothing about itself"


def _is_run(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator) == "workflow.run" for decorator in node.decorator_list)


def _bites(rule: Rule, text: str, path: str = "domain/sample.py") -> bool:
    return bool(list(rule(Module(path, text))))


def test_no_function_outgrows_a_screen() -> None:
    """A function is understood whole or not at all."""
    assert _bites(long_functions, "def f():\n" + "    x = 1\n" * 60)

    assert complaints(long_functions, written()) == []


def test_most_functions_are_short() -> None:
    """The longest allowed is for the exception, not for the habit."""
    lengths = [length(node) for module in written() for node in module.functions()]

    assert quantiles(lengths, n=20)[-1] <= USUAL_FUNCTION


def test_no_file_outgrows_its_subject() -> None:
    """Past this size a file is about two things."""
    assert _bites(long_file, "x = 1\n" * 401)
    assert _bites(long_file, "x = 1\n" * 61, "worker.py")

    assert complaints(long_file, written()) == []


def test_the_life_of_a_process_fits_on_a_page() -> None:
    """`run` is what a newcomer reads first."""
    assert _bites(long_run, "class W:\n @workflow.run\n async def run(self):\n" + "  x\n" * 30)

    assert complaints(long_run, written()) == []


def test_every_module_says_what_it_is_for() -> None:
    """The list of files is the map; the first line of each is its legend."""
    assert _bites(no_docstring, "x = 1\n")

    assert complaints(no_docstring, written()) == []
