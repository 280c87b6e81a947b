"""`caravan record`: write an execution's history to a file, to be replayed against new code."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.say import console, in_sentences
from cli.surroundings import use_local_stack


@in_sentences
def record(
    workflow: Annotated[str, typer.Argument(help="The execution's id, such as order/o-1.")],
    to: Annotated[Path, typer.Option(help="The file to write.")],
    data: Annotated[Path, typer.Option(help="The data of a local stack.")] = Path(".caravan"),
) -> None:
    """Save a history as Temporal keeps it, payloads encrypted.

    Without a local stack in *data*, Temporal is found by its own settings and profile.
    """
    from temporalio.client import Client

    from runtime.settings import Settings

    use_local_stack(data)

    async def fetch() -> int:
        client = await Client.connect(**Settings.load().temporal.connection())
        history = await client.get_workflow_handle(workflow).fetch_history()
        await asyncio.to_thread(to.write_text, history.to_json() + "\n")
        return len(history.events)

    events = asyncio.run(fetch())
    console.print(f"Wrote {events} events of {workflow} to {to}.")
