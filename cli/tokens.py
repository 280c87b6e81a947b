"""`caravan token`: who to be on the local stack."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.home import Home
from cli.say import in_sentences
from domain.actors import Role
from runtime.child import StackError
from runtime.issuer import DevelopmentIssuer

SUBJECTS: Final = {
    Role.SERVICE: "checkout",
    Role.BUYER: "b-1",
    Role.SELLER: "s-1",
    Role.SUPPORT_AGENT: "agent-1",
    Role.SUPPORT_LEAD: "lead-1",
    Role.COMPLIANCE: "compliance-1",
    Role.OPERATOR: "operator-1",
    Role.AUDITOR: "auditor-1",
}


@in_sentences
def token(
    role: Annotated[Role, typer.Argument(help="Who to be.")],
    subject: Annotated[str, typer.Option(help="The caller's id; a seller's is the seller.")] = "",
    hours: Annotated[int, typer.Option(help="How long it is valid.", min=1, max=720)] = 12,
    data: Annotated[Path, typer.Option(help="The folder of `caravan up`.")] = Path(".caravan"),
) -> None:
    """Print a token for the local stack."""
    home = Home(data.resolve())
    if not home.issuer_key.exists():
        raise StackError(f"There is no local stack in {home.path} yet. Start it: make up")
    issuer = DevelopmentIssuer.open(home.issuer_key, profile="local")
    typer.echo(issuer.mint(role, subject or SUBJECTS[role], timedelta(hours=hours)))


def write_tokens(home: Home) -> dict[Role, str]:
    """Make a token for each role, keep each in a file of its own, and return them."""
    issuer = DevelopmentIssuer.open(home.issuer_key, profile="local")
    made = {role: issuer.mint(role, subject) for role, subject in SUBJECTS.items()}
    for role, text in made.items():
        home.write_private(f"tokens/{role}", text)
    return made
