"""What an execution costs: Temporal's billable actions, its history, the database's work."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowHandle

_ACTION: Final = re.compile(r'^action\{action_type="(\w+)",namespace="(\w+)".*\} (\d+)')
_PREFIXES: Final = ("command_", "grpc_")
# The server shows a count about a second after it was made.
_SHOWN_AFTER: Final = 1.5
_GIVEN_UP_AFTER: Final = 30
_RETENTION: Final = Duration(seconds=86_400)


@dataclass(frozen=True)
class Cost:
    """What one execution has cost from its start to its end."""

    actions: Mapping[str, int]
    events: int
    history_bytes: int
    statements: int
    transactions: int

    @property
    def billed(self) -> int:
        """All actions together."""
        return sum(self.actions.values())


class Queries:
    """Counts what is asked of the database through an engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Count from now on."""
        self.statements = 0
        self.transactions = 0
        event.listen(engine.sync_engine, "before_cursor_execute", self._statement)
        event.listen(engine.sync_engine, "begin", self._transaction)

    def _statement(self, *_: Any) -> None:  # noqa: ANN401 - whatever the event tells
        self.statements += 1

    def _transaction(self, *_: Any) -> None:  # noqa: ANN401 - whatever the event tells
        self.transactions += 1


async def new_namespace(client: Client, name: str) -> None:
    """Make a namespace, so that what happens in it is counted apart.

    Letters, digits and underscores: the server's metrics know no other.
    """
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=_RETENTION)
    )


async def billed(metrics_port: int, namespace: str) -> Mapping[str, int]:
    """The actions of a namespace by kind, as the server counts them, once they are all shown."""
    url = f"http://127.0.0.1:{metrics_port}/metrics"
    async with httpx2.AsyncClient(trust_env=False) as http, asyncio.timeout(_GIVEN_UP_AFTER):

        async def shown() -> Mapping[str, int]:
            await asyncio.sleep(_SHOWN_AFTER)
            return _by_kind((await http.get(url)).raise_for_status().text, namespace)

        found = await shown()
        while (now := await shown()) != found:
            found = now
    return found


async def history_of(handle: WorkflowHandle[Any, Any]) -> tuple[int, int]:
    """How many events an execution's history has, and how many bytes the server counts."""
    described = await handle.describe()
    info = described.raw_description.workflow_execution_info
    return info.history_length, info.history_size_bytes


def _by_kind(text: str, namespace: str) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for line in text.splitlines():
        found = _ACTION.match(line)
        if found is not None and found[2] == namespace:
            kind = found[1]
            for prefix in _PREFIXES:
                kind = kind.removeprefix(prefix)
            counted[kind] += int(found[3])
    return {kind: number for kind, number in sorted(counted.items()) if number}
