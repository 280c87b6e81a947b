"""What the Temporal UI says about a dispute, in Markdown: where it stands, what it waits for."""

from domain.dispute.clocks import WHEN_DUE
from domain.dispute.rules import allowed, headline
from domain.dispute.state import DisputeState, Pause, Proposal
from domain.money import Money


def describe(state: DisputeState) -> str:
    """A page that an operator understands without reading code."""
    parts = [f"### {_plain(headline(state)).capitalize()}"]
    if state.parked is not None:
        parts.append(
            f"**Parked** since {state.parked.since:%Y-%m-%d %H:%M} UTC: {state.parked.reason} "
            f"(`{state.parked.step}`). An operator may: "
            f"{' or '.join(_plain(name) for name in state.parked.may)}."
        )
    lines = ", ".join(claim.line for claim in state.claims)
    parts += [
        f"About `order/{state.order}`, lines {lines}: {_plain(state.category)}",
        f"**Why** {_plain(state.reason)} (revision {state.revision})",
        _money(state),
        *(_proposal(state, one) for one in state.proposals),
        *_verdict(state),
        _clocks(state),
    ]
    if actions := allowed(state):
        asked = "; ".join(f"{_plain(action)} ({', '.join(who)})" for action, who in actions.items())
        parts.append(f"**May be asked now** {asked}")
    return "\n\n".join(parts)


def _money(state: DisputeState) -> str:
    amounts = {
        "cap": state.cap,
        "held": state.held,
        "given": state.awarded,
        "to be paid": state.to_pay,
    }
    told = [
        f"{name} {Money(minor, state.currency)}"
        for name, minor in amounts.items()
        if minor or name == "cap"
    ]
    return f"**Money** {', '.join(told)}"


def _proposal(state: DisputeState, offer: Proposal) -> str:
    amount = Money(offer.amount, state.currency)
    return f"**Proposal {offer.version}** of the {offer.by}: {_plain(offer.remedy)}, {amount}"


def _verdict(state: DisputeState) -> list[str]:
    verdict = state.verdict or state.pending
    if verdict is None:
        return []
    word = "Ruled, a second person has to agree" if state.pending else "To be done"
    amount = Money(verdict.amount, state.currency)
    by = f", by {verdict.by}" if verdict.by else ""
    return [f"**{word}** {_plain(verdict.remedy)} of {amount} ({_plain(verdict.basis)}{by})"]


def _clocks(state: DisputeState) -> str:
    if state.pause is Pause.PAUSED:
        return f"**Every clock stands still** until chargeback `{state.chargeback}` is decided."
    if not state.clocks:
        return "No clock runs; the next step is our own or a provider's."
    clocks = sorted(state.clocks, key=lambda clock: clock.due_at)
    return "\n\n".join(
        f"**{'Next' if number == 0 else 'Then'}** at {clock.due_at:%Y-%m-%d %H:%M:%S} UTC "
        f"({_plain(clock.name)}): {WHEN_DUE[clock.name]}"
        for number, clock in enumerate(clocks)
    )


def _plain(word: str) -> str:
    return word.replace("_", " ")
