"""Recorded histories: where they lie, how they are read, and the commands that they hold.

Record anew, all or those named, with `make histories ARGS="order-completed"`; a history that has
landed is only ever added to, for executions like it may still be running somewhere.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from runtime.derived_keys import DerivedKeys
from runtime.keyring import KeyRing

HERE: Final = Path(__file__).parent
HISTORIES: Final = HERE / "histories"
# Made for recorded lives of made-up people; it opens nothing else.
RING: Final = HERE / "test-key-ring.json"
# What a history holds of a local activity.
_AT_ONCE: Final = "core_local_activity"


def keys() -> DerivedKeys:
    """The keys that recorded histories are encrypted under."""
    return DerivedKeys(KeyRing.read(RING))


@cache
def recorded() -> Mapping[str, WorkflowHistory]:
    """Every history by its name; they are read once, for reading them all takes a second or two."""
    return MappingProxyType(
        {
            path.stem: WorkflowHistory.from_json(f"recorded/{path.stem}", path.read_text())
            for path in sorted(HISTORIES.glob("*.json"))
        }
    )


def commands(history: WorkflowHistory) -> Iterator[str]:
    """What the workflow asked of Temporal, in order, in words."""
    for event in history.events:
        word = _command(event)
        if word:
            yield word


def _command(event: HistoryEvent) -> str:
    kind = (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")
    match kind:
        case "activity_task_scheduled":
            return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
        case "start_child_workflow_execution_initiated":
            child = event.start_child_workflow_execution_initiated_event_attributes
            return f"child {child.workflow_type.name}"
        case "marker_recorded" if event.marker_recorded_event_attributes.marker_name == _AT_ONCE:
            told = event.marker_recorded_event_attributes.details["data"].payloads[0].data
            return f"activity {json.loads(told)['activity_type']}, at once"
        case "timer_started" | "timer_canceled" | "upsert_workflow_search_attributes":
            return kind
        case "workflow_execution_completed" | "workflow_execution_continued_as_new":
            return kind
        case _:
            return ""


def fingerprint(history: WorkflowHistory) -> str:
    """A short name for a history's commands: another name means another behaviour."""
    return hashlib.sha256("\n".join(commands(history)).encode()).hexdigest()[:16]
