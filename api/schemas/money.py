"""Sellers, balances, payouts, the ledger and alarms, as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from api.schemas.common import (
    Country,
    Currency,
    Email,
    Form,
    Id,
    Language,
    Money,
    Reason,
    Text,
    View,
    Word,
    Zone,
)
from api.schemas.places import ShipFromIn
from domain.ledger import AccountKind
from domain.payout.rules import Standing
from domain.payout.state import PayoutState
from persistence.reading import AccountSum, AlarmRow, LedgerEntry, SellerRow
from runtime.outlook import Outlook

SettlesIn = Annotated[
    str,
    Field(
        pattern=r"^([A-Z]{3})?$",
        description="The currency of the seller's accounts; empty: that of each order.",
        examples=["CNY"],
    ),
]


class SellerIn(Form):
    """A seller whom the marketplace has certified elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "seller": "s-1",
                    "account": "acct_1Caravan",
                    "country": "CN",
                    "level": "standard",
                    "policy": "standard",
                    "email": "seller@example.com",
                    "name": "Shenzhen Example Trading",
                    "language": "zh-CN",
                    "zone": "Asia/Shanghai",
                }
            ]
        }
    )

    seller: Id
    account: str = Field(
        default="",
        max_length=100,
        pattern=r"^[A-Za-z0-9_]*$",
        description="The connected account at the payment provider; without it nothing is paid.",
    )
    country: Country
    level: Word = "standard"
    standing: Standing = Standing.ACTIVE
    policy: Word = "standard"
    settles_in: SettlesIn = ""
    email: Email | None = Field(default=None, description="Where notices go; kept sealed.")
    name: Text = Field(default="", description="Who is greeted; kept sealed.")
    language: Language = "en"
    zone: Zone = ""
    ship_from: ShipFromIn | None = Field(
        default=None, description="Where parcels are fetched; without it no label can be bought."
    )


class SellerChange(Form):
    """What is to be different; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"account": "acct_2Caravan"},
                {"standing": "suspended"},
                {"email": "orders@example.com", "language": "zh-CN"},
            ]
        }
    )

    account: str | None = Field(
        default=None,
        max_length=100,
        pattern=r"^[A-Za-z0-9_]*$",
        description="A first account counts at once; another one waits for the seller's word.",
    )
    level: Word | None = None
    standing: Standing | None = None
    policy: Word | None = None
    settles_in: SettlesIn | None = None
    email: Email | None = Field(default=None, description="Where notices go; kept sealed.")
    name: Text | None = Field(default=None, description="Who is greeted; kept sealed.")
    language: Language | None = None
    zone: Zone | None = None
    ship_from: ShipFromIn | None = Field(
        default=None, description="Where parcels are fetched from now on; kept sealed."
    )


class SellerView(View):
    """A seller."""

    id: str = Field(examples=["s-1"])
    version: int
    account: str
    country: str
    level: str
    standing: str
    policy: str
    bank_changed_at: datetime | None
    details: str = Field(
        description="`ok`, `missing`, or `refused`: turned down, and not paid to before new ones.",
        examples=["ok"],
    )
    settles_in: str = Field(description="Empty: each order's own currency.")
    non_fulfilments: int = Field(description="Paid orders that were never shipped.")
    registered_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, row: SellerRow) -> "SellerView":
        """Show a seller."""
        here = f"/v1/sellers/{row.seller}"
        return cls(
            id=row.seller,
            version=row.version,
            account=row.account,
            country=row.country,
            level=row.level,
            standing=row.standing,
            policy=row.policy,
            bank_changed_at=row.bank_changed_at,
            details=_details(row),
            settles_in=row.settles_in,
            non_fulfilments=row.non_fulfilments,
            registered_at=row.registered_at,
            links={
                "self": here,
                "balance": f"{here}/balance",
                "bank_changes": f"{here}/bank-changes",
                "payouts": f"{here}/payouts",
            },
        )


def _details(row: SellerRow) -> str:
    if not row.account:
        return "missing"
    return "refused" if row.account == row.refused_account else "ok"


class ReserveView(View):
    """What one order keeps in reserve."""

    order: str
    amount: Money
    ends_at: datetime | None = Field(description="Unknown until the buyer has the goods.")


class PayableNowView(View):
    """What a payout now would do. With a reason nothing is paid, until it ends."""

    amount: Money = Field(description="What would arrive.")
    fee: Money
    netted: Money = Field(description="Taken off for debts first.")
    reason: str = Field(description="Why nothing would be paid.", examples=["below_minimum"])
    until: datetime | None


class BalanceView(View):
    """What a seller has in one currency. `debt` is what the seller owes.

    A later refund is taken from `payable`, then `reserve`, then `deposit`; what is left is `debt`,
    which is netted against what becomes payable before anything is paid out.
    """

    currency: Currency
    payable: Money
    reserve: Money
    deposit: Money
    debt: Money
    in_transit: Money = Field(description="Left the balance, and is on its way to the bank.")
    reserves: list[ReserveView] = Field(description="By order, the first to end first.")
    pays: PayableNowView

    @classmethod
    def of(cls, outlook: Outlook) -> "BalanceView":
        """Show one currency of a seller's money."""

        def money(amount: int) -> Money:
            return Money(amount=amount, currency=outlook.currency)

        def balance(kind: AccountKind) -> int:
            return outlook.balances.get(kind, 0)

        return cls(
            currency=outlook.currency,
            payable=money(balance(AccountKind.PAYABLE)),
            reserve=money(balance(AccountKind.RESERVE)),
            deposit=money(balance(AccountKind.DEPOSIT)),
            debt=money(-balance(AccountKind.DEBT)),
            in_transit=money(outlook.in_transit),
            reserves=[
                ReserveView(order=one.order, amount=money(one.amount), ends_at=one.ends_at)
                for one in outlook.reserves
            ],
            pays=PayableNowView(
                amount=money(outlook.gross - outlook.fee),
                fee=money(outlook.fee),
                netted=money(outlook.netted),
                reason=outlook.reason,
                until=outlook.until,
            ),
        )


