"""The seller whose token `caravan up` prints, registered so that there is somebody to buy from."""

from datetime import timedelta
from typing import Final

import httpx2

from cli.home import Home, Secrets
from cli.ports import Ports
from cli.tokens import SUBJECTS
from domain.actors import Role
from runtime.child import LOOPBACK, StackError
from runtime.issuer import DevelopmentIssuer

_SELLER: Final = SUBJECTS[Role.SELLER]
_KEY: Final = f"seller/{_SELLER}"
_PATIENCE: Final = 20


async def register_first_seller(home: Home, ports: Ports, secrets: Secrets) -> None:
    """Register the seller with an account at the sandbox; leave one that is there as it is.

    Raises `StackError` if the API or the sandbox does not do it.
    """
    issuer = DevelopmentIssuer.open(home.issuer_key, profile="local")
    token = issuer.mint(Role.SERVICE, SUBJECTS[Role.SERVICE], timedelta(minutes=5))
    async with httpx2.AsyncClient(timeout=_PATIENCE, trust_env=False) as http:
        try:
            await _register(http, ports, secrets, {"Authorization": f"Bearer {token}"})
        except (httpx2.HTTPError, KeyError) as error:
            raise StackError(
                f"The seller {_SELLER} could not be registered ({error}). "
                f"The reason stands in {home.logs / 'api.log'}."
            ) from error


async def _register(
    http: httpx2.AsyncClient, ports: Ports, secrets: Secrets, service: dict[str, str]
) -> None:
    sellers = f"http://{LOOPBACK}:{ports.api}/v1/sellers"
    known = await http.get(f"{sellers}/{_SELLER}", headers=service)
    if known.is_success:
        return
    account = await http.post(
        f"http://{LOOPBACK}:{ports.sandbox}/stripe/v1/accounts",
        # Paid out by us and not by the provider, as every seller's account has to be.
        data={"type": "custom", "settings[payouts][schedule][interval]": "manual"},
        headers={"Authorization": f"Bearer {secrets.stripe_api_key}", "Idempotency-Key": _KEY},
    )
    wanted = {
        "seller": _SELLER,
        "account": account.raise_for_status().json()["id"],
        "country": "DE",
        "policy": "demo",
        "email": "seller@example.com",
        "name": "A. Seller",
        "zone": "Europe/Berlin",
        # Where labels begin and returns end: without it neither can be tried.
        "ship_from": {"city": "Bremen", "street": "Am Hafen 1", "postcode": "28195"},
    }
    made = await http.post(sellers, json=wanted, headers={**service, "Idempotency-Key": _KEY})
    made.raise_for_status()
