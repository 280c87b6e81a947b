"""Words go out once, to the right person, and say what happened, what comes next and by when."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.notices import CONCERNS
from domain.order.state import Clock, ClockName, OrderState
from persistence.idempotency import keep_particulars
from runtime.bank_details import Asking, ask, new_code
from runtime.letters import TEMPLATES, Letters, Occasion, date, money
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace, Placed

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
    "fee": 1_400,
    "currency": "EUR",
    "ship_by": (_AT + timedelta(days=7)).isoformat(),
    "carrier": "DHLExpress",
    "number": "1234567890",
    "reason": "account_closed",
    "parcel": "1",
    "days": 5,
    "standing": "suspended",
    "account": "acct_2",
    "until": (_AT + timedelta(days=3)).isoformat(),
    "code": "9f86d081884c7d65",
}
_EVERY = [(kind, audience) for kind, audiences in CONCERNS.items() for audience in audiences]


async def _known(market: Marketplace, order: Placed, email: str, name: str = "Müller & Co") -> None:
    """Keep an address for an order, as the request desk does."""
    person = f"b-{order.order}"
    sealed = await market.vault.seal(person, json.dumps({"email": email, "name": name}).encode())
    async with market.engine.begin() as db:
        await keep_particulars(db, f"order/{order.order}", person, sealed)


@pytest.mark.parametrize(("kind", "audience"), _EVERY)
def test_every_event_has_words_for_everybody_whom_it_concerns(kind: str, audience: str) -> None:
    """An event without words would be parked, and somebody would wait for nothing."""
    order = _ORDER if kind.startswith("order.") else None
    subject = "order/o-1" if order else "payout/s-1/2026-11-30-EUR"
    words = Letters().write(Occasion(kind, audience, subject, _FACTS, "A. Buyer", order))

    assert "o-1" in words.subject or "ayout" in words.subject
    assert words.text.startswith("Hello A. Buyer,\n")
    assert "{" not in words.text
    assert "\n\n\n" not in words.text
    assert max(len(line) for line in words.subject.splitlines()) < 80


def test_no_template_is_left_that_nobody_sends() -> None:
    """A renamed event would leave its words behind, and go out without any."""
    names = {path.name for path in TEMPLATES.iterdir()}

    assert names == {f"{kind}.{audience}.txt" for kind, audience in _EVERY}


def test_a_deadline_that_has_gone_is_not_named() -> None:
    """A letter that waited out an outage must not promise what is over."""
    late = replace(_ORDER, clocks=())
    told = Occasion("order.payment_reminded", "buyer", "order/o-1", _FACTS, "", late)

    assert "If you have paid in the meantime" in Letters().write(told).text


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (1230, "EUR", "EUR 12.30"),
        (123_456_789, "BRL", "BRL 1,234,567.89"),
        (500, "JPY", "JPY 500"),
        (12_345, "KWD", "KWD 12.345"),
        (-5, "USD", "-USD 0.05"),
    ],
)
def test_money_is_written_exactly(minor: int, currency: str, shown: str) -> None:
    """Every digit of every currency, and which one it is."""
    assert money(minor, currency) == shown


def test_an_instant_is_written_with_its_zone() -> None:
    """Monday is another day elsewhere."""
    assert date("2026-11-30T09:05:00-05:00") == "30 Nov 2026, 14:05 UTC"


async def test_the_buyer_is_told_once(market: Marketplace, dispatch: Dispatch) -> None:
    """A relay that died after sending sends again: the same Message-ID says that it is the same."""
    order = await market.order(total=12_300)
    await _known(market, order, f"{order.order}@example.com")
    await order.until(lambda state: bool(state.intent))
    await dispatch.relay.drain()
    async with market.engine.begin() as db:
        await db.execute(text("UPDATE outbox SET state = 'waiting'"))
    await dispatch.relay.drain()

    mails = await market.world.mails(f"{order.order}@example.com")
    assert len({mail["message_id"] for mail in mails}) == 1
    assert mails[0]["subject"] == f"Order {order.order}: we have it"
    assert "Hello Müller & Co,\n\nwe have your order" in mails[0]["text"].replace("\r", "")
    assert "EUR 123.00" in mails[0]["text"]


@pytest.mark.case(58)
async def test_a_sealed_fact_is_read_in_the_letter_and_nowhere_else(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """A code in a backup of the outbox would confirm somebody else's account."""
    to = f"{market.task_queue}@example.com"
    letter = await market.vault.seal("s-1", json.dumps({"email": to, "name": "S"}).encode())
    code = await new_code(market.vault, "s-1")
    who = Asking("s-1", "seller:s-1", _AT)
    async with market.engine.begin() as db:
        await keep_particulars(db, "seller/s-1", "s-1", letter)
        await ask(db, who, "acct_new", code)
    (before,) = await market.rows("SELECT facts::text AS facts, sealed FROM outbox")
    await dispatch.relay.drain()
    (after,) = await market.rows("SELECT state, sealed FROM outbox")
    (mail,) = await market.world.mails(to)

    assert code.clear not in before.facts
    assert before.sealed is not None
    assert code.clear.encode() not in before.sealed
    assert (after.state, after.sealed) == ("done", None)
    assert code.clear in mail["text"]
    assert "acct_new" in mail["text"]


async def test_without_an_address_nobody_is_written_to(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It is said so, instead of being tried for days."""
    order = await market.order()
    await order.until(lambda state: bool(state.intent))
    await dispatch.relay.drain()

    (row,) = await market.rows("SELECT state FROM outbox")
    assert row.state == "skipped"


async def test_somebody_who_was_forgotten_is_not_written_to(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Their address is gone with their key."""
    order = await market.order()
    await _known(market, order, "gone@example.com")
    await order.until(lambda state: bool(state.intent))
    await market.vault.erase(f"b-{order.order}")
    await dispatch.relay.drain()

    (row,) = await market.rows("SELECT state FROM outbox")
    assert row.state == "skipped"
    assert await market.world.mails("gone@example.com") == []


async def test_an_address_that_is_none_is_parked_with_an_alarm(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It never will work; somebody should know that a person was not told."""
    order = await market.order()
    await _known(market, order, "no address\r\nBcc: all@example.com")
    await order.until(lambda state: bool(state.intent))
    await dispatch.relay.drain()

    (row,) = await market.rows("SELECT state FROM outbox")
    (alarm,) = await market.rows("SELECT kind, subject FROM alarms")
    assert row.state == "parked"
    assert tuple(alarm) == ("notice.parked", f"order/{order.order}")
