"""Evidence over HTTP and in the console: by its content, once, in time or late, for both sides."""

import asyncio
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx2
import pytest

from adapters.files.objects import ObjectFiles
from adapters.files.scanner import Clamd
from domain.actors import Actor, Role
from domain.dispute.evidence import LARGEST
from domain.errors import NotKnown
from persistence.disputes import reading
from runtime.child import free_port
from runtime.evidence import Sender
from tests.api.test_disputes import received
from tests.support.malware import MALWARE
from tests.support.market import Json, Market, Person
from tests.support.pages import HERE, fields_of, parsed, visit

_BROKEN: Final = {"lines": ["1"], "category": "received", "reason": "damaged", "amount": 5_000}


def a_picture(shade: int) -> bytes:
    """A grey square, as a PNG."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(b"\0" + bytes([shade] * 8) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


async def _disputed(alive: Market, order: str) -> tuple[Person, str]:
    buyer = await received(alive, order)
    opened = await buyer.post(f"/v1/orders/{order}/disputes", _BROKEN)
    return buyer, opened.headers["Location"]


async def _shows(
    person: Person, path: str, content: bytes, kind: str = "image/png"
) -> httpx2.Response:
    return await person.client.post(
        f"{path}/evidence", content=content, headers={"Content-Type": kind}
    )


async def test_what_one_side_shows_both_can_see(alive: Market) -> None:
    """Whoever is accused of something sees with what."""
    buyer, path = await _disputed(alive, "o-evidence")
    seller = await alive.caller(Role.SELLER, "clerk-7", seller="s-1")
    shown = await _shows(buyer, path, a_picture(10))
    again = await _shows(buyer, path, a_picture(10))
    other = await _shows(seller, path, b"%PDF-1.7\nthe packing list", "application/octet-stream")
    listed = (await seller.get(f"{path}/evidence")).json()["items"]
    file = await seller.get(shown.headers["Location"])
    told = (await seller.get(f"{path}/timeline")).json()["items"]

    assert [shown.status_code, other.status_code] == [201, 201]
    assert again.json() == shown.json()
    assert [(one["number"], one["by"], one["media_type"], one["is_late"]) for one in listed] == [
        (1, "buyer", "image/png", False),
        (2, "seller", "application/pdf", False),
    ]
    assert file.content == a_picture(10)
    assert file.headers["Content-Type"] == "image/png"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in file.headers["Content-Security-Policy"]
    version = (await buyer.get(path)).json()["version"]
    # A receiver takes what has a lower version than it has seen for old news.
    assert [(one["kind"], one["actor"], one["version"]) for one in told][-2:] == [
        ("dispute.evidence_by_buyer", "buyer:b-1", version),
        ("dispute.evidence_by_seller", "seller:s-1", version),
    ]
    assert [one.actor for one in await alive.services.evidence.of(path.rpartition("/")[2])] == [
        "buyer:b-1",
        "seller:clerk-7",
    ]


@pytest.mark.parametrize("is_at_once", [False, True], ids=["later", "at once"])
async def test_the_same_file_of_a_second_agent_leaves_the_first_ones_readable(
    alive: Market,
    is_at_once: bool,  # noqa: FBT001 - pytest names it
) -> None:
    """Each file is sealed for whoever is on record with it, however many of a side send it."""
    buyer, path = await _disputed(alive, f"o-evidence-agents-{is_at_once}")
    agents = [await alive.caller(Role.SUPPORT_AGENT, f"agent-{number}") for number in range(4)]
    if is_at_once:
        shown = await asyncio.gather(*(_shows(agent, path, a_picture(15)) for agent in agents))
    else:
        shown = [await _shows(agent, path, a_picture(15)) for agent in agents]
    listed = (await buyer.get(f"{path}/evidence")).json()["items"]
    file = await buyer.get(shown[0].headers["Location"])

    assert {one.status_code for one in shown} == {201}
    assert [one["number"] for one in listed] == [1]
    assert (file.status_code, file.content) == (200, a_picture(15))


async def test_strangers_see_and_show_nothing(alive: Market) -> None:
    """Pictures of somebody's home are for the two of them and the judge."""
    buyer, path = await _disputed(alive, "o-evidence-theirs")
    await _shows(buyer, path, a_picture(20))
    for role, name, seller in (
        (Role.BUYER, "b-other", ""),
        (Role.SELLER, "s-other", "s-other"),
    ):
        other = await alive.caller(role, name, seller=seller)
        assert (await other.get(f"{path}/evidence")).status_code == 404
        assert (await other.get(f"{path}/evidence/1")).status_code == 404
        assert (await _shows(other, path, a_picture(21))).status_code == 404
    auditor = await alive.caller(Role.AUDITOR)
    assert (await auditor.get(f"{path}/evidence/1")).status_code == 200
    assert (await _shows(auditor, path, a_picture(22))).status_code == 403


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", b"MZ\x90\0" * 99],
    ids=["nothing", "a script", "a program"],
)
async def test_what_a_file_is_its_content_says(alive: Market, content: bytes) -> None:
    """A name and a header are easily written."""
    buyer, path = await _disputed(alive, f"o-evidence-{len(content)}")
    refused = await _shows(buyer, path, content)

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/not-evidence"
    assert (await buyer.get(f"{path}/evidence")).json()["items"] == []


