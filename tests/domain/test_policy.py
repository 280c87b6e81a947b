"""Policies: read exactly, resolved once per order, and refused with the key that is wrong."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import CurrencyUnknown, PolicyInvalid
from domain.policy import Policy, Tier, from_document

DAY = 86_400
USD = {"minimum_payout": 5000, "payout_fee": 1500, "review_above": 200_000}
DOCUMENT: Mapping[str, Any] = {
    "zone": "America/Los_Angeles",
    "order": {"deliver_within": "60d", "ship_within": "7d"},
    "currencies": {"USD": USD},
    "override": [
        {"when": {"country": ["RU", "BR"]}, "order": {"deliver_within": "90d"}},
        {"when": {"country": ["BR"]}, "order": {"deliver_within": "120d"}},
        {"when": {"category": ["furniture"]}, "order": {"ship_within": "10d"}},
        {"when": {"category": ["phones"]}, "release": {"commission_bp": 500}},
        {"when": {"level": ["gold"]}, "release": {"protect_for": "5d"}},
    ],
}


def policy(**changed: object) -> Policy:
    return from_document({**DOCUMENT, **changed}, "standard", 3, ["2026-12-25"])


def test_an_order_carries_the_version_it_was_placed_under() -> None:
    """A policy published tomorrow must not change today's order."""
    terms = policy().terms("DE", "standard", [("books", 1000)], "USD")

    assert terms.policy == "standard/3"
    assert (terms.deliver_within, terms.ship_within) == (60 * DAY, 7 * DAY)
    assert terms.commission == 80
    assert terms.review_above == 200_000
    assert terms.tier is Tier.STANDARD


def test_a_policy_says_who_bears_labels_and_how_often_a_courier_comes() -> None:
    """The figures are data: a marketplace that gives labels away changes one word."""
    plain = policy().terms("DE", "standard", [("books", 1000)], "USD")
    generous = policy(shipping={"online_cost": "platform", "pickup_attempts": 1})
    terms = generous.terms("DE", "standard", [("books", 1000)], "USD")

    assert (plain.online_cost, plain.pickup_attempts) == ("seller", 3)
    assert (plain.drop_off_within, plain.check_in_within) == (3 * DAY, 2 * DAY)
    assert (terms.online_cost, terms.pickup_attempts) == ("platform", 1)


@pytest.mark.parametrize(
    "wrong",
    [{"online_cost": "buyer"}, {"pickup_attempts": 0}, {"drop_off_within": "2bd"}, {"x": 1}],
)
def test_a_rule_of_shipping_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """At its publication, not when the first label is bought."""
    with pytest.raises(PolicyInvalid, match=f"shipping.{next(iter(wrong))}"):
        policy(shipping=wrong)


@pytest.mark.parametrize(
    ("country", "days"), [("DE", 60), ("RU", 90), ("BR", 120)], ids=["none", "one", "the later"]
)
def test_the_last_override_that_applies_wins(country: str, days: int) -> None:
    """Specific rules are written below general ones."""
    terms = policy().terms(country, "standard", [("books", 1000)], "USD")

    assert terms.deliver_within == days * DAY


def test_a_categorys_window_holds_only_if_every_line_is_of_it() -> None:
    """An order has one clock; a book must not wait for a table's time."""
    table = policy().terms("DE", "standard", [("furniture", 1000)], "USD")
    both = policy().terms("DE", "standard", [("furniture", 1000), ("books", 1000)], "USD")

    assert table.ship_within == 10 * DAY
    assert both.ship_within == 7 * DAY


def test_each_line_bears_the_commission_of_its_category() -> None:
    """A phone in an order does not make its case cheaper to sell."""
    terms = policy().terms("DE", "standard", [("phones", 1001), ("books", 999)], "USD")

    assert terms.commission == (1001 * 500 + 999 * 800) // 10_000


def test_a_level_decides_window_and_tier() -> None:
    """What a seller has earned is looked up, not asked for."""
    assert policy().terms("DE", "gold", [("books", 1)], "USD").protect_for == 5 * DAY
    assert policy().terms("DE", "early", [("books", 1)], "USD").tier is Tier.EARLY


def test_a_currency_without_figures_is_refused() -> None:
    """No fee, minimum or limit would be known for it."""
    with pytest.raises(CurrencyUnknown) as refused:
        policy().terms("DE", "standard", [("books", 1000)], "EUR")
    assert refused.value.facts["currency"] == "EUR"


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["phones", "books"]), st.integers(0, 10**12)), min_size=1
    )
)
def test_commission_is_never_more_than_each_lines_own_and_less_by_under_one_unit(
    lines: list[tuple[str, int]],
) -> None:
    """Rounding happens once, down, so that no line pays for another's remainder."""
    exact = sum(total * {"phones": 500, "books": 800}[category] for category, total in lines)

    commission = policy().commission("DE", "standard", lines)

    assert 0 <= exact - commission * 10_000 < 10_000


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"zone": ""}, "zone"),
    ({"order": {"ship_wihtin": "7d"}}, "order.ship_wihtin"),
    ({"order": {"ship_within": "a week"}}, "order.ship_within"),
    ({"order": {"ship_within": 7}}, "order.ship_within"),
    ({"order": {"ship_within": "0d"}}, "order.ship_within"),
    ({"order": {"ship_within": "5bd"}}, "order.ship_within"),
    ({"order": {"assess_risk_within": "80h"}}, "order.assess_risk_at_most"),
    ({"order": "7d"}, "order"),
    ({"release": {"commission_bp": 10_001}}, "release.commission_bp"),
    ({"release": {"commission_bp": True}}, "release.commission_bp"),
    ({"release": {"early_share_bp": -1}}, "release.early_share_bp"),
    ({"release": {"early_levels": "gold"}}, "release.early_levels"),
    ({"currencies": {}}, "currencies"),
    ({"currencies": {"USD": {**USD, "minimum": 1}}}, "currencies.USD.minimum"),
    ({"currencies": {"USD": {"minimum_payout": 5000}}}, "currencies.USD.payout_fee"),
    ({"currencies": {"USD": {**USD, "payout_fee": 5000}}}, "currencies.USD.payout_fee"),
    ({"override": [{"order": {}}]}, "override[0].when"),
    ({"override": [{"when": {"city": ["X"]}}]}, "override[0].when.city"),
    ({"override": [{"when": {}, "payout": {}}]}, "override[0].payout"),
    (
        {"override": [{"when": {}, "order": {"assess_risk_at_most": "1h"}}]},
        "override[0].order.assess_risk_at_most",
    ),
]


@pytest.mark.parametrize(("changed", "key"), WRONG)
def test_what_is_wrong_is_named_by_its_key(changed: dict[str, Any], key: str) -> None:
    """Whoever edits a document of eighty lines is told which one."""
    with pytest.raises(PolicyInvalid) as refused:
        policy(**changed)
    assert refused.value.facts["key"] == key


def test_payouts_may_be_counted_in_business_days() -> None:
    """A bank's return takes business days, and its watch begins at a known moment."""
    assert policy(payout={"watch_return_for": "10bd"}).payout.watch_return_for.business_days == 10
