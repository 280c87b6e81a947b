"""What the lists of the console have in common: what is asked for, and where a list goes on."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel, ValidationError

Q = TypeVar("Q", bound=BaseModel)


def said_in(request: Request) -> dict[str, str]:
    """The filters that a visitor has filled in."""
    return {name: value for name, value in request.query_params.items() if value}


def wanted(form: type[Q], said: Mapping[str, str]) -> Q:
    """What is asked for; what cannot be read asks for nothing."""
    try:
        return form.model_validate(said)
    except ValidationError:
        return form()


def onward(said: Mapping[str, str], cursor: str | None) -> str:
    """The query of the next page, with the same filters; "" at the end of the list."""
    return f"?{urlencode({**said, 'cursor': cursor})}" if cursor else ""
