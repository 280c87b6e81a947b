"""The sandbox world as tests use it: a process of its own, and the hands that play it."""

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from urllib.parse import quote

import httpx2
import stripe
from easypost.easypost_client import EasyPostClient

from runtime.child import free_port

Json: TypeAlias = dict[str, Any]
ROOT: Final = Path(__file__).resolve().parents[2]
_READY_SECONDS: Final = 90.0
# Loopback speaks no TLS, and reading whom to trust there takes a tenth of a second each time.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
STRIPE_SECRET: Final = "whsec_of_the_tests"
EASYPOST_SECRET: Final = "easypost secret of the tests"


@dataclass(frozen=True, slots=True)
class Carriers:
    """EasyPost's official client, which has no types, as far as the sandbox goes."""

    tracker: Any
    shipment: Any
    pickup: Any
    user: Any


@dataclass(frozen=True, slots=True)
class SandboxPlace:
    """Where a sandbox listens."""

    port: int
    smtp_port: int
    scanner_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stripe_base(self) -> str:
        """What the official client takes as its base address of the API."""
        return f"{self.url}/stripe"

    @property
    def easypost_base(self) -> str:
        """What the official client takes as `api_base`."""
        return f"{self.url}/easypost/v2"

    @property
    def ecb_base(self) -> str:
        """The folder of the reference rates."""
        return f"{self.url}/ecb/stats/eurofxref"

    def stripe(self, key: str = "sk_test_sandbox") -> stripe.StripeClient:
        """The official client, which tries nothing a second time by itself."""
        return stripe.StripeClient(
            key, base_addresses={"api": self.stripe_base}, max_network_retries=0
        )

    def easypost(self) -> Carriers:
        client = EasyPostClient("EZTK_sandbox", api_base=self.easypost_base, timeout=5)
        return Carriers(client.tracker, client.shipment, client.pickup, client.user)