@pytest.mark.case(38)
async def test_what_is_too_large_is_not_taken(alive: Market) -> None:
    """It is cut off on its way in, and nothing of it is kept."""
    buyer, path = await _disputed(alive, "o-evidence-huge")
    picture = a_picture(30)
    refused = await _shows(buyer, path, picture.ljust(LARGEST + 1, b"\0"))
    just = await _shows(buyer, path, picture.ljust(LARGEST, b"\0"))

    assert refused.status_code == 413
    assert just.status_code == 201
    assert [one["size"] for one in (await buyer.get(f"{path}/evidence")).json()["items"]] == [
        LARGEST
    ]


@pytest.mark.case(38)
async def test_what_comes_late_is_kept_and_marked(alive: Market) -> None:
    """Whoever decides sees that it is late, and may leave it unseen."""
    buyer, path = await _disputed(alive, "o-evidence-late")
    escalated: Json = (await buyer.post(f"{path}/escalation", {})).json()
    assert escalated["status"] == "evidence"
    alive.clock.at = datetime.now(UTC) + timedelta(days=4)
    try:
        late = await _shows(buyer, path, a_picture(40))
    finally:
        alive.clock.at = None

    assert (late.status_code, late.json()["is_late"]) == (201, True)


async def test_two_at_once_have_numbers_of_their_own(alive: Market) -> None:
    """Both sides send at the last minute, as many files at once as each may."""
    buyer, path = await _disputed(alive, "o-evidence-race")
    seller = await alive.caller(Role.SELLER, "s-1")
    answers: list[httpx2.Response] = []
    for pair in ((50, 51), (52, 53), (50, 50)):
        sent = [_shows(one, path, a_picture(shade)) for shade in pair for one in (buyer, seller)]
        answers += await asyncio.gather(*sent)
    listed = (await buyer.get(f"{path}/evidence")).json()["items"]
    told = (await buyer.get(f"{path}/timeline")).json()["items"]

    assert {answer.status_code for answer in answers} == {201}
    assert [one["number"] for one in listed] == list(range(1, 9))
    assert sorted(one["facts"].get("evidence", 0) for one in told)[-8:] == list(range(1, 9))


async def test_a_file_lies_sealed_for_whoever_showed_it(alive: Market) -> None:
    """A picture is as personal as an address: to forget its person is to forget it."""
    buyer, path = await _disputed(alive, "o-evidence-erased")
    await _shows(buyer, path, a_picture(60))
    seller = await alive.caller(Role.SELLER, "s-1")
    assert (await seller.get(f"{path}/evidence/1")).status_code == 200

    (known,) = await alive.services.evidence.of(path.rpartition("/")[2])
    raw = await alive.services.evidence.files.get(known.place)
    assert a_picture(60) not in raw
    assert known.person == "b-1"


