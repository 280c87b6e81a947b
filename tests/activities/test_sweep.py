"""What the sweep finds out by asking, where a message of a report never came."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from activities.upkeep import Swept, Upkeep, UpkeepActivities
from adapters.errors import Unavailable
from persistence.silence import SqlSilence
from tests.support.shop import Deal, Shop, attempted


async def swept(shop: Shop) -> Swept:
    silence = SqlSilence(shop.engine)
    upkeep = UpkeepActivities(
        silence, shop.books, shop.gateway, shop.tracking, parcel_silence=timedelta()
    )
    return await attempted(upkeep.sweep, Upkeep(datetime.now(UTC)), 1)


async def found(shop: Shop) -> list[tuple[str, str]]:
    """What stands in the inbox."""
    async with shop.engine.connect() as db:
        rows = await db.execute(text("SELECT kind, subject FROM inbox ORDER BY seq"))
        return [(row[0], row[1]) for row in rows]


async def taken_in(shop: Shop, reference: str, subject: str, state: str) -> None:
    """The provider's message of a warning has come."""
    row = (
        "INSERT INTO inbox (provider, event_id, kind, subject, reference, person, occurred_at,"
        " received_at, state, due_at, attempts, last_error) VALUES ('stripe', 'evt_1',"
        " 'radar.early_fraud_warning.created', :subject, :reference, '', now(), now(), :state,"
        " now(), 1, '')"
    )
    values = {"subject": subject, "reference": reference, "state": state}
    async with shop.engine.begin() as db:
        await db.execute(text(row), values)


async def paid(shop: Shop) -> Deal:
    deal = await shop.order(await shop.seller())
    await deal.paid()
    return deal


@pytest.mark.case(8, 10)
@pytest.mark.parametrize("sign", ["warn", "review"])
async def test_a_report_of_fraud_whose_message_is_lost_is_found_out(shop: Shop, sign: str) -> None:
    """Once; and what is reported of somebody else's payments is not ours."""
    deal, other = await paid(shop), await paid(shop)
    await getattr(shop.world, sign)(deal.state.intent)
    first, again = await swept(shop), await swept(shop)

    assert (first.found, again.found) == (1, 0)
    assert await found(shop) == [("sweep.fraud", f"order/{deal.order}")]
    assert other.order not in str(await found(shop))


@pytest.mark.case(8)
async def test_a_report_that_was_heard_is_not_found_again(shop: Shop) -> None:
    """Compliance may have cleared it since: it must not freeze the money a second time."""
    deal = await paid(shop)
    warning = await shop.world.warn(deal.state.intent)
    await taken_in(shop, warning["id"], f"order/{deal.order}", "done")

    assert (await swept(shop)).found == 0


@pytest.mark.case(3, 8)
@pytest.mark.parametrize("state", ["done", "parked"])
async def test_a_report_that_reached_nobody_is_found_out(shop: Shop, state: str) -> None:
    """It overtook the order's own note of its payment, or could not be told: either way, once."""
    deal = await paid(shop)
    warning = await shop.world.warn(deal.state.intent)
    subject = f"order/{deal.order}"
    await taken_in(shop, warning["id"], subject if state == "parked" else "", state)
    first, again = await swept(shop), await swept(shop)

    assert (first.found, again.found) == (1, 0)
    assert (await found(shop))[1:] == [("sweep.fraud", subject)]


@pytest.mark.case(8, 10)
async def test_a_carrier_that_is_away_keeps_no_payment_from_being_looked_at(shop: Shop) -> None:
    """A day without parcels is no day without money; and the outage is not kept quiet."""
    deal = await paid(shop)
    await (await paid(shop)).shipped()
    await shop.world.warn(deal.state.intent)
    await shop.world.fault("error", "trackers", status=503)
    with pytest.raises(Unavailable, match="easypost"):
        await swept(shop)

    assert await found(shop) == [("sweep.fraud", f"order/{deal.order}")]
