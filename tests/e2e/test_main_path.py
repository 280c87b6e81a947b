"""An order's life over HTTP, against the whole stack as processes: nothing is replaced by us."""

import asyncio
import itertools
import re
import signal
from collections.abc import Callable, Sequence
from typing import Final

import httpx2
import pytest

from domain.actors import Role
from tests.support.market import Json, Person, an_order
from tests.support.sandbox import NO_TLS, SandboxWorld
from tests.support.up import Up, dhl_number, with_account

pytestmark = pytest.mark.timeout(180)

_serials: Final = itertools.count(100_000_000)


async def _until(person: Person, path: str, so: Callable[[Json], bool], within: float = 30) -> Json:
    """Read until it is so; the last answer."""
    body: Json = {}
    try:
        async with asyncio.timeout(within):
            while not so(body):
                await asyncio.sleep(0.1)
                answer = await person.get(path)
                body = answer.json() if answer.status_code == 200 else {}
    except TimeoutError:
        pytest.fail(f"{path} still says {body}")
    return body


def _is(status: str) -> Callable[[Json], bool]:
    return lambda body: body.get("status") == status


def _amount(order: Json, name: str) -> int:
    """One of the order's sums; 0 while there is none to read."""
    return int(order.get("money", {}).get(name, {}).get("amount", 0))


async def _seller(stack: Up, seller: str) -> None:
    async with stack.caller(Role.SERVICE) as service:
        made = await service.post("/v1/sellers", await with_account(stack, seller))
    assert made.status_code == 201, made.text


async def _ship(seller: Person, order: str) -> str:
    """Declare a parcel; its number."""
    number = dhl_number(next(_serials))
    answer = await seller.post(
        f"/v1/orders/{order}/shipments", {"carrier": "DHLExpress", "number": number}
    )
    assert answer.status_code == 200, answer.text
    return number


async def _arrive(world: SandboxWorld, number: str) -> None:
    await world.scan("DHLExpress", number, "in_transit")
    await world.deliver("DHLExpress", number, city="Hamburg", country="DE")


async def test_the_three_things_to_try_work_when_pasted(stack: Up) -> None:
    """The first thing a newcomer does; if it fails, it is also the last."""
    suggested = re.findall(r"^  # .*\n((?:  .*\n)+)", stack.said(), re.MULTILINE)
    buy, ship, watch = [await _pasted(command) for command in suggested]
    sink = f"http://127.0.0.1:{stack.ports.sandbox}/_control/hooks"
    told = [one["type"] for one in (await _read(sink))["hooks"]]

    assert '"status":"awaiting_payment"' in buy
    assert '"status":"declared"' in ship
    assert re.findall("^event: (.*)", watch, re.MULTILINE)[-1] == "order.delivered"
    assert told[-1] == "order.placed"
    assert set(told) >= {"order.paid", "order.shipped", "order.delivered"}


async def _read(url: str) -> Json:
    async with httpx2.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        answer: Json = (await http.get(url)).json()
    return answer


