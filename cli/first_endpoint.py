"""An endpoint at the sandbox world, so that `caravan up` shows the webhooks that go out."""

from datetime import timedelta
from typing import Final

import httpx2

from cli.home import Home
from cli.ports import Ports
from cli.tokens import SUBJECTS
from domain.actors import Role
from runtime.child import LOOPBACK, StackError
from runtime.issuer import DevelopmentIssuer

_PATIENCE: Final = 20


async def register_first_endpoint(home: Home, ports: Ports) -> None:
    """Let the sandbox world hear of everything; leave an endpoint that is there as it is.

    Raises `StackError` if the API does not do it.
    """
    issuer = DevelopmentIssuer.open(home.issuer_key, profile="local")
    token = issuer.mint(Role.SERVICE, SUBJECTS[Role.SERVICE], timedelta(minutes=5))
    service = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=_PATIENCE, trust_env=False) as http:
        try:
            await _register(http, ports, service)
        except (httpx2.HTTPError, KeyError) as error:
            raise StackError(
                f"The sandbox could not be registered for webhooks ({error}). "
                f"The reason stands in {home.logs / 'api.log'}."
            ) from error


async def _register(http: httpx2.AsyncClient, ports: Ports, service: dict[str, str]) -> None:
    endpoints = f"http://{LOOPBACK}:{ports.api}/v1/webhook-endpoints"
    here = f"http://{LOOPBACK}:{ports.sandbox}/hooks/caravan"
    known = await http.get(endpoints, headers=service, params={"limit": 100})
    if here in {one["url"] for one in known.raise_for_status().json()["items"]}:
        return
    wanted = {"url": here, "description": "the sandbox world"}
    # Another port makes another request, and so another key.
    headers = {**service, "Idempotency-Key": f"first-endpoint-{ports.sandbox}"}
    made = await http.post(endpoints, json=wanted, headers=headers)
    made.raise_for_status()
