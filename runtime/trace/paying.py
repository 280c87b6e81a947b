"""How buyers pay: what they do at the payment provider, for one order or for several."""

from datetime import datetime
from types import MappingProxyType
from typing import Final

from runtime.trace.facts import Happening
from runtime.trace.orders import Paying, TracedOrder
from runtime.trace.player import Player

# The provider's tokens of the slow methods that buyers have at home.
_SLOW_METHODS: Final = MappingProxyType(
    {
        "AUD": "pm_au_becs_debit",
        "BRL": "pm_boleto",
        "EUR": "pm_sepa_debit",
        "GBP": "pm_bacs_debit",
        "JPY": "pm_konbini",
        "MXN": "pm_oxxo",
        "USD": "pm_us_bank_account",
    }
)
PAYS: Final = frozenset({Happening.CHOSEN_SLOW, Happening.DECLINED, Happening.PAID})


def method_of(order: TracedOrder) -> str:
    """The token of what the buyer chose when they ordered; "" for one who chooses later."""
    return _SLOW_METHODS.get(order.currency, "") if order.paying is Paying.SLOW else ""


async def pay(
    player: Player, order: TracedOrder, what: Happening, intent: str, at: datetime
) -> None:
    """Do one of `PAYS` about the payment *intent* of *order*. Raises `Impossible`."""
    amount = order.told.paid_amount
    if what is Happening.CHOSEN_SLOW:
        await player.pay(intent, "slow", at)
    elif what is Happening.DECLINED:
        await player.pay(intent, "decline", at)
    elif order.paying is Paying.SLOW and order.told.paid_another_way_at is None:
        await player.arrive(intent, at, amount)
    else:
        await player.pay(intent, "card", at, amount)
