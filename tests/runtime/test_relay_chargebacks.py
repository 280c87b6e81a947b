"""The provider's messages about a chargeback start its process, and find it until its end."""

from datetime import UTC, datetime

from temporalio.testing import ActivityEnvironment

from activities.reconciliation import ReconciliationActivities
from activities.upkeep import Upkeep, UpkeepActivities
from domain.chargeback.state import Stage
from persistence.books import SqlBooks
from persistence.silence import SqlSilence
from tests.support.dispatch import Dispatch
from tests.support.marketplace import Marketplace


async def test_the_bank_s_claim_is_followed_to_its_verdict(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It names the payment and nothing of ours; both books agree on it, line by line."""
    order = await market.order(total=10_000)
    state = await order.paid(minutes=1)
    claim = await market.world.dispute(state.intent)
    dispatch.clock.at = datetime.now(UTC)
    await dispatch.news()
    name = f"chargeback/{claim['id']}"
    frozen = await order.until(lambda state: state.held == 10_000)
    await market.world.decide(str(claim["id"]), "won")
    await dispatch.news()
    handle = market.client.get_workflow_handle(name)
    ended = await handle.result()
    await order.until(lambda state: state.held == 0)
    books = SqlBooks(market.engine)
    report = await ReconciliationActivities(books, market.gateway).compared(dispatch.clock.at)
    kinds = {row.kind for row in await dispatch.inbox(name)}

    assert frozen.refunded == 0
    assert ended["stage"] == Stage.WON
    assert name in report.agreed
    assert [one for one in report.breaks if one.key == name] == []
    assert {"charge.dispute.created", "charge.dispute.closed"} <= kinds
    assert await books.breaches(dispatch.clock.at) == []


async def test_a_message_after_the_end_finds_nothing_left_to_do(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """It is sealed under its buyer's key, starts the process anew, and changes nothing."""
    order = await market.order(total=10_000)
    state = await order.paid(minutes=1)
    claim = await market.world.dispute(state.intent)
    await market.world.decide(str(claim["id"]), "lost")
    dispatch.clock.at = datetime.now(UTC)
    await dispatch.news()
    name = f"chargeback/{claim['id']}"
    await market.client.get_workflow_handle(name).result()
    told = "SELECT kind FROM timeline WHERE subject = :name ORDER BY seq"
    before = await market.rows(told, name=name)
    stripe = market.world.place.stripe()
    stripe.v1.disputes.update(str(claim["id"]), {"metadata": {"note": "read by somebody"}})
    new = await dispatch.news()
    again = await market.client.get_workflow_handle(name).result()
    stored = await market.rows("SELECT person FROM inbox WHERE subject = :name", name=name)

    assert new > 0
    assert again["stage"] == Stage.LOST
    assert {person for (person,) in stored} == {f"b-{order.order}"}
    assert await market.rows(told, name=name) == before


async def test_a_claim_whose_messages_were_all_lost_is_found_by_the_sweep(
    market: Marketplace, dispatch: Dispatch
) -> None:
    """The share is frozen hours late rather than never; what is known already is not told again."""
    order = await market.order(total=10_000)
    state = await order.paid(minutes=1)
    claim = await market.world.dispute(state.intent)
    await dispatch.market.world.rest()
    dispatch.taken = len(dispatch.receiver.received)
    now = datetime.now(UTC)
    sweeping = UpkeepActivities(
        SqlSilence(market.engine), SqlBooks(market.engine), market.gateway, market.tracking
    )
    sweep = ActivityEnvironment()
    await sweep.run(sweeping.sweep, Upkeep(now))
    await dispatch.relay.drain()
    await order.until(lambda state: state.held == 10_000)
    name = f"chargeback/{claim['id']}"
    first = await dispatch.inbox(name)
    await sweep.run(sweeping.sweep, Upkeep(now))
    person = await market.rows("SELECT person FROM inbox WHERE subject = :name", name=name)

    assert [row.kind for row in first] == ["sweep.chargeback"]
    assert len(await dispatch.inbox(name)) == 1
    assert person == [(f"b-{order.order}",)]
    await market.world.decide(str(claim["id"]), "won")
