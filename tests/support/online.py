"""Labels in the life of an order, as many tests begin with them."""

import json
from typing import Any, Final

from domain.order.state import OrderState
from persistence.idempotency import keep_particulars
from tests.support.marketplace import Placed, seller_of
from workflows.order import messages as said

_HOME: Final = json.dumps({"city": "Hamburg", "street": "Kai 4", "postcode": "20457"}).encode()
_WANTED: Final[dict[str, Any]] = {
    "carrier": "UPS",
    "service": "Ground",
    "most": 1_000_000,
    "currency": "USD",
    "grams": 900,
}


async def addressed(order: Placed) -> None:
    """Let seller and buyer have an address on file."""
    seller = order.market.of[order.order]
    homes = ((f"seller/{seller}", seller), (f"order/{order.order}", f"b-{order.order}"))
    for subject, person in homes:
        sealed = await order.market.vault.seal(person, _HOME)
        async with order.market.engine.begin() as db:
            await keep_particulars(db, subject, person, sealed)


async def labelled(order: Placed, *lines: str, **asked: Any) -> OrderState:  # noqa: ANN401 - its fields
    """Let the seller buy a label for *lines* or for all; *asked*: the message's, or `days`."""
    after = {unit: asked.pop(unit) for unit in ("days", "hours") if unit in asked}
    await addressed(order)
    actor = seller_of(order.market.of[order.order])
    request = said.BuyLabel(actor, order.at(**after), lines=lines, **(_WANTED | asked))
    return await order.ask(request)
