"""What a control call may change about the world, kept in its books."""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Self

from sandbox.store import Json, Store


@dataclass(frozen=True, slots=True)
class Rules:
    """How the world behaves where nothing else is asked.

    `fee_bp` and `fee_fixed` (minor units) make up the fee of a charge. `overdraw` says whether a
    refund may take the platform's balance below zero (the provider debits its bank account);
    without it such a refund waits, pending. `search_lag` is how many wall seconds a new object
    stays hidden from search, which the real one promises only "within a minute".
    Of reference rates: `fx_at` is the instant (ISO 8601) as of which they are published, the
    world's clock if empty; `fx_minutes_late` delays each publication; `fx_missing` are currencies,
    by comma, that have none; `fx_answer` names a spoilt file ("malformed", "bomb", ...).
    `wallet` is what postage is paid from, in minor units of `postage_currency`; `auto_voids` lets
    carriers judge refunds of labels at once.
    """

    fee_bp: int = 290
    fee_fixed: int = 30
    auto_refunds: bool = True
    auto_payouts: bool = True
    overdraw: bool = True
    search_lag: int = 0
    fx_at: str = ""
    fx_minutes_late: int = 0
    fx_missing: str = ""
    fx_answer: str = ""
    wallet: int = 100_000_000
    postage_currency: str = "USD"
    pickup_fee: int = 0
    auto_voids: bool = True
    stripe_webhook_url: str = ""
    stripe_webhook_secret: str = ""
    easypost_webhook_url: str = ""
    easypost_webhook_secret: str = ""

    @classmethod
    def load(cls, store: Store) -> Self:
        return cls(**json.loads(store.fact("rules") or "{}"))

    def save(self, store: Store) -> None:
        store.note("rules", json.dumps(asdict(self)))

    def changed(self, wanted: Json) -> Self:
        """These rules with *wanted* in them; raises ValueError for a name or type unknown here."""
        known = {field.name for field in fields(self)}
        for name, value in wanted.items():
            if name not in known or type(value) is not type(getattr(self, name)):
                raise ValueError(f"no such setting, or of another type: {name}={value!r}")
        return replace(self, **wanted)

    def public(self) -> Json:
        """These rules without their secrets."""
        return {name: value for name, value in asdict(self).items() if "secret" not in name}

    def endpoint(self, target: str) -> tuple[str, str]:
        """Where webhooks of *target* go and what signs them; an empty URL is nowhere."""
        if target == "stripe":
            return self.stripe_webhook_url, self.stripe_webhook_secret
        return self.easypost_webhook_url, self.easypost_webhook_secret

    def fee(self, amount: int) -> int:
        """The provider's fee on *amount* (minor units), rounded half up, never above it."""
        return min(amount, (amount * self.fee_bp * 2 + 10_000) // 20_000 + self.fee_fixed)
