"""Shapes: each object has what the official client's types and the provider's examples have."""

import json
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
import stripe

from tests.support.dealings import payout, refund, seller, take, transfer
from tests.support.sandbox import ROOT, SandboxPlace

FIXTURES: Final = ROOT.parent / "shared" / "data" / "stripe-fixtures.json"
KINDS: Final = {
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "account": stripe.Account,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
    "payout": stripe.Payout,
    "event": stripe.Event,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "review": stripe.Review,
}
# Examples show these with a value; the objects here have none to show.
_BARE: Final = {"source", "shipping", "transfer_data", "processing", "presentment_details"}


@pytest.fixture(scope="session")
def objects(shared_sandbox: SandboxPlace) -> dict[str, dict[str, Any]]:
    """One object of each kind, as the sandbox really answers."""
    client = shared_sandbox.stripe()
    intent = take(client, 5000)
    given = refund(client, intent, 100)
    account = seller(client)
    moved = transfer(client, account, 900)
    back = client.v1.transfers.reversals.create(moved.id, {"amount": 100})
    sent = payout(client, account, 800)
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    reported = [
        httpx2.post(f"{shared_sandbox.url}/_control/payment_intents/{intent.id}/{act}").json()
        for act in ("warn", "review")
    ]
    made: tuple[stripe.StripeObject, ...] = (
        *(client.v1.payment_intents.retrieve(intent.id), charge, given, moved, back, sent),
        client.v1.balance.retrieve(),
        client.v1.balance_transactions.retrieve(str(charge.balance_transaction)),
        client.v1.accounts.retrieve(account),
        client.v1.events.list({"limit": 1}).data[0],
    )
    plain = [*(each.to_dict() for each in made), *reported]
    return {str(each["object"]): each for each in plain}


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_has_what_the_official_types_require(
    objects: dict[str, dict[str, Any]], kind: str
) -> None:
    """An adapter reads attributes without asking; one that is missing would break it here only."""
    required = {name for name, hint in hints_of(KINDS[kind]) if "Optional" not in hint}

    assert required - set(objects[kind]) == set()


def hints_of(kind: type) -> list[tuple[str, str]]:
    """The annotated fields of a client's class, with their types as written."""
    written: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        written |= {name: str(hint) for name, hint in vars(base).get("__annotations__", {}).items()}
    return [
        (name, hint)
        for name, hint in written.items()
        if not name.startswith("_") and "ClassVar" not in hint
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_object_has_the_keys_and_types_of_the_published_example(
    objects: dict[str, dict[str, Any]], kind: str
) -> None:
    """The provider's own examples, where their folder is at hand."""
    example = published(FIXTURES)[kind]
    ours = objects[kind]
    wrong = {name for name in set(example) & set(ours) if not alike(example[name], ours[name])}

    assert set(example) - set(ours) - _BARE == set()
    assert wrong - _BARE == set()


def published(path: Path) -> dict[str, Any]:
    if not path.exists():
        pytest.skip("the provider's published examples are not beside this checkout")
    found: dict[str, Any] = json.loads(path.read_text())
    resources: dict[str, Any] = found["resources"]
    return resources


def alike(example: object, ours: object) -> bool:
    """Whether both are of one JSON type, or one of them has nothing to say."""
    return example is None or ours is None or type(example) is type(ours)


def test_an_expanded_link_is_the_whole_object(shared_sandbox: SandboxPlace) -> None:
    """One call instead of three, as deep as the provider allows."""
    client = shared_sandbox.stripe()
    intent = take(client)
    seen = client.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    entries = client.v1.balance_transactions.list({"limit": 1, "expand": ["data.source"]})
    charge = seen.latest_charge
    source = entries.data[0].source

    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(seen.payment_method, stripe.PaymentMethod)
    assert isinstance(source, stripe.Charge)


def test_what_is_no_link_cannot_be_expanded(shared_sandbox: SandboxPlace) -> None:
    """A typo in `expand` must not be ignored here and refused there."""
    client = shared_sandbox.stripe()
    intent = take(client)

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.payment_intents.retrieve(intent.id, {"expand": ["currency"]})
