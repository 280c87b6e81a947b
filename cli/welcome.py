"""What `caravan up` shows once everything runs: where to look, who to be, what to try."""

import json
import shlex
import time

from cli.home import Home
from cli.ports import Ports
from cli.say import console
from cli.tokens import SUBJECTS, write_tokens
from domain.actors import Role
from runtime.child import LOOPBACK


def welcome(home: Home, ports: Ports, seconds: float) -> None:
    """Print every address, a token for each role, and three things to try."""
    tokens = write_tokens(home)
    console.print(f"\n[bold green]Caravan is up[/] after {seconds:.1f} s\n")
    for name, url in addresses(ports).items():
        console.print(f"  {name:<22}{url}", markup=False)
    console.print(f"\nTokens for twelve hours, also in {home.path / 'tokens'}:\n", markup=False)
    for role, token in tokens.items():
        console.print(f"  {role:<14}{token}", markup=False)
    console.print("\nThree things to try, one after the other:\n")
    for about, command in things_to_try(home, ports, int(time.time())):
        console.print(f"  # {about}\n  {command}\n", markup=False)
    console.print(
        "Or open the console, say who to be, and refund some of it: what that would do to whose\n"
        "money is shown before it is done.\n"
    )
    console.print("Ctrl-C ends all of it.\n")


def addresses(ports: Ports) -> dict[str, str]:
    """Return what a browser can open, by its name."""
    return {
        "Console": f"http://{LOOPBACK}:{ports.api}/console/",
        "API documentation": f"http://{LOOPBACK}:{ports.api}/docs",
        "Temporal": f"http://{LOOPBACK}:{ports.temporal_ui}",
        "Sandbox world": f"http://{LOOPBACK}:{ports.sandbox}/",
        "Its mailbox": f"http://{LOOPBACK}:{ports.sandbox}/mail",
        "Webhooks it gets": f"http://{LOOPBACK}:{ports.sandbox}/hooks",
        "Worker metrics": f"http://{LOOPBACK}:{ports.worker_metrics}/metrics",
        "API metrics": f"http://{LOOPBACK}:{ports.api}/metrics",
    }


def things_to_try(home: Home, ports: Ports, serial: int) -> list[tuple[str, str]]:
    """Return three commands that work when pasted in turn, each with what it is about.

    *serial* names their order and its parcel; it is to be another one each time.
    """
    order = f"o-{serial % 10**9}"
    here = f"http://{LOOPBACK}:{ports.api}/v1/orders"
    parcel = _parcel(serial % 10**9)
    scan = f"http://{LOOPBACK}:{ports.sandbox}/_control/trackers/DHLExpress/{parcel}/scan"
    bought = {
        "order": order,
        "seller": SUBJECTS[Role.SELLER],
        "currency": "EUR",
        "lines": [{"product": "p-7", "price": 19900}],
        "ship_to": {"country": "DE", "city": "Hamburg", "email": "buyer@example.com"},
        "payment": {"method": "pm_card_visa"},
    }
    shipped = {"carrier": "DHLExpress", "number": parcel}
    delivered = {"status": "delivered", "city": "Hamburg", "country": "DE"}
    buyer, seller = (_bearer(home, role) for role in (Role.BUYER, Role.SELLER))
    # A refusal is kept under its key: who ships too early must be able to ask again.
    again = '-H "Idempotency-Key: ship-$(date +%s)"'
    ship = _post(f"{here}/{order}/shipments", shipped, f"{seller} {again}")
    return [
        ("Buy something by card", _post(here, bought, f"{buyer} -H 'Idempotency-Key: {order}'")),
        (
            "When it is paid, ship it, and let the carrier deliver it",
            f"sleep 2 && {ship} \\\n    && {_post(scan, delivered)}",
        ),
        (
            "Watch silence confirm it after a minute, and the seller's money follow (policy demo)",
            f"curl -sN {buyer} -H 'Accept: text/event-stream' {here}/{order}/timeline",
        ),
    ]


def _bearer(home: Home, role: Role) -> str:
    return f'-H "Authorization: Bearer $(cat {shlex.quote(str(home.path / "tokens" / role))})"'


def _post(url: str, body: object, headers: str = "") -> str:
    json_body = f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    return " ".join(filter(None, ("curl -s --fail-with-body", headers, json_body, url)))


def _parcel(serial: int) -> str:
    """A number that DHL Express could have given out: nine digits, and their check digit."""
    return f"{serial:09d}{serial % 7}"
