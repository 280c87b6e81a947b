"""Bulk rulings, as they are asked for and shown."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.auth import Caller
from api.schemas.common import LARGEST_VERSION, Form, Id, Money, Reason, View
from domain.dispute import rules
from domain.dispute.bulk import MOST, Award, BorneBy, Standing
from domain.dispute.clocks import clock_of
from domain.dispute.reasons import Reason as Cause
from domain.dispute.rules import JUDGES
from domain.dispute.state import ClockName
from persistence.disputes.bulk import Ruled
from runtime.bulk import Followed, Foreseen


class CaseIn(Form):
    """One dispute, at the revision that was looked at."""

    dispute: Id = Field(examples=["d-1001"])
    revision: int = Field(ge=1, le=LARGEST_VERSION, strict=True, examples=[2])


class BulkRulingIn(Form):
    """One decision on many disputes; each is judged by its own revision and caps."""

    award: Award = Field(description="What each buyer gets.", examples=["asked"])
    borne_by: BorneBy = Field(default=BorneBy.SELLER, description="Who pays it.")
    why: Reason = Field(min_length=1, examples=["the carrier lost the whole lorry"])
    cases: tuple[CaseIn, ...] = Field(min_length=1, max_length=MOST)

    @field_validator("cases")
    @classmethod
    def _each_once(cls, cases: tuple[CaseIn, ...]) -> tuple[CaseIn, ...]:
        if len({case.dispute for case in cases}) < len(cases):
            raise ValueError("name each dispute once")
        return cases


class WordIn(Form):
    """A word on a bulk ruling; why is kept in the log of each dispute."""

    why: Reason = Field(default="", examples=["checked five of them at random"])


class BulkQuery(BaseModel):
    """Which disputes a bulk ruling would be about, and what it would say."""

    model_config = ConfigDict(extra="forbid")

    award: Award = Award.ASKED
    borne_by: BorneBy = BorneBy.SELLER
    reason: Cause | None = Field(default=None, examples=["in_transit"])
    seller: Id | None = None
    limit: Annotated[int, Field(ge=1, le=MOST, description="How many at most.")] = 100


class ForeseenView(View):
    """What it would do in one dispute, as the money stands; or why it may not be decided so."""

    dispute: str
    order: str
    seller: str
    reason: Cause
    revision: int
    buyer_gets: Money
    seller_pays: Money
    platform_pays: Money
    carrier_pays: Money
    refused: str = Field(description="Why not; empty: it may be.")

    @classmethod
    def of(cls, each: Foreseen) -> Self:
        """Show it."""
        state, award = each.state, each.award
        amounts = {
            "buyer_gets": award.amount,
            "seller_pays": award.seller_pays,
            "platform_pays": award.platform,
            "carrier_pays": award.carrier,
        }
        money: dict[str, Any] = {
            name: Money(amount=minor, currency=state.currency) for name, minor in amounts.items()
        }
        return cls(
            dispute=state.dispute,
            order=state.order,
            seller=state.seller,
            reason=state.reason,
            revision=state.revision,
            refused=each.refusal.detail if each.refusal else "",
            **money,
        )


class TotalsView(View):
    """What all of them come to in one currency, in minor units."""

    currency: str
    cases: int
    buyers_get: int
    sellers_pay: int
    platform_pays: int
    carriers_pay: int


class BulkPreview(View):
    """What a bulk ruling would do, before it is made: nothing has been asked."""

    cases: list[ForeseenView]
    totals: list[TotalsView]

    @classmethod
    def of(cls, found: Sequence[Foreseen]) -> Self:
        """Show what was foreseen."""
        return cls(cases=[ForeseenView.of(each) for each in found], totals=totals(found))


def totals(found: Iterable[Foreseen]) -> list[TotalsView]:
    """The sums over those that may be decided, per currency."""
    possible = [each for each in found if each.refusal is None]
    summed: list[TotalsView] = []
    for currency in sorted({each.state.currency for each in possible}):
        awards = [each.award for each in possible if each.state.currency == currency]
        summed.append(
            TotalsView(
                currency=currency,
                cases=len(awards),
                buyers_get=sum(award.amount for award in awards),
                sellers_pay=sum(award.seller_pays for award in awards),
                platform_pays=sum(award.platform for award in awards),
                carriers_pay=sum(award.carrier for award in awards),
            )
        )
    return summed


class BulkCaseView(View):
    """One of its disputes, and where the ruling stands there."""

    dispute: str
    order: str
    seller: str
    revision: int
    standing: Standing
    amount: Money = Field(description="What it gives the buyer, as ruled.")
    take_back_by: datetime | None
    refused: str
    href: str

    @classmethod
    def of(cls, each: Followed) -> Self:
        """Show it."""
        state = each.state
        clock = clock_of(state, ClockName.TAKE_BACK)
        ruled = state.pending or state.verdict
        is_ours = each.standing in (Standing.RULED, Standing.AGREED, Standing.HOLDS)
        amount = ruled.amount if ruled and is_ours else 0
        is_agreed = each.standing is Standing.AGREED
        return cls(
            dispute=state.dispute,
            order=state.order,
            seller=state.seller,
            revision=each.case.revision,
            standing=each.standing,
            amount=Money(amount=amount, currency=state.currency),
            take_back_by=clock.due_at if clock and is_agreed else None,
            refused=each.case.detail,
            href=f"/v1/disputes/{state.dispute}",
        )


# What may be said on a ruling, and where the ruling must stand for it.
WORDS = {
    rules.Action.APPROVE: Standing.RULED,
    rules.Action.DISAPPROVE: Standing.RULED,
    rules.Action.TAKE_BACK: Standing.AGREED,
}
PATHS = {
    rules.Action.APPROVE: "approval",
    rules.Action.DISAPPROVE: "disapproval",
    rules.Action.TAKE_BACK: "taking-back",
}


class BulkFigures(View):
    """A bulk ruling in a list."""

    id: str
    award: Award
    borne_by: BorneBy
    why: str
    ruled_by: str
    ruled_at: datetime
    href: str

    @classmethod
    def of(cls, made: Ruled) -> Self:
        """The line that a list shows."""
        ruling = made.ruling
        return cls(
            id=ruling.bulk,
            award=ruling.award,
            borne_by=ruling.borne_by,
            why=ruling.why,
            ruled_by=made.ruled_by,
            ruled_at=made.ruled_at,
            href=f"/v1/bulk-rulings/{ruling.bulk}",
        )


class BulkRulingView(BulkFigures):
    """A bulk ruling: what was decided, by whom, and where it stands in each dispute."""

    cases: list[BulkCaseView]
    allowed: list[str] = Field(description="What you may say on it now.", examples=[["approve"]])

    @classmethod
    def made(cls, made: Ruled, cases: Sequence[Followed], caller: Caller) -> Self:
        """Show it to *caller*: the second person is another one than who ruled."""
        standings = {each.standing for each in cases}
        is_judge = caller.role in JUDGES
        allowed = [
            str(action)
            for action, where in WORDS.items()
            if is_judge
            and where in standings
            and (action is not rules.Action.APPROVE or made.ruled_by != str(caller))
        ]
        return cls(
            **BulkFigures.of(made).model_dump(),
            cases=[BulkCaseView.of(each) for each in cases],
            allowed=allowed,
        )
