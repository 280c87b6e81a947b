"""A seller's money without an order: deposits, debts, what would be paid now; and parked rows."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.actors import Role
from domain.ledger import AccountKind as Kind
from domain.ledger import Posting, move
from persistence.database import SqlDatabase
from tests.api.conftest import NOON
from tests.support.market import Json, Market, Person, a_seller
from tests.support.sandbox import SandboxWorld


async def post(market: Market, key: str, *amounts: tuple[Kind, str, int]) -> None:
    """Book something that orders would have booked."""
    async with SqlDatabase(market.services.engine).transaction() as tx:
        await tx.ledger.post(Posting(key, "test", "test", "EUR", NOON, move(amounts)))


async def euro(person: Person, seller: str) -> Json:
    (found,) = (await person.get(f"/v1/sellers/{seller}/balance")).json()
    balance: Json = found
    return balance


def deposit_of(amount: int, reference: str = "pi_1") -> Json:
    return {"currency": "EUR", "amount": amount, "reference": reference}


async def test_a_deposit_is_booked_once_per_reference(market: Market) -> None:
    """The provider's reference names the money: told twice, it has come once."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-deposit"))
    booked = await service.post("/v1/sellers/s-deposit/deposit", deposit_of(5_000))
    twice = await service.post("/v1/sellers/s-deposit/deposit", deposit_of(5_000))
    odd = await service.post("/v1/sellers/s-deposit/deposit", {**deposit_of(1), "currency": "XAF"})

    assert booked.status_code == 201, booked.text
    assert booked.json()["deposit"] == {"amount": 5_000, "currency": "EUR"}
    assert (twice.status_code, odd.status_code) == (409, 422)
    assert odd.json()["type"] == "/problems/currency-unknown"


async def test_a_balance_says_what_would_be_paid_now_and_if_nothing_is_why(market: Market) -> None:
    """The same reasons as a payout's, before anybody asks for one."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-look"))
    await post(
        market, "look/1", (Kind.CLEARING, "by_hand", 20_000), (Kind.PAYABLE, "s-look", -20_000)
    )
    await post(market, "look/2", (Kind.DEBT, "s-look", 3_000), (Kind.CLEARING, "by_hand", -3_000))
    pays = (await euro(service, "s-look"))["pays"]
    await service.patch("/v1/sellers/s-look", {"standing": "suspended"}, 1)
    held = (await euro(service, "s-look"))["pays"]
    async with market.services.engine.begin() as db:
        await db.execute(
            text(
                "UPDATE sellers SET standing = 'active', bank_changed_at = :at"
                " WHERE seller = 's-look'"
            ),
            {"at": NOON},
        )
    cooling = (await euro(service, "s-look"))["pays"]

    assert (pays["netted"]["amount"], pays["reason"]) == (3_000, "")
    assert pays["amount"]["amount"] + pays["fee"]["amount"] == 17_000
    assert (held["amount"]["amount"], held["reason"]) == (0, "suspended")
    assert cooling["reason"] == "bank_details_changed"
    assert cooling["until"] == (NOON + timedelta(days=3)).isoformat().replace("+00:00", "Z")


async def test_a_balance_names_each_reserve_and_when_it_ends(market: Market) -> None:
    """A seller asks where the rest is, and until when."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller("s-keep"))
    await post(
        market, "keep/1", (Kind.CLEARING, "by_hand", 4_000), (Kind.RESERVE, "s-keep", -4_000)
    )
    columns = "total, commission, captured, refunded, charged_back, held, recovered, charged"
    money = (
        f'INSERT INTO order_money ("order", seller, currency, released, reserved, {columns})'  # noqa: S608 - our own
        " VALUES ('o-k', 's-keep', 'EUR', 20000, 4000, 20000, 0, 20000, 0, 0, 0, 0, 0)"
    )
    async with market.services.engine.begin() as db:
        await db.execute(text(money))
    (kept,) = (await euro(service, "s-keep"))["reserves"]

    assert (kept["order"], kept["amount"]["amount"], kept["ends_at"]) == ("o-k", 4_000, None)


async def owes(market: Market, name: str) -> Person:
    """An operator, and a seller who owes EUR 25.00."""
    service = await market.service()
    await service.post("/v1/sellers", a_seller(name))
    await post(market, f"{name}/1", (Kind.DEBT, name, 2_500), (Kind.CLEARING, "by_hand", -2_500))
    return await market.caller(Role.OPERATOR)


