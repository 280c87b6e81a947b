"""Policy documents as files: the shipped ones hold together, and errors name the place."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.policy import policy as command
from domain.errors import PolicyInvalid
from persistence.engine import connect
from runtime import policies

AT = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize("document", policies.shipped(), ids=lambda document: document["name"])
def test_every_shipped_policy_holds_together(document: dict[str, Any]) -> None:
    """A newcomer's first start publishes them all."""
    loaded = policies.load(document, 1, AT)

    assert {"USD", "EUR", "GBP", "BRL", "CNY", "JPY", "KRW", "KWD"} <= set(loaded.policy.currencies)
    assert {day[:4] for day in loaded.holidays} == {"2026", "2027", "2028"}


def test_the_standard_policy_has_the_numbers_of_the_house() -> None:
    """They are data, and this is the place that notices when they change by mistake."""
    (document,) = (one for one in policies.shipped() if one["name"] == "standard")
    standard = policies.load(document, 1, AT).policy
    rates = [
        standard.commission("DE", "standard", [(category, 10_000)])
        for category in ("phones", "books", "fashion")
    ]

    assert rates == [500, 800, 1000]
    assert standard.order.pay_within.seconds == 3 * 86_400
    assert standard.release.protect_for.seconds == 15 * 86_400
    assert (standard.payout.minimum["USD"], standard.payout.fee["USD"]) == (5000, 1500)


def test_fast_release_differs_only_where_money_comes_sooner() -> None:
    """A comparison of two policies says something only if little else differs."""
    standard, fast = (
        next(one for one in policies.shipped() if one["name"] == name)
        for name in ("standard", "fast-release")
    )
    different = {
        f"{group}.{key}"
        for group in ("order", "release", "payout", "calendar", "currencies")
        for key in standard[group]
        if standard[group][key] != fast[group][key]
    }

    assert different == {
        "order.confirm_within",
        "release.protect_for",
        "release.early_after_shipment",
        "release.reserve_after_shipment",
    }


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"name": "Standard Policy"}, "name"),
        ({"calendar": {"country": "XX"}}, "calendar"),
        ({"calendar": {"country": "US", "extra": ["soon"]}}, "calendar.extra.0"),
        ({"currencies": {"usd": {}}}, "currencies.usd.[key]"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_only_a_library_knows_is_checked_before_publication(
    changed: dict[str, Any], key: str
) -> None:
    """A zone or a calendar that does not exist would fail on the day it is needed."""
    with pytest.raises(PolicyInvalid) as refused:
        policies.load({**policies.shipped()[0], **changed}, 1, AT)
    assert refused.value.facts["key"] == key


def test_an_extra_day_is_no_business_day() -> None:
    """A bank's own holiday stands in no library."""
    document = policies.shipped()[0]
    calendar = {**document["calendar"], "extra": ["2026-11-04"]}

    loaded = policies.load({**document, "calendar": calendar}, 1, AT)

    assert not loaded.policy.calendar.is_business_day(datetime(2026, 11, 4, tzinfo=UTC).date())


async def test_shipped_policies_are_published_once(database_url: str) -> None:
    """Every start tries; an operator's own version 2 must not be followed by ours again."""
    engine = connect(database_url)
    await policies.publish_shipped(engine, AT)
    changed = {**policies.shipped()[0], "about": "ours"}
    async with engine.begin() as db:
        await policies.publish(db, changed, "operator:o-1", AT)
    await policies.publish_shipped(engine, AT)
    async with engine.connect() as db:
        found = {row.name: (row.version, row.published_by) for row in await policies.published(db)}
    await engine.dispose()

    assert found == {
        changed["name"]: (2, "operator:o-1"),
        "fast-release": (1, "caravan"),
        "standard": (1, "caravan"),
    }


def test_payouts_cannot_run_by_business_days() -> None:
    """A schedule knows no holidays: a figure that it cannot keep must not be published."""
    document = policies.read(policies.SHIPPED / "standard.toml")
    document["payout"]["every"] = "5bd"

    with pytest.raises(PolicyInvalid) as refused:
        policies.load(document, 1, AT)
    assert refused.value.facts["key"] == "payout.every"


def test_the_command_names_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    """A team tries a policy in a pull request before anybody lives by it."""
    good = policies.SHIPPED / "standard.toml"
    bad = tmp_path / "bad.toml"
    bad.write_text(good.read_text().replace("ship_within", "ship_wihtin", 1))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \nzone = 1")

    results = [CliRunner().invoke(command, ["check", str(file)]) for file in (good, bad, broken)]

    assert [result.exit_code for result in results] == [0, 1, 1]
    assert "order.ship_wihtin" in results[1].output
    assert "line 1" in results[2].output


def test_the_command_shows_a_shipped_policy() -> None:
    """It is the start of one's own."""
    shown = CliRunner().invoke(command, ["show", "standard"])
    unknown = CliRunner().invoke(command, ["show", "nobodys"])

    assert shown.output == (policies.SHIPPED / "standard.toml").read_text()
    assert unknown.exit_code == 1
    assert "standard" in unknown.output