class SandboxProcess:
    """`python -m sandbox` with its books in *data*; can be killed and started again."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.place = SandboxPlace(free_port(), free_port(), free_port())
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers; raises RuntimeError with its log if it does not."""
        self.data.mkdir(parents=True, exist_ok=True)
        place = self.place
        ports = {"PORT": place.port, "SMTP_PORT": place.smtp_port}
        ports["SCANNER_PORT"] = place.scanner_port
        settings = {"DATA": str(self.data)} | {name: str(port) for name, port in ports.items()}
        named = {f"SANDBOX_{name}": value for name, value in settings.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox"],
                cwd=ROOT,
                env={**os.environ, **named, **self._environment},
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    @property
    def log(self) -> Path:
        return self.data / "sandbox.log"

    def _wait(self) -> None:
        until = time.monotonic() + _READY_SECONDS
        with httpx2.Client(trust_env=False, timeout=1, verify=NO_TLS) as http:
            while time.monotonic() < until and self._process and self._process.poll() is None:
                try:
                    http.get(f"{self.place.url}/livez").raise_for_status()
                except httpx2.HTTPError:
                    time.sleep(0.05)
                else:
                    return
        self.stop()
        raise RuntimeError(f"the sandbox did not start: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end; the exit status it ended with."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(number)
        status = self._process.wait(timeout=15)
        self._process = None
        return status


class SandboxWorld:
    """Plays the world around the marketplace: buyers, carriers, banks, and what breaks.

    Instants (`at`) are ISO 8601 with a zone; amounts are minor units. Raises
    `httpx2.HTTPStatusError` where the world cannot do what is asked.
    """

    def __init__(self, place: SandboxPlace) -> None:
        self.place = place
        self._client = httpx2.AsyncClient(
            base_url=f"{place.url}/_control", trust_env=False, timeout=30, verify=NO_TLS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(
        self, verb: str, path: str, query: Mapping[str, str] | None = None, /, **asked: object
    ) -> Json:
        told = {name: value for name, value in asked.items() if value is not None}
        answer = await self._client.request(verb, path, json=told or None, params=query)
        if answer.is_error:
            # The reason stands in the body, which the library's own message leaves out.
            raise httpx2.HTTPStatusError(
                f"{answer.status_code}: {answer.text}", request=answer.request, response=answer
            )
        body: Json = answer.json()
        return body

    async def pay(
        self, intent: str, method: str = "card", *, at: str | None = None, amount: int | None = None
    ) -> Json:
        """Play the buyer: `card`, `slow`, `decline`, `authenticate`, or one of Stripe's tokens."""
        path = f"/payment_intents/{intent}/pay"
        return await self._ask("POST", path, method=method, at=at, amount=amount)

    async def arrive(
        self, intent: str, *, at: str | None = None, amount: int | None = None
    ) -> Json:
        """Let a slow payment arrive, perhaps with another amount."""
        return await self._ask("POST", f"/payment_intents/{intent}/arrive", at=at, amount=amount)

    async def fail_payment(self, intent: str, *, at: str | None = None) -> Json:
        return await self._ask("POST", f"/payment_intents/{intent}/fail", at=at)

    async def expire_authorisation(self, intent: str, *, at: str | None = None) -> Json:
        """The bank gives free what was reserved and never captured."""
        return await self._ask("POST", f"/payment_intents/{intent}/expire", at=at)

    async def warn(self, intent: str, *, at: str | None = None) -> Json:
        """The cardholder's bank reports the payment as fraudulent (an early fraud warning)."""
        return await self._ask("POST", f"/payment_intents/{intent}/warn", at=at)

    async def review(self, intent: str, *, at: str | None = None) -> Json:
        """A rule of the provider's puts the payment before a person."""
        return await self._ask("POST", f"/payment_intents/{intent}/review", at=at)

    async def close_review(self, intent: str, reason: str, *, at: str | None = None) -> Json:
        """The review ends: `approved`, `refunded_as_fraud`, or another of the provider's words."""
        path = f"/payment_intents/{intent}/close_review"
        return await self._ask("POST", path, reason=reason, at=at)

    async def scan(
        self, carrier: str, code: str, status: str, *, at: str | None = None, **seen: str | bool
    ) -> Json:
        """Add one scan; *seen* may have message, city, country, est_delivery_date, has_zone."""
        path = f"/trackers/{quote(carrier)}/{quote(code)}/scan"
        return await self._ask("POST", path, status=status, at=at, **seen)

    async def deliver(self, carrier: str, code: str, *, at: str | None = None, **seen: str) -> Json:
        return await self.scan(carrier, code, "delivered", at=at, **seen)

    async def withdraw(self, carrier: str, code: str, *, at: str | None = None) -> Json:
        """Take the delivered scan back."""
        path = f"/trackers/{quote(carrier)}/{quote(code)}/withdraw"
        return await self._ask("POST", path, at=at)

    async def judge_void(
        self, shipment: str, *, is_granted: bool = True, at: str | None = None
    ) -> Json:
        """Let the carrier grant or reject the refund of a label."""
        act = "grant" if is_granted else "reject"
        return await self._ask("POST", f"/labels/{shipment}/{act}", at=at)

    async def collect(self, pickup: str, *, at: str | None = None) -> Json:
        """Let the courier take the parcel at the door."""
        return await self._ask("POST", f"/pickups/{pickup}/collect", at=at)

    async def miss(self, pickup: str, *, at: str | None = None) -> Json:
        """Let the courier find nobody."""
        return await self._ask("POST", f"/pickups/{pickup}/miss", at=at)

    async def dispute(
        self,
        intent: str,
        reason: str = "product_not_received",
        amount: int | None = None,
        *,
        inquiry: bool = False,
        at: str | None = None,
    ) -> Json:
        """Play the cardholder's bank: take a payment, or a part of it, back; or only ask."""
        path = f"/payment_intents/{intent}/dispute"
        return await self._ask("POST", path, reason=reason, amount=amount, inquiry=inquiry, at=at)

    async def decide(
        self, dispute: str, verdict: str, *, kept: int | None = None, at: str | None = None
    ) -> Json:
        """The verdict: `won`, `lost` (of which the buyer has *kept* so much), or `escalate`."""
        return await self._ask("POST", f"/disputes/{dispute}/{verdict}", amount=kept, at=at)

    async def succeed_refund(self, refund: str, *, at: str | None = None) -> Json:
        return await self._ask("POST", f"/refunds/{refund}/succeed", at=at)

    async def fail_refund(self, refund: str, *, at: str | None = None) -> Json:
        return await self._ask("POST", f"/refunds/{refund}/fail", at=at)

    async def pay_payout(self, payout: str, *, at: str | None = None) -> Json:
        return await self._ask("POST", f"/payouts/{payout}/paid", at=at)

    async def fail_payout(
        self, payout: str, code: str = "could_not_process", *, at: str | None = None
    ) -> Json:
        return await self._ask("POST", f"/payouts/{payout}/fail", code=code, at=at)

    async def change_account(self, account: str, **changes: bool | str) -> Json:
        """Change `payouts_enabled`, `charges_enabled` (bool) or `transfers` (a status)."""
        return await self._ask("POST", f"/accounts/{account}", **changes)

    async def top_up(self, amount: int, currency: str) -> Json:
        """Put money from the platform's own bank onto its balance."""
        return await self._ask("POST", "/topup", amount=amount, currency=currency)

    async def convert(self, sold: tuple[int, str], bought: tuple[int, str]) -> Json:
        """Turn money on the platform's balance into another currency, amounts in minor units."""
        sides = {
            name: {"amount": amount, "currency": currency}
            for name, (amount, currency) in (("sold", sold), ("bought", bought))
        }
        return await self._ask("POST", "/conversions", **sides)

    async def quote(self, day: str, **quotes: str) -> Json:
        """Let one euro buy so much on a day (ISO 8601)."""
        return await self._ask("POST", "/rates", **{day: quotes})

    async def books(self) -> Json:
        """Per currency: captured, refunded, fees, transferred, reversed, paid_out, balances."""
        return await self._ask("GET", "/books")

    async def effects(self, subject: str | None = None) -> Json:
        """`lines` (each effect with its key) and `duplicates` (keys used for two effects)."""
        params = {"by": "key"} | ({} if subject is None else {"subject": subject})
        return await self._ask("GET", "/books", params)

    async def at_rest(self, subject: str | None = None) -> bool:
        """Whether no webhook (about *subject*) is on its way."""
        params = {} if subject is None else {"subject": subject}
        found = await self._ask("GET", "/rest", params)
        return bool(found["pending"] == 0)

    async def rest(self, subject: str | None = None, *, within: float = 30) -> None:
        """Wait until nothing is on its way; raises TimeoutError where it takes too long."""
        async with asyncio.timeout(within):
            while not await self.at_rest(subject):
                await asyncio.sleep(0.01)

    async def webhooks(self, *, state: str | None = None, subject: str | None = None) -> list[Json]:
        """The latest deliveries first, each with its attempts and subjects."""
        asked = {"state": state, "subject": subject}
        params = {name: value for name, value in asked.items() if value is not None}
        found = await self._ask("GET", "/webhooks", params)
        items: list[Json] = found["items"]
        return items

    async def flush(self) -> Json:
        """Try every waiting webhook once, now."""
        return await self._ask("POST", "/webhooks/flush")

    async def mails(self, to: str = "", limit: int = 50) -> list[Json]:
        found = await self._ask("GET", "/mails", {"to": to, "limit": str(limit)})
        mails: list[Json] = found["mails"]
        return mails

    async def fault(self, kind: str, match: str = "", **rule: float | str | bool) -> int:
        """Add a fault rule; *rule* may have key, rate, seed, times, seconds, status, stored."""
        found = await self._ask("POST", "/faults", kind=kind, match=match, **rule)
        return int(found["id"])

    async def faults(self) -> list[Json]:
        found = await self._ask("GET", "/faults")
        rules: list[Json] = found["faults"]
        return rules

    async def clear_faults(self) -> None:
        await self._ask("DELETE", "/faults")

    async def advance(self, seconds: int) -> int:
        """Move the sandbox's clock ahead; what it says then, UTC seconds."""
        found = await self._ask("POST", "/clock", advance_seconds=seconds)
        return int(found["now"])

    async def expire_keys(self) -> int:
        """Let the provider forget every idempotency key; how many it knew."""
        found = await self._ask("POST", "/idempotency/expire")
        return int(found["expired"])

    async def change(self, **settings: bool | int | str) -> Json:
        """Change settings: fee_bp, fee_fixed, auto_refunds, auto_payouts, overdraw, and others."""
        return await self._ask("POST", "/settings", **settings)

    async def tell(self, stripe_url: str = "", easypost_url: str = "") -> None:
        """Send webhooks to these URLs from now on, signed with the tests' secrets."""
        await self.change(
            stripe_webhook_url=stripe_url,
            stripe_webhook_secret=STRIPE_SECRET,
            easypost_webhook_url=easypost_url,
            easypost_webhook_secret=EASYPOST_SECRET,
        )
