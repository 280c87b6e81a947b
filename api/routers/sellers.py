"""Sellers and their money: registered, changed, read, paid out on demand."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.asking import ASKED, READ, Asked, body_hash, own_store, problems, visible_payout
from api.auth import Caller
from api.deps import Database, Seen, Staff, Use, only
from api.paging import Page, PageQuery, decode, decode_number, page
from api.schemas.common import Id, Sought
from api.schemas.money import (
    BalanceView,
    PayoutIn,
    PayoutView,
    SellerChange,
    SellerIn,
    SellerView,
)
from api.schemas.order_views import etag
from api.schemas.seller_money import PayoutResolutionIn
from domain.actors import STAFF, Role
from domain.ids import fingerprint
from persistence import reading
from persistence.records import PAYOUT_STATE
from runtime import bank_details, sellers
from runtime.commands import PAY_OUT
from runtime.contact import CONTACT
from runtime.desk import Ask
from runtime.outlook import outlooks
from workflows.payout.messages import ResolvePayout, StartPayout

router = APIRouter(prefix="/v1", tags=["sellers"])
SellerId = Annotated[Id, Path(description="The seller's id.", examples=["s-1"])]
PayoutId = Annotated[
    str,
    Path(
        description="The payout's id.",
        pattern=r"^[A-Za-z0-9._/-]{1,200}$",
        examples=["s-1/2026-11-30-EUR"],
    ),
]
Registrar = Annotated[Caller, Depends(only(Role.SERVICE, Role.OPERATOR))]
Reader = Annotated[Caller, Depends(only(Role.SERVICE, Role.SELLER, *Staff))]
Lister = Annotated[Caller, Depends(only(Role.SERVICE, *Staff))]
Operator = Annotated[Caller, Depends(only(Role.OPERATOR))]
Payer = Annotated[Caller, Depends(only(Role.SERVICE, Role.SELLER, Role.OPERATOR))]


@router.post("/sellers", status_code=201, response_model=SellerView, responses=ASKED)
async def register_seller(body: SellerIn, caller: Registrar, asked: Asked) -> Response:
    """Register a seller whom the marketplace has certified."""
    subject = f"seller/{body.seller}"
    at = asked.use.clock.now(subject)
    wanted = sellers.Registration(
        seller=body.seller,
        account=body.account,
        country=body.country,
        level=body.level,
        policy=body.policy,
        standing=body.standing,
        settles_in=body.settles_in,
    )

    async def work(db: AsyncConnection) -> tuple[int, dict[str, object]]:
        row = await sellers.register(db, wanted, at)
        return 201, SellerView.of(row).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route="seller.register",
        object=subject,
        key=asked.key,
        body_hash=body_hash(body),
        command="seller.register",
        received_at=at,
        person=body.seller,
        particulars=body.model_dump_json(include=_personal(body)).encode(),
        is_creation=True,
    )
    answer = await asked.do(ask, work)
    if answer.status_code == 201:  # noqa: PLR2004 - the status of the route itself
        answer.headers["Location"] = f"/v1/sellers/{body.seller}"
        answer.headers["ETag"] = etag(1)
    return answer


class SellerQuery(PageQuery):
    """Which sellers to list."""

    standing: Sought | None = None


def _personal(body: SellerIn) -> set[str]:
    """What of a registration is about a person, and kept sealed."""
    return {*CONTACT, "ship_from"} if body.ship_from else set(CONTACT)


@router.get("/sellers", responses=READ)
async def list_sellers(
    caller: Lister, db: Database, wanted: Annotated[SellerQuery, Query()]
) -> Page[SellerView]:
    """List sellers by id."""
    del caller
    after = decode(wanted.cursor)
    rows = await reading.sellers(db, after, wanted.limit + 1, wanted.standing)
    return page(rows, wanted.limit, lambda row: row.seller, SellerView.of)


@router.get("/sellers/{seller}", response_model=SellerView, responses=READ)
async def read_seller(seller: SellerId, caller: Reader, db: Database) -> Response:
    """Read a seller."""
    own_store(caller, seller)
    return _shown(SellerView.of(await reading.seller(db, seller)))


@router.patch(
    "/sellers/{seller}",
    response_model=SellerView,
    responses=problems(400, 404, 409, 410, 412, 422, 428),
)
async def change_seller(
    seller: SellerId, body: SellerChange, caller: Registrar, use: Use, seen: Seen
) -> Response:
    """Change a seller. Another account waits for the seller's own word: see `bank-changes`.

    Of what is about the person (`email`, `name`, `language`, `zone`, `ship_from`), what is absent
    stays.
    """
    at = use.clock.now(f"seller/{seller}")
    wanted = sellers.Change(body.account, body.level, body.policy, body.standing, body.settles_in)
    contact = body.model_dump(include={*CONTACT, "ship_from"}, exclude_none=True)
    async with use.engine.connect() as db:
        before = await reading.seller(db, seller)
    is_another = bool(before.account) and body.account not in {None, "", before.account}
    code = await bank_details.new_code(use.vault, seller) if is_another else None
    async with use.engine.begin() as db:
        row = await sellers.change(db, seller, wanted, seen, at)
        if contact:
            await sellers.change_contact(db, use.vault, seller, contact)
        if code is not None:
            who = bank_details.Asking(seller, str(caller), at)
            await bank_details.ask(db, who, body.account or "", code)
        return _shown(SellerView.of(row))


def _shown(view: SellerView) -> Response:
    return JSONResponse(view.model_dump(mode="json"), headers={"ETag": etag(view.version)})


@router.get("/sellers/{seller}/balance", responses=READ)
async def read_balance(
    seller: SellerId, caller: Reader, db: Database, use: Use
) -> list[BalanceView]:
    """Read what a seller has, per currency, what would be paid now, and if nothing is, why."""
    own_store(caller, seller)
    await reading.seller(db, seller)
    found = await outlooks(db, seller, use.clock.now(f"seller/{seller}"))
    return [BalanceView.of(each) for each in found]


@router.get("/sellers/{seller}/payouts", responses=READ)
async def list_payouts(
    seller: SellerId, caller: Reader, db: Database, wanted: Annotated[PageQuery, Query()]
) -> Page[PayoutView]:
    """List a seller's payouts, the newest first."""
    own_store(caller, seller)
    await reading.seller(db, seller)
    rows = await reading.payouts(db, seller, decode_number(wanted.cursor), wanted.limit + 1)
    to_staff = caller.role in STAFF
    return page(
        rows, wanted.limit, lambda row: row[0], lambda row: PayoutView.of(row[1], to_staff=to_staff)
    )


