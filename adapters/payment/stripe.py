"""Stripe, through its official client."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import stripe

from adapters.payment import stripe_chargebacks as chargebacks
from adapters.payment.port import (
    BankDispute,
    BookLine,
    Capture,
    Effect,
    FraudSign,
    Intent,
    PaymentNews,
    Reported,
)
from adapters.payment.stripe_books import PAGE, lines
from adapters.payment.stripe_calls import NAME, effect_of, outage_of, same_amount, was_replayed
from adapters.payment.stripe_frauds import reported, signs
from adapters.payment.stripe_objects import (
    done_at_once,
    intent_of,
    is_authorised,
    key_in,
    metadata_for,
    payout_of,
    refund_of,
)
from adapters.payment.stripe_webhooks import news_of
from adapters.threads import Threads
from domain.money import Money

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

_NEWEST: Final = 300
_SETTLED: Final = "latest_charge.balance_transaction"

T = TypeVar("T")


class StripeGateway:
    """Keeps the contract of `PaymentGateway` on Stripe.

    The official client blocks (its asynchronous half needs an HTTP library that is no longer
    maintained), so each call runs in a thread. It never retries by itself: Temporal does.
    """

    name = NAME

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        api_base: str | None = None,
        *,
        timeout_seconds: float = 10,
        calls: int = 16,
    ) -> None:
        """*api_base* replaces Stripe's own address; at most *calls* run at the same time.

        *webhook_secret* may be several, separated by commas: one for each endpoint.
        """
        # Files have an address of their own at Stripe; a stand-in serves them at its one.
        base = (api_base or "").rstrip("/")
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": base, "files": base} if base else None,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
            max_network_retries=0,
        )
        self._webhook_secrets = tuple(part.strip() for part in webhook_secret.split(","))
        self._threads = Threads("stripe", calls)

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
        """As the port has it; without *method* the buyer chooses one in the browser."""
        params = _opening(key, subject, amount, method)
        if capture is Capture.LATER:
            params["capture_method"] = "manual"

        def create(derived: str) -> stripe.PaymentIntent:
            intents = self._client.v1.payment_intents
            try:
                made = intents.create(params, {"idempotency_key": derived})
            except stripe.CardError as declined:
                return self._intent(_declined_intent(declined))
            except stripe.InvalidRequestError as refused:
                if refused.param != "payment_method":
                    raise
                made = intents.create(_chosen_later(params), {"idempotency_key": f"{derived}/open"})
            return self._intent(made.id) if _is_replay(made) else made

        def find() -> stripe.PaymentIntent | None:
            found = _first(key, amount, self._intents_with(key))
            return None if found is None else self._intent(found.id)

        return intent_of(await self._ask(lambda: effect_of(key, create, find, again=again)))

    async def look(self, reference: str) -> Intent:
        """As the port has it."""
        return intent_of(await self._ask(lambda: self._intent(reference)))

    async def capture(self, key: str, intent: str, amount: Money) -> Intent:
        """As the port has it."""
        intents = self._client.v1.payment_intents

        def capture(derived: str) -> stripe.PaymentIntent:
            try:
                intents.capture(
                    intent,
                    {"amount_to_capture": amount.for_provider(NAME)},
                    {"idempotency_key": derived},
                )
            except stripe.InvalidRequestError as refused:
                if refused.code != "payment_intent_unexpected_state":
                    raise
            return self._intent(intent)

        def find() -> stripe.PaymentIntent | None:
            seen = self._intent(intent)
            return None if is_authorised(seen) else seen

        seen = await self._ask(lambda: effect_of(key, capture, find, again=True))
        if seen.status == "succeeded":
            same_amount(key, seen.amount_received, amount)
        return intent_of(seen)

    async def fraud_signs(self, intent: str) -> Sequence[FraudSign]:
        """As the port has it."""
        return await self._ask(lambda: signs(self._client, intent))

    async def reported(self, since: datetime) -> Sequence[Reported]:
        """As the port has it; Stripe lists the reviews that are open, and no others."""
        return await self._ask(lambda: reported(self._client, since))

    async def cancel(self, reference: str) -> Intent:
        """As the port has it."""

        def cancel() -> stripe.PaymentIntent:
            try:
                self._client.v1.payment_intents.cancel(reference)
            except stripe.InvalidRequestError as refused:
                if refused.code != "payment_intent_unexpected_state":
                    raise
            return self._intent(reference)

        return intent_of(await self._ask(cancel))

    async def refund(
        self, key: str, subject: str, intent: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """As the port has it."""
        refunds = self._client.v1.refunds

        def create(derived: str) -> stripe.Refund:
            made = refunds.create(
                {
                    "payment_intent": intent,
                    "amount": amount.for_provider(NAME),
                    "metadata": metadata_for(key, subject),
                },
                {"idempotency_key": derived},
            )
            return refunds.retrieve(made.id) if _is_replay(made) else made

        def find() -> stripe.Refund | None:
            return self._refund(key, intent, amount)

        made = await self._ask(lambda: effect_of(key, create, find, again=again))
        return refund_of(key, made)

    async def find_refund(self, key: str, intent: str, amount: Money) -> Effect | None:
        """As the port has it."""
        found = await self._ask(lambda: self._refund(key, intent, amount))
        return None if found is None else refund_of(key, found)

    def _refund(self, key: str, intent: str, amount: Money) -> stripe.Refund | None:
        listed = self._client.v1.refunds.list({"payment_intent": intent, "limit": PAGE})
        return _first(key, amount, listed.auto_paging_iter())

    async def transfer(
        self, key: str, subject: str, account: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """As the port has it."""
        transfers = self._client.v1.transfers

        def create(derived: str) -> stripe.Transfer:
            return transfers.create(
                {
                    "destination": account,
                    "amount": amount.for_provider(NAME),
                    "currency": amount.currency.lower(),
                    "transfer_group": subject,
                    "metadata": metadata_for(key, subject),
                },
                {"idempotency_key": derived},
            )

        def find() -> stripe.Transfer | None:
            return self._transfer(key, subject, amount)

        made = await self._ask(lambda: effect_of(key, create, find, again=again))
        return done_at_once(key, made)

    async def find_transfer(self, key: str, subject: str, amount: Money) -> Effect | None:
        """As the port has it."""
        found = await self._ask(lambda: self._transfer(key, subject, amount))
        return None if found is None else done_at_once(key, found)

    def _transfer(self, key: str, subject: str, amount: Money) -> stripe.Transfer | None:
        listed = self._client.v1.transfers.list({"transfer_group": subject, "limit": PAGE})
        return _first(key, amount, listed.auto_paging_iter())

    async def take_back(
        self, key: str, subject: str, transfer: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """As the port has it."""
        reversals = self._client.v1.transfers.reversals

        def create(derived: str) -> stripe.TransferReversal:
            return reversals.create(
                transfer,
                {"amount": amount.for_provider(NAME), "metadata": metadata_for(key, subject)},
                {"idempotency_key": derived},
            )

        def find() -> stripe.TransferReversal | None:
            listed = reversals.list(transfer, {"limit": PAGE})
            return _first(key, amount, listed.auto_paging_iter())

        made = await self._ask(lambda: effect_of(key, create, find, again=again))
        return done_at_once(key, made)

    async def pay_out(
        self, key: str, subject: str, account: str, amount: Money, *, again: bool = False
    ) -> Effect:
        """As the port has it."""
        payouts = self._client.v1.payouts

        def create(derived: str) -> stripe.Payout:
            made = payouts.create(
                {
                    "amount": amount.for_provider(NAME),
                    "currency": amount.currency.lower(),
                    "metadata": metadata_for(key, subject),
                },
                {"idempotency_key": derived, "stripe_account": account},
            )
            return self._payout(account, made.id) if _is_replay(made) else made

        def find() -> stripe.Payout | None:
            return _first(key, amount, self._payouts(account))

        made = await self._ask(lambda: effect_of(key, create, find, again=again))
        return payout_of(key, made)

    async def find_pay_out(self, key: str, account: str, amount: Money) -> Effect | None:
        """As the port has it."""
        found = await self._ask(lambda: _first(key, amount, self._payouts(account)))
        return None if found is None else payout_of(key, found)

    async def refund_status(self, key: str, reference: str) -> Effect:
        """As the port has it."""
        return refund_of(key, await self._ask(lambda: self._client.v1.refunds.retrieve(reference)))

    async def payout_status(self, key: str, account: str, reference: str) -> Effect:
        """As the port has it."""
        return payout_of(key, await self._ask(lambda: self._payout(account, reference)))

    async def chargeback(self, reference: str, subject: str = "") -> BankDispute:
        """As the port has it."""
        return await self._ask(lambda: chargebacks.look(self._client, reference, subject))

    async def claimed(self, since: datetime) -> Sequence[BankDispute]:
        """As the port has it."""
        return await self._ask(lambda: chargebacks.claimed(self._client, since))

    async def contest(
        self, reference: str, evidence: Mapping[str, str], packet: bytes
    ) -> BankDispute:
        """As the port has it."""
        return await self._ask(
            lambda: chargebacks.contest(self._client, reference, evidence, packet)
        )

    async def concede(self, reference: str) -> BankDispute:
        """As the port has it."""
        return await self._ask(lambda: chargebacks.concede(self._client, reference))

    async def books(self, account: str, since: datetime | None) -> AsyncIterator[BookLine]:
        """As the port has it.

        `kind` is Stripe's word: charge, refund, refund_failure, transfer, transfer_refund,
        payout, payout_failure, …; the same for cards and for other methods.
        """
        for line in await self._ask(lambda: lines(self._client, account, since)):
            yield line

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> PaymentNews:
        """As the port has it; five minutes are too old."""
        return news_of(headers, body, self._webhook_secrets, now)

    def close(self) -> None:
        """Take no further calls."""
        self._threads.close()

    async def _ask(self, call: Callable[[], T]) -> T:
        try:
            return await self._threads.run(call)
        except stripe.StripeError as error:
            raise outage_of(error) from error

    def _intent(self, reference: str) -> stripe.PaymentIntent:
        return self._client.v1.payment_intents.retrieve(reference, {"expand": [_SETTLED]})

    def _intents_with(self, key: str) -> Iterator[stripe.PaymentIntent]:
        """Where an intent with that key may be found.

        Stripe's search lags behind by a minute or so, hence the newest ones as well.
        """
        intents = self._client.v1.payment_intents
        quoted = key.replace("\\", "\\\\").replace("'", "\\'")
        yield from intents.search({"query": f"metadata['key']:'{quoted}'"}).data
        newest = intents.list({"limit": PAGE}).auto_paging_iter()
        yield from (intent for _, intent in zip(range(_NEWEST), newest, strict=False))

    def _payout(self, account: str, reference: str) -> stripe.Payout:
        return self._client.v1.payouts.retrieve(reference, options={"stripe_account": account})

    def _payouts(self, account: str) -> Iterator[stripe.Payout]:
        options: stripe.RequestOptions = {"stripe_account": account}
        return self._client.v1.payouts.list({"limit": PAGE}, options).auto_paging_iter()


def _opening(key: str, subject: str, amount: Money, method: str) -> "PaymentIntentCreateParams":
    params: PaymentIntentCreateParams = {
        "amount": amount.for_provider(NAME),
        "currency": amount.currency.lower(),
        "capture_method": "automatic",
        "description": subject,
        "transfer_group": subject,
        "metadata": metadata_for(key, subject),
        "automatic_payment_methods": {"enabled": True},
        "expand": [_SETTLED],
    }
    if method:
        params["payment_method"] = method
        params["confirm"] = True
        # Nobody is in front of a browser now who could be sent to another page.
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    return params


def _chosen_later(params: "PaymentIntentCreateParams") -> "PaymentIntentCreateParams":
    """The same opening without its method: a token that cannot be used is the buyer's mistake."""
    left = params.copy()
    del left["payment_method"], left["confirm"]
    left["automatic_payment_methods"] = {"enabled": True}
    return left


def _declined_intent(declined: stripe.CardError) -> str:
    """The intent that a declined confirmation leaves behind; Stripe always names it."""
    intent = declined.error.payment_intent if declined.error is not None else None
    if intent is None:
        raise declined
    return intent.id


def _is_replay(made: stripe.StripeObject) -> bool:
    answer = made.last_response
    return answer is not None and was_replayed(answer.headers)


class _Sized(Protocol):
    amount: int


S = TypeVar("S", bound=_Sized)


def _first(key: str, amount: Money, listed: Iterable[S]) -> S | None:
    """The object that carries our key. Raises `Rejected` if its amount is another one."""
    found = next((one for one in listed if key_in(one) == key), None)
    if found is not None:
        same_amount(key, found.amount, amount)
    return found
