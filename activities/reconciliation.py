"""Our books against the provider's, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from temporalio import activity

from activities.upkeep import Upkeep
from adapters.errors import Rejected
from adapters.payment.port import BookLine, PaymentGateway
from domain.reconciliation import Break, Effect, Movement, Report, compare, effect_of
from persistence.upkeep_port import Books, Breach, ClearingEntry

# Both clocks and slow processes: what is in the window is looked at again and again.
_OVERLAP: Final = timedelta(days=1)
_GRACE: Final = timedelta(hours=1)
_WHOLE_EVERY: Final = timedelta(days=1)
_PART: Final = "reconciled"
_WHOLE: Final = "reconciled_whole"
_MOST_TOLD: Final = 100

log = structlog.get_logger()


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation came to."""

    is_whole: bool
    compared: int
    breaks: int
    new: int


class ReconciliationActivities:
    """Compares what we posted with what the provider says it did."""

    def __init__(self, books: Books, gateway: PaymentGateway) -> None:
        """Read ours from *books* and theirs from *gateway*."""
        self._books = books
        self._gateway = gateway

    @activity.defn(name="upkeep.reconcile")
    async def reconcile(self, request: Upkeep) -> Reconciled:
        """Compare what is new, and once a day everything; each break becomes an alarm.

        What only one side has is given an hour. A break that a part shows is looked for again in
        the whole, for its other half may be older than the part.
        """
        since = await self._since(request.at)
        report = await self.compared(request.at, since)
        if since is not None and report.breaks:
            since = None
            report = await self.compared(request.at, None)
        is_whole = since is None
        new = await self._books.report(
            "reconciliation",
            _breaches(report, is_whole=is_whole),
            request.at,
            None if is_whole else report.agreed,
        )
        await self._books.put_mark(_PART, request.at)
        if is_whole:
            await self._books.put_mark(_WHOLE, request.at)
        log.log(
            30 if report.breaks else 20,
            "books.reconciled",
            whole=is_whole,
            breaks=len(report.breaks),
        )
        return Reconciled(is_whole, len(report.agreed), len(report.breaks), new)

    async def compared(
        self, at: datetime, since: datetime | None = None, grace: timedelta = _GRACE
    ) -> Report:
        """Compare both sides from *since* on (None: from the beginning), and change nothing.

        Amounts of what is younger than *grace* may still be on their way to the other side.
        """
        ours = await self._books.clearing(self._gateway.name, since)
        accounts = await self._accounts(ours, since)
        theirs = [line for account in accounts for line in await self._lines(account, since)]
        posted = [self._posted(entry) for entry in ours]
        converted = {one.key for one in posted if one.effect == Effect.CONVERSION}
        told = [_told(line, is_conversion=line.reference in converted) for line in theirs]
        return compare(posted, told, until=at - grace)

    async def _since(self, at: datetime) -> datetime | None:
        part, whole = await self._books.mark(_PART), await self._books.mark(_WHOLE)
        if part is None or whole is None or at - whole >= _WHOLE_EVERY:
            return None
        return part - _OVERLAP

    async def _accounts(
        self, ours: Sequence[ClearingEntry], since: datetime | None
    ) -> Sequence[str]:
        """The platform, and the connected accounts that moved; for the whole, every one."""
        if since is None:
            return ["", *await self._books.accounts(self._gateway.name)]
        return sorted({"", *(self._account(entry) for entry in ours)})

    async def _lines(self, account: str, since: datetime | None) -> list[BookLine]:
        """What the provider says of an account; nothing of one that it does not let us see.

        One seller's mistyped or closed account keeps nobody else's from being compared. Whatever
        our books say of it is missing there, which is an alarm for each entry.
        """
        try:
            lines = [line async for line in self._gateway.books(account, since)]
        except Rejected as no:
            if not account:
                raise
            log.warning("books.account_refused", account=account, why=no.detail)
            return []
        if activity.in_activity():
            activity.heartbeat(account)
        return lines

    def _account(self, entry: ClearingEntry) -> str:
        return entry.owner.removeprefix(self._gateway.name).removeprefix(":")

    def _posted(self, entry: ClearingEntry) -> Movement:
        key, effect = effect_of(entry.key)
        return Movement(
            self._account(entry),
            key,
            effect,
            entry.currency,
            change=entry.amount,
            fee=entry.fee,
            at=entry.recorded_at,
            name=entry.key,
        )


def _told(line: BookLine, *, is_conversion: bool) -> Movement:
    """The provider's line. One that a conversion of ours names is matched by its own reference."""
    return Movement(
        line.account,
        line.reference if is_conversion else line.key,
        Effect.CONVERSION if is_conversion else line.kind,
        line.change.currency,
        change=line.change.minor,
        fee=line.fee.minor,
        at=line.at,
        name=line.reference,
    )


def _breaches(report: Report, *, is_whole: bool) -> list[Breach]:
    found = [_breach(one) for one in report.breaks]
    if is_whole:
        found += [
            Breach(
                "total",
                f"{total.account or 'platform'}/{total.currency}",
                f"our books say {total.ours} and the provider's {total.theirs}",
                {"ours": total.ours, "theirs": total.theirs},
                tuple(key for one in report.breaks for key in one.postings)[:_MOST_TOLD],
            )
            for total in report.totals
            if total.ours != total.theirs and report.breaks
        ]
    return found


def _breach(one: Break) -> Breach:
    return Breach(
        str(one.kind),
        one.key,
        f"{one.effect} on {one.account or 'the platform'}: our books say {one.ours}, fee "
        f"{one.our_fee}; the provider's {one.theirs}, fee {one.their_fee}",
        {
            "effect": one.effect,
            "account": one.account,
            "currency": one.currency,
            "ours": one.ours,
            "theirs": one.theirs,
            "lines": ", ".join(one.lines),
        },
        one.postings,
    )
