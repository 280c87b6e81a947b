"""The ledger, for those who check it, and the alarms, for those who mend."""

from datetime import datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, Asking, body_hash
from api.auth import Caller
from api.deps import Database, only
from api.paging import SEPARATOR, Page, PageQuery, decode, decode_number, page
from api.schemas.common import Instant, Sought
from api.schemas.money import AccountView, AlarmView, ClearingIn, PostingView, RetryIn
from domain.actors import Role
from domain.ledger import AccountKind
from persistence import reading
from persistence.reading import AlarmRow, PostingFilter
from runtime import alarms
from runtime.desk import Ask

router = APIRouter(prefix="/v1", tags=["books and alarms"])
Auditor = Annotated[Caller, Depends(only(Role.AUDITOR, Role.OPERATOR))]
Watcher = Annotated[
    Caller, Depends(only(Role.OPERATOR, Role.SUPPORT_LEAD, Role.COMPLIANCE, Role.AUDITOR))
]
Operator = Annotated[Caller, Depends(only(Role.OPERATOR))]
AlarmId = Annotated[int, Path(description="The alarm's number.", ge=1, lt=2**63, examples=[1])]


class AboutAlarm(Protocol):
    """What an operator does about an alarm."""

    async def __call__(
        self, db: AsyncConnection, number: int, *, by: str, note: str, at: datetime
    ) -> AlarmRow:
        """Do it, and return the alarm as it is then."""
        ...


class PostingQuery(PageQuery):
    """Which entries to list; what is absent is not asked for."""

    account: AccountKind | None = None
    owner: Sought | None = Field(default=None, examples=["o-1001"])
    process: Sought | None = Field(default=None, examples=["order/o-1001"])
    key: Sought | None = Field(default=None, description="How the key begins.")
    effective_from: Instant | None = None
    effective_to: Instant | None = Field(default=None, description="Not itself included.")


@router.get("/ledger/postings", responses=READ)
async def list_postings(
    caller: Auditor, db: Database, wanted: Annotated[PostingQuery, Query()]
) -> Page[PostingView]:
    """List entries of the ledger in the order in which they were written."""
    del caller
    seen = PostingFilter(
        account=wanted.account,
        owner=wanted.owner,
        process=wanted.process,
        key_prefix=wanted.key,
        effective_from=wanted.effective_from,
        effective_to=wanted.effective_to,
    )
    rows = await reading.postings(db, seen, decode_number(wanted.cursor), wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.id, PostingView.of)


class AccountQuery(PageQuery):
    """Which accounts to list."""

    account: AccountKind | None = None


@router.get("/ledger/accounts", responses=READ)
async def list_accounts(
    caller: Auditor, db: Database, wanted: Annotated[AccountQuery, Query()]
) -> Page[AccountView]:
    """List what stands on each account. Per currency it sums to zero over all pages."""
    del caller
    mark = [*decode(wanted.cursor).split(SEPARATOR), "", "", ""]
    rows = await reading.sums(db, wanted.account, (mark[0], mark[1], mark[2]), wanted.limit + 1)
    return page(
        rows,
        wanted.limit,
        lambda row: SEPARATOR.join((row.account, row.owner, row.currency)),
        AccountView.of,
    )


class AlarmQuery(PageQuery):
    """Which alarms to list."""

    open: bool | None = Field(default=None, description="Only those that nobody has cleared.")


@router.get("/alarms", responses=READ)
async def list_alarms(
    caller: Watcher, db: Database, wanted: Annotated[AlarmQuery, Query()]
) -> Page[AlarmView]:
    """List alarms, the newest first."""
    del caller
    before = decode_number(wanted.cursor)
    rows = await reading.alarms(db, before, wanted.limit + 1, is_open=wanted.open)
    return page(rows, wanted.limit, lambda row: row.id, AlarmView.of)


@router.post("/alarms/{alarm}/clearing", response_model=AlarmView, responses=ASKED)
async def clear_alarm(alarm: AlarmId, body: ClearingIn, caller: Operator, asked: Asked) -> Response:
    """Close an alarm: its reason is gone, or was looked into. The note is kept."""
    del caller
    return await _about(asked, alarm, body, "alarm.clear", alarms.clear)


@router.post("/alarms/{alarm}/retry", response_model=AlarmView, responses=ASKED)
async def retry_parked(alarm: AlarmId, body: RetryIn, caller: Operator, asked: Asked) -> Response:
    """Let the webhooks, requests or letters go again that were given up, and close the alarm."""
    del caller
    return await _about(asked, alarm, body, "alarm.retry", alarms.retry)


async def _about(
    asked: Asking, alarm: int, body: ClearingIn | RetryIn, command: str, do: AboutAlarm
) -> Response:
    subject = f"alarm/{alarm}"
    by, at = str(asked.caller), asked.use.clock.now(subject)

    async def work(db: AsyncConnection) -> tuple[int, dict[str, object]]:
        row = await do(db, alarm, by=by, note=body.note, at=at)
        return 200, AlarmView.of(row).model_dump(mode="json")

    ask = Ask(
        caller=by,
        route=command,
        object=subject,
        key=asked.key,
        body_hash=body_hash(body),
        command=command,
        received_at=at,
    )
    return await asked.do(ask, work)
