"""Every effect that a payment gateway can be asked for, each ready to be done under a key."""

import itertools
import uuid
from dataclasses import dataclass
from typing import Protocol

from adapters.payment.port import Effect, Intent, PaymentGateway
from domain.money import Money
from tests.support.sandbox import SandboxPlace

_RUN = uuid.uuid4().hex[:6]
_numbers = itertools.count(1)
PRICE = Money(10_000, "EUR")

Outcome = Intent | Effect


class Do(Protocol):
    """Does one effect under a key, or asks for it again."""

    async def __call__(self, key: str, amount: Money, *, again: bool = False) -> Outcome: ...


def fresh(kind: str = "order") -> str:
    """A subject that nobody has used before."""
    return f"{kind}/{_RUN}-{next(_numbers)}"


def seller_account(place: SandboxPlace, currency: str = "eur") -> str:
    """A connected account whose money stays until it is paid out."""
    account = place.stripe().v1.accounts.create(
        {
            "country": "DE",
            "default_currency": currency,
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
        }
    )
    return account.id


@dataclass(frozen=True)
class Deed:
    """One effect: `do(key, amount, again=...)`. `route` is where its fault rules strike."""

    subject: str
    route: str
    do: Do

    def key(self) -> str:
        """A key of this deed's own, never used before."""
        return f"{self.subject}/deed/{next(_numbers)}"


async def paid(gateway: PaymentGateway, amount: Money = PRICE, subject: str = "") -> Intent:
    """A payment that was captured."""
    about = subject or fresh()
    return await gateway.open(f"{about}/take/1", about, amount, "pm_card_visa")


async def deed(kind: str, gateway: PaymentGateway, place: SandboxPlace) -> Deed:
    """Prepare what *kind* needs before it can be done."""
    subject = fresh("payout" if kind == "pay_out" else "order")
    if kind == "open":

        async def open_(key: str, amount: Money, *, again: bool = False) -> Outcome:
            return await gateway.open(key, subject, amount, "pm_card_visa", again=again)

        return Deed(subject, "POST /v1/payment_intents$", open_)
    intent = await paid(gateway)
    if kind == "refund":

        async def refund(key: str, amount: Money, *, again: bool = False) -> Outcome:
            return await gateway.refund(key, subject, intent.reference, amount, again=again)

        return Deed(subject, "POST /v1/refunds$", refund)
    return await _towards_seller(kind, gateway, seller_account(place), subject)


async def _towards_seller(kind: str, gateway: PaymentGateway, account: str, subject: str) -> Deed:
    if kind == "transfer":

        async def transfer(key: str, amount: Money, *, again: bool = False) -> Outcome:
            return await gateway.transfer(key, subject, account, amount, again=again)

        return Deed(subject, "POST /v1/transfers$", transfer)
    earlier = await gateway.transfer(f"{subject}/t/1", subject, account, Money(5_000, "EUR"))
    if kind == "take_back":

        async def take_back(key: str, amount: Money, *, again: bool = False) -> Outcome:
            return await gateway.take_back(key, subject, earlier.reference, amount, again=again)

        return Deed(subject, "POST /v1/transfers/.*/reversals$", take_back)

    async def pay_out(key: str, amount: Money, *, again: bool = False) -> Outcome:
        return await gateway.pay_out(key, subject, account, amount, again=again)

    return Deed(subject, "POST /v1/payouts$", pay_out)
