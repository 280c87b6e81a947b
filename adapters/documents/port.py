"""What documents are made of, and what makes them must do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Section:
    """A heading, and the paragraphs below it."""

    title: str
    paragraphs: Sequence[str]


class Press(Protocol):
    """Sets words on pages."""

    def document(self, title: str, sections: Sequence[Section], made_at: datetime) -> bytes:
        """A whole document; the same words at the same time (UTC) are the same bytes."""
        ...
