"""Facts on their way from the inbox to the process that they concern."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from adapters.errors import Unavailable
from adapters.logistics.port import Tracking, TrackingProvider
from domain.errors import Refusal
from domain.ids import aftercare_workflow_id
from domain.payout.rules import Standing
from domain.shipment.milestones import Milestone
from persistence import inbox, waiting
from persistence.inbox import Held, KnownParcel, Waiting
from persistence.outages import passes
from persistence.tables.traffic import Fact
from persistence.vault import Erased, Vault
from runtime import news
from runtime.hearing import Undelivered, hearing
from runtime.intake import UNATTRIBUTED
from runtime.relay.lane import DELIVERED, MOST_DEFECTS, Job, wait_after
from workflows._kit.attributes import at_start
from workflows.aftercare.messages import LateFact
from workflows.chargeback.messages import FollowChargeback
from workflows.order.messages import FraudWarned, ParcelMoved, PaymentChanged, SellerChanged
from workflows.payout.messages import PayoutChanged

_LEASE: Final = timedelta(seconds=20)
# So soon after it was taken or renewed, a lease is as good as whole.
_FRESH_SECONDS: Final = 1.0
_PATIENCE: Final = 5
# The carrier's client tries several times by itself: together they must not outlast the lease.
_CARRIER_PATIENCE: Final = 12
_MOST_AT_ONCE: Final = 20
# The signal by which each kind of process hears that its money has news.
Said = type[PaymentChanged] | type[PayoutChanged] | type[FraudWarned]
_SIGNALS: Final[Mapping[str, tuple[str, Said]]] = MappingProxyType(
    {
        "order": ("payment_changed", PaymentChanged),
        "purchase": ("payment_changed", PaymentChanged),
        "dispute": ("payment_changed", PaymentChanged),
        "payout": ("payout_changed", PayoutChanged),
        "repayment": ("payment_changed", PaymentChanged),
    }
)
# Whose payment can be reported as fraudulent.
_PAID: Final = frozenset({"order", "purchase"})
_REPORTED: Final[tuple[str, Said]] = ("fraud_warned", FraudWarned)
log = structlog.get_logger(__name__)


class _TakenOver(Exception):
    """Our lease has run out, and somebody else has the facts."""


class Facts:
    """Tells processes that there is news. A repeat has the same event id and changes nothing."""

    name = "facts"

    def __init__(
        self,
        engine: AsyncEngine,
        vault: Vault,
        client: Client,
        tracking: TrackingProvider,
        task_queue: str,
    ) -> None:
        """Signal by *client*; *tracking* is asked how a parcel really stands."""
        self._engine = engine
        self._vault = vault
        self._client = client
        self._tracking = tracking
        self._task_queue = task_queue

    async def take(self, limit: int, subject: str | None = None) -> Sequence[Job]:
        """Take the facts of some lines."""
        async with self._engine.begin() as db:
            taken = await inbox.take(db, limit, _LEASE, subject, _MOST_AT_ONCE)
        return [partial(self._deliver, held) for held in taken]

    async def pending(self, subject: str | None = None) -> int:
        """How many facts wait."""
        async with self._engine.connect() as db:
            return await waiting.pending(db, Fact, subject)

    async def _deliver(self, held: Held) -> None:
        """Deliver the facts of a line in order; one that has to wait keeps the later ones back."""
        renewed_at = time.monotonic()
        while held.facts:
            fact = held.facts[0]
            try:
                if time.monotonic() - renewed_at > _FRESH_SECONDS:
                    await self._hold(held)
                    renewed_at = time.monotonic()
                await self._apply(fact, held)
            except _TakenOver:
                # Whoever has them since does all that is left.
                log.warning("fact.taken_over", event_id=fact.event_id, subject=fact.subject)
                return
            except (Undelivered, Unavailable) as outage:
                await self._put_off(held, str(outage))
                return
            except Exception as failure:
                log.exception("fact.failed", event_id=fact.event_id, kind=fact.kind)
                error, is_defect = type(failure).__name__, not passes(failure)
                if not is_defect or fact.defects + 1 < MOST_DEFECTS:
                    await self._put_off(held, error, is_defect=is_defect)
                    return
                await self._parked(fact, error)
            del held.facts[0]

    async def _hold(self, held: Held) -> None:
        """Hold what is left for a whole lease again: the facts before have taken their time."""
        async with self._engine.begin() as db:
            if not await inbox.renew(db, held, _LEASE):
                raise _TakenOver

    async def _apply(self, fact: Waiting, held: Held) -> None:
        if fact.kind in news.OF_PARCELS:
            await self._parcel_moved(fact, held)
            return
        if fact.kind in news.CHARGEBACKS:
            await self._bank_says(fact)
            await self._done(fact)
            return
        kind = fact.subject.partition("/")[0]
        if fact.kind == news.SELLER_STANDING:
            # An order that has ended has nothing more to do with its seller's standing.
            told = SellerChanged(fact.event_id, fact.received_at, Standing(fact.reference))
            await self._signalled(fact.subject, "seller_changed", told)
        elif kind in _SIGNALS:
            is_report = kind in _PAID and fact.kind in news.FRAUD
            signal, message = _REPORTED if is_report else _SIGNALS[kind]
            said = message(fact.event_id, fact.received_at)
            if not await self._signalled(fact.subject, signal, said):
                await self._arrived_late(fact)
        await self._done(fact)

    async def _parcel_moved(self, fact: Waiting, held: Held) -> None:
        """Read the tracker again, keep its scans, and tell of a milestone that is new.

        A carrier's list that was long on its way is kept by nobody who has lost the fact meanwhile:
        it would withdraw what a newer list says. What the process was told is written last: killed
        before, the signal goes out again.
        """
        async with self._engine.connect() as db:
            parcel = await inbox.parcel_of(db, fact.reference)
        if parcel is None:
            # Its number was given free again.
            await self._done(fact)
            return
        seen = await self._looked_up(fact.reference)
        async with self._engine.begin() as db:
            if not await inbox.renew(db, held, _LEASE):
                raise _TakenOver
            await inbox.keep_scans(db, parcel.parcel, seen.scans, fact.received_at)
            milestone, received_at = await inbox.standing(db, parcel.parcel)
        is_new_delivery = milestone == Milestone.DELIVERED and received_at == fact.received_at
        is_late = False
        if milestone != parcel.milestone or is_new_delivery:
            moved = ParcelMoved(fact.event_id, fact.received_at, milestone)
            is_late = not await self._signalled(fact.subject, "parcel_moved", moved)
        if is_late and milestone == Milestone.DELIVERED:
            # Its money may have gone back meanwhile.
            await self._arrived_late(fact)
        async with self._engine.begin() as db:
            if not await inbox.renew(db, held, _LEASE):
                raise _TakenOver
            await inbox.told(db, parcel.parcel, milestone, fact.received_at)
            if is_late and _matters_after_the_end(parcel, milestone):
                facts = {"parcel": parcel.parcel, "was": parcel.milestone, "is": milestone}
                detail = "a parcel has news after its order's end"
                await waiting.alarm(db, "parcel_after_end", fact.subject, detail, facts)
            await waiting.done(db, Fact, fact.seq)
        self._say(fact, "late" if is_late else "delivered")

    async def _looked_up(self, reference: str) -> Tracking:
        """How a parcel stands now; a carrier that takes longer than we hold a fact is away."""
        try:
            async with asyncio.timeout(_CARRIER_PATIENCE):
                return await self._tracking.look(reference)
        except TimeoutError:
            raise Unavailable(self._tracking.name, "slow") from None

    async def _signalled(self, process: str, signal: str, message: object) -> bool:
        """Signal a process; False if there is none that hears (it has ended)."""
        try:
            with hearing(process):
                async with asyncio.timeout(_PATIENCE):
                    await self._client.get_workflow_handle(process).signal(signal, message)
        except (Refusal, Erased):
            return False
        return True

    async def _bank_says(self, fact: Waiting) -> None:
        """Let the chargeback's process hear it: its first message starts it.

        One that comes after the end starts it anew: it finds that nothing is left to do.
        """
        if fact.person not in {"", UNATTRIBUTED}:
            await self._bind(fact.subject, fact.person)
        asked = FollowChargeback(fact.subject.partition("/")[2], fact.received_at)
        try:
            with hearing(fact.subject):
                async with asyncio.timeout(_PATIENCE):
                    await self._client.start_workflow(
                        "chargeback",
                        asked,
                        id=fact.subject,
                        task_queue=self._task_queue,
                        start_signal="payment_changed",
                        start_signal_args=[PaymentChanged(fact.event_id, fact.received_at)],
                        search_attributes=at_start("chargeback", "opening", ""),
                        static_summary="A cardholder's bank takes a payment back",
                    )
        except Refusal as no:
            raise Undelivered(f"the chargeback cannot be followed: {no.detail}") from no

    async def _arrived_late(self, fact: Waiting) -> None:
        """Let aftercare hear it: its execution is started if there is none."""
        process = aftercare_workflow_id(fact.subject)
        if fact.person not in {"", UNATTRIBUTED}:
            await self._bind(process, fact.person)
        kind, _, name = fact.subject.partition("/")
        try:
            with hearing(process):
                async with asyncio.timeout(_PATIENCE):
                    await self._client.start_workflow(
                        "aftercare",
                        fact.subject,
                        id=process,
                        task_queue=self._task_queue,
                        start_signal="fact_arrived",
                        start_signal_args=[_late(fact)],
                        search_attributes=at_start(
                            "aftercare", "open", "", name if kind == "order" else ""
                        ),
                        static_summary=f"News of {fact.subject} after its end",
                    )
        except Refusal as no:
            raise Undelivered(f"aftercare cannot be started: {no.detail}") from no
        log.info("fact.arrived_late", event_id=fact.event_id, subject=fact.subject)

    async def _bind(self, process: str, person: str) -> None:
        try:
            await self._vault.bind(process, person)
        except Erased:
            # Money is looked after all the same; the message holds nothing of the person.
            log.info("person.forgotten", subject=process)

    async def _done(self, fact: Waiting) -> None:
        async with self._engine.begin() as db:
            await waiting.done(db, Fact, fact.seq)
        self._say(fact, "delivered")

    async def _put_off(self, held: Held, error: str, *, is_defect: bool = False) -> None:
        """Try the first again later, unless somebody else has it; those behind it wait as well."""
        fact = held.facts[0]
        wait = wait_after(fact.attempts)
        async with self._engine.begin() as db:
            if not await inbox.renew(db, held, _LEASE):
                return
            await waiting.put_off(db, Fact, fact.seq, error, wait, is_defect=is_defect)
        self._say(fact, "put_off", error)

    async def _parked(self, fact: Waiting, error: str) -> None:
        """Give the fact up, loudly; what waits behind it goes on."""
        async with self._engine.begin() as db:
            await waiting.park(
                db,
                Fact,
                fact.seq,
                error=error,
                kind="fact.parked",
                subject=fact.subject,
                facts={"event_id": fact.event_id, "kind": fact.kind},
            )
        self._say(fact, "parked", error)

    def _say(self, fact: Waiting, result: str, error: str = "") -> None:
        DELIVERED.labels(self.name, result).inc()
        told = {"error": error} if error else {}
        log.info(
            "fact.handled",
            result=result,
            event_id=fact.event_id,
            kind=fact.kind,
            subject=fact.subject,
            **told,
        )


def _late(fact: Waiting) -> LateFact:
    return LateFact(fact.event_id, fact.kind, fact.subject, fact.reference, fact.received_at)


def _matters_after_the_end(parcel: KnownParcel, milestone: str) -> bool:
    """A parcel on its way back, or a delivery that was withdrawn: a person decides.

    A carrier that says once more what it has said is no news.
    """
    matters = milestone == Milestone.RETURNING or parcel.milestone == Milestone.DELIVERED
    return matters and milestone != parcel.milestone
