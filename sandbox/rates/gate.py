"""The central bank's front door: two files of reference rates, as the ECB writes them."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final

from fastapi import Request, Response

from sandbox import wire
from sandbox.rates import days
from sandbox.store import Json
from sandbox.world import World

PREFIX: Final = "/ecb/stats/eurofxref"
# How many calendar days each file goes back.
_FILES: Final = {"eurofxref-daily.xml": 1, "eurofxref-hist-90d.xml": 90}
_FACT: Final = "fx_rates"
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">\n'
    "\t<gesmes:subject>Reference rates</gesmes:subject>\n"
    "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n"
    "\t</gesmes:Sender>\n\t<Cube>\n"
)
_TAIL: Final = "\t</Cube>\n</gesmes:Envelope>\n"
# What no bank would ever send; whoever reads must survive it.
_SPOILT: Final = {
    "malformed": "<gesmes:Envelope><Cube><Cube time='2026-",
    "bomb": (
        '<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;&b;">]><e>&c;</e>'
    ),
    "huge": _HEAD + " " * 3_000_000 + _TAIL,
    "empty": _HEAD + _TAIL,
    "negative": _HEAD + "<Cube time='2026-03-02'><Cube currency='USD' rate='-1.1'/></Cube>" + _TAIL,
    "page": "<html><body>We will be back soon.</body></html>",
}


class Gate:
    """Serves the files to anybody, as they are by the world's clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, request: Request) -> Response:
        struck = self._world.faults.strike(f"GET {request.url.path}")
        lost = await wire.cut(request, struck)
        if lost is not None:
            return lost
        await wire.delay(struck)
        early = wire.named(struck, "error")
        if early is not None:
            return Response(status_code=early.status)
        count = _FILES.get(request.path_params["name"])
        if count is None:
            return Response(status_code=404)
        answer = Response(self._file(count), media_type="text/xml")
        return await wire.after(request, struck, answer)

    def _file(self, count: int) -> str:
        rules = self._world.rules
        if rules.fx_answer:
            return _SPOILT.get(rules.fx_answer, "")
        now = self._world.store.now()
        moment = datetime.fromisoformat(rules.fx_at) if rules.fx_at else _utc(now)
        found = days.published(moment, rules.fx_minutes_late, count)
        told = _told(self._world)
        return "".join(_written(found, told, rules.fx_missing))


def tell(world: World, asked: Json) -> Json:
    """Let a day have these quotes: `{"2026-03-02": {"CNY": "8.2"}}`; raises ValueError."""
    told = _told(world)
    for day, quotes in asked.items():
        if not days.is_open(date.fromisoformat(day)):
            raise ValueError(f"nothing is published on {day}")
        told[day] = told.get(day, {}) | {str(name): str(quote) for name, quote in quotes.items()}
    world.store.note(_FACT, json.dumps(told))
    return told


def _told(world: World) -> Json:
    told: Json = json.loads(world.store.fact(_FACT) or "{}")
    return told


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _written(found: Iterable[date], told: Json, missing: str) -> Iterator[str]:
    yield _HEAD
    for day in found:
        yield f"\t\t<Cube time='{day}'>\n"
        for currency, quote in days.quotes(day, told.get(str(day), {}), missing).items():
            yield f"\t\t\t<Cube currency='{currency}' rate='{quote}'/>\n"
        yield "\t\t</Cube>\n"
    yield _TAIL
