"""What sellers' own accounts at the provider tell: of our payouts from them, and no more."""

import json
import time
from typing import Any

import pytest

from domain.payout.state import Stage
from sandbox.courier import stripe_signature
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace
from tests.support.sandbox import STRIPE_SECRET
from tests.workflows.test_payout import earned, name_of, payout, stage


async def _told(dispatch: Dispatch, account: str, kind: str, about: dict[str, Any]) -> bool:
    """Let an account tell something, rightly signed; whether it was taken in."""
    now = int(time.time())
    event = {
        "id": f"evt_{account}_{kind}",
        "object": "event",
        "type": kind,
        "created": now,
        "account": account,
        "data": {"object": about},
    }
    body = json.dumps(event).encode()
    signature = stripe_signature(body, STRIPE_SECRET, now)
    return await dispatch.intake.payment({"Stripe-Signature": signature}, body)


@pytest.mark.case(57)
async def test_a_payout_that_its_own_account_says_came_back_is_payable_again(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The provider tells it of the seller's account, and nobody waits for the sweep."""
    handle = await payout(market, await earned(market))
    sent = await stage(market, handle)
    await market.world.fail_payout(sent.reference, "account_closed")
    await dispatch.news()
    back = await handle.result()

    assert (back.stage, back.reason) == (Stage.RETURNED, "account_closed")
    (told,) = await market.rows("SELECT subject FROM inbox WHERE kind = 'payout.failed'")
    assert told.subject == f"payout/{name_of(market)}"


async def test_the_right_signature_for_another_account_changes_nothing(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """Its owner may name our objects there; it is kept as theirs, and acknowledged."""
    order = await market.order()
    state = await order.until(lambda state: bool(state.intent))
    handle = await payout(market, await earned(market))
    sent = await stage(market, handle)
    ours = {"subject": f"order/{order.order}"}
    lies: dict[str, dict[str, Any]] = {
        "payment_intent.succeeded": {"id": state.intent, "metadata": ours},
        "radar.early_fraud_warning.created": {"id": "issfr_1", "payment_intent": state.intent},
        "charge.dispute.created": {"id": "dp_1", "payment_intent": state.intent},
        "payout.failed": {
            "id": sent.reference,
            "metadata": {"subject": f"payout/{name_of(market)}"},
        },
    }
    new = [await _told(dispatch, "acct_other", kind, about) for kind, about in lies.items()]
    canceled = {"id": state.intent, "metadata": ours}
    new.append(await _told(dispatch, sent.account, "payment_intent.canceled", canceled))

    assert all(new)
    kept = "SELECT DISTINCT subject, state FROM inbox WHERE event_id LIKE 'evt\\_acct%'"
    assert await market.rows(kept) == [("", "done")]
