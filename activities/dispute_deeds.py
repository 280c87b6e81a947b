"""What a dispute's steps have in common: a repeat finds what was done, and who did it is kept."""

from activities.dispute_requests import Act
from domain.dispute.rules import Action
from domain.dispute.state import DisputeState
from persistence.disputes.port import Deed
from persistence.port import Transaction


async def shown_since(tx: Transaction, state: DisputeState) -> DisputeState | None:
    """What an earlier run of this very step has come to; None if it is new."""
    shown = await tx.disputes.state(state.dispute)
    return shown if shown is not None and shown.version > state.version else None


async def log_deed(tx: Transaction, after: DisputeState, request: Act) -> None:
    asked = request.asked
    facts: dict[str, str | int] = {"stage": str(after.stage), "revision": after.revision}
    if request.action in (Action.PROPOSE, Action.DECIDE):
        facts |= {
            "remedy": str(asked.remedy),
            "amount": asked.amount,
            "currency": after.currency,
            "platform": asked.platform,
            "carrier": asked.carrier,
        }
    if request.action in (Action.ACCEPT, Action.DECIDE, Action.APPROVE):
        facts["version"] = asked.version
    if asked.bulk:
        facts["bulk"] = asked.bulk
    if request.action is Action.ASSIGN:
        facts["to"] = asked.to
    deed = Deed(str(request.action), str(request.actor), request.at, asked.why, facts)
    await tx.disputes.did(after.dispute, after.version, deed)
