"""`caravan demo`: the main job on the orders that come with the product."""

from pathlib import Path
from typing import Annotated

import typer

from cli.say import console, in_sentences
from cli.trace import SIDE_BY_SIDE, run, write

_EXAMPLE = Path(__file__).parent.parent / "examples" / "orders.csv"


@in_sentences
def demo(
    out: Annotated[Path, typer.Option(help="Where the reports are written.")] = Path("out"),
) -> None:
    """Trace 68 example orders under the standard policy: months of their lives in two minutes.

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
        "settled in another currency.",
        markup=False,
    )
    console.print(
        f"\nOpen {page.resolve()} in a browser: how {reports[0].orders} orders ended, where their "
        "money is, which deadlines passed. Then put your own export in: caravan trace --help",
        markup=False,
    )
