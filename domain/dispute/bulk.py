"""Bulk rulings: one decision on many disputes, each judged by its own revision and caps."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.actors import Role
from domain.dispute.reasons import Remedy
from domain.dispute.rules import Asked
from domain.dispute.state import DisputeState, Stage
from domain.errors import IllegalTransition

# As many as one person can look through before they decide.
MOST: Final = 200


class Award(StrEnum):
    """What every buyer of a bulk ruling gets, each in their own case."""

    WHOLE = "whole"
    ASKED = "asked"
    OFFERED = "offered"
    NOTHING = "nothing"


class BorneBy(StrEnum):
    """Who pays what a bulk ruling gives."""

    SELLER = "seller"
    PLATFORM = "platform"
    CARRIER = "carrier"


class Standing(StrEnum):
    """Where one dispute of a bulk ruling stands, seen from the ruling."""

    WAITING = "waiting"
    RULED = "ruled"
    AGREED = "agreed"
    HOLDS = "holds"
    VOID = "void"
    REFUSED = "refused"


@dataclass(frozen=True)
class BulkRuling:
    """What is decided about all of them, by whose money, and why."""

    bulk: str
    award: Award
    borne_by: BorneBy
    why: str

    def about(self, state: DisputeState, revision: int) -> Asked:
        """What it asks of one dispute, at the *revision* that was looked at.

        Raises `IllegalTransition` where the seller's offer is to hold and there is none.
        """
        amount = _amount(state, self.award)
        return Asked(
            version=revision,
            remedy=Remedy.REFUND,
            amount=amount,
            platform=amount if self.borne_by is BorneBy.PLATFORM else 0,
            carrier=amount if self.borne_by is BorneBy.CARRIER else 0,
            why=self.why,
            bulk=self.bulk,
        )


def _amount(state: DisputeState, award: Award) -> int:
    """What the buyer gets, in minor units of the dispute's currency: never more than its cap."""
    offers = {one.by: one.amount for one in state.proposals}
    match award:
        case Award.WHOLE:
            return state.cap
        case Award.ASKED:
            return min(offers.get(Role.BUYER, state.cap), state.cap)
        case Award.OFFERED if Role.SELLER in offers:
            return min(offers[Role.SELLER], state.cap)
        case Award.OFFERED:
            raise IllegalTransition(
                f"the seller offers nothing in dispute {state.dispute}", dispute=state.dispute
            )
        case Award.NOTHING:
            return 0


def standing(bulk: str, state: DisputeState, *, is_answered: bool, is_refused: bool) -> Standing:
    """How a bulk ruling fares in a dispute: whether its request was heard, and what came of it."""
    if is_refused:
        return Standing.REFUSED
    if not is_answered:
        return Standing.WAITING
    if state.pending is not None and state.pending.bulk == bulk:
        return Standing.AGREED if state.stage is Stage.RULED else Standing.RULED
    if state.verdict is not None and state.verdict.bulk == bulk:
        return Standing.HOLDS
    return Standing.VOID
