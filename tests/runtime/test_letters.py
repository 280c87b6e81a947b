"""Letters say what happened, what comes next and by when, in words that their reader knows."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jinja2
import pytest
from jinja2 import meta

from domain.notices import CONCERNS
from domain.order.state import Clock, ClockName, OrderState
from runtime.letters import GREETING, TEMPLATES, Letters, Occasion
from runtime.reader import LANGUAGES, Reader

_AT = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)
_ORDER = OrderState(
    "o-1",
    "b-1",
    "s-1",
    "EUR",
    12_300,
    _AT,
    clocks=tuple(Clock(name, _AT, _AT + timedelta(days=3)) for name in ClockName),
)
_FACTS = {
    "at": _AT.isoformat(),
    "amount": 12_300,
    "payable": 11_316,
    "commission": 984,
    "reserve": 0,
    "debt": 0,
    "fee": 1_400,
    "currency": "EUR",
    "ship_by": (_AT + timedelta(days=7)).isoformat(),
    "carrier": "DHLExpress",
    "number": "1234567890",
    "reason": "account_closed",
    "asked": 12_400,
    "parcel": "1",
    "days": 5,
    "borne_by": "seller",
    "attempt": 2,
    "from": _AT.isoformat(),
    "account": "acct_2",
    "code": "9f86d081884c7d65",
    "orders": "p-1-1, p-1-2",
    "decide_by": (_AT + timedelta(days=3)).isoformat(),
    "pay_by": (_AT + timedelta(days=3)).isoformat(),
    "lines": "1, 2",
    "answer_by": (_AT + timedelta(days=3)).isoformat(),
    "return_by": (_AT + timedelta(days=10)).isoformat(),
    "send_by": (_AT + timedelta(days=10)).isoformat(),
    "chargeback": "du_1",
    "until": (_AT + timedelta(days=3)).isoformat(),
}
# An object of each family of events, by the name that its letters call it.
_SUBJECTS = {
    "order": "order/o-1",
    "payout": "payout/s-1/2026-11-30-EUR",
    "purchase": "purchase/p-1",
    "dispute": "dispute/d-1",
    "seller": "seller/s-1",
}
_EVERY = [(kind, audience) for kind, audiences in CONCERNS.items() for audience in audiences]
_HELLO = {"en": "Hello A. Buyer,\n", "zh": "A. Buyer，您好：\n"}
each_language = pytest.mark.parametrize("language", LANGUAGES)
each_letter = pytest.mark.parametrize(("kind", "audience"), _EVERY)


@each_language
def test_a_seller_in_another_currency_reads_their_own(language: str) -> None:
    """What is payable is yuan, what left escrow was euros: a slip would promise eightfold."""
    facts = _FACTS | {"payable": 92_791, "settles_in": "CNY"}
    reader = Reader("A. Seller", language)
    words = Letters().write(
        Occasion("order.released", "seller", "order/o-1", facts, reader, _ORDER)
    )

    assert "927.91" in words.subject
    assert "CNY" in words.text
    assert "EUR" in words.text


@each_language
@each_letter
def test_every_event_has_words_for_everybody_whom_it_concerns(
    kind: str, audience: str, language: str
) -> None:
    """An event without words would be parked, and somebody would wait for nothing."""
    family = kind.partition(".")[0]
    order = _ORDER if family == "order" else None
    subject = _SUBJECTS[family]
    reader = Reader("A. Buyer", language, "Asia/Shanghai")
    words = Letters().write(Occasion(kind, audience, subject, _FACTS, reader, order))

    assert words.subject
    assert words.text.startswith(_HELLO[language])
    assert "{" not in words.text
    assert "\n\n\n" not in words.text
    assert max(len(line) for line in words.subject.splitlines()) < 80


@each_language
def test_no_template_is_left_that_nobody_sends(language: str) -> None:
    """A renamed event would leave its words behind, and go out without any."""
    names = {path.name for path in (TEMPLATES / language).iterdir()}

    assert names == {f"{kind}.{audience}.txt" for kind, audience in _EVERY} | {GREETING}
    assert {path.name for path in TEMPLATES.iterdir()} == set(LANGUAGES)


@each_letter
def test_every_language_tells_the_same_facts(kind: str, audience: str) -> None:
    """A deadline or an amount that is left out of a translation is never missed by its author."""
    told = {language: _told(f"{language}/{kind}.{audience}.txt") for language in LANGUAGES}

    assert all(facts == told["en"] for facts in told.values())


def _told(template: str) -> set[str]:
    """What a template names: its variables, its deadlines, its facts."""
    text = (TEMPLATES / template).read_text()
    named = meta.find_undeclared_variables(jinja2.Environment(autoescape=False).parse(text))  # noqa: S701 - nothing is rendered
    return named | set(re.findall(r"\b(?:due|facts)\.\w+", text))


def test_the_languages_are_really_different() -> None:
    """A folder that was copied and never translated would pass every other test."""
    letters = [path for path in (TEMPLATES / "zh").iterdir() if path.name != GREETING]

    assert all(re.search("[\u4e00-\u9fff]{4}", path.read_text()) for path in letters)


def test_a_deadline_that_has_gone_is_not_named() -> None:
    """A letter that waited out an outage must not promise what is over."""
    late = replace(_ORDER, clocks=())
    told = Occasion("order.payment_reminded", "buyer", "order/o-1", _FACTS, order=late)

    assert "If you have paid in the meantime" in Letters().write(told).text


@pytest.mark.parametrize(
    ("language", "written_in"),
    [
        ("", "en"),
        ("en-GB", "en"),
        ("zh", "zh"),
        ("zh-Hans-CN", "zh"),
        ("ZH_cn", "zh"),
        ("de-AT", "en"),
        ("not a tag", "en"),
    ],
)
def test_the_nearest_language_is_taken(language: str, written_in: str) -> None:
    """A tag that nobody has words for must not keep anybody from being told."""
    reader = Reader(language=language)

    assert reader.written_in == written_in
    assert reader.money(1230, "EUR") == "EUR 12.30"


@pytest.mark.parametrize(
    ("minor", "currency", "language", "shown"),
    [
        (1230, "EUR", "", "EUR 12.30"),
        (123_456_789, "BRL", "zh", "BRL 1,234,567.89"),
        (123_456_789, "INR", "en-IN", "INR 12,34,567.89"),
        (500, "JPY", "zh-CN", "JPY 500"),
        (12_345, "KWD", "en", "KWD 12.345"),
        (-5, "USD", "en", "-USD 0.05"),
    ],
)
def test_money_is_written_exactly(minor: int, currency: str, language: str, shown: str) -> None:
    """Every digit of every currency, and which one it is, grouped as the reader does."""
    assert Reader(language=language).money(minor, currency) == shown


@pytest.mark.parametrize(
    ("language", "zone", "shown"),
    [
        ("en", "", "30 Nov 2026, 17:05 UTC"),
        ("en", "Nowhere/At_All", "30 Nov 2026, 17:05 UTC"),
        ("en", "America/New_York", "30 Nov 2026, 12:05 UTC-5 (17:05 UTC)"),
        ("en", "Asia/Kolkata", "30 Nov 2026, 22:35 UTC+5:30 (17:05 UTC)"),
        ("zh-CN", "Asia/Shanghai", "2026年12月1日 01:05 UTC+8（2026年11月30日 17:05 UTC）"),
    ],
)
def test_an_instant_is_written_by_the_readers_clock(language: str, zone: str, shown: str) -> None:
    """Monday is another day elsewhere: a deadline is read by the clock on the wall."""
    assert Reader("", language, zone).date("2026-11-30T12:05:00-05:00") == shown
