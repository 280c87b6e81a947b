"""The contract of `PaymentGateway`: the provider's books, and its messages."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.errors import NotGenuine
from adapters.payment.port import BookLine, PaymentGateway, PaymentNews
from domain.money import Money
from tests.adapters.deeds import PRICE, fresh, paid, seller_account
from tests.support.receiver import Received, Receiver
from tests.support.sandbox import SandboxPlace, SandboxWorld

EUR = "EUR"


async def _lines(
    gateway: PaymentGateway, account: str = "", since: datetime | None = None
) -> list[BookLine]:
    return [line async for line in gateway.books(account, since)]


async def _of(gateway: PaymentGateway, subject: str) -> list[tuple[str, str, int, int]]:
    return [
        (line.key.removeprefix(subject), line.kind, line.change.minor, line.fee.minor)
        for line in await _lines(gateway)
        if line.key.startswith(f"{subject}/")
    ]


async def test_the_platform_s_books_name_our_keys(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """Reconciliation compares line by line; without the key it could only compare sums."""
    subject, account = fresh(), seller_account(place)
    intent = await paid(gateway, PRICE, subject)
    back = await gateway.refund(f"{subject}/refund/1", subject, intent.reference, Money(1_000, EUR))
    sent = await gateway.transfer(f"{subject}/transfer/1", subject, account, Money(4_000, EUR))
    await gateway.take_back(f"{subject}/take-back/1", subject, sent.reference, Money(500, EUR))
    await world.fail_refund(back.reference)

    assert await _of(gateway, subject) == [
        ("/take/1", "charge", 9_680, 320),
        ("/refund/1", "refund", -1_000, 0),
        ("/transfer/1", "transfer", -4_000, 0),
        ("/take-back/1", "transfer_refund", 500, 0),
        ("/refund/1", "refund_failure", 1_000, 0),
    ]


@pytest.mark.case(57)
async def test_a_seller_s_books_name_our_keys(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld
) -> None:
    """What we moved to a seller must be found on the seller's side as well."""
    subject, account = fresh("payout"), seller_account(place)
    await paid(gateway)
    sent = await gateway.transfer(f"{subject}/transfer/1", subject, account, Money(4_000, EUR))
    await gateway.take_back(f"{subject}/take-back/1", subject, sent.reference, Money(500, EUR))
    out = await gateway.pay_out(f"{subject}/payout/1", subject, account, Money(3_500, EUR))
    await world.fail_payout(out.reference)

    lines = await _lines(gateway, account)

    assert [(line.key, line.kind, line.change.minor) for line in lines] == [
        (f"{subject}/transfer/1", "transfer", 4_000),
        (f"{subject}/take-back/1", "transfer_refund", -500),
        (f"{subject}/payout/1", "payout", -3_500),
        (f"{subject}/payout/1", "payout_failure", 3_500),
    ]
    assert {line.account for line in lines} == {account}


async def test_the_books_add_up_to_the_balance(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """A line that is skipped by the paging would hide for ever."""
    for _ in range(105):
        await gateway.open(
            f"{(subject := fresh())}/take/1", subject, Money(100, "SEK"), "pm_card_visa"
        )

    lines = await _lines(gateway)

    books = (await world.books())["currencies"]["sek"]
    assert (
        sum(line.change.minor for line in lines if line.change.currency == "SEK")
        == (books["platform_balance"])
    )
    mine = [line.at for line in lines if line.change.currency == "SEK"]
    assert mine == sorted(mine)
    assert len({line.reference for line in lines}) == len(lines) > 105


async def test_the_books_begin_where_they_are_asked_to(
    gateway: PaymentGateway, world: SandboxWorld
) -> None:
    """Each reconciliation reads what is new, and not three years."""
    subject = fresh()
    await paid(gateway, PRICE, subject)
    moment = datetime.fromtimestamp(await world.advance(10), UTC)
    later = fresh()
    await paid(gateway, PRICE, later)

    keys = [line.key for line in await _lines(gateway, since=moment)]

    assert keys == [f"{later}/take/1"]


@pytest.fixture
async def received(world: SandboxWorld) -> AsyncIterator[Receiver]:
    """An endpoint that the provider sends its messages to."""
    async with Receiver() as receiver:
        await world.tell(stripe_url=f"{receiver.url}/hook")
        yield receiver
        await world.change(stripe_webhook_url="")


def _read(gateway: PaymentGateway, message: Received) -> PaymentNews:
    return gateway.verify(message.headers, message.body, datetime.now(UTC))


async def test_genuine_news_finds_its_process(
    gateway: PaymentGateway, world: SandboxWorld, received: Receiver
) -> None:
    """The subject that we gave the object is how a message finds the execution it concerns."""
    subject = fresh()
    intent = await paid(gateway, PRICE, subject)
    await world.rest(subject.partition("/")[2])

    news = {one.kind: one for one in (_read(gateway, message) for message in received.received)}

    told = news["payment_intent.succeeded"]
    assert (told.subject, told.reference) == (subject, intent.reference)
    assert told.facts["key"] == f"{subject}/take/1"
    assert told.event_id.startswith("evt_")
    assert abs(datetime.now(UTC) - told.occurred_at) < timedelta(minutes=2)
    assert {one.subject for one in news.values()} == {subject}


@pytest.mark.case(57)
async def test_news_of_a_seller_s_account_names_it(
    gateway: PaymentGateway, place: SandboxPlace, world: SandboxWorld, received: Receiver
) -> None:
    """A payout lives on the seller's account; asking how it stands needs that account."""
    subject, account = fresh("payout"), seller_account(place)
    await paid(gateway)
    await gateway.transfer(f"{subject}/transfer/1", subject, account, Money(4_000, EUR))
    out = await gateway.pay_out(f"{subject}/payout/1", subject, account, Money(4_000, EUR))
    await world.fail_payout(out.reference, "no_account")
    await world.rest(account)

    news = [_read(gateway, message) for message in received.received]

    failed = next(one for one in news if one.kind == "payout.failed")
    assert (failed.subject, failed.reference) == (subject, out.reference)
    assert failed.facts["account"] == account
    assert failed.facts["failure_code"] == "no_account"


async def test_forged_and_stale_messages_are_not_genuine(
    gateway: PaymentGateway, world: SandboxWorld, received: Receiver
) -> None:
    """Anybody can send a request to a public address, or send an old one again."""
    await paid(gateway)
    [message, *_] = await received.wait_for(1)
    now = datetime.now(UTC)
    forged = json.dumps({**json.loads(message.body), "type": "payout.failed"}).encode()

    with pytest.raises(NotGenuine):
        gateway.verify(message.headers, forged, now)
    with pytest.raises(NotGenuine):
        gateway.verify({}, message.body, now)
    with pytest.raises(NotGenuine):
        gateway.verify({"Stripe-Signature": "t=x,v1=y"}, message.body, now)
    with pytest.raises(NotGenuine, match="too old"):
        gateway.verify(message.headers, message.body, now + timedelta(minutes=6))
    late = gateway.verify(message.headers, message.body, now + timedelta(minutes=4))
    assert late == gateway.verify(message.headers, message.body, now)