def write_off(amount: int, reference: str = "w-1") -> Json:
    return {**deposit_of(amount, reference), "reason": "insolvent"}


async def test_a_closed_seller_s_debt_is_written_off_as_our_loss(market: Market) -> None:
    """The books must not show for ever what nobody will pay; who gave it up, and why, is kept."""
    operator = await owes(market, "s-gone")
    await operator.patch("/v1/sellers/s-gone", {"standing": "closed"}, 1)
    too_much = await operator.post("/v1/sellers/s-gone/write-off", write_off(2_501))
    done = await operator.post("/v1/sellers/s-gone/write-off", write_off(2_500, "w-2"))
    async with market.services.engine.connect() as db:
        loss = "SELECT sum(amount) FROM legs WHERE kind = 'platform_loss'"
        lost = (await db.execute(text(loss))).scalar_one()
        said = "SELECT actor, facts->>'note' FROM timeline WHERE kind = 'seller.debt_written_off'"
        told = (await db.execute(text(said))).one()

    assert too_much.json()["type"] == "/problems/amount-exceeded"
    assert (done.status_code, done.json()["debt"]["amount"]) == (201, 0)
    assert lost == 2_500
    assert tuple(told) == ("operator:operator-1", "insolvent")


@pytest.mark.parametrize("why", ["open", "deposit"])
async def test_a_debt_that_somebody_could_still_pay_is_not_written_off(
    market: Market, why: str
) -> None:
    """An open store earns, and a deposit is there for exactly this."""
    operator = await owes(market, f"s-{why}")
    if why == "deposit":
        await operator.post("/v1/sellers/s-deposit-2/deposit", deposit_of(100))
        await operator.post(f"/v1/sellers/s-{why}/deposit", deposit_of(100, "pi_2"))
        await operator.patch(f"/v1/sellers/s-{why}", {"standing": "closed"}, 1)
    refused = await operator.post(f"/v1/sellers/s-{why}/write-off", write_off(2_500))

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/illegal-transition"


async def test_a_payout_in_a_currency_without_figures_is_refused(market: Market) -> None:
    """Nothing is started that could only say no."""
    seller = await market.caller(Role.SELLER, "s-1")
    answer = await seller.post("/v1/sellers/s-1/payouts", {"currency": "XAF"})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/currency-unknown"


async def test_a_payout_that_is_not_parked_waits_for_nobody_s_word(
    alive: Market, sandbox: SandboxWorld
) -> None:
    """It is on its way: an operator who is late is told so, and nothing changes."""
    manual = await asyncio.to_thread(
        sandbox.place.stripe().v1.accounts.create,
        {"type": "custom", "settings": {"payouts": {"schedule": {"interval": "manual"}}}},
    )
    service = await alive.service()
    await service.post("/v1/sellers", a_seller("s-sent", account=manual.id))
    book = (Kind.CLEARING, "by_hand", 20_000), (Kind.PAYABLE, "s-sent", -20_000)
    await post(alive, "sent/1", *book)
    await sandbox.top_up(20_000, "EUR")
    told = await service.post("/v1/sellers/s-sent/payouts", {"currency": "EUR"})
    where = told.headers["Location"]
    async with asyncio.timeout(20):
        while (seen := (await service.get(where)).json())["stage"] == "due":
            await asyncio.sleep(0.05)
    operator = await alive.caller(Role.OPERATOR)
    late = await operator.post(f"{where}/resolution", {"resolution": "void", "note": "stop"})
    missing = await operator.post(
        "/v1/payouts/s-none/1-EUR/resolution", {"resolution": "void", "note": "stop"}
    )

    assert seen["stage"] == "sent", seen
    assert late.status_code == 409
    assert late.json()["type"] == "/problems/illegal-transition"
    assert missing.status_code == 404
    assert (await service.get(where)).json()["stage"] == "sent"


async def test_a_payout_can_be_read_before_its_process_has_written_anything(market: Market) -> None:
    """The caller was told where it is: that place must not be empty."""
    seller = await market.caller(Role.SELLER, "s-1")
    told = await seller.post("/v1/sellers/s-1/payouts", {"currency": "EUR"})
    request = (await seller.get(told.headers["Location"])).json()
    found = await seller.get(request["location"])
    stranger = await (await market.caller(Role.SELLER, "s-2")).get(request["location"])

    assert (found.status_code, found.json()["stage"], found.json()["version"]) == (200, "due", 0)
    assert stranger.status_code == 404


