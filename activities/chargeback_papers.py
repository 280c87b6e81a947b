"""The evidence of a chargeback: what the bank is told, from what is on record."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from adapters.documents.port import Press, Section
from domain.chargeback.state import ChargebackState
from domain.money import Money
from persistence.chargebacks.port import Paper, Papers

# The provider takes 20,000 characters in each text; nobody reads as many.
_LONGEST: Final = 5_000


def evidence_of(
    state: ChargebackState, papers: Sequence[Papers], statements: Sequence[Paper]
) -> dict[str, str]:
    """The texts, by the provider's names for them; what is not known is left out."""
    shipped = [parcel for paper in papers for parcel in paper.shipped]
    said = {
        "product_description": "\n".join(line for paper in papers for line in _lines(state, paper)),
        "customer_name": _first(paper.buyer_name for paper in papers),
        "customer_email_address": _first(paper.buyer_email for paper in papers),
        "shipping_address": _first(paper.address for paper in papers),
        "shipping_carrier": ", ".join(dict.fromkeys(carrier for carrier, _, _ in shipped)),
        "shipping_tracking_number": ", ".join(number for _, number, _ in shipped),
        "shipping_date": ", ".join(dict.fromkeys(f"{at:%Y-%m-%d}" for _, _, at in shipped)),
        "uncategorized_text": "\n\n".join(
            [*_refunded(state), *(paper.text for paper in statements)]
        ),
    }
    return {name: text[:_LONGEST] for name, text in said.items() if text}


def _refunded(state: ChargebackState) -> tuple[str, ...]:
    """So that nobody gives the buyer once more what they have had."""
    if not state.had_before:
        return ()
    had = Money(state.had_before, state.currency)
    return (f"Of what is claimed, {had} has gone back to the buyer already.",)


def packet_of(
    press: Press,
    state: ChargebackState,
    papers: Sequence[Papers],
    statements: Sequence[Paper],
    made_at: datetime,
) -> bytes:
    """The same as a document: orders, parcels, carriers' scans, what happened, what was said."""
    amount = Money(state.amount, state.currency)
    sections = [
        Section(
            "The claim",
            (
                f"Chargeback {state.chargeback} of {amount}: {_words(state.reason)}.",
                f"Opened {state.opened_at:%Y-%m-%d %H:%M} UTC.",
                *_refunded(state),
            ),
        )
    ]
    for paper in papers:
        sections += _order(state, paper)
    said = [f"{one.at:%Y-%m-%d %H:%M} UTC, {one.kind}: {one.text}" for one in statements]
    sections.append(Section("Statements", said))
    return press.document(f"Evidence for chargeback {state.chargeback}", sections, made_at)


def _order(state: ChargebackState, paper: Papers) -> list[Section]:
    parcels = [
        f"{carrier} {number}, declared {at:%Y-%m-%d %H:%M} UTC"
        for carrier, number, at in paper.shipped
    ]
    return [
        Section(
            f"Order {paper.order}, placed {paper.placed_at:%Y-%m-%d %H:%M} UTC",
            [
                *_lines(state, paper),
                f"Sent to: {paper.address or 'no address is on file'}",
            ],
        ),
        Section("Parcels", parcels),
        Section("What the carrier saw", [_told(one) for one in paper.scans]),
        Section("What happened", [_told(one) for one in paper.events]),
    ]


def _lines(state: ChargebackState, paper: Papers) -> list[str]:
    return [
        f"{line['quantity']} x {line['product']}"
        f" ({Money(int(line['price']) + int(line['freight']), state.currency)} with carriage)"
        for line in paper.lines
    ]


def _told(one: Paper) -> str:
    words = f"{one.at:%Y-%m-%d %H:%M} UTC  {_words(one.kind)}"
    return f"{words}  {one.text}" if one.text else words


def _first(texts: Iterable[str]) -> str:
    return next((text for text in texts if text), "")


def _words(code: str) -> str:
    return code.replace("_", " ")
