"""Bank details, deposits, debts and parked payouts, as they are asked for and shown."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from api.schemas.common import Currency, Form, PositiveAmount, Reason, View
from domain.payout.bank_change import ChangeState, state_at
from domain.payout.state import Resolution
from persistence.bank_changes import BankChangeRow

Account = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_]+$", examples=["acct_2Caravan"])
]
Reference = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["pi_deposit_1"])
]


class BankChangeIn(Form):
    """The connected account at the payment provider that payouts shall go to."""

    account: Account


class ConfirmationIn(Form):
    """The code of the letter; an operator gives a note instead, of how the owner was heard."""

    code: str = Field(
        default="", max_length=40, pattern=r"^[A-Za-z0-9-]*$", examples=["9f86d081884c7d65"]
    )
    note: Reason = Field(default="", examples=[""])


class NoteIn(Form):
    """Why; it is kept."""

    note: Reason = Field(min_length=1, examples=["the bank had mixed up two names"])


class BankChangeView(View):
    """A change of bank details: what it waits for, and until when it can be confirmed."""

    id: int
    seller: str
    account: str
    state: str = Field(examples=["awaiting_code"])
    asked_by: str
    asked_at: datetime
    lapses_at: datetime
    decided_by: str
    decided_at: datetime | None
    links: dict[str, str]

    @classmethod
    def of(cls, row: BankChangeRow, at: datetime) -> "BankChangeView":
        """Show a change as it stands at an instant."""
        state = state_at(row.state, row.lapses_at, at)
        here = f"/v1/sellers/{row.seller}/bank-changes/{row.id}"
        next_steps = {
            ChangeState.AWAITING_OWNER: ("approval", "withdrawal"),
            ChangeState.AWAITING_CODE: ("confirmation", "withdrawal"),
        }.get(state, ())
        return cls(
            id=row.id,
            seller=row.seller,
            account=row.account,
            state=state,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            lapses_at=row.lapses_at,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            links={step: f"{here}/{step}" for step in next_steps},
        )


class DepositIn(Form):
    """A deposit that has arrived; the reference names it for ever, and it is booked once."""

    currency: Currency
    amount: PositiveAmount = Field(examples=[1_000_000])
    reference: Reference


class WriteOffIn(Form):
    """Give up what a closed seller owes; the reference names it for ever."""

    currency: Currency
    amount: PositiveAmount = Field(examples=[2_500])
    reference: Reference
    reason: Reason = Field(min_length=1, examples=["insolvent; collection ended without result"])


class PayoutResolutionIn(Form):
    """What an operator does about a parked payout; the note is kept."""

    resolution: Resolution
    note: Reason = Field(min_length=1, examples=["the provider answers again"])
