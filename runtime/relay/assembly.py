"""A relay with all its lanes, from the services that processes share."""

from temporalio.client import Client

from runtime.desk import Desk
from runtime.relay.asked import Asked
from runtime.relay.facts import Facts
from runtime.relay.hooks import OutgoingHooks
from runtime.relay.notices import Notices
from runtime.relay.relay import Relay
from runtime.wiring import Services


def assemble(shared: Services, client: Client) -> Relay:
    """A relay with all its lanes."""
    queue = shared.settings.temporal.task_queue
    desk = Desk(shared.engine, shared.vault, client, queue)
    return Relay(
        shared.engine,
        [
            Facts(shared.engine, shared.vault, client, shared.tracking, queue),
            Asked(shared.engine, desk),
            Notices(shared.engine, shared.vault, shared.post),
            OutgoingHooks(
                shared.engine, shared.vault, shared.hooks, str(shared.settings.api.public_url)
            ),
        ],
    )