@router.post(
    "/sellers/{seller}/payouts", status_code=201, response_model=PayoutView, responses=ASKED
)
async def pay_out(seller: SellerId, body: PayoutIn, caller: Payer, asked: Asked) -> Response:
    """Pay a balance out now. What may not be paid is withheld with its reason."""
    own_store(caller, seller)
    async with asked.use.engine.connect() as db:
        await reading.seller(db, seller)
    at = asked.use.clock.now(f"seller/{seller}")
    payout = f"{seller}/{fingerprint(str(caller), asked.key)[:16]}-{body.currency}"
    answer = await asked.use.desk.ask(
        Ask(
            caller=str(caller),
            route=f"{PAY_OUT}/{seller}",
            object=f"payout/{payout}",
            key=asked.key,
            body_hash=body_hash(body),
            command=PAY_OUT,
            received_at=at,
            message=StartPayout(payout, seller, body.currency, at),
            person=seller,
            is_creation=True,
        )
    )
    return asked.answered(
        answer,
        lambda body: (
            PayoutView.of(PAYOUT_STATE.validate_python(body)).model_dump(mode="json"),
            {"Location": f"/v1/payouts/{payout}"},
        ),
    )


@router.get("/payouts/{payout:path}", responses=READ)
async def read_payout(payout: PayoutId, caller: Reader, use: Use) -> PayoutView:
    """Read a payout, also one that was asked for and of which nothing has been written yet."""
    state = await visible_payout(use, caller, payout)
    return PayoutView.of(state, to_staff=caller.role in STAFF)


@router.post("/payouts/{payout:path}/resolution", response_model=PayoutView, responses=ASKED)
async def resolve_payout(
    payout: PayoutId, body: PayoutResolutionIn, caller: Operator, asked: Asked
) -> Response:
    """Let a parked payout go on: again, given back, or as paid by hand; the provider decides."""
    subject = f"payout/{payout}"
    received_at = asked.use.clock.now(subject)
    state = await visible_payout(asked.use, caller, payout)
    answer = await asked.use.desk.ask(
        Ask(
            caller=str(caller),
            route="payout.resolve",
            object=subject,
            key=asked.key,
            body_hash=body_hash(body),
            command="payout.resolve",
            received_at=received_at,
            message=ResolvePayout(caller.actor, received_at, body.resolution, body.note),
            person=state.seller,
        )
    )
    return asked.answered(answer, _payout_shown)


def _payout_shown(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, str]]:
    view = PayoutView.of(PAYOUT_STATE.validate_python(body), to_staff=True)
    return view.model_dump(mode="json"), {}
