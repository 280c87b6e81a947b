"""The hands that play the world around a marketplace: buyers, carriers, the onboarding of sellers.

They speak to the sandbox as anybody would, over HTTP.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

_CONNECTIONS: Final = 32
_PATIENCE: Final = 60
Json = dict[str, Any]


class Impossible(Exception):
    """The world cannot do what was asked: a closed payment cannot be paid, say."""


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

    async def pay(self, intent: str, how: str, at: datetime) -> None:
        """Let the buyer choose: `card`, `slow` or `decline`. Raises `Impossible`."""
        await self._control(f"payment_intents/{intent}/pay", method=how, at=at.isoformat())

    async def arrive(self, intent: str, at: datetime) -> None:
        """Let a slow payment arrive. Raises `Impossible`."""
        await self._control(f"payment_intents/{intent}/arrive", at=at.isoformat())

    async def scan(
        self, carrier: str, number: str, status: str, at: datetime, country: str = ""
    ) -> None:
        """Let the carrier see a parcel, in the sandbox's words."""
        where = {"country": country} if country else {}
        path = f"trackers/{quote(carrier)}/{quote(number)}/scan"
        await self._control(path, status=status, at=at.isoformat(), **where)

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

    async def _control(self, path: str, **told: str) -> Json:
        return _body(await self._client.post(f"/_control/{path}", json=told))

    async def _asked(self, path: str, query: Mapping[str, str | Sequence[str]]) -> Json:
        return _body(await self._client.get(f"/_control/{path}", params=query))


def _body(answer: httpx2.Response) -> Json:
    if answer.is_client_error:
        raise Impossible(answer.text)
    answer.raise_for_status()
    body: Json = answer.json()
    return body
