"""Words go out once, to the right person, in their language."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from persistence.idempotency import keep_particulars
from runtime.bank_details import Asking, ask, new_code
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace, Placed

_AT = datetime(2026, 11, 30, 14, 5, tzinfo=UTC)


async def _known(market: Marketplace, order: Placed, email: str, **more: str) -> None:
    """Keep an address for an order, as the request desk does."""
    person = f"b-{order.order}"
    told = {"email": email, "name": "Müller & Co"} | more
    sealed = await market.vault.seal(person, json.dumps(told).encode())
    async with market.engine.begin() as db:
        await keep_particulars(db, f"order/{order.order}", person, sealed)


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


async def test_the_buyer_is_told_in_their_language(market: Marketplace, dispatch: Dispatch) -> None:
    """Somebody who cannot read a letter has not been told."""
    order = await market.order(total=12_300)
    to = f"{order.order}@example.com"
    await _known(market, order, to, language="zh-Hans-CN", zone="Asia/Shanghai")
    await order.until(lambda state: bool(state.intent))
    await dispatch.relay.drain()

    (mail,) = await market.world.mails(to)
    assert mail["subject"] == f"订单 {order.order}：我们已收到"
    assert "EUR 123.00" in mail["text"]
    assert "UTC+8" in mail["text"]


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


async def test_a_letter_that_outages_kept_is_not_given_up_at_the_first_defect(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """What nobody can open now the next release may, if the letter is still there."""
    order = await market.order()
    await _known(market, order, f"{order.order}@example.com")
    await order.until(lambda state: bool(state.intent))
    async with market.engine.begin() as db:
        spoilt = text("UPDATE outbox SET attempts = 20000, sealed = :sealed")
        await db.execute(spoilt, {"sealed": b"\x01unreadable"})
    await dispatch.relay.drain()

    kept = await market.rows("SELECT state, attempts, defects FROM outbox")
    assert kept == [("waiting", 20_001, 1)]
