"""`caravan demo`: the main job on the orders that come with the product."""

from pathlib import Path
from typing import Annotated

import typer

from cli.say import console, in_sentences
from cli.trace import SIDE_BY_SIDE, run, write
from domain.money import Money
from runtime.trace.comparing import words
from runtime.trace.report import Ruling

_EXAMPLE = Path(__file__).parent.parent / "examples" / "orders.csv"


@in_sentences
def demo(
    out: Annotated[Path, typer.Option(help="Where the reports are written.")] = Path("out"),
) -> None:
    """Trace 75 example orders under the standard policy: months of their lives in two minutes.

    The same as `caravan trace examples/orders.csv --html out/demo.html --json out/demo.json`.
    """
    from runtime.trace.run import Options

    reports = run(Options(_EXAMPLE, side_by_side=SIDE_BY_SIDE), "", ["standard"])
    page = out / "demo.html"
    write(reports, out / "demo.json", page)
    if not all(report.is_whole for report in reports):
        raise typer.Exit(1)
    console.print(
        "\nEach branch was shown: in time and too late, lost, sent back, at customs, called off, "
        "doubted; paid together with others, or on shipment; sent under a label bought online; "
        "settled in another currency; disputed, and agreed, withdrawn or decided.",
        markup=False,
    )
    _decided(reports[0].rulings[-1])
    console.print(
        f"\nOpen {page.resolve()} in a browser: how {reports[0].orders} orders ended, where their "
        "money is, which deadlines passed. Then put your own export in: caravan trace --help",
        markup=False,
    )


def _decided(one: Ruling) -> None:
    """Show a dispute that staff decided, and whose money that moved."""

    def money(minor: int) -> str:
        return str(Money(minor, one.currency))

    second = f", and {one.approved_by} agreed" if one.approved_by else ""
    console.print(
        f"\nThe dispute about {one.order} ({words(one.reason)}): the buyer asked "
        f"{money(one.asked)}, the seller offered {money(one.offered)}. "
        f"{one.by} ruled {money(one.ruled)}{second}:",
        markup=False,
    )
    for each in one.moved:
        console.print(
            f"  {each.whose:<22}{money(each.before):>14}  ->{money(each.after):>14}", markup=False
        )
