"""Identifiers and keys, all made of business facts."""

import hashlib


def order_workflow_id(order: str) -> str:
    """The execution that lives one order."""
    return f"order/{order}"


def purchase_workflow_id(purchase: str) -> str:
    """The execution that lives one purchase over several sellers."""
    return f"purchase/{purchase}"


def payout_workflow_id(seller: str, cycle: str) -> str:
    """The execution of one payout; *cycle* ends in the currency: "2026-11-30-EUR"."""
    return f"payout/{seller}/{cycle}"


def dispute_workflow_id(dispute: str) -> str:
    """The execution that lives one dispute; it outlives its order where it must."""
    return f"dispute/{dispute}"


def chargeback_workflow_id(chargeback: str) -> str:
    """The execution that follows one chargeback; *chargeback* is the provider's name of it."""
    return f"chargeback/{chargeback}"


def held_again(hold: str, chargeback: str) -> str:
    """What is still held for a dispute once a bank has given the buyer a part of it."""
    return f"{hold}/{chargeback}"


def dispute_parcel(dispute: str, number: int) -> str:
    """Our name of a parcel of a dispute's own: goods on their way back, or sent once more."""
    return f"{dispute_workflow_id(dispute)}/{number}"


def process_of_parcel(parcel: str, order: str) -> str:
    """Which execution follows a parcel: the order's, unless the parcel is a dispute's own."""
    owner = parcel.rpartition("/")[0]
    return owner if owner.startswith("dispute/") else order_workflow_id(order)


def process_of_label(key: str) -> str:
    """Which execution a label belongs to: "order/o-1" of "order/o-1/label/1"."""
    return key.rpartition("/")[0].rpartition("/")[0]


def repayment_workflow_id(order: str) -> str:
    """The execution by which a buyer pays again for goods that came after their refund."""
    return f"repayment/{order}"


def aftercare_workflow_id(subject: str) -> str:
    """The execution that hears facts which came after their object's own had ended."""
    return f"aftercare/{subject}"


def money_key(subject: str, effect: str, attempt: int) -> str:
    """Name one money effect: "order/o-1/refund/2".

    The number is the business attempt: only a final failure advances it, never a retry.
    """
    return f"{subject}/{effect}/{attempt}"


def fingerprint(*parts: str) -> str:
    """A stable short name for a tuple of texts (SHA-256, 32 hexadecimal digits).

    Used for Temporal update ids: a raw idempotency key would let one caller's answer reach
    another, because Temporal answers a reused id with the first answer whatever was asked.
    """
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
