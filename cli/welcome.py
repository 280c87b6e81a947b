"""What `caravan up` shows once everything runs: where to look, who to be, what to try."""

from cli.home import Home
from cli.ports import Ports
from cli.say import console
from cli.tokens import write_tokens
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
    console.print("\nThree things to try:\n")
    for about, command in things_to_try(home, ports):
        console.print(f"  # {about}\n  {command}\n", markup=False)
    console.print("Ctrl-C ends all of it.\n")


def addresses(ports: Ports) -> dict[str, str]:
    """Return what a browser can open, by its name."""
    return {
        "API documentation": f"http://{LOOPBACK}:{ports.api}/docs",
        "Temporal": f"http://{LOOPBACK}:{ports.temporal_ui}",
        "Sandbox world": f"http://{LOOPBACK}:{ports.sandbox}/",
        "Its mailbox": f"http://{LOOPBACK}:{ports.sandbox}/mail",
        "Worker metrics": f"http://{LOOPBACK}:{ports.worker_metrics}/metrics",
        "API metrics": f"http://{LOOPBACK}:{ports.api}/metrics",
    }


def things_to_try(home: Home, ports: Ports) -> list[tuple[str, str]]:
    """Return three commands that work when pasted, each with what it is about."""
    api = f"http://{LOOPBACK}:{ports.api}"

    def curl(role: str, rest: str) -> str:
        return f'curl -s -H "Authorization: Bearer $(cat {home.path / "tokens" / role})" {rest}'

    return [
        ("Is everything ready?", f"curl -s {api}/readyz"),
        ("Which orders are there?", curl("operator", f"{api}/v1/orders")),
        ("What does the provider's own book say?", f"curl -s {_books(ports)}"),
    ]


def _books(ports: Ports) -> str:
    return f"http://{LOOPBACK}:{ports.sandbox}/_control/books"
