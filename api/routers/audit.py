"""The audit log: who decided what and why, to read and to take along."""

from collections.abc import AsyncGenerator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query
from pydantic import AwareDatetime, Field
from starlette.responses import Response, StreamingResponse

from api.asking import problems
from api.deps import Database, Use, only
from api.paging import Page, PageQuery, decode_number, page
from api.schemas.disputes import DeedView
from domain.actors import Role
from persistence import audit
from persistence.audit import AuditFilter

router = APIRouter(tags=["audit"])
LINES: Final = "application/x-ndjson"
_Word = Annotated[str | None, Field(max_length=200)]


class AuditQuery(PageQuery):
    """Which entries."""

    subject: _Word = Field(None, examples=["dispute/d-1001"])
    actor: _Word = Field(None, examples=["support-lead:lead-1"])
    action: _Word = Field(None, examples=["decide"])
    since: AwareDatetime | None = Field(None, description="From this instant on.")
    until: AwareDatetime | None = Field(None, description="Before this instant.")


class AuditView(DeedView):
    """Who did what about what, and why; never edited."""

    seq: int
    subject: str


@router.get(
    "/v1/audit",
    response_model=Page[AuditView],
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}, **problems(422)},
    dependencies=[Depends(only(Role.AUDITOR, Role.OPERATOR))],
)
async def read_audit(
    use: Use,
    db: Database,
    wanted: Annotated[AuditQuery, Query()],
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | Page[AuditView]:
    """Read who decided what and why, the oldest first.

    With `Accept: application/x-ndjson` everything comes at once, an entry a line; `cursor` and
    `limit` then say nothing.
    """
    seen = AuditFilter(wanted.subject, wanted.actor, wanted.action, wanted.since, wanted.until)
    if LINES in accept:
        return StreamingResponse(_lines(use, seen), media_type=LINES)
    rows = await audit.entries(db, seen, decode_number(wanted.cursor), wanted.limit + 1)
    return page(rows, wanted.limit, lambda row: row.seq, AuditView.of)


async def _lines(use: Use, seen: AuditFilter) -> AsyncGenerator[str]:
    async for entry in audit.every(use.engine, seen):
        yield AuditView.of(entry).model_dump_json() + "\n"
