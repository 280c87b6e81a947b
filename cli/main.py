"""The program `caravan`: one line for each command."""

import logging

import structlog
import typer

from cli.capacity import capacity
from cli.demo import demo
from cli.diagrams import diagrams
from cli.doctor import doctor
from cli.keys import keys
from cli.policy import policy
from cli.record import record
from cli.tokens import token
from cli.trace import trace
from cli.up import up

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # They may be secrets.
)
app.command()(up)
app.command()(doctor)
app.command()(token)
app.command()(trace)
app.command()(demo)
app.command()(capacity)
app.command()(record)
app.command()(diagrams)
app.add_typer(keys, name="keys")
app.add_typer(policy, name="policy")


@app.callback()
def _quiet() -> None:
    """Durable marketplace processes on Temporal."""
    # What a command has to say it says itself; its output may be pasted into another.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