async def test_a_file_that_the_store_has_lost_is_told_and_can_be_shown_again(
    alive: Market, tmp_path: Path
) -> None:
    """Somebody restores a backup of the one and not of the other."""
    buyer, path = await _disputed(alive, "o-evidence-lost")
    await _shows(buyer, path, a_picture(80))
    name = path.rpartition("/")[2]
    empty = replace(alive.services.evidence, files=ObjectFiles((tmp_path / "empty").as_uri()))
    async with alive.services.engine.connect() as db:
        state = await reading.dispute(db, name)
    assert state is not None

    with pytest.raises(NotKnown, match="missing from the store"):
        await empty.file(name, 1)
    sender = Sender(Actor(Role.BUYER, "b-1"), "buyer:b-1")
    again = await empty.show(state, sender, a_picture(80), datetime.now(UTC))
    shown, content = await empty.file(name, 1)

    assert (again.number, shown.number) == (1, 1)
    assert content == a_picture(80)


async def test_a_file_is_sent_and_seen_in_the_console(alive: Market) -> None:
    """Neither side writes HTTP."""
    _, path = await _disputed(alive, "o-evidence-page")
    here = path.removeprefix("/v1")
    buyer = await visit(alive, Role.BUYER, "b-1")
    (form,) = (
        one
        for one in parsed((await buyer.get(here)).text).all("form")
        if one.attributes.get("enctype") == "multipart/form-data"
    )
    csrf = next(one.attributes["value"] for one in form.all("input"))
    sent = await buyer.client.post(
        f"/console{here}/evidence",
        data={"csrf": csrf},
        files={"file": ("glass.png", a_picture(70), "image/png")},
    )
    forged = await buyer.client.post(
        f"/console{here}/evidence",
        data={"csrf": "forged"},
        files={"file": ("glass.png", a_picture(71), "image/png")},
    )
    seller = await visit(alive, Role.SELLER, "s-1")
    page = (await seller.get(here)).text
    file = await seller.get(f"{here}/evidence/1")

    assert sent.status_code == 303
    assert forged.status_code == 403
    assert f'src="/console{here}/evidence/1"' in page
    assert file.content == a_picture(70)
    assert "Evidence 2" not in page


@pytest.mark.case(38)
async def test_malware_is_refused_and_what_was_sent_is_not_kept(alive: Market) -> None:
    """A picture all the same, by its beginning; who sent what stays in the log."""
    buyer, path = await _disputed(alive, "o-infected")
    infected = a_picture(40) + MALWARE
    refused = await _shows(buyer, path, infected)
    guest = await visit(alive, Role.BUYER, "b-1")
    case = path.removeprefix("/v1")
    form = {"csrf": fields_of((await guest.get(case)).text, f"/console{case}/evidence")["csrf"]}
    page = await guest.client.post(
        f"/console{case}/evidence", data=form, files={"file": ("a.png", infected)}, headers=HERE
    )
    clean = await _shows(buyer, path, a_picture(41))
    listed = (await buyer.get(f"{path}/evidence")).json()["items"]
    lead = await alive.caller(Role.SUPPORT_LEAD, "lead-1")
    log = (await lead.get(f"{path}/log")).json()["items"]

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/infected"
    assert "Eicar" in refused.json()["detail"]
    assert page.status_code == 422
    assert "There is malware in the file" in page.text
    assert clean.status_code == 201
    assert [one["number"] for one in listed] == [1]
    assert [one["actor"] for one in log] == ["buyer:b-1"]
    assert log[0]["action"].startswith("evidence_refused/")
    assert log[0]["version"] == 1
    assert log[0]["facts"]["found"] == "Eicar-Test-Signature"


@pytest.mark.case(38)
async def test_nothing_is_kept_that_nobody_could_look_at(alive: Market) -> None:
    """The scanner is away: the same file again, later, is taken."""
    buyer, path = await _disputed(alive, "o-unseen")
    use = alive.services
    blind = replace(use.evidence, scanner=Clamd("127.0.0.1", free_port()))
    alive.app.state.services = replace(use, evidence=blind)
    away = await _shows(buyer, path, a_picture(42))
    alive.app.state.services = use
    later = await _shows(buyer, path, a_picture(42))

    assert away.status_code == 503
    assert later.status_code == 201
    assert later.json()["number"] == 1
