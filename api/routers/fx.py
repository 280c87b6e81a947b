"""Foreign exchange of the platform's own money: conversions on record, and the report."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, body_hash
from api.auth import Caller
from api.deps import Database, Use, only
from api.schemas.common import Currency, Form
from api.schemas.fx import ConversionIn, ConversionView, FxReportView, Reckonable
from domain.actors import Role
from domain.fx.conversions import Conversion
from domain.fx.rates import EURO
from runtime import treasury
from runtime.desk import Ask

router = APIRouter(prefix="/v1/ledger", tags=["books and alarms"])
Treasurer = Annotated[Caller, Depends(only(Role.OPERATOR, Role.COMPLIANCE))]
Reader = Annotated[Caller, Depends(only(Role.OPERATOR, Role.AUDITOR))]
_RECORD = "conversion.record"


@router.post("/conversions", status_code=201, response_model=ConversionView, responses=ASKED)
async def record_conversion(body: ConversionIn, caller: Treasurer, asked: Asked) -> Response:
    """Record what was converted at the provider, so that both books agree. It moves no money."""
    subject = f"conversion/{body.reference}"
    at = asked.use.clock.now(subject)
    conversion = Conversion(
        reference=body.reference,
        provider=asked.use.payments.name,
        sold=body.sold.side(),
        bought=body.bought.side(),
        at=body.converted_at or at,
    )

    async def work(db: AsyncConnection) -> tuple[int, dict[str, object]]:
        await treasury.record(db, conversion, str(caller))
        return 201, ConversionView.of(conversion).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route=_RECORD,
        object=subject,
        key=asked.key,
        body_hash=body_hash(body),
        command=_RECORD,
        received_at=at,
        is_creation=True,
    )
    return await asked.do(ask, work)


class FxQuery(Form):
    """In which currency to reckon, and as of when."""

    base: Currency = EURO
    at: Reckonable | None = Field(default=None, description="Business time; now, if not said.")


@router.get("/fx", responses=READ)
async def read_fx(
    caller: Reader, use: Use, db: Database, wanted: Annotated[FxQuery, Query()]
) -> FxReportView:
    """Read which positions exchanges have left open, and what they have brought."""
    del caller
    at = wanted.at or use.clock.now("ledger/fx")
    return FxReportView.of(wanted.base, at, await treasury.report(db, wanted.base, at))
