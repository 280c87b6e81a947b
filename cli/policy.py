"""`caravan policy`: look at policy documents before anybody lives by them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

policy = typer.Typer(no_args_is_help=True, help="Check and show policy documents.")


@policy.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A TOML document.")],
) -> None:
    """Say whether a document holds together; exit status 1 and the wrong key if it does not."""
    from domain.errors import PolicyInvalid
    from runtime import policies

    try:
        loaded = policies.load(policies.read(file), 1, datetime.now(UTC))
    except PolicyInvalid as refusal:
        typer.echo(f"{file}: {refusal.detail}", err=True)
        raise typer.Exit(1) from None
    found = loaded.policy
    typer.echo(
        f"{file}: good. {found.name}: {len(found.currencies)} currencies, "
        f"{len(found.overrides)} overrides, {len(found.calendar.holidays)} holidays resolved."
    )


@policy.command()
def show(
    name: Annotated[str, typer.Argument(help="The name of a policy that comes with Caravan.")],
) -> None:
    """Print the document of a policy that comes with Caravan."""
    from runtime import policies

    names = sorted(path.stem for path in policies.SHIPPED.glob("*.toml"))
    if name not in names:
        typer.echo(f"There is no policy {name}; known are {', '.join(names)}.", err=True)
        raise typer.Exit(1)
    typer.echo((policies.SHIPPED / f"{name}.toml").read_text(), nl=False)
