"""The control page: a person plays the world with it, without a script."""

import re
from uuid import uuid4

import httpx2
import pytest
import stripe

from tests.support.dealings import ask, payout, refund, seller, take, transfer
from tests.support.sandbox import SandboxWorld


def press(world: SandboxWorld, **form: str) -> httpx2.Response:
    return httpx2.post(f"{world.place.url}/", data=form, follow_redirects=True)


@pytest.mark.parametrize(("method", "status"), [("card", "succeeded"), ("slow", "requires_action")])
async def test_a_button_plays_the_buyer(
    client: stripe.StripeClient, world: SandboxWorld, method: str, status: str
) -> None:
    """`make up` is played with by people who have no card reader."""
    intent = ask(client)
    before = httpx2.get(f"{world.place.url}/").text
    after = press(world, kind="payments", name=intent.id, act="pay", method=method)

    assert f"Let the card pay: {intent.id}" in before
    assert f"Let the card pay: {intent.id}" not in after.text
    assert client.v1.payment_intents.retrieve(intent.id).status == status


async def test_a_button_sends_money_back(client: stripe.StripeClient, world: SandboxWorld) -> None:
    """Refunds and payouts come back at the press of a button."""
    given = refund(client, take(client, 5000), 100)
    account = seller(client)
    transfer(client, account, 500)
    sent = payout(client, account, 500)
    press(world, kind="refunds", name=given.id, act="fail")
    press(world, kind="payouts", name=sent.id, act="fail")

    assert client.v1.refunds.retrieve(given.id).status == "failed"
    assert client.v1.payouts.retrieve(sent.id, {}, {"stripe_account": account}).status == "failed"


async def test_a_form_adds_a_scan(world: SandboxWorld) -> None:
    """A parcel that nobody registered yet can be scanned too."""
    code = uuid4().hex
    form = {"carrier": "Correios", "code": code, "status": "delivered"}
    page = press(world, kind="parcels", act="scan", at="2018-01-01T00:00:00Z", **form)

    assert code in page.text
    assert f"Withdraw delivery: {code}" in page.text


async def test_a_button_that_cannot_work_says_why(
    client: stripe.StripeClient, world: SandboxWorld
) -> None:
    """A page that was open for long shows buttons whose time is past."""
    intent = take(client)
    page = press(world, kind="payments", name=intent.id, act="arrive")

    assert 'role="alert">nothing is on its way: it is succeeded' in page.text


async def test_the_page_needs_no_script_and_loads_nothing(world: SandboxWorld) -> None:
    """It works offline, with a keyboard: every control is a button, a link or a labelled field."""
    page = httpx2.get(f"{world.place.url}/").text
    fields = re.findall(r"<(?:input|select)(?![^>]*hidden)", page)
    labelled = re.findall(r"<label>[^<]*<(?:input|select)", page)

    assert "<script" not in page
    assert "src=" not in page
    assert len(fields) == len(labelled)
