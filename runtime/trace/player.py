"""The hands that play the world around a marketplace: buyers, carriers, the onboarding of sellers.

They speak to the sandbox as anybody would, over HTTP.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

_CONNECTIONS: Final = 32
_PATIENCE: Final = 60
Json = dict[str, Any]


class Impossible(Exception):
    """The world cannot do what was asked: a closed payment cannot be paid, say."""


@dataclass(frozen=True)
class Scan:
    """What a carrier sees, in the tracking provider's words, and where. `country` is ISO 3166."""

    status: str
    detail: str = ""
    message: str = ""
    country: str = ""
    city: str = ""


class Player:
    """Plays one sandbox. Instants have zones; amounts are minor units."""

    def __init__(self, url: str, secret_key: str) -> None:
        """Play the sandbox at *url*; *secret_key* is the payment provider's."""
        self._client = httpx2.AsyncClient(
            base_url=url,
            trust_env=False,
            timeout=_PATIENCE,
            limits=httpx2.Limits(max_connections=_CONNECTIONS),
        )
        self._secret_key = secret_key

    async def __aenter__(self) -> Self:
        """Ready at once."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await self._client.aclose()

    async def pay(self, intent: str, how: str, at: datetime, amount: int = 0) -> None:
        """Let the buyer choose: `card`, `slow` or `decline`. Raises `Impossible`.

        An *amount* is another one than was asked for.
        """
        await self._paid(f"payment_intents/{intent}/pay", amount, method=how, at=at.isoformat())

    async def arrive(self, intent: str, at: datetime, amount: int = 0) -> None:
        """Let a slow payment arrive. Raises `Impossible`."""
        await self._paid(f"payment_intents/{intent}/arrive", amount, at=at.isoformat())

    async def scan(self, carrier: str, number: str, at: datetime, scan: Scan) -> None:
        """Let the carrier see a parcel."""
        told = {
            "status": scan.status,
            "status_detail": scan.detail,
            "message": scan.message,
            "country": scan.country,
            "city": scan.city,
        }
        given = {name: word for name, word in told.items() if word}
        await self._control(_tracker(carrier, number, "scan"), at=at.isoformat(), **given)

    async def withdraw(self, carrier: str, number: str, at: datetime) -> None:
        """Let the carrier take its last delivery back. Raises `Impossible`."""
        await self._control(_tracker(carrier, number, "withdraw"), at=at.isoformat())

    async def pending(self, *subjects: str) -> int:
        """How many webhooks about *subjects* are on their way."""
        return int((await self._asked("rest", {"subject": subjects}))["pending"])

    async def books(self) -> Json:
        """Sums per currency, by the provider's own books."""
        return await self._asked("books", {})

    async def effects(self) -> Json:
        """Every effect by its key, and the keys that were used twice."""
        return await self._asked("books", {"by": "key"})

    async def tell(self, **settings: str) -> None:
        """Change settings, such as where webhooks go."""
        await self._control("settings", **settings)

    async def convert(self, sold: tuple[str, int], bought: tuple[str, int]) -> Json:
        """Turn money on the platform's balance into another currency: each a name and an amount."""
        sides = zip(("sold", "bought"), (sold, bought), strict=True)
        asked = {side: {"currency": name, "amount": amount} for side, (name, amount) in sides}
        return _body(await self._client.post("/_control/conversions", json=asked))

    async def connect_seller(self, country: str) -> str:
        """A new connected account, which pays nothing out by itself; returns its id."""
        form = {
            "type": "custom",
            "country": country,
            "capabilities[transfers][requested]": "true",
            "settings[payouts][schedule][interval]": "manual",
        }
        answer = await self._client.post(
            "/stripe/v1/accounts",
            data=form,
            headers={"Authorization": f"Bearer {self._secret_key}"},
        )
        return str(_body(answer)["id"])

    async def _paid(self, path: str, amount: int, **told: str) -> None:
        await self._control(path, **told, **({"amount": amount} if amount else {}))

    async def _control(self, path: str, **told: str | int) -> Json:
        return _body(await self._client.post(f"/_control/{path}", json=told))

    async def _asked(self, path: str, query: Mapping[str, str | Sequence[str]]) -> Json:
        return _body(await self._client.get(f"/_control/{path}", params=query))


def _tracker(carrier: str, number: str, act: str) -> str:
    return f"trackers/{quote(carrier)}/{quote(number)}/{act}"


def _body(answer: httpx2.Response) -> Json:
    if answer.is_client_error:
        raise Impossible(answer.text)
    answer.raise_for_status()
    body: Json = answer.json()
    return body
