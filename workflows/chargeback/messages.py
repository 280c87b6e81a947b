"""What is said to a chargeback and asked of it. Public: services that speak to Temporal use these.

Fields are only ever added, each with a default. Instants are UTC. That the bank has news is said
with the order's message (`PaymentChanged`).
"""

from dataclasses import dataclass
from datetime import datetime

from domain.actors import Actor
from domain.chargeback.rules import Action


@dataclass(frozen=True)
class FollowChargeback:
    """Follow a chargeback; *chargeback* is the provider's name of it, and all that is known."""

    chargeback: str
    received_at: datetime


@dataclass(frozen=True)
class AnswerBank:
    """Submit the evidence now, or give the chargeback up."""

    actor: Actor
    received_at: datetime
    action: Action
    reason: str = ""
