"""Handlers made from tables: updates that are judged at once, and signals that are written down."""

import inspect
from collections.abc import Callable
from typing import Any

from temporalio import workflow


def update_of(
    owner: str,
    names: tuple[str, str],
    message: type[Any],
    hear: Any,  # noqa: ANN401 - a method of the process
    may: Any,  # noqa: ANN401 - a method of the process
) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The update of that name and description: *may* is its validator.

    Both take the process and the *message*; what *hear* returns is the answer.
    """
    name, description = names
    for handler in (hear, may):
        _name(handler, owner, name)
        # What the converter must make of the payload: the message, and no annotation on self.
        handler.__annotations__ = {"request": message, "return": handler.__annotations__["return"]}
        # Worked out here, and not for every execution anew when the SDK compares the two.
        handler.__signature__ = inspect.signature(handler)
    decorated = workflow.update(name=name, description=description)(hear)
    decorated.validator(may)
    return decorated


def signal_of(owner: str, names: tuple[str, str], message: type[Any]) -> Any:  # noqa: ANN401 - the SDK's decorated form
    """The signal of that name: a fact is written down, and applied when its turn comes."""
    name, description = names

    def note(self: Any, fact: Any) -> None:  # noqa: ANN401 - any process, any fact
        self.noted(fact)

    _name(note, owner, name)
    note.__annotations__ = {"fact": message, "return": None}
    return workflow.signal(name=name, description=description)(note)


def _name(handler: Callable[..., Any], owner: str, name: str) -> None:
    handler.__name__ = name
    handler.__qualname__ = f"{owner}.{name}"
