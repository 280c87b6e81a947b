"""Habits that a reader, an operator or a log search relies on."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.source import Module, Rule, complaints, of_tests, rooms

EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
SWITCHED_OFF = re.compile(r"#\s*(?:(?:type|pyright):\s*ignore|noqa)(.*)")
NAMED_WITH_REASON = re.compile(r"(?:\[[\w, -]+\]|:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)[\s#-]+\w.*")
LEVELS = ("debug", "info", "warning", "error", "critical", "exception")


def unnamed_types(module: Module) -> Iterator[str]:
    """A type named by its function changes when somebody renames the function."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                text = ast.unparse(decorator)
                if re.match(r"(activity|workflow)\.defn\b", text) and "name=" not in text:
                    yield f"{node.lineno} {node.name} has no explicit name"


def prose_events(module: Module) -> Iterator[str]:
    for name, node in module.calls():
        owner, _, level = name.rpartition(".")
        if owner in {"log", "self._log"} and level in LEVELS and node.args:
            first = node.args[0]
            events = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            for event in events:
                if not isinstance(event, ast.Constant) or not EVENT.fullmatch(str(event.value)):
                    yield f"{node.lineno} logs {ast.unparse(event)}, not noun.past_participle"


def endless(module: Module) -> Iterator[str]:
    """Every retry ends by number or by time, and every queue has a limit."""
    calls = list(module.calls())
    in_time = {
        keyword.value
        for _, node in calls
        if any(keyword.arg == "schedule_to_close_timeout" for keyword in node.keywords)
        for keyword in node.keywords
    }
    for name, node in calls:
        given = {keyword.arg for keyword in node.keywords}
        retries = name.split(".")[-1] == "RetryPolicy" and "maximum_attempts" not in given
        if retries and node not in in_time:
            yield f"{node.lineno} retries for ever"
        if name in {"asyncio.Queue", "queue.Queue"} and not node.args and "maxsize" not in given:
            yield f"{node.lineno} has a queue without a limit"


def environment(module: Module) -> Iterator[str]:
    """Settings are read in one place; whoever reads them elsewhere cannot be configured."""
    programs = {"runtime", "cli", "sandbox", "benchmarks"}
    if module.room not in programs and module.path != "persistence/migrate.py":
        for node in ast.walk(module.tree):
            if ast.unparse(node) in {"os.environ", "os.getenv"} and isinstance(node, ast.Attribute):
                yield f"{node.lineno} reads the environment"


def reasonless(module: Module) -> Iterator[str]:
    """A gate may be switched off for a line, by name and with the reason beside it."""
    for number, line in enumerate(module.text.splitlines(), 1):
        found = SWITCHED_OFF.search(line)
        if found and not NAMED_WITH_REASON.fullmatch(found[1].strip()):
            yield f"{number} switches a gate off without its name and a reason"


def untold(module: Module) -> Iterator[str]:
    for node in module.functions():
        if node.name.startswith("test_") and not ast.get_docstring(node):
            yield f"{node.lineno} {node.name} does not say why anyone cares"


@pytest.mark.parametrize(
    ("rule", "sample"),
    [
        (unnamed_types, "@activity.defn\nasync def take(): ..."),
        (unnamed_types, "@workflow.defn()\nclass Order: ..."),
        (prose_events, "log.info(f'took {amount}')"),
        (prose_events, "log.warning('It failed')"),
        (endless, "RetryPolicy(initial_interval=x)"),
        (endless, "asyncio.Queue()"),
        (environment, "x = os.environ['HOME']"),
        (reasonless, "x = 1  # noqa: S101"),
        (reasonless, "x = 1  # type: ignore"),
        (untold, "def test_it(): assert True"),
    ],
)
def test_each_rule_bites(rule: Rule, sample: str) -> None:
    """A rule that finds nothing in a bad sample would find nothing anywhere."""
    assert list(rule(Module("activities/sample.py", sample)))


@pytest.mark.parametrize(
    "rule",
    [unnamed_types, prose_events, endless, environment, reasonless],
    ids=lambda r: r.__name__,
)
def test_the_product_keeps_the_habit(rule: Rule) -> None:
    """What holds everywhere need not be looked up."""
    assert complaints(rule, rooms()) == []


def test_every_test_says_why_anyone_cares() -> None:
    """Whoever breaks it a year from now must know what is lost."""
    assert complaints(untold, of_tests()) == []


def test_the_tests_switch_no_gate_off_without_a_reason() -> None:
    """The same as in the product, but for this file, which holds the bad samples."""
    elsewhere = [module for module in of_tests() if module.path != "tests/architecture/" + _THIS]

    assert complaints(reasonless, elsewhere) == []


_THIS = "test_conventions.py"
