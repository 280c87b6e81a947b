"""What is looked after on a schedule: silence is broken by asking, books are checked."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog
from temporalio import activity

from adapters.errors import Outage, Rejected
from adapters.logistics.port import Tracking, TrackingProvider
from adapters.payment.port import EffectStatus, IntentStatus, PaymentGateway
from domain.ids import (
    chargeback_workflow_id,
    fingerprint,
    money_key,
    order_workflow_id,
    process_of_parcel,
    purchase_workflow_id,
    repayment_workflow_id,
)
from domain.payout.state import PayoutState
from persistence.port import EffectRecord
from persistence.upkeep_port import Books, Found, Silence, SilentParcel, SilentPayment

PARCEL_SILENCE: Final = timedelta(hours=6)
PAYMENT_SILENCE: Final = timedelta(minutes=30)
_NEWS: Final = frozenset({IntentStatus.AUTHORISED, IntentStatus.CAPTURED, IntentStatus.CANCELLED})
# A sweep that did not run for a weekend still finds what was reported meanwhile.
_REPORTED_WITHIN: Final = timedelta(days=3)
# Banks take up to four months over one.
_CLAIMED_WITHIN: Final = timedelta(days=130)
_BATCH: Final = 100
_AT_ONCE: Final = 8

T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True)
class Upkeep:
    """Look after things as of a moment of business time (UTC)."""

    at: datetime


@dataclass(frozen=True)
class Swept:
    """What a sweep came to: how many were asked about, and how many facts were new.

    `overdue` counts new alarms about work that people should have done by now.
    """

    parcels: int = 0
    payments: int = 0
    refunds: int = 0
    payouts: int = 0
    found: int = 0
    overdue: int = 0


@dataclass(frozen=True)
class Checked:
    """What a check of the books came to: how much is wrong, and how much of it is new."""

    breaches: int
    new: int


class UpkeepActivities:
    """Asks where a webhook may have been lost. What it learns enters by the inbox like one."""

    def __init__(
        self,
        silence: Silence,
        books: Books,
        gateway: PaymentGateway,
        tracking: TrackingProvider,
        *,
        parcel_silence: timedelta = PARCEL_SILENCE,
        payment_silence: timedelta = PAYMENT_SILENCE,
    ) -> None:
        """A parcel is silent when nobody has looked at it for *parcel_silence*."""
        self._silence = silence
        self._books = books
        self._gateway = gateway
        self._tracking = tracking
        self._parcel_silence = parcel_silence
        self._payment_silence = payment_silence

    @activity.defn(name="upkeep.sweep")
    async def sweep(self, request: Upkeep) -> Swept:
        """Ask about everything silent. Safe to repeat: the same state is the same fact.

        Who is away keeps nobody else from being asked; the first outage is raised when all others
        have been.
        """
        at, away = request.at, list[Outage]()
        parcels, moved = await _unless_away(self._parcels(at), away)
        payments, paid = await _unless_away(self._payments(at), away)
        purchases, paid_at_once = await _unless_away(self._purchases(at), away)
        repayments, paid_again = await _unless_away(self._repayments(at), away)
        refunds, ended = await _unless_away(self._refunds(at), away)
        payouts, returned = await _unless_away(self._payouts(at), away)
        _, doubted = await _unless_away(self._reports(at), away)
        _, claimed = await _unless_away(self._claims(at), away)
        found = moved + paid + paid_at_once + paid_again + ended + returned + doubted + claimed
        overdue = await self._silence.overdue(at)
        swept = Swept(parcels, payments + purchases + repayments, refunds, payouts, found, overdue)
        log.info("silence.swept", away=[one.provider for one in away], **vars(swept))
        if away:
            raise away[0]
        return swept

    @activity.defn(name="upkeep.check_invariants")
    async def check_invariants(self, request: Upkeep) -> Checked:
        """Check the books against themselves; what is wrong becomes an alarm, what is mended ends.

        An alarm names the postings' keys.
        """
        breaches = await self._books.breaches(request.at)
        new = await self._books.report("books", breaches, request.at, None)
        log.log(30 if breaches else 20, "books.checked", breaches=len(breaches), new=new)
        return Checked(len(breaches), new)

    async def _parcels(self, at: datetime) -> tuple[int, int]:
        before, asked, found = at - self._parcel_silence, 0, 0
        while batch := await self._silence.parcels(before, _BATCH):
            seen = await self._tracking.look_many([parcel.tracker for parcel in batch])
            by_tracker = {tracking.reference: tracking for tracking in seen}
            for parcel in batch:
                tracking = by_tracker.get(parcel.tracker)
                if tracking is not None and tracking.scans:
                    found += await self._silence.found(self._scanned(parcel, tracking, at))
            await self._silence.looked_at([parcel.parcel for parcel in batch], at)
            asked += len(batch)
            activity.heartbeat(asked)
        return asked, found

    def _scanned(self, parcel: SilentParcel, tracking: Tracking, at: datetime) -> Found:
        """The state of a parcel as a fact, named by what is known and what is seen."""
        seen = [f"{scan.milestone} {scan.at.isoformat()} {scan.message}" for scan in tracking.scans]
        return Found(
            provider=self._tracking.name,
            event_id=f"sweep/{parcel.tracker}/{fingerprint(parcel.milestone, *seen)}",
            kind="sweep.parcel",
            subject=process_of_parcel(parcel.parcel, parcel.order),
            reference=parcel.tracker,
            at=at,
        )

    async def _payments(self, at: datetime) -> tuple[int, int]:
        before = at - self._payment_silence
        return await _all(
            lambda last: self._silence.payments(before, last.order if last else "", _BATCH),
            lambda payment: self._paid(payment, order_workflow_id(payment.order), at),
        )

    async def _purchases(self, at: datetime) -> tuple[int, int]:
        before = at - self._payment_silence
        return await _all(
            lambda last: self._silence.purchases(before, last.order if last else "", _BATCH),
            lambda payment: self._paid(payment, purchase_workflow_id(payment.order), at),
        )

    async def _repayments(self, at: datetime) -> tuple[int, int]:
        before = at - self._payment_silence
        return await _all(
            lambda last: self._silence.repayments(before, last.order if last else "", _BATCH),
            lambda payment: self._paid(payment, repayment_workflow_id(payment.order), at),
        )

    async def _paid(self, payment: SilentPayment, subject: str, at: datetime) -> bool:
        intents = (payment.intent, *payment.others)
        return any([await self._has_news(subject, intent, at) for intent in intents])

    async def _has_news(self, subject: str, reference: str, at: datetime) -> bool:
        intent = await self._gateway.look(reference)
        if intent.status not in _NEWS:
            return False
        state = fingerprint(intent.status, str(intent.captured))
        return await self._found("payment", subject, intent.reference, state, at)

    async def _refunds(self, at: datetime) -> tuple[int, int]:
        async def look(refund: EffectRecord) -> bool:
            now = await self._gateway.refund_status(refund.key, refund.reference)
            if now.status is EffectStatus.PENDING:
                return False
            return await self._found("refund", refund.subject, refund.reference, now.status, at)

        return await _all(
            lambda last: self._silence.refunds(last.key if last else "", _BATCH), look
        )

    async def _payouts(self, at: datetime) -> tuple[int, int]:
        """Only a return is news: that a payout arrived is what its process waits for anyway."""

        async def look(payout: PayoutState) -> bool:
            subject = f"payout/{payout.payout}"
            key = money_key(subject, "payout", 1)
            now = await self._gateway.payout_status(key, payout.account, payout.reference)
            if now.status is not EffectStatus.FAILED:
                return False
            return await self._found("payout", subject, payout.reference, now.status, at)

        return await _all(
            lambda last: self._silence.payouts(last.payout if last else "", _BATCH), look
        )

    async def _reports(self, at: datetime) -> tuple[int, int]:
        """Fraud that was reported of a payment of ours, of which no message has come."""
        reports = await self._gateway.reported(at - _REPORTED_WITHIN)
        found = 0
        for reference, intent in ((one.sign.reference, one.intent) for one in reports):
            subject = await self._silence.unheard(self._gateway.name, reference, intent)
            if subject:
                found += await self._found("fraud", subject, reference, "reported", at)
        return len(reports), found

    async def _claims(self, at: datetime) -> tuple[int, int]:
        """Chargebacks that stand differently with the bank than with us."""
        found = 0
        claims = await self._gateway.claimed(at - _CLAIMED_WITHIN)
        for bank in claims:
            stage, is_taken, owner = await self._silence.claim(bank.reference, bank.intent)
            is_news = bool(bank.taken.minor) and not is_taken
            if stage == str(bank.status) and not is_news:
                continue
            subject = chargeback_workflow_id(bank.reference)
            state = f"{bank.status}-{bank.taken.minor}"
            found += await self._found("chargeback", subject, bank.reference, state, at, owner)
        return len(claims), found

    async def _found(
        self,
        what: str,
        subject: str,
        reference: str,
        state: str,
        at: datetime,
        owner: str = "",
    ) -> bool:
        return await self._silence.found(
            Found(
                provider=self._gateway.name,
                event_id=f"sweep/{reference}/{state}",
                kind=f"sweep.{what}",
                subject=subject,
                reference=reference,
                at=at,
                owner=owner,
            )
        )


async def _unless_away(asking: Awaitable[tuple[int, int]], away: list[Outage]) -> tuple[int, int]:
    """How much was asked about, and was news; nothing, where whoever is asked is *away*."""
    try:
        return await asking
    except Outage as outage:
        away.append(outage)
        return 0, 0


async def _all(
    page: Callable[[T | None], Awaitable[Sequence[T]]], look: Callable[[T], Awaitable[bool]]
) -> tuple[int, int]:
    """Look at every item of every page, some at a time; how many there were, and were news.

    What the provider refuses to tell about one is no reason not to ask about the others.
    """
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> bool:
        async with limit:
            try:
                return await look(item)
            except Rejected as no:
                log.warning("silence.kept", error=str(no))
                return False

    asked = found = 0
    last: T | None = None
    while items := await page(last):
        found += sum(await asyncio.gather(*(one(item) for item in items)))
        asked, last = asked + len(items), items[-1]
        activity.heartbeat(asked)
    return asked, found
