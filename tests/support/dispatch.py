"""Intake and relay of a test's marketplace, and the webhooks that the sandbox sends it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.notification.smtp import SmtpPost
from runtime.desk import Desk
from runtime.intake import Intake
from runtime.relay import Relay
from runtime.relay.asked import Asked
from runtime.relay.facts import Facts
from runtime.relay.lane import Lane
from runtime.relay.notices import Notices
from tests.support.marketplace import Marketplace
from tests.support.receiver import Received, Receiver


@dataclass
class OrderClock:
    """The edge's clock as a test sets it."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self, subject: str) -> datetime:
        return self.at


@dataclass
class Dispatch:
    """What brings news in and words out."""

    market: Marketplace
    receiver: Receiver
    intake: Intake
    relay: Relay
    facts: Facts
    clock: OrderClock
    taken: int = 0

    async def take_in(self, *, copies: int = 1) -> int:
        """Let all webhooks that have been sent arrive, each so many times; how many were new."""
        await self.market.world.rest()
        sent = self.receiver.received[self.taken :]
        self.taken += len(sent)
        return sum([await self.arrive(one) for one in sent for _ in range(copies)])

    async def arrive(self, sent: Received) -> bool:
        """Let one webhook arrive; False if it was known."""
        if sent.path == "/stripe":
            return await self.intake.payment(sent.headers, sent.body)
        return await self.intake.tracking(sent.headers, sent.body)

    async def news(self) -> int:
        """Take in what was sent and relay it."""
        new = await self.take_in()
        await self.relay.drain()
        return new

    async def inbox(self, subject: str) -> Sequence[Any]:
        return await self.market.rows(
            "SELECT kind, state, attempts, event_id, sealed FROM inbox WHERE subject = :subject"
            " ORDER BY seq",
            subject=subject,
        )


def dispatch_of(market: Marketplace, receiver: Receiver) -> Dispatch:
    """Intake and relay over everything real that *market* has."""
    clock = OrderClock()
    intake = Intake(market.engine, market.vault, market.gateway, market.tracking, clock)
    facts = Facts(market.engine, market.vault, market.client, market.tracking, market.task_queue)
    post = SmtpPost(
        "127.0.0.1", market.world.place.smtp_port, "Caravan <n@caravan.test>", starttls=False
    )
    desk = Desk(market.engine, market.vault, market.client, market.task_queue)
    lanes: list[Lane] = [
        facts,
        Asked(market.engine, desk),
        Notices(market.engine, market.vault, post),
    ]
    relay = Relay(market.engine, lanes)
    return Dispatch(market, receiver, intake, relay, facts, clock)
