"""Pages as a reader without a browser meets them: their elements, and what a visitor does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

from api.auth import Caller
from api.console.visitor import SESSION, Visitor
from domain.actors import Role
from tests.support.market import Market

_VOID: Final = frozenset({"meta", "link", "input", "img", "br", "hr", "rect"})
_NOT_FILLED: Final = frozenset({"hidden", "submit", "button"})
HERE: Final = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Element:
    """One element, the text in it, and what is around it."""

    name: str
    attributes: Mapping[str, str]
    around: "Element | None" = None
    text: str = ""
    inner: list["Element"] = field(default_factory=list["Element"])

    def all(self, name: str) -> Iterator["Element"]:
        """Every element of that name in it."""
        for one in self.inner:
            if one.name == name:
                yield one
            yield from one.all(name)

    def is_in(self, name: str) -> bool:
        """Whether one of that name is around it."""
        return self.around is not None and (self.around.name == name or self.around.is_in(name))

    def words(self) -> str:
        """All of its text."""
        return " ".join(f"{self.text} {' '.join(one.words() for one in self.inner)}".split())


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.top = Element("document", {})
        self._open = self.top

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.inner.append(made)
        if tag not in _VOID:
            self._open = made

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._open.name == tag, f"<{self._open.name}> is closed by </{tag}>"
        assert self._open.around is not None
        self._open = self._open.around

    def handle_data(self, data: str) -> None:
        self._open.text += data


def parsed(text: str) -> Element:
    """The document; every element of it is closed by its own end."""
    parser = _Parser()
    parser.feed(text)
    assert parser._open is parser.top, f"<{parser._open.name}> is never closed"
    return parser.top


def complaints(text: str) -> list[str]:
    """What keeps somebody from reading or using the page."""
    return list(_complaints(parsed(text)))


def _complaints(page: Element) -> Iterator[str]:
    (html,) = page.all("html")
    if not html.attributes.get("lang"):
        yield "says no language"
    if len(list(page.all("main"))) != 1 or len(list(page.all("h1"))) != 1:
        yield "has not exactly one main part and one heading of it"
    ids = [one.attributes["id"] for one in _every(page) if "id" in one.attributes]
    yield from (f"has the id {one} twice" for one in sorted({i for i in ids if ids.count(i) > 1}))
    yield from _unnamed(page, set(ids))
    yield from _unsafe(page)
    for form in page.all("form"):
        is_post = form.attributes.get("method") == "post"
        hidden = {one.attributes.get("name") for one in form.all("input")}
        if is_post and "csrf" not in hidden and "preferences" not in form.attributes["action"]:
            yield f"posts to {form.attributes['action']} without a token"


def _unnamed(page: Element, ids: set[str]) -> Iterator[str]:
    yield from _unlabelled(page)
    for kind in ("a", "button", "summary"):
        for one in page.all(kind):
            if not one.words() and not one.attributes.get("aria-label"):
                yield f"has a {kind} without words"
    for one in _every(page):
        for target in one.attributes.get("aria-labelledby", "").split():
            if target not in ids:
                yield f"is labelled by {target}, which is not there"
        if one.name == "th" and "scope" not in one.attributes:
            yield f"has a head of a table without a scope: {one.words()}"


def _unlabelled(page: Element) -> Iterator[str]:
    labelled = {label.attributes.get("for") for label in page.all("label")}
    fields = [one for kind in ("input", "select", "textarea") for one in page.all(kind)]
    for one in fields:
        is_filled_in = one.attributes.get("type") not in _NOT_FILLED
        if is_filled_in and one.attributes.get("id") not in labelled and not one.is_in("label"):
            yield f"has a field {one.attributes.get('name', '')} without a label"


def _unsafe(page: Element) -> Iterator[str]:
    """What the content policy would block, and what asks another host."""
    for one in _every(page):
        yield from (f"has {name} inline" for name in one.attributes if name.startswith("on"))
        if "style" in one.attributes or one.name == "style":
            yield "has a style inline"
        if one.name == "script" and "src" not in one.attributes:
            yield "has a script inline"
        address = one.attributes.get("src") or (
            one.attributes.get("href", "") if one.name == "link" else ""
        )
        if urlsplit(address).netloc:
            yield f"asks another host: {address}"


def _every(element: Element) -> Iterator[Element]:
    for one in element.inner:
        yield one
        yield from _every(one)


@dataclass
class Visit:
    """Somebody with a browser, and what they do in it."""

    client: httpx2.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(f"/console{path}", headers=headers)

    async def form(self, path: str, within: str = "") -> dict[str, str]:
        """The fields of the form of a page that posts to itself, or to *within*."""
        answer = await self.get(path)
        return fields_of(answer.text, f"/console{within or path.partition('?')[0]}")

    async def post(self, path: str, fields: Mapping[str, str], **more: str) -> httpx2.Response:
        """Send a form as a browser does, with some fields filled in."""
        sent = urlencode({**fields, **more})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(f"/console{path}", content=sent, headers=HERE | kind)


def fields_of(text: str, action: str) -> dict[str, str]:
    """What a form would send if nothing were filled in."""
    for form in parsed(text).all("form"):
        if form.attributes.get("action") == action:
            return {
                one.attributes["name"]: one.attributes.get("value", "")
                for one in form.all("input")
                if one.attributes.get("type") == "hidden"
            }
    raise AssertionError(f"no form posts to {action}")


async def visit(market: Market, role: Role, name: str) -> Visit:
    """Sign somebody in, by the same redirects that a browser follows."""
    guest = await stranger(market)
    await sign_in(guest, role, name)
    return guest


@dataclass
class Signed(Visit):
    """Somebody whose session is there already; `csrf` is what its forms hold."""

    csrf: str

    async def send(self, method: str, path: str, **fields: str) -> httpx2.Response:
        """Look at a page, or send a form of this session's to it."""
        if method == "GET":
            return await self.get(path)
        return await self.post(path, {"csrf": self.csrf}, **fields)


async def signed(
    market: Market,
    role: Role,
    name: str,
    seller: str = "",
    ttl: timedelta = timedelta(hours=1),
) -> Signed:
    """Somebody who was signed in by the provider: for what is not about that."""
    token = market.issuer.mint(role, name, ttl, seller=seller)
    csrf = Visitor(Caller(role, name, seller), token, datetime.now(UTC)).csrf
    client = await market.anonymous()
    # Not by the jar: signing out would empty it.
    client.headers["Cookie"] = f"{SESSION}={token}"
    return Signed(client, csrf)


async def stranger(market: Market) -> Visit:
    """Somebody who is not signed in."""
    return Visit(await market.anonymous())


async def sign_in(guest: Visit, role: Role, name: str, to: str = "/console") -> httpx2.Response:
    """Go through the identity provider as *name*; the answer that leads back into the console."""
    away = await guest.get(f"/sign-in?to={to}")
    asked = {
        name: values[0]
        for name, values in parse_qs(urlsplit(away.headers["Location"]).query).items()
    }
    chosen = urlencode(asked | {"role": str(role), "subject": name})
    back = await guest.get(f"/issuer/choice?{chosen}")
    return await guest.client.get(back.headers["Location"])
