"""One vocabulary of milestones over all carriers."""

from enum import StrEnum


class Milestone(StrEnum):
    """How far a parcel has come. Raw scans say more; processes act on these alone."""

    DECLARED = "declared"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    HELD_AT_CUSTOMS = "held_at_customs"
    DELIVERED = "delivered"
    REFUSED = "refused"
    RETURNING = "returning"
    RETURNED = "returned"
    LOST = "lost"
    FAILED = "failed"
    CANCELLED = "cancelled"
