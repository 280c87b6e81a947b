"""Lists, search and expansion, which work alike for every kind of object."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sandbox.payments.errors import invalid, missing
from sandbox.payments.params import Params
from sandbox.store import Json, Page, is_list, is_table
from sandbox.world import Desk

_CLAUSE: Final = re.compile(
    r"""\s*(?:metadata\[(['"])(?P<key>.+?)\1\]|(?P<field>\w+))\s*:\s*(['"])(?P<value>.*?)\4\s*"""
)
_DEPTH: Final = 4
Handler: TypeAlias = Callable[..., Json]


def page_of(desk: Desk, params: Params, kind: str, url: str, **where: str) -> Json:
    """One page of a list, newest first, in the provider's envelope."""
    page = params.page()
    for edge in (page.after, page.before):
        if edge is not None and desk.store.read(kind, edge, desk.account) is None:
            raise missing(kind, edge, "starting_after", 400)
    found, more = desk.store.find(kind, desk.account, page, where)
    return {"object": "list", "data": found, "has_more": more, "url": url}


@dataclass(frozen=True, slots=True)
class Listing:
    """A list route: which kind, and which of its fields may be asked for."""

    kind: str
    url: str
    fields: tuple[str, ...] = ()

    def __call__(self, desk: Desk, params: Params) -> Json:
        asked = {name: params.optional(name) for name in self.fields}
        where = {name: value for name, value in asked.items() if value is not None}
        return page_of(desk, params, self.kind, self.url, **where)


def refunds_of_charge(desk: Desk, params: Params, charge_id: str) -> Json:
    return page_of(desk, params, "refund", f"/v1/charges/{charge_id}/refunds", charge=charge_id)


def reversals_of_transfer(desk: Desk, params: Params, transfer_id: str) -> Json:
    url = f"/v1/transfers/{transfer_id}/reversals"
    return page_of(desk, params, "transfer_reversal", url, transfer=transfer_id)


def events(desk: Desk, params: Params) -> Json:
    """Events, of one `type` or of several `types`."""
    wanted = [*params.texts("types"), *filter(None, [params.optional("type")])]
    if len(wanted) <= 1:
        where = {"type": wanted[0]} if wanted else {}
        return page_of(desk, params, "event", "/v1/events", **where)
    page = page_of(desk, params, "event", "/v1/events")
    page["data"] = [event for event in page["data"] if event["type"] in wanted]
    return page


def search(kind: str, url: str) -> Handler:
    """A search route over *kind*. It finds what is at least `search_lag` wall seconds old."""

    def searched(desk: Desk, params: Params) -> Json:
        where = _clauses(params.required("query"))
        limit = params.integer("limit") or 10
        after = params.optional("page")
        lag = desk.rules.search_lag
        page = Page(limit, after, None, {"lte": desk.store.now() - lag} if lag else None)
        found, more = desk.store.find(kind, desk.account, page, where)
        return {
            "object": "search_result",
            "data": found,
            "has_more": more,
            "next_page": found[-1]["id"] if more else None,
            "url": url,
        }

    return searched


def _clauses(query: str) -> dict[str, str]:
    where: dict[str, str] = {}
    for clause in re.split(r"\s+AND\s+", query):
        read = _CLAUSE.fullmatch(clause)
        named = read and (read["key"] or read["field"])
        if read is None or not named or not re.fullmatch(r"[\w.-]+", named):
            raise invalid(f"We were unable to parse your search query: {clause}", param="query")
        where[f'metadata."{named}"' if read["key"] else named] = read["value"]
    return {_as_indexed(name): value for name, value in where.items()}


def _as_indexed(field: str) -> str:
    """The spelling that the store's indexes have, where the key needs no quotes."""
    plain = field.replace('"', "")
    return plain if re.fullmatch(r"metadata\.\w+", plain) else field


def expand(desk: Desk, body: Json, paths: list[str]) -> Json:
    """Put whole objects in the place of their ids, as *paths* ask."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEPTH:
            raise invalid(f"You cannot expand more than {_DEPTH} levels: {path}", param="expand")
        _expand_in(desk, body, parts, path)
    return body


def _expand_in(desk: Desk, node: object, parts: list[str], path: str) -> None:
    if is_list(node):
        for item in node:
            _expand_in(desk, item, parts, path)
        return
    if not parts or node is None:
        return
    if not is_table(node) or parts[0] not in node:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand[0]")
    inner = node[parts[0]]
    if isinstance(inner, str):
        inner = desk.store.read(None, inner)
        if inner is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand[0]")
        node[parts[0]] = inner
    _expand_in(desk, inner, parts[1:], path)
