"""What every test room shares: the servers, the count of edge cases, xdist's set-up."""

import asyncio
import dataclasses
import os
from collections.abc import Iterator
from typing import Protocol

import pytest
import structlog

from tests.support.servers import SharedServers

pytest_plugins = ["tests.support.stack"]
# What looks at pages with a browser runs where there is one: `make browser` says which.
collect_ignore = [] if "CHROMIUM" in os.environ else ["browser"]

_LAST_CASE = 69
_LONG = frozenset({"e2e", "trace", "deploy"})
_shared = pytest.StashKey[SharedServers]()
_cases = pytest.StashKey[set[int]]()


@pytest.fixture(autouse=True)
def log_as_usual() -> Iterator[None]:
    """Whoever sets the log up as a command does sets it up for themselves alone."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()


class _Node(Protocol):
    """What we use of an xdist worker, seen from the controlling process."""

    config: pytest.Config
    workerinput: dict[str, object]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases", action="store_true", help="list which edge cases have a test, and run none"
    )
    parser.addoption("--storm-seed", type=int, default=20_261, help="the storm to go through")
    parser.addoption(
        "--thorough",
        action="store_true",
        help="let proofs take as long as they want",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Node) -> None:
    """Start the servers once, for the first worker, and tell every worker where they are."""
    if _shared not in node.config.stash:
        servers = SharedServers.of_our_own()
        node.config.stash[_shared] = servers
        asyncio.run(servers.start_all())
    place = node.config.stash[_shared].whereabouts()
    node.workerinput["servers"] = dataclasses.asdict(place)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _shared in config.stash:
        asyncio.run(config.stash[_shared].stop())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.cases:
        config.stash[_cases] = {number for item in items for number in _numbers(item)}
        items.clear()
        return
    # The longest files first: what is left for the end is short, and no worker waits for another.
    items.sort(key=lambda item: item.path.parent.name not in _LONG)
    if not config.option.thorough:
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        if left_out:
            items[:] = [item for item in items if not item.get_closest_marker("thorough")]
            config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if _cases in config.stash:
        covered = config.stash[_cases]
        missing = set(range(1, _LAST_CASE + 1)) - covered
        terminalreporter.write_line(f"edge cases with a test ({len(covered)}): {_ranges(covered)}")
        terminalreporter.write_line(f"still without one ({len(missing)}): {_ranges(missing)}")


def _numbers(item: pytest.Item) -> Iterator[int]:
    for mark in item.iter_markers("case"):
        for number in mark.args:
            if not isinstance(number, int) or not 1 <= number <= _LAST_CASE:
                raise pytest.UsageError(f"{item.nodeid}: there is no edge case {number!r}")
            yield number


def _ranges(numbers: set[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers)) or "none"
