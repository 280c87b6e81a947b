"""Letters: what happened, what comes next, and by when, in plain words of the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jinja2

import adapters.notification
from domain.order.state import ClockName, OrderState
from runtime.reader import Reader

TEMPLATES: Final = Path(adapters.notification.__file__).parent / "templates"
GREETING: Final = "_greeting.txt"


@dataclass(frozen=True)
class Words:
    """A letter without its address."""

    subject: str
    text: str
    language: str


@dataclass(frozen=True)
class Occasion:
    """Why a letter is written: the kind of the event, its facts, and to whom it matters.

    `subject` is the process ("order/o-1"); `order` how the order stands now, for its deadlines.
    """

    kind: str
    audience: str
    subject: str
    facts: Mapping[str, Any]
    reader: Reader = field(default_factory=Reader)
    order: OrderState | None = None


class Letters:
    """Writes letters from the catalogue: one template per language, kind of event and audience."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """A template is `<language>/<kind>.<audience>.txt`; its first line is the subject."""
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            # Plain text: there is nothing to escape, and "Müller & Co" must stay as it is.
            autoescape=jinja2.select_autoescape(default=False, default_for_string=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            keep_trailing_newline=True,
        )

    def write(self, occasion: Occasion) -> Words:
        """Write it. A kind without a template is a defect (`TemplateNotFound`)."""
        language = occasion.reader.written_in
        greeting = self._templates.get_template(f"{language}/{GREETING}")
        template = self._templates.get_template(
            f"{language}/{occasion.kind}.{occasion.audience}.txt"
        )
        told = _told(occasion) | {"greeting": greeting.render(name=occasion.reader.name).strip()}
        subject, _, text = template.render(told).partition("\n")
        return Words(subject.strip(), text.strip() + "\n", language)


def _told(occasion: Occasion) -> dict[str, Any]:
    facts, order, reader = occasion.facts, occasion.order, occasion.reader
    name = occasion.subject.partition("/")[2]
    told: dict[str, Any] = {
        "facts": facts,
        "money": reader.money,
        "date": reader.date,
        "order": facts.get("order", name),
        "dispute": name,
        "payout": name,
        "purchase": name,
        "at": reader.date(facts["at"]),
        "due": dict.fromkeys(map(str, ClockName), "") | _deadlines(order, reader),
    }
    if order is not None:
        told["total"] = reader.money(order.total, order.currency)
    if "amount" in facts and "currency" in facts:
        told["amount"] = reader.money(facts["amount"], facts["currency"])
        told["net"] = told["amount"]
    return told


def _deadlines(order: OrderState | None, reader: Reader) -> dict[str, str]:
    """The deadlines that still run; one that is over must not be promised."""
    if order is None:
        return {}
    return {str(clock.name): reader.date(clock.due_at) for clock in order.clocks}
