"""How a page is made: template, words, figures, and the headers that keep it closed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console.moments import Reading, stamp
from api.console.reason_templates import TEMPLATES
from api.console.visitor import PATH, Visitor
from api.console.words import LANGUAGES, TAGS, Catalogue, catalogue, language_of
from api.deps import services
from domain.actors import STAFF, Role

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
THEME: Final = "caravan_theme"
THEMES: Final = ("system", "light", "dark")
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Place:
    """One entry of the navigation, and the key that leads there after `g`."""

    name: str
    path: str
    key: str


@dataclass(frozen=True)
class Page:
    """What one answer is made with."""

    request: Request
    visitor: Visitor | None
    words: Catalogue
    reading: Reading
    more: dict[str, Any] = field(default_factory=dict[str, Any])

    def show(self, template: str, status: int = 200, /, **told: object) -> HTMLResponse:
        """Render it."""
        text = _templates().get_template(template).render(self._context() | told)
        return HTMLResponse(text, status, HEADERS)

    def _context(self) -> dict[str, Any]:
        language, who = self.words.language, self.visitor
        return {
            "t": self.words,
            "name": self.words.name,
            "read": self.reading,
            "stamp": stamp,
            "language": language,
            "languages": LANGUAGES,
            "tag": TAGS[language],
            "theme": theme_of(self.request),
            "themes": THEMES,
            "who": who,
            "places": places(who.caller.role) if who else (),
            "here": self.request.url.path,
            "back": str(self.request.url.path)
            + (f"?{self.request.url.query}" if self.request.url.query else ""),
            "static": static,
            "request_query": self.request.query_params,
            "root": PATH,
            "temporal_ui": self.request.app.state.temporal_ui,
            "templates": TEMPLATES,
        }


def page_of(request: Request, who: Visitor | None = None, subject: str = "console") -> Page:
    """A page for *who* looks; its moment is that of *subject* ("order/o-1")."""
    language = language_of(request)
    now = services(request).clock.now(subject)
    return Page(request, who, catalogue(language), Reading.of(request, language, now))


def places(role: Role) -> tuple[Place, ...]:
    """Where somebody of that role can go."""
    orders = Place("orders", f"{PATH}/orders", "o")
    disputes = Place("disputes", f"{PATH}/disputes", "d")
    chargebacks = Place("chargebacks", f"{PATH}/chargebacks", "c")
    if role in STAFF:
        return Place("queue", f"{PATH}/queue", "q"), orders, disputes, chargebacks
    if role is Role.SELLER:
        return orders, disputes, chargebacks, Place("money", f"{PATH}/money", "m")
    return orders, disputes


def theme_of(request: Request) -> str:
    """Light, dark, or what the system says."""
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in THEMES else THEMES[0]


def see_other(path: str, **query: str) -> Response:
    """Look at another page of ours: what a POST ends with, so that reloading repeats nothing."""
    told = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return RedirectResponse(f"{path}?{told}" if told else path, 303, HEADERS)


@cache
def static(name: str) -> str:
    """The address of a file, another one whenever its content is another."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{PATH}/static/{name}?v={digest}"


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
