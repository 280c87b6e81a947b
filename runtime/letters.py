"""Letters: what happened, what comes next, and by when, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import jinja2
from babel.dates import format_datetime
from babel.numbers import format_currency

import adapters.notification
from domain.money import minor_digits
from domain.order.state import ClockName, OrderState

TEMPLATES: Final = Path(adapters.notification.__file__).parent / "templates"
_LOCALE: Final = "en"


@dataclass(frozen=True)
class Words:
    """A letter without its address."""

    subject: str
    text: str


@dataclass(frozen=True)
class Occasion:
    """Why a letter is written: the kind of the event, its facts, and to whom it matters.

    `subject` is the process ("order/o-1"); `order` how the order stands now, for its deadlines.
    """

    kind: str
    audience: str
    subject: str
    facts: Mapping[str, Any]
    name: str = ""
    order: OrderState | None = None


class Letters:
    """Writes letters from templates: one per kind of event and audience."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """A template is `<kind>.<audience>.txt`; its first line is the subject."""
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
        template = self._templates.get_template(f"{occasion.kind}.{occasion.audience}.txt")
        subject, _, text = template.render(_told(occasion)).partition("\n")
        return Words(subject.strip(), text.strip() + "\n")


def money(minor: int, currency: str) -> str:
    """An amount for people, with the code of its currency and every digit: "EUR 12.30"."""
    digits = minor_digits(currency)
    pattern = "¤¤ #,##0" + ("." + "0" * digits if digits else "")
    exact = Decimal(minor).scaleb(-digits)
    shown = format_currency(
        exact, currency, pattern, locale=_LOCALE, currency_digits=False, decimal_quantization=False
    )
    return shown.replace("\N{NO-BREAK SPACE}", " ")


def date(at: str | datetime) -> str:
    """An instant for people: "30 Nov 2026, 14:05 UTC"."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{format_datetime(moment, 'd MMM y, HH:mm', tzinfo=UTC, locale=_LOCALE)} UTC"


def _told(occasion: Occasion) -> dict[str, Any]:
    facts, order = occasion.facts, occasion.order
    name = occasion.subject.partition("/")[2]
    told: dict[str, Any] = {
        "facts": facts,
        "money": money,
        "date": date,
        "greeting": f"Hello {occasion.name}," if occasion.name else "Hello,",
        "order": name,
        "payout": name,
        "at": date(facts["at"]),
        "due": dict.fromkeys(map(str, ClockName), "") | _deadlines(order),
    }
    if order is not None:
        told["total"] = money(order.total, order.currency)
    if "amount" in facts and "currency" in facts:
        told["amount"] = money(facts["amount"], facts["currency"])
        told["net"] = told["amount"]
    return told


def _deadlines(order: OrderState | None) -> dict[str, str]:
    """The deadlines that still run; one that is over must not be promised."""
    return {} if order is None else {str(clock.name): date(clock.due_at) for clock in order.clocks}
