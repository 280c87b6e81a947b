"""What any payment provider must do for us, and promise."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money


class IntentStatus(StrEnum):
    """Where the buyer's payment stands, in one vocabulary over all providers."""

    AWAITING_BUYER = "awaiting_buyer"
    PROCESSING = "processing"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    CANCELLED = "cancelled"


class Capture(StrEnum):
    """When the buyer's money is taken: with the payment, or by a later word of ours."""

    AT_ONCE = "at_once"
    LATER = "later"


class Todo(StrEnum):
    """What a payment that was begun waits for."""

    NOTHING = ""
    AUTHENTICATION = "authentication"
    SLIP = "slip"
    TRANSFER = "transfer"


class EffectStatus(StrEnum):
    """Where money that goes out stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Intent:
    """The buyer's payment as the provider sees it now.

    `captured` and `fee` (what the provider keeps of it) are zero until money is there;
    `captured_at` is the provider's own time of it (UTC). `reference` is the provider's id,
    `client_secret` what the buyer's browser needs to pay: it is never logged or stored by us.

    An authorisation is the buyer's bank's word, no money: `capturable` may be captured until
    `expires_at`, given at `authorised_at` (the provider's clock, UTC). `todo` says what a payment
    waits for that the buyer has begun, `funded` what has come of it so far.
    """

    reference: str
    status: IntentStatus
    amount: Money
    captured: Money
    fee: Money
    captured_at: datetime | None = None
    client_secret: str = ""
    decline: str = ""
    capturable: Money | None = None
    authorised_at: datetime | None = None
    expires_at: datetime | None = None
    todo: Todo = Todo.NOTHING
    funded: Money | None = None


@dataclass(frozen=True)
class FraudSign:
    """A report that a payment may be fraudulent, as the provider tells it now.

    `kind` is `warning` (the cardholder's bank reports it) or `review` (the provider's own rules
    have put it before a person); `reason` is the provider's word. A review that found nothing,
    and a warning of a payment that went back already, are not `open`.
    """

    reference: str
    kind: str
    reason: str
    is_open: bool
    at: datetime


@dataclass(frozen=True)
class Reported:
    """A sign of fraud, and the payment that it is about, by the provider's reference."""

    intent: str
    sign: FraudSign


class WaitsFor(StrEnum):
    """What money that goes out, and is pending, waits for."""

    NOTHING = ""
    BALANCE = "balance"
    PROVIDER = "provider"


@dataclass(frozen=True)
class Effect:
    """One thing that was done with money that goes out, and how it stands."""

    key: str
    reference: str
    status: EffectStatus
    amount: Money
    failure: str = ""
    waits_for: WaitsFor = WaitsFor.NOTHING


@dataclass(frozen=True)
class BookLine:
    """One line of the provider's own books.

    `account` is "" for the platform's balance, else the connected account. `change` is the
    signed effect on that balance (fees already taken off), `fee` what the provider kept.
    `key` is the key that we gave the effect, "" where the provider acted by itself.
    """

    reference: str
    account: str
    kind: str
    change: Money
    fee: Money
    key: str
    at: datetime


@dataclass(frozen=True)
class PaymentNews:
    """A genuine message from the provider. It says that something changed, not how it stands.

    `subject` is our own name for what it concerns ("order/o-1", "payout/s-1/2026-11-30-EUR"),
    read from the metadata that we gave the object; "" if it is not ours.
    """

    event_id: str
    kind: str
    subject: str
    reference: str
    occurred_at: datetime
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


class BankStatus(StrEnum):
    """Where a chargeback stands with the cardholder's bank, in one vocabulary over providers."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True)
class BankDispute:
    """A chargeback as the provider sees it now.

    `taken` is what the provider has taken out of our balance for it and not given back, `fee` what
    it kept; an inquiry has taken nothing. `respond_by` is its last moment for evidence (UTC),
    `submissions` how often evidence was submitted, `source` who hears the claim ("card", "paypal").
    """

    reference: str
    intent: str
    amount: Money
    status: BankStatus
    is_inquiry: bool
    reason: str
    opened_at: datetime
    respond_by: datetime | None
    submissions: int
    taken: Money
    fee: Money
    source: str = "card"


class PaymentGateway(Protocol):
    """Takes a buyer's money and gives back what is owed.

    Every call names its effect by our own *key*, never by the provider's reference, and hands
    the provider `subject` (the process it belongs to) so that its messages find home. The
    contract, asked of every implementation in `tests/adapters/test_payment_contract.py`:

    * repeating a call changes nothing and succeeds, also days later, when the provider has
      forgotten the key: with `again=True` the adapter first looks for an effect that carries
      the key in its metadata, and returns that one;
    * one key with another amount raises `Rejected`;
    * a replayed failure of the provider's own (a stored 500) is told apart from a fresh one and
      does not block the effect for ever: the adapter looks by metadata, then goes on with a
      derived key;
    * only `adapters.errors` leave this boundary, never a vendor's own exceptions.
    """

    name: str

    async def open(
        self,
        key: str,
        subject: str,
        amount: Money,
        method: str = "",
        *,
        capture: Capture = Capture.AT_ONCE,
        again: bool = False,
    ) -> Intent:
        """Ask for *amount* from the buyer.

        With *method* (a provider's token, never card data) it is confirmed at once; a decline
        is an `Intent` that awaits the buyer, not an error, and so is a token that names no method,
        or one that this payment cannot be made with. With *capture* later, a method that
        can be authorised is; the others are captured as they arrive.
        """
        ...

    async def capture(self, key: str, intent: str, amount: Money) -> Intent:
        """Take *amount* of what was authorised; what is beyond it is given free.

        Returns how the intent really stands. Not captured means that nothing was taken: the
        authorisation has expired, or was cancelled. One that was captured with another amount,
        or *amount* beyond what was authorised, raises `Rejected`.
        """
        ...

    async def fraud_signs(self, intent: str) -> Sequence[FraudSign]:
        """What was reported of a payment, oldest first; the order of messages is no matter."""
        ...

    async def reported(self, since: datetime) -> Sequence[Reported]:
        """What was reported of any payment since an instant, by the provider's clock."""
        ...

    async def look(self, reference: str) -> Intent:
        """The truth about an intent now, with what was captured and the provider's fee."""
        ...

    async def cancel(self, reference: str) -> Intent:
        """Close the intent so that it can no longer be paid; an authorisation is given back.

        Returns how it really stands, which may be captured or processing: then nothing was
        cancelled.
        """
        ...

    async def refund(
        self, key: str, subject: str, intent: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """Give *amount* of a captured intent back to where it came from."""
        ...

    async def find_refund(self, key: str, intent: str, amount: Money) -> Effect | None:
        """The refund of *intent* that carries *key*, if there is one; none is made.

        One of another amount raises `Rejected`.
        """
        ...

    async def transfer(
        self, key: str, subject: str, account: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """Move *amount* from the platform's balance to a connected account."""
        ...

    async def find_transfer(self, key: str, subject: str, amount: Money) -> Effect | None:
        """The transfer of *subject* that carries *key*, if there is one; none is made.

        One of another amount raises `Rejected`.
        """
        ...

    async def take_back(
        self, key: str, subject: str, transfer: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """Reverse *amount* of an earlier transfer, back to the platform's balance."""
        ...

    async def pay_out(
        self, key: str, subject: str, account: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """Send *amount* from a connected account to its bank."""
        ...

    async def find_pay_out(self, key: str, account: str, amount: Money) -> Effect | None:
        """The payout from *account* that carries *key*, as it stands now; none is made.

        One of another amount raises `Rejected`.
        """
        ...

    async def refund_status(self, key: str, reference: str) -> Effect:
        """How an earlier refund stands now."""
        ...

    async def payout_status(self, key: str, account: str, reference: str) -> Effect:
        """How an earlier payout stands now; one that came back after "paid" is failed."""
        ...

    async def chargeback(self, reference: str, subject: str = "") -> BankDispute:
        """How a chargeback stands; with *subject* it is marked as that process's."""
        ...

    async def claimed(self, since: datetime) -> Sequence[BankDispute]:
        """The chargebacks that were opened since an instant, by the provider's clock."""
        ...

    async def contest(
        self, reference: str, evidence: Mapping[str, str], packet: bytes
    ) -> BankDispute:
        """Submit the evidence, once: texts by the provider's names for them, and a PDF.

        Repeating it changes nothing: what was submitted is found.
        """
        ...

    async def concede(self, reference: str) -> BankDispute:
        """Give a chargeback up: it is lost, for good. Repeating it changes nothing."""
        ...

    def books(self, account: str, since: datetime | None) -> AsyncIterator[BookLine]:
        """The provider's own lines of *account* ("" = the platform), oldest first.

        They begin at *since*, by the provider's clock.
        """
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> PaymentNews:
        """Read a webhook. Raises `NotGenuine` on a bad signature or one too old by *now*."""
        ...