class PayoutIn(Form):
    """Pay a seller's balance of one currency out now, whatever the cycle."""

    currency: Currency


class PayoutParkedView(View):
    """A step failed for good; an operator decides how it goes on."""

    step: str
    reason: str
    since: datetime
    may: tuple[str, ...]


def _parked(state: PayoutState) -> PayoutParkedView | None:
    why = state.parked
    if why is None:
        return None
    return PayoutParkedView(step=why.step, reason=why.reason, since=why.since, may=why.may)


class PayoutView(View):
    """A payout: `gross` leaves the balance, `net` arrives, `fee` is between them."""

    id: str
    version: int
    seller: str
    stage: str = Field(examples=["sent"])
    gross: Money
    fee: Money
    net: Money
    as_of: datetime = Field(description="The business time up to which the balance counts.")
    reason: str = Field(description="Why it is withheld or came back.")
    netted: Money = Field(description="Taken off the balance for debts before.")
    watch_until: datetime | None
    ended_at: datetime | None
    parked: PayoutParkedView | None = Field(description="Shown to staff.")
    links: dict[str, str]

    @classmethod
    def of(cls, state: PayoutState, *, to_staff: bool = False) -> "PayoutView":
        """Show a payout; to staff also why it is parked, and what may be done about that."""
        return cls(
            id=state.payout,
            version=state.version,
            seller=state.seller,
            stage=state.stage,
            gross=Money(amount=state.gross, currency=state.currency),
            fee=Money(amount=state.fee, currency=state.currency),
            net=Money(amount=state.net, currency=state.currency),
            as_of=state.as_of,
            reason=state.reason,
            netted=Money(amount=state.netted, currency=state.currency),
            watch_until=state.watch_until,
            ended_at=state.ended_at,
            parked=_parked(state) if to_staff else None,
            links={
                "self": f"/v1/payouts/{state.payout}",
                "seller": f"/v1/sellers/{state.seller}",
            },
        )


class LegView(View):
    """One side of an entry in minor units; debit is positive."""

    account: str = Field(examples=["escrow"])
    owner: str = Field(examples=["o-1001"])
    amount: int


class PostingView(View):
    """One entry of the ledger: its sides sum to zero. Nothing is ever edited or deleted."""

    key: str = Field(examples=["order/o-1001/take/1"])
    kind: str
    process: str = Field(description="The execution that posted it.")
    currency: str
    effective_at: datetime = Field(description="Business time, the only one that rules read.")
    recorded_at: datetime
    legs: list[LegView]

    @classmethod
    def of(cls, entry: LedgerEntry) -> "PostingView":
        """Show an entry."""
        legs = [
            LegView(account=leg.account, owner=leg.owner, amount=leg.amount) for leg in entry.legs
        ]
        return cls(
            key=entry.key,
            kind=entry.kind,
            process=entry.process,
            currency=entry.currency,
            effective_at=entry.effective_at,
            recorded_at=entry.recorded_at,
            legs=legs,
        )


class AccountView(View):
    """What stands on one account in minor units; debit is positive."""

    account: str
    owner: str
    currency: str
    amount: int

    @classmethod
    def of(cls, row: AccountSum) -> "AccountView":
        """Show a sum."""
        return cls(account=row.account, owner=row.owner, currency=row.currency, amount=row.amount)


class ClearingIn(Form):
    """The reason for an alarm is gone, or was looked into."""

    note: Reason = ""


class RetryIn(Form):
    """What was mended, so that what was given up can go again."""

    note: Reason = Field(min_length=1, examples=["the template was missing"])


class AlarmView(View):
    """Something that a person must look at; its facts name what it is about."""

    id: int
    kind: str = Field(examples=["books.differ"])
    subject: str
    detail: str
    facts: dict[str, Any]
    raised_at: datetime
    cleared_at: datetime | None
    cleared_by: str = Field(description="Who closed it; empty where its reason went away.")
    note: str

    @classmethod
    def of(cls, row: AlarmRow) -> "AlarmView":
        """Show an alarm."""
        return cls(
            id=row.id,
            kind=row.kind,
            subject=row.subject,
            detail=row.detail,
            facts=dict(row.facts),
            raised_at=row.raised_at,
            cleared_at=row.cleared_at,
            cleared_by=row.cleared_by,
            note=row.note,
        )


class PaymentView(View):
    """What the buyer's browser needs to pay with; read from the provider, never kept here."""

    provider: str
    reference: str
    status: str
    amount: Money
    captured: Money
    todo: str = Field(
        description="What a payment that was begun waits for: authentication, slip, transfer."
    )
    expires_at: datetime | None = Field(description="Until when an authorisation can be captured.")
    client_secret: str
    decline: str = Field(description="Why the last attempt failed, in the provider's words.")
