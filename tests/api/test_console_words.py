"""The catalogue: every word in every language, and a word for everything that is said."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from api.console import chargebacks, dispute_forms, pages
from api.console.forms import ACTS
from api.console.orders import STATUSES
from api.console.reason_templates import TEMPLATES as REASON_TEMPLATES
from api.console.words import LANGUAGES, catalogue
from api.problems import KINDS
from domain.actors import Role
from domain.casework import WorkKind
from domain.chargeback.state import Stage as Claimed
from domain.dispute import reasons
from domain.dispute import state as disputes
from domain.dispute.bulk import Award, BorneBy, Standing
from domain.ledger import AccountKind
from domain.notices import CONCERNS
from domain.order.agreements import Topic
from domain.order.parcels import ParcelStage
from domain.order.state import ClockName, Fraud, Fulfilment, Outcome, Payment, Release
from domain.order.whereabouts import Whereabouts
from domain.payout.rules import Reason
from domain.payout.state import Stage
from domain.shipment.milestones import Milestone

TEMPLATES = sorted((pages.HERE / "templates").glob("*.html"))
EVERY_ACT = [
    *ACTS.values(),
    *dispute_forms.ACTS.values(),
    dispute_forms.OPENING,
    *chargebacks.ACTS.values(),
]
each_language = pytest.mark.parametrize("language", LANGUAGES)
_SAID = re.compile(r"""\bt\(["']([\w.-]+)["'](?!\s*~)""")
# What processes tell of an order without a letter: seen on its page alone.
_UNSENT = re.compile(r'Event\(\s*"([a-z_.]+)"')
FAMILIES: dict[str, Iterable[object]] = {
    "role": Role,
    "clock": [*ClockName, *disputes.ClockName],
    "when_due": [*ClockName, *disputes.ClockName],
    "where": Whereabouts,
    "account": AccountKind,
    "milestone": Milestone,
    "claim": Claimed,
    "topic": Topic,
    "payment": Payment,
    "release": Release,
    "fraud": Fraud,
    "status": [
        *Outcome,
        *Fulfilment,
        *ParcelStage,
        *Stage,
        *STATUSES,
        *disputes.Stage,
        *disputes.Outcome,
    ],
    "category": reasons.Category,
    "cause": reasons.Reason,
    "remedy": reasons.Remedy,
    "basis": disputes.Basis,
    "problem": KINDS,
    "event": [
        *CONCERNS,
        *(f"dispute.{clock}_ran_out" for clock in disputes.ClockName),
        *(f"dispute.{event}" for event in disputes.PauseEvent),
    ],
    "work": WorkKind,
    "award": Award,
    "payer": BorneBy,
    "standing": Standing,
    "template": {each for told in REASON_TEMPLATES.values() for each in told},
    "payout_reason": Reason,
    "done": [act.action for act in EVERY_ACT],
    "side": ["buyer", "seller", "platform"],
}


@each_language
def test_every_language_says_the_same_with_the_same_gaps(language: str) -> None:
    """A sentence that lacks its figure is worse than one in another language."""
    own, english = catalogue(language).words, catalogue("en").words

    assert own.keys() == english.keys()
    for key, words in english.items():
        assert sorted(re.findall(r"{\w+}", own[key])) == sorted(re.findall(r"{\w+}", words)), key
        assert own[key].strip(), key


@each_language
@pytest.mark.parametrize("family", FAMILIES)
def test_everything_that_is_shown_has_a_name(language: str, family: str) -> None:
    """Nobody should have to read `cancellation_answer`."""
    known = catalogue(language).words

    assert [code for code in FAMILIES[family] if f"{family}.{code}" not in known] == []


@each_language
def test_everything_that_processes_tell_has_a_name(language: str) -> None:
    """Also what nobody is written about."""
    known = catalogue(language).words
    told = {kind for file in _sources("activities") for kind in _UNSENT.findall(file.read_text())}

    assert told
    assert [kind for kind in sorted(told) if f"event.{kind}" not in known] == []


@each_language
def test_every_act_has_its_title_its_meaning_and_its_verb(language: str) -> None:
    """A button is a verb with its object, and never says only "OK"."""
    known = catalogue(language).words
    for act in EVERY_ACT:
        for part in ("title", "about", "button"):
            assert known[f"act.{act.action}.{part}"]
        gaps = set(re.findall(r"{(\w+)}", known[f"act.{act.action}.button"]))
        assert gaps <= {field.name for field in act.fields}, act.action
        assert all(f"field.{field.called}" in known for field in act.fields)
        options = {f"{field.family}.{option}" for field in act.fields for option in field.options}
        assert sorted(options - known.keys()) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_word_that_a_page_says_is_in_the_catalogue(template: Path) -> None:
    """A page that stumbles over a missing word is no page at all."""
    known = catalogue("en").words

    assert [key for key in _SAID.findall(template.read_text()) if key not in known] == []


def test_no_word_is_kept_that_nothing_says() -> None:
    """Dead words are translated, too."""
    text = "".join(file.read_text() for file in [*TEMPLATES, *_sources("api/console")])
    families = {*FAMILIES, "act", "field", "option", "fact", "doubt", "posting_kind", "keys"}
    spoken = {"place", "theme", "issuer", "axis", "about", "balance", "wrong", "queue", "bulk"}
    unsaid = [
        key
        for key in catalogue("en").words
        if key.partition(".")[0] not in families | spoken
        and not re.search(f"[\"']{re.escape(key)}[\"']", text)
    ]

    assert unsaid == []


def _sources(room: str) -> Iterator[Path]:
    return (pages.HERE.parents[1] / room).rglob("*.py")
