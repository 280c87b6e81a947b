"""`caravan capacity`: what a deployment for so many orders needs."""

from pathlib import Path
from typing import Annotated

import typer

from cli.say import complain

_REPORT = Path(__file__).parents[1] / "benchmarks" / "report.json"


def capacity(
    orders_per_day: Annotated[int, typer.Option(min=1, help="Orders placed on an average day.")],
    peak: Annotated[float, typer.Option(min=1, help="The busiest hour beside the average.")] = 3.0,
    days_open: Annotated[
        float, typer.Option(min=0, help="From checkout to an order's end.")
    ] = 30.0,
    report: Annotated[Path, typer.Option(help="Measured costs, by `make bench`.")] = _REPORT,
) -> None:
    """Say what so many orders need, from measured costs, with the arithmetic."""
    from runtime.capacity import NOT_COUNTED, Assumptions, Costs, ReportUnusable, needs

    try:
        costs = Costs.read(report)
    except ReportUnusable as error:
        complain(str(error))
        raise typer.Exit(1) from None
    assumed = Assumptions(peak=peak, days_open=days_open)
    for need in needs(orders_per_day, costs, assumed):
        typer.echo(f"{need.name}: {need.shown}")
        typer.echo(f"    = {need.arithmetic}")
    typer.echo("\nAssumed, not measured:")
    for words in assumed.told():
        typer.echo(f"    {words}")
    typer.echo("\nNot counted:")
    for words in NOT_COUNTED:
        typer.echo(f"    {words}")
    typer.echo(f"Measured: {report}")
