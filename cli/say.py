"""How commands speak: sentences for people, and no traceback for what they can mend."""

import errno
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console

from runtime.child import StackError
from runtime.issuer import DevelopmentIssuerRefused
from runtime.keyring import KeyRingInvalid
from runtime.settings import SettingsError

P = ParamSpec("P")
R = TypeVar("R")

console = Console(highlight=False, soft_wrap=True)
_complaints = Console(stderr=True, highlight=False, soft_wrap=True)
_MENDABLE = (StackError, SettingsError, KeyRingInvalid, DevelopmentIssuerRefused)


def in_sentences(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors that a person can mend into a sentence and exit status 1."""

    @wraps(command)
    def speaking(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except _MENDABLE as error:
            sentence = str(error)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            sentence = f"The disk is full ({error.filename}). Make room and start again."
        complain(sentence)
        raise typer.Exit(1)

    return speaking


def complain(sentence: str) -> None:
    """Say what is wrong, on standard error."""
    _complaints.print(sentence, style="red", markup=False)
