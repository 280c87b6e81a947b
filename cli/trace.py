"""`caravan trace`: orders of the past, driven through their whole life under a policy."""

import asyncio
import gc
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from cli.say import complain, console, in_sentences
from domain.errors import NotKnown, PolicyInvalid
from runtime.trace.facts import Confirm

if TYPE_CHECKING:
    from runtime.trace.documents import TracePolicy
    from runtime.trace.orders import TracedOrder
    from runtime.trace.report import Report
    from runtime.trace.run import Options

_BAD_INPUT = 2
_TERMINATED = 128 + signal.SIGTERM
SIDE_BY_SIDE = 12
_COLLECT_AFTER = 100_000

_ABOUT = """Drive the orders of FILE through their whole life under a policy, and report.

FILE is CSV in UTF-8, one row per order line, with the columns order_id, line, seller_id,
product_id, category, price, freight, currency, payment_type, status, purchased_at,
payment_approved_at, ship_by, handed_to_carrier_at, delivered_at and promised_at
(examples/orders.csv shows it). A purchase from several sellers counts as one order per seller.
Rows that cannot be are refused, with row and reason, before anything starts.

It may have more columns, each of which may be empty (docs/trace-format.md explains them).
Of a parcel: parcel, declared_at, number_corrected_at, disowned_at, customs_held_at, customs_ruling,
customs_ruled_at, refused_at, returning_at, returned_at, lost_at, delivered_country, delivered_city,
delivery_withdrawn_at, label_bought_at, courier_from, courier_until, label_voided_at.
Of an order: subsidy, ship_city, address_changed_at, new_city, paid_another_way_at, paid_amount,
amount_decision, amount_decided_at, risk_verdict, risk_decided_at, fraud_reported_at, fraud_verdict,
fraud_decided_at, extension_asked_at, extension_days, extension_answer, extension_answered_at,
extension_taken_back_at, cancellation_asked_at, cancellation_asked_by, cancellation_answer,
cancellation_answered_at, cancellation_taken_back_at, protection_asked_at, protection_answer,
protection_answered_at, protection_taken_back_at, confirmed_at, denied_at, refunded_at,
refund_amount.
Of a dispute: disputed_at, disputed_lines, dispute_reason, dispute_remedy, dispute_amount,
countered_at, counter_amount, agreed_at, agreed_by, escalated_at, ruled_at, ruled_amount,
goods_sent_back_at, goods_back_at, dispute_withdrawn_at.
Of a purchase: paid_together.
Of a seller: settles_in, captures, seller_suspended_at, seller_reinstated_at.

Everything is real but the time and the world outside: processes, ledger, webhooks and payouts run
on servers of their own, which are started for this and leave nothing behind. Each order has a
clock of its own, which is put forward from fact to fact and over every deadline between them.

Clocks can only go forward, so the trace is moved ahead by whole weeks until it lies in the
future. Weekdays stay weekdays. The policy's holidays are those of the trace's own years, moved
along with it, so that each falls on the day of the trace on which it fell. The report shows the
trace's own dates (UTC).

What an export does not tell is taken so: sellers are certified and of the level "standard"; lines
without a parcel travel together; nobody answers a question; compliance accepts a payment above the
policy's threshold an hour after it; a buyer cancels an order that was never paid an hour after the
purchase; a seller who hands the parcel over before the payment is there is refused, and declares
it when it is; a label is bought for a parcel of a kilogramme.

Ends with status 0 if every order is accounted for and the ledger agrees with itself and with the
payment provider's own books, 1 if not, and 2 for a file or a policy that cannot be used.
"""


@in_sentences
def trace(  # noqa: PLR0913, PLR0917 - a command's options are its arguments
    file: Annotated[Path, typer.Argument(help="Orders as a marketplace exports them (CSV).")],
    zone: Annotated[
        str, typer.Option(help="The zone of times without one, such as America/Sao_Paulo.")
    ] = "",
    policy: Annotated[
        str, typer.Option(help="A shipped policy's name, or a policy document (TOML).")
    ] = "standard",
    against: Annotated[
        str, typer.Option(help="A second policy: the same orders under both, side by side.")
    ] = "",
    confirm: Annotated[
        Confirm, typer.Option(help="What buyers say an hour after delivery: nothing, or thanks.")
    ] = Confirm.SILENCE,
    ship_to: Annotated[
        str, typer.Option(help="Country of all buyers (DE); else each currency's own.")
    ] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report here, for machines.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write the report here, as one page.")
    ] = None,
    side_by_side: Annotated[
        int, typer.Option(help="How many orders are under way at a time.", min=1, max=200)
    ] = SIDE_BY_SIDE,
) -> None:
    """See the module's text, which is the help."""
    from runtime.trace.run import Options

    options = Options(file, confirm, ship_to.upper(), side_by_side)
    names = [name for name in (policy, against) if name]
    reports = run(options, zone, names)
    write(reports, json_file, html_file)
    if not all(report.is_whole for report in reports):
        raise typer.Exit(1)


# The terminal breaks the lines, not we.
trace.__doc__ = "\n\n".join(" ".join(part.split()) for part in _ABOUT.split("\n\n"))


def run(options: "Options", zone: str, policies: Sequence[str]) -> "list[Report]":
    """Trace a file under each of *policies*. Bad input ends the program with status 2."""
    from runtime.trace.documents import TracePolicy
    from runtime.trace.reading import read
    from runtime.trace.rows import TraceRefused

    try:
        documents = [TracePolicy.find(name) for name in policies]
        known: set[str] = set(documents[0].policy.currencies)
        for one in documents:
            known &= set(one.policy.currencies)
        orders = read(options.file, _zone(zone), known)
    except (TraceRefused, NotKnown, PolicyInvalid, ValueError) as refused:
        complain(f"{options.file}: nothing was started.\n{refused}")
        raise typer.Exit(_BAD_INPUT) from None
    # Millions of small objects live briefly; looking for cycles among them costs a tenth of it.
    gc.set_threshold(_COLLECT_AFTER, 50, 100)
    try:
        return asyncio.run(_traced(documents, orders, options))
    except asyncio.CancelledError:
        complain("Ended before it was done; nothing is left of it.")
        raise typer.Exit(_TERMINATED) from None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise ValueError(f"--zone {name!r} is no time zone; write it like Europe/Berlin") from None


async def _traced(
    documents: "Sequence[TracePolicy]", orders: "Sequence[TracedOrder]", options: "Options"
) -> "list[Report]":
    from cli.trace_progress import shown
    from runtime.trace.run import trace as trace_once
    from runtime.trace.servers import servers

    us = asyncio.current_task()
    assert us is not None  # noqa: S101 - asyncio.run made one
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, us.cancel)
    with shown() as progress:
        progress.begin("PostgreSQL", None)
        async with servers() as started:
            return [
                await trace_once(started, document, orders, options, progress)
                for document in documents
            ]


def write(reports: "Sequence[Report]", json_file: Path | None, html_file: Path | None) -> None:
    """Show the reports, and write the files that were asked for."""
    from cli.trace_tables import show
    from runtime.trace.comparing import as_json
    from runtime.trace.pages import page

    show(reports)
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(as_json(reports), indent=2, ensure_ascii=False) + "\n")
        console.print(f"The report for machines: {json_file}", markup=False)
    if html_file is not None:
        html_file.parent.mkdir(parents=True, exist_ok=True)
        html_file.write_text(page(reports))
        console.print(f"The report as a page: {html_file}", markup=False)