every_table = pytest.mark.parametrize(
    ("table", "kind"),
    [("inbox", "fact.parked"), ("outbox", "notice.parked"), ("requests", "request.parked")],
)


async def _parked(market: Market, table: str, kind: str, subject: str, *keys: str) -> int:
    """Rows that are parked, with their alarm's number."""
    rows = {
        "inbox": "provider, event_id, kind, subject, reference, person, occurred_at, received_at,"
        " state, due_at, attempts, last_error) VALUES ('p', :key, 'k', :subject, '', '', now(),"
        " now(), 'parked', now(), 20, 'Defect'",
        "outbox": "key, subject, channel, audience, recipient, template, facts, state, due_at,"
        " attempts, last_error) VALUES (:key, :subject, 'mail', 'buyer', 'b', 't', '{}', 'parked',"
        " now(), 20, 'Defect'",
        "requests": "id, caller, route, object, key, body_hash, command, person, update_id,"
        " received_at, state, due_at, attempts, last_error) VALUES (:key, 'c', 'r', :subject, :key,"
        " '', 'c', '', 'u', now(), 'parked', now(), 20, 'Defect'",
    }
    async with market.services.engine.begin() as db:
        for key in keys:
            row = text(f"INSERT INTO {table} ({rows[table]})")
            await db.execute(row, {"key": f"{subject}-{key}", "subject": subject})
        await db.execute(text(f"UPDATE {table} SET defects = 20"))  # noqa: S608 - our own
        alarm = (
            "INSERT INTO alarms (kind, subject, detail, facts, raised_at) VALUES"
            " (:kind, :subject, 'Defect', '{}', now()) RETURNING id"
        )
        number: int = (
            await db.execute(text(alarm), {"kind": kind, "subject": subject})
        ).scalar_one()
    return number


async def _standing(market: Market, table: str, subject: str) -> list[tuple[str, int, int]]:
    async with market.services.engine.connect() as db:
        column = "object" if table == "requests" else "subject"
        query = text(
            f"SELECT state, attempts, defects FROM {table} WHERE {column} = :subject ORDER BY seq"  # noqa: S608 - our own
        )
        found = await db.execute(query, {"subject": subject})
        return [(row.state, row.attempts, row.defects) for row in found.all()]


@every_table
async def test_what_was_given_up_goes_again_at_an_operator_s_word(
    market: Market, table: str, kind: str
) -> None:
    """All that was given up about the subject, in its order; and who said so stays on record."""
    subject = f"order/o-{table}"
    number = await _parked(market, table, kind, subject, "1", "2")
    operator = await market.caller(Role.OPERATOR)
    gone = await operator.post(f"/v1/alarms/{number}/retry", {"note": "mended"})
    again = await operator.post(f"/v1/alarms/{number}/retry", {"note": "mended"})

    assert await _standing(market, table, subject) == [("waiting", 0, 0), ("waiting", 0, 0)]
    assert gone.json()["cleared_by"] == "operator:operator-1"
    assert gone.json()["note"] == "mended"
    assert again.status_code == 409


@every_table
async def test_what_an_operator_has_given_up_for_good_comes_back_with_no_other(
    market: Market, table: str, kind: str
) -> None:
    """A request of last year must not be heard because another one of its order is tried again."""
    subject = f"order/o-{table}-for-good"
    operator = await market.caller(Role.OPERATOR)
    first = await _parked(market, table, kind, subject, "1")
    await operator.post(f"/v1/alarms/{first}/clearing", {"note": "too late"})
    second = await _parked(market, table, kind, subject, "2")
    await operator.post(f"/v1/alarms/{second}/retry", {"note": "mended"})

    assert await _standing(market, table, subject) == [("given_up", 20, 20), ("waiting", 0, 0)]


async def test_an_alarm_that_gave_nothing_up_has_nothing_to_retry(market: Market) -> None:
    """Books that differ are not mended by trying again."""
    async with SqlDatabase(market.services.engine).transaction() as books:
        await books.story.alarm("books.differ", "stripe-retry", "off by 1", NOON, {})
    operator = await market.caller(Role.OPERATOR)
    alarms = (await operator.get("/v1/alarms", open="true")).json()["items"]
    (number,) = (alarm["id"] for alarm in alarms if alarm["subject"] == "stripe-retry")
    refused = await operator.post(f"/v1/alarms/{number}/retry", {"note": "x"})

    assert refused.json()["type"] == "/problems/illegal-transition"
    assert (await operator.post(f"/v1/alarms/{number}/clearing", {})).status_code == 200
