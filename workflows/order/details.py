"""What the Temporal UI says about an order, in Markdown: where it stands and what it waits for."""

from types import MappingProxyType
from typing import Final

from domain.money import Money
from domain.order.headlines import headline
from domain.order.parcels import Parcel
from domain.order.rules import WHEN_DUE, allowed
from domain.order.state import Clock, Fraud, OrderState

_DOUBT: Final = MappingProxyType(
    {
        Fraud.SUSPECTED: "nothing is shipped or released until compliance decides.",
        Fraud.CLEARED: "compliance has looked; the order goes on.",
        Fraud.CONFIRMED: "the order was called off, and everything goes back.",
    }
)


def describe(state: OrderState) -> str:
    """A page that an operator understands without reading code."""
    parts = [f"### {_plain(headline(state)).capitalize()}"]
    if state.parked is not None:
        parts.append(
            f"**Parked** since {state.parked.since:%Y-%m-%d %H:%M} UTC: {state.parked.reason} "
            f"(`{state.parked.step}`, tried as `{state.parked.tried}`). An operator may: "
            f"{' or '.join(_plain(name) for name in state.parked.may)}."
        )
    if state.fraud is not Fraud.NONE:
        parts.append(f"**Fraud** {_plain(state.fraud)}: {_DOUBT[state.fraud]}")
    if state.others:
        parts.append(
            f"**{len(state.others)} further payment(s)** may still be made; what arrives twice "
            "goes back by itself."
        )
    parts += [_axes(state), *_parcels(state), f"**Money** {_money(state)}", _clocks(state)]
    if actions := allowed(state):
        asked = "; ".join(f"{_plain(action)} ({', '.join(who)})" for action, who in actions.items())
        parts.append(f"**May be asked now** {asked}")
    return "\n\n".join(parts)


def _axes(state: OrderState) -> str:
    # Sentences and no table: the UI sets tables without any space between their columns.
    axes = {
        "Payment": _plain(state.payment),
        "fulfilment": _plain(state.fulfilment),
        "release": _plain(state.release),
    }
    return " · ".join(f"**{name}** {stands}" for name, stands in axes.items())


def _parcels(state: OrderState) -> list[str]:
    told = [_parcel(parcel) for parcel in state.parcels]
    if state.parcels and state.unshipped:
        told.append(f"**Not shipped yet** lines {', '.join(state.unshipped)}")
    told += [
        f"**Asked for** {_plain(one.topic)}, by the {one.asked_by}" for one in state.agreements
    ]
    if state.disputes:
        names = ", ".join(f"`{one.dispute}`" for one in state.disputes)
        told.append(f"**Disputed** {names}: its share is held, and what it settles stands still.")
    if state.frozen:
        told.append("**The seller is suspended**: nothing is released to them.")
    return told


def _parcel(parcel: Parcel) -> str:
    lines = f", lines {', '.join(parcel.lines)}" if parcel.lines else ""
    doubt = f", doubted: {_plain(parcel.doubt)}" if parcel.doubt else ""
    stage, milestone = _plain(parcel.stage), _plain(parcel.milestone)
    seen = "" if milestone == stage else f" (carrier says: {milestone})"
    return f"**Parcel {parcel.name}** {parcel.carrier}, {stage}{seen}{lines}{doubt}"


def _money(state: OrderState) -> str:
    amounts = {
        "total": state.total,
        "subsidy": state.subsidy,
        "authorised": state.authorised,
        "kept apart": state.received,
        "captured": state.captured,
        "refunded": state.refunded,
        "held": state.held,
        "released": state.released,
        "owed to the buyer": sum(owed.amount for owed in state.owed),
    }
    told = [
        f"{name} {Money(minor, state.currency)}"
        for name, minor in amounts.items()
        if minor or name == "total"
    ]
    if state.reserved:
        told.append(f"in reserve {Money(state.reserved, state.settles_in or state.currency)}")
    return ", ".join(told)


def _clocks(state: OrderState) -> str:
    if state.ended_at is not None:
        return f"Ended {state.ended_at:%Y-%m-%d %H:%M} UTC; it waits for nothing."
    if not state.clocks:
        return "No clock runs; the next step is a person's or a provider's."
    clocks = sorted(state.clocks, key=lambda clock: clock.due_at)
    return "\n\n".join(
        f"**{'Next' if number == 0 else 'Then'}** at {clock.due_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({_plain(clock.name)}{_whose(clock)}): {WHEN_DUE[clock.name]}"
        for number, clock in enumerate(clocks)
    )


def _whose(clock: Clock) -> str:
    return f" of parcel {clock.parcel}" if clock.parcel else ""


def _plain(word: str) -> str:
    return word.replace("_", " ")
