"""What the Temporal UI says about a purchase, in Markdown."""

from domain.money import Money
from domain.purchase.rules import WHEN_DUE, allowed, headline
from domain.purchase.state import PurchaseState


def describe(state: PurchaseState) -> str:
    """A page that an operator understands without reading code."""
    parts = [f"### {_plain(headline(state)).capitalize()}"]
    if state.parked is not None:
        parts.append(
            f"**Parked** since {state.parked.since:%Y-%m-%d %H:%M} UTC: {state.parked.reason} "
            f"(`{state.parked.step}`). An operator may: retry."
        )
    parts += [_money(state), _orders(state), _waits_for(state)]
    if actions := allowed(state):
        asked = "; ".join(f"{_plain(action)} ({', '.join(who)})" for action, who in actions.items())
        parts.append(f"**May be asked now** {asked}")
    return "\n\n".join(parts)


def _money(state: PurchaseState) -> str:
    words = f"**Money** total {Money(state.total, state.currency)}"
    if state.due != state.total:
        words += f", of it the buyer {Money(state.due, state.currency)}"
    if state.captured:
        words += f", captured {Money(state.captured, state.currency)}"
    if state.excess:
        words += f", of another amount {Money(state.excess, state.currency)}"
    return words


def _orders(state: PurchaseState) -> str:
    shares = (
        f"`{share.order}` of {share.seller} {Money(share.amount, state.currency)}"
        for share in state.shares
    )
    return f"**Orders** {' · '.join(shares)}"


def _waits_for(state: PurchaseState) -> str:
    if state.ended_at is not None:
        why = f" ({state.reason})" if state.reason else ""
        return f"Ended {state.ended_at:%Y-%m-%d %H:%M} UTC{why}; its orders go on by themselves."
    if state.clock is None:
        return "No clock runs; the orders are being opened."
    return f"**Next** at {state.clock.due_at:%Y-%m-%d %H:%M:%S} UTC: {WHEN_DUE[state.clock.name]}"


def _plain(word: str) -> str:
    return word.replace("_", " ")
