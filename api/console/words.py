"""The console's words, one catalogue per language, and which of them a visitor reads."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request

_FOLDER: Final = Path(__file__).parent / "words"
DEFAULT: Final = "en"
# Each by its own name, and by the tag that a page says it is written in.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文"}
TAGS: Final[Mapping[str, str]] = {"en": "en", "zh": "zh-Hans"}
LANGUAGE: Final = "caravan_language"


class Catalogue:
    """The words of one language, by dotted keys; `{names}` in them are filled in."""

    def __init__(self, language: str, words: Mapping[str, str]) -> None:
        """*words* are all that there is: a key that lacks is a defect (`KeyError`)."""
        self.language = language
        self.words = words

    def __call__(self, key: str, /, **facts: object) -> str:
        """Say it."""
        return self.words[key].format(**facts) if facts else self.words[key]

    def name(self, family: str, code: object) -> str:
        """What people call a *code* of the domain; one without a name is shown as it is."""
        plain = str(code)
        found = self.words.get(f"{family}.{plain}")
        return plain.rpartition(".")[2].replace("_", " ") if found is None else found


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language that we have."""
    document = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return Catalogue(language, dict(_flat(document)))


def _flat(branch: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in branch.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            yield from _flat(value, key)  # pyright: ignore[reportUnknownArgumentType] - of TOML
        else:
            yield key, str(value)


def language_of(request: Request) -> str:
    """The language that was chosen, else the first of the browser's that we have."""
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen in LANGUAGES:
        return chosen
    for tag in request.headers.get("accept-language", "").split(","):
        language = tag.partition(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return DEFAULT
