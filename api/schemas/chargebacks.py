"""Chargebacks, as they are shown, and what is said about them."""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.auth import Caller
from api.paging import PageQuery
from api.schemas.common import Form, Id, Money, Reason, View, Word
from domain.actors import Role
from domain.chargeback import rules
from domain.chargeback.money import parted
from domain.chargeback.rules import WHO_MAY, Action
from domain.chargeback.state import ChargebackState, Stage


class StatementIn(Form):
    """What somebody has to say to the bank; it goes out with the evidence."""

    text: Reason = Field(min_length=1, examples=["The buyer wrote on 3 March that it had come."])


class AnswerIn(Form):
    """Why the bank is answered now, or not at all; kept in the timeline."""

    why: Reason = Field(default="", examples=["the goods never left"])


class ChargebackQuery(PageQuery):
    """Which chargebacks to list."""

    status: Stage | None = None
    order: Id | None = None
    seller: Id | None = None


class SliceView(View):
    """What of a chargeback falls on one order."""

    order: Id
    seller: Id
    amount: Money
    frozen: Money = Field(description="Kept in the order's escrow until the verdict.")
    carried: Money = Field(description="No longer there: the platform stands in for it until then.")


class ChargebackView(View):
    """A payment that a cardholder's bank takes back. A seller is shown what is theirs."""

    id: str
    status: Stage
    reason: Word
    amount: Money
    payment: str = Field(description="Whose payment it is: `order/o-1`, `purchase/p-1`, or empty.")
    source: Word = Field(description="Who hears the claim: `card` (the bank) or a wallet.")
    lost: Money = Field(description="What of it the buyer keeps, once that is decided.")
    is_inquiry: bool = Field(description="The bank only asks, and has taken nothing.")
    orders: tuple[SliceView, ...]
    opened_at: datetime
    answer_by: datetime | None = Field(description="When the evidence goes out by itself (UTC).")
    respond_by: datetime | None = Field(description="The bank's last moment for it (UTC).")
    contested_at: datetime | None
    ended_at: datetime | None
    allowed: tuple[Action, ...] = Field(description="What you may ask now.")
    links: dict[str, str]

    @classmethod
    def of(cls, state: ChargebackState, caller: Caller) -> Self:
        """Show a state as *caller* may see it."""

        def money(minor: int) -> Money:
            return Money(amount=minor, currency=state.currency or "EUR")

        is_seller = caller.role is Role.SELLER
        seen = [one for one in state.slices if not is_seller or one.seller == caller.seller]
        here = f"/v1/chargebacks/{state.chargeback}"
        return cls(
            id=state.chargeback,
            status=state.stage,
            reason=state.reason or "general",
            amount=money(sum(one.amount for one in seen) if is_seller else state.amount),
            payment="" if is_seller and state.payment.startswith("purchase/") else state.payment,
            source=state.source,
            lost=money(_lost(state, caller.seller) if is_seller else state.lost),
            is_inquiry=state.is_inquiry,
            orders=tuple(
                SliceView(
                    order=one.order,
                    seller=one.seller,
                    amount=money(one.amount),
                    frozen=money(one.held),
                    carried=money(one.carried),
                )
                for one in seen
            ),
            opened_at=state.opened_at,
            answer_by=state.answer_by,
            respond_by=state.respond_by,
            contested_at=state.contested_at,
            ended_at=state.ended_at,
            allowed=tuple(
                action for action in rules.allowed(state) if caller.role in WHO_MAY[action]
            ),
            links={
                "self": here,
                "statements": f"{here}/statements",
            },
        )


def _lost(state: ChargebackState, seller: str) -> int:
    parts, _ = parted(state, state.lost)
    shares = zip(state.slices, parts, strict=True)
    return sum(part for one, part in shares if one.seller == seller)


class StatementView(View):
    """A statement that was taken in."""

    chargeback: str
    number: int
    said_at: datetime
