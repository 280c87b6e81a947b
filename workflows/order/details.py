"""What the Temporal UI says about an order, in Markdown: where it stands and what it waits for."""

from domain.money import Money
from domain.order.rules import WHEN_DUE, allowed, headline
from domain.order.state import OrderState


def describe(state: OrderState) -> str:
    """A page that an operator understands without reading code."""
    parts = [f"### {_plain(headline(state)).capitalize()}"]
    if state.parked is not None:
        parts.append(
            f"**Parked** since {state.parked.since:%Y-%m-%d %H:%M} UTC: {state.parked.reason} "
            f"(`{state.parked.step}`, tried as `{state.parked.tried}`). An operator may: "
            f"{' or '.join(_plain(name) for name in state.parked.may)}."
        )
    parts += [_axes(state), f"**Money** {_money(state)}", _clocks(state)]
    if actions := allowed(state):
        asked = "; ".join(f"{_plain(action)} ({', '.join(who)})" for action, who in actions.items())
        parts.append(f"**May be asked now** {asked}")
    return "\n\n".join(parts)


def _axes(state: OrderState) -> str:
    # Sentences and no table: the UI sets tables without any space between their columns.
    axes = {
        "Payment": _plain(state.payment),
        "fulfilment": _plain(state.fulfilment) + _parcel(state),
        "release": _plain(state.release),
    }
    return " · ".join(f"**{name}** {stands}" for name, stands in axes.items())


def _parcel(state: OrderState) -> str:
    return f" ({state.parcel.carrier}: {_plain(state.parcel.milestone)})" if state.parcel else ""


def _money(state: OrderState) -> str:
    amounts = {
        "total": state.total,
        "captured": state.captured,
        "refunded": state.refunded,
        "held": state.held,
        "released": state.released,
        "in reserve": state.reserved,
    }
    return ", ".join(
        f"{name} {Money(minor, state.currency)}"
        for name, minor in amounts.items()
        if minor or name == "total"
    )


def _clocks(state: OrderState) -> str:
    if state.ended_at is not None:
        return f"Ended {state.ended_at:%Y-%m-%d %H:%M} UTC; it waits for nothing."
    if not state.clocks:
        return "No clock runs; the next step is a person's or a provider's."
    clocks = sorted(state.clocks, key=lambda clock: clock.due_at)
    return "\n\n".join(
        f"**{'Next' if number == 0 else 'Then'}** at {clock.due_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({_plain(clock.name)}): {WHEN_DUE[clock.name]}"
        for number, clock in enumerate(clocks)
    )


def _plain(word: str) -> str:
    return word.replace("_", " ")
