"""Messages of providers: verified, committed, and only then acknowledged."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.logistics.port import TrackingProvider
from adapters.payment.port import PaymentGateway, PaymentNews
from domain.ids import chargeback_workflow_id
from persistence import inbox
from persistence.inbox import Arrived
from persistence.vault import Erased, Vault
from runtime import news
from runtime.clock import EdgeClock, UtcClock

UNATTRIBUTED: Final = "unattributed"
log = structlog.get_logger(__name__)


class Intake:
    """Takes what providers send. Nothing is interpreted here: a message says that there is news."""

    def __init__(
        self,
        engine: AsyncEngine,
        vault: Vault,
        payments: PaymentGateway,
        tracking: TrackingProvider,
        clock: EdgeClock | None = None,
    ) -> None:
        """*clock* says when a message about a process has arrived; the machine's by default."""
        self._engine = engine
        self._vault = vault
        self._payments = payments
        self._tracking = tracking
        self._clock = clock or UtcClock()

    async def payment(
        self, headers: Mapping[str, str], body: bytes, now: datetime | None = None
    ) -> bool:
        """Keep a message of the payment provider; False if it was kept before.

        *now* judges the age of the signature (the machine's clock by default). Raises
        `NotGenuine`. What a seller's account tells is about nothing of ours, unless it is one of
        our payouts from that very account.
        """
        found = self._payments.verify(headers, body, now or datetime.now(UTC))
        account = found.facts.get("account", "")
        if account and not await self._is_payout_from(account, found):
            log.warning(
                "fact.of_another_account",
                event_id=found.event_id,
                kind=found.kind,
                account=account,
                named=found.subject,
            )
            subject, owner = "", ""
        else:
            subject, owner = await self._whose(found)
        arrived = Arrived(
            provider=self._payments.name,
            event_id=found.event_id,
            kind=found.kind,
            subject=subject,
            reference=found.reference,
            occurred_at=found.occurred_at,
            received_at=self._clock.now(subject),
        )
        is_news = bool(subject) and found.kind in news.PAYMENT | news.FRAUD | news.CHARGEBACKS
        return await self._keep(arrived, body, is_news=is_news, owner=owner)

    async def tracking(
        self,
        headers: Mapping[str, str],
        body: bytes,
        now: datetime | None = None,  # noqa: ARG002 - this provider signs no time
    ) -> bool:
        """Keep a message of the tracking provider; False if it was kept before.

        Its signature has no age: whoever acts on it reads the tracker again. Raises `NotGenuine`.
        """
        found = self._tracking.verify(headers, body)
        async with self._engine.connect() as db:
            parcel = await inbox.parcel_of(db, found.reference, found.carrier, found.number)
        subject = inbox.subject_of(parcel) if parcel else ""
        arrived = Arrived(
            provider=self._tracking.name,
            event_id=found.event_id,
            kind=found.kind,
            subject=subject,
            reference=found.reference,
            occurred_at=found.occurred_at,
            received_at=self._clock.now(subject),
        )
        is_news = bool(subject) and found.kind in news.TRACKING
        return await self._keep(arrived, body, is_news=is_news)

    async def _whose(self, found: PaymentNews) -> tuple[str, str]:
        """What a message is about, and whose payment that is, where it is not its subject."""
        if found.kind in news.CHARGEBACKS:
            return chargeback_workflow_id(found.reference), await self._payment_of(found)
        return found.subject or await self._subject_of(found), ""

    async def _is_payout_from(self, account: str, found: PaymentNews) -> bool:
        """Whether *account* tells of a payout that we sent from it.

        Its owner may make what they like there, and name any object of ours in its metadata.
        """
        kind, _, payout = found.subject.partition("/")
        if kind != "payout" or found.kind not in news.OF_ACCOUNTS:
            return False
        async with self._engine.connect() as db:
            return await inbox.paid_out_from(db, payout) == account

    async def _subject_of(self, found: PaymentNews) -> str:
        """Whose payment a report is about; it names the payment and nothing of ours."""
        return await self._payment_of(found) if found.kind in news.FRAUD else ""

    async def _payment_of(self, found: PaymentNews) -> str:
        payment = found.facts.get("payment_intent", "")
        if not payment:
            return ""
        async with self._engine.connect() as db:
            return await inbox.paid_by(db, payment)

    async def _keep(self, arrived: Arrived, body: bytes, *, is_news: bool, owner: str = "") -> bool:
        """*owner* is whose payment it is about, where that is not its subject."""
        async with self._engine.connect() as db:
            person = await inbox.person_of(db, owner or arrived.subject) or UNATTRIBUTED
        try:
            sealed = await self._vault.seal(person, body)
        except Erased:
            sealed = None  # Nothing of a forgotten person is written down again.
        complete = replace(arrived, person=person, sealed=sealed)
        async with self._engine.begin() as db:
            is_new = await inbox.keep(db, complete, is_news=is_news)
        log.info(
            "fact.kept" if is_new else "fact.repeated",
            event_id=arrived.event_id,
            kind=arrived.kind,
            subject=arrived.subject,
            is_news=is_news,
        )
        return is_new
