"""Pages: an opaque mark says where the next one begins, so that new rows shift nothing."""

import base64
import binascii
import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.problems import Problem

T = TypeVar("T")
R = TypeVar("R")

# Between the parts of a mark that has several.
SEPARATOR: Final = "\x1f"

Limit = Annotated[int, Field(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[
    str, Field(max_length=200, description="`next` of the page before; opaque.", examples=[""])
]


class PageQuery(BaseModel):
    """Where a page begins, and how long it is."""

    model_config = ConfigDict(extra="forbid")

    cursor: Cursor = ""
    limit: Limit = 50


class Page(BaseModel, Generic[T]):
    """Some of a list, and where it goes on (`next` is null at its end)."""

    items: list[T]
    next: str | None = Field(description="Give it as `cursor` to read on.")


def page(
    rows: Sequence[R], limit: int, mark: Callable[[R], object], item: Callable[[R], T]
) -> Page[T]:
    """Make a page of at most *limit*; *rows* hold one more where the list goes on."""
    shown = rows[:limit]
    more = encode(str(mark(shown[-1]))) if len(rows) > limit else None
    return Page(items=[item(row) for row in shown], next=more)


def encode(mark: str) -> str:
    """A mark as callers see it."""
    return base64.urlsafe_b64encode(mark.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """The mark of a cursor, "" for the first page. What we never gave out is a problem (422)."""
    try:
        padded = (cursor + "=" * (-len(cursor) % 4)).encode()
        mark = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _strange() from None
    if any(unicodedata.category(char) == "Cc" and char != SEPARATOR for char in mark):
        raise _strange()
    return mark


def decode_number(cursor: str) -> int | None:
    """The same where marks are numbers; None for the first page."""
    mark = decode(cursor)
    if not mark:
        return None
    if not mark.isascii() or not mark.isdigit() or len(mark) > 18:  # noqa: PLR2004 - of a bigint
        raise _strange()
    return int(mark)


def _strange() -> Problem:
    errors = [{"field": "query cursor", "why": "not a cursor of ours"}]
    return Problem("request-invalid", "the cursor is not one of ours", {"errors": errors})