async def _pasted(command: str) -> str:
    """What a shell prints in the first eight seconds."""
    shell = await asyncio.create_subprocess_exec(
        *("timeout", "8", "sh", "-c", command), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await shell.communicate()
    return printed.decode()


async def test_a_card_order_lives_from_payment_to_payout(stack: Up) -> None:
    """The promise of the whole: the buyer pays, the goods arrive, the seller has the money."""
    await _seller(stack, "s-main")
    async with (
        stack.caller(Role.BUYER, "b-main") as buyer,
        stack.caller(Role.SELLER, "s-main") as seller,
        stack.world() as world,
    ):
        body = an_order("o-main", seller="s-main", payment={"method": "pm_card_visa"})
        placed = await buyer.post("/v1/orders", body)
        here = "/v1/orders/o-main"
        await _until(buyer, here, _is("awaiting_shipment"))
        await _arrive(world, await _ship(seller, "o-main"))
        await _until(buyer, here, _is("delivered"))
        confirmed = await buyer.post(f"{here}/receipt")
        done = await _until(buyer, here, _is("completed"), within=40)
        balance = (await seller.get("/v1/sellers/s-main/balance")).json()
        asked = await seller.post("/v1/sellers/s-main/payouts", {"currency": "EUR"})
        payout = await _until(
            seller, asked.headers["Location"], lambda body: body.get("stage") == "sent"
        )
        story = [entry["kind"] for entry in (await buyer.get(f"{here}/timeline")).json()["items"]]
        at_provider = (await world.effects("o-main"))["lines"]

    assert placed.status_code == asked.status_code == 201
    assert placed.headers["Location"] == here
    assert confirmed.status_code == 200
    assert done["money"]["released"] == {"amount": 20400, "currency": "EUR"}
    # 8 % commission stays; the payout's fee comes off what is sent.
    assert balance[0]["payable"]["amount"] == 18768
    assert (payout["gross"]["amount"], payout["net"]["amount"]) == (18768, 17368)
    assert [(line["type"], line["amount"]) for line in at_provider] == [("charge", 20400)]
    assert _appear_in_order(
        ["order.placed", "order.paid", "order.shipped", "order.delivered", "order.received"], story
    )


async def test_one_payment_reaches_the_banks_of_two_sellers(stack: Up) -> None:
    """A checkout over two shops: one charge, two orders that go their own ways, two payouts."""
    await _seller(stack, "s-left")
    await _seller(stack, "s-right")
    async with (
        stack.caller(Role.BUYER, "b-both") as buyer,
        stack.caller(Role.SELLER, "s-left") as left,
        stack.caller(Role.SELLER, "s-right") as right,
        stack.caller(Role.SUPPORT_AGENT) as support,
        stack.world() as world,
    ):
        part = an_order()["lines"]
        body = {
            "purchase": "p-both",
            "currency": "EUR",
            "orders": [{"seller": "s-left", "lines": part}, {"seller": "s-right", "lines": part}],
            "ship_to": an_order()["ship_to"],
            "payment": {"method": "pm_card_visa"},
        }
        placed = await buyer.post("/v1/purchases", body)
        paid = await _until(buyer, "/v1/purchases/p-both", _is("paid"))
        sent: list[int] = []
        for number, seller in ((1, left), (2, right)):
            here = f"/v1/orders/p-both-{number}"
            await _until(buyer, here, _is("awaiting_shipment"))
            if number == 2:
                await support.post(f"{here}/refunds", {"amount": 400, "reason": "a scratch"})
            await _arrive(world, await _ship(seller, f"p-both-{number}"))
            await _until(buyer, here, _is("delivered"))
            await buyer.post(f"{here}/receipt")
            await _until(buyer, here, _is("completed"), within=40)
            name = ("s-left", "s-right")[number - 1]
            asked = await seller.post(f"/v1/sellers/{name}/payouts", {"currency": "EUR"})
            where = asked.headers["Location"]
            payout = await _until(seller, where, lambda body: body.get("stage") == "sent")
            sent.append(payout["gross"]["amount"])
        at_provider = (await world.effects("p-both"))["lines"]
        seen = (await buyer.get("/v1/purchases/p-both")).json()

    assert placed.status_code == 201
    assert paid["payment"]["captured"]["amount"] == 40800
    # 8 % commission stays of each, and of the second one 4.00 went back to the buyer.
    assert sent == [18768, 18400]
    assert [(line["type"], line["amount"]) for line in at_provider] == [("charge", 40800)]
    assert seen["payment"]["refunded"]["amount"] == 400


def _appear_in_order(wanted: Sequence[str], told: Sequence[str]) -> bool:
    rest = iter(told)
    return all(kind in rest for kind in wanted)


async def test_a_bank_debit_that_arrives_late_pays_the_order(stack: Up) -> None:
    """Slow methods are pending for a while: the order waits, and goes on when money came."""
    await _seller(stack, "s-slow")
    async with stack.caller(Role.BUYER, "b-slow") as buyer, stack.world() as world:
        await buyer.post("/v1/orders", an_order("o-slow", seller="s-slow"))
        here = "/v1/orders/o-slow"
        payment = await _until(buyer, f"{here}/payment", lambda body: "reference" in body)
        await world.pay(payment["reference"], "slow")
        pending = await _until(
            buyer, f"{here}/payment", lambda body: body.get("status") == "processing"
        )
        before = (await buyer.get(here)).json()
        await world.arrive(payment["reference"])
        after = await _until(buyer, here, _is("awaiting_shipment"))

    assert pending["captured"]["amount"] == 0
    assert before["status"] == "awaiting_payment"
    assert after["money"]["in_escrow"]["amount"] == 20400


async def test_a_partial_refund_reaches_the_buyers_bank(stack: Up) -> None:
    """Support gives back a part: escrow, the order and the provider agree on how much."""
    await _seller(stack, "s-part")
    async with (
        stack.caller(Role.BUYER, "b-part") as buyer,
        stack.caller(Role.SUPPORT_AGENT) as support,
        stack.world() as world,
    ):
        body = an_order("o-part", seller="s-part", payment={"method": "pm_card_visa"})
        await buyer.post("/v1/orders", body)
        await _until(buyer, "/v1/orders/o-part", _is("awaiting_shipment"))
        wish = {"amount": 1400, "reason": "a scratch"}
        given = await support.post("/v1/orders/o-part/refunds", wish)
        state = await _until(
            buyer, "/v1/orders/o-part", lambda body: _amount(body, "refunded") == 1400
        )
        lines = (await world.effects("o-part"))["lines"]

    assert given.status_code == 200
    assert state["money"]["in_escrow"]["amount"] == 19000
    assert sorted(line["amount"] for line in lines) == [-1400, 20400]


async def test_what_is_refused_says_so_with_a_stable_type(stack: Up) -> None:
    """Programs decide by the type, people by the sentence; both come with every refusal."""
    await _seller(stack, "s-no")
    async with (
        stack.caller(Role.BUYER, "b-no") as buyer,
        stack.caller(Role.BUYER, "b-other") as other,
        stack.caller(Role.SELLER, "s-no") as seller,
    ):
        await buyer.post("/v1/orders", an_order("o-no", seller="s-no"))
        await _until(buyer, "/v1/orders/o-no", lambda body: body.get("version", 0) > 1)
        ship = "/v1/orders/o-no/shipments"
        answers = {
            "too early": await buyer.post("/v1/orders/o-no/receipt"),
            "not theirs": await other.get("/v1/orders/o-no"),
            "not their role": await buyer.post(ship, {"carrier": "UPS", "number": "1Z99"}),
            "no such seller": await buyer.post("/v1/orders", an_order("o-x", seller="s-nobody")),
            "not a form": await seller.post(ship, {"carrier": "UPS"}),
        }

    told = {name: (each.status_code, each.json()["type"]) for name, each in answers.items()}
    assert told == {
        "too early": (409, "/problems/illegal-transition"),
        "not theirs": (404, "/problems/not-found"),
        "not their role": (403, "/problems/not-allowed"),
        "no such seller": (404, "/problems/not-found"),
        "not a form": (422, "/problems/request-invalid"),
    }
    assert {each.headers["content-type"] for each in answers.values()} == {
        "application/problem+json"
    }


@pytest.mark.case(68)
async def test_the_same_request_twice_has_one_effect_and_one_answer(stack: Up) -> None:
    """A client that lost the answer asks again: no second refund, and the same words."""
    await _seller(stack, "s-twice")
    async with (
        stack.caller(Role.BUYER, "b-twice") as buyer,
        stack.caller(Role.SUPPORT_AGENT) as support,
        stack.world() as world,
    ):
        body = an_order("o-twice", seller="s-twice", payment={"method": "pm_card_visa"})
        await buyer.post("/v1/orders", body, "placed once")
        again = await buyer.post("/v1/orders", body, "placed once")
        await _until(buyer, "/v1/orders/o-twice", _is("awaiting_shipment"))
        path, wish = "/v1/orders/o-twice/refunds", {"amount": 500, "reason": "late"}
        first, second = await asyncio.gather(
            support.post(path, wish, "refunded once"), support.post(path, wish, "refunded once")
        )
        third = await support.post(path, wish, "refunded once")
        other = await support.post(path, wish | {"amount": 501}, "refunded once")
        lines = (await world.effects("o-twice"))["lines"]

    assert again.status_code == 201
    assert {first.status_code, second.status_code} <= {200, 202}
    assert third.json() == (first if first.status_code == 200 else second).json()
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert sorted(line["amount"] for line in lines) == [-500, 20400]


@pytest.mark.case(32)
async def test_what_is_asked_while_temporal_is_away_is_answered_later(stack: Up) -> None:
    """An outage of the engine costs callers patience, and nothing else."""
    await _seller(stack, "s-away")
    async with stack.caller(Role.BUYER, "b-away") as buyer:
        assert stack.strike("temporal", signal.SIGSTOP)
        try:
            body = an_order("o-away", seller="s-away", payment={"method": "pm_card_visa"})
            put_off = await buyer.post("/v1/orders", body, "asked in the dark")
            meanwhile = await buyer.get(put_off.headers["Location"])
            seen = await buyer.get("/v1/orders/o-away")
        finally:
            stack.strike("temporal", signal.SIGCONT)
        request = await _until(
            buyer, put_off.headers["Location"], lambda body: body.get("state") == "answered"
        )
        repeated = await buyer.post("/v1/orders", body, "asked in the dark")
        paid = await _until(buyer, "/v1/orders/o-away", _is("awaiting_shipment"))

    assert put_off.status_code == 202
    assert meanwhile.json()["state"] == "waiting"
    assert seen.json()["status"] == "awaiting_payment"
    assert (request["status"], request["location"]) == (201, "/v1/orders/o-away")
    assert repeated.status_code == 201
    assert paid["placed_at"] == meanwhile.json()["received_at"].replace("+00:00", "Z")


async def test_in_the_end_both_books_say_the_same(stack: Up) -> None:
    """After all of the above, the provider's own books are the witness."""
    async with stack.books() as both, stack.world() as world:
        await world.rest()
        report = await both.compared()
        wrongs = await both.wrongs()
        duplicates = (await world.effects())["duplicates"]

    assert report.agreed
    assert report.matches, report.breaks
    assert wrongs == []
    assert duplicates == []
