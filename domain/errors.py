"""Refusals: every way a business rule can say no.

* Refusal
  x IllegalTransition     the thing is not in a state that allows this
  x AmountExceeded        more money was asked for than there is
  x DeadlinePassed        it was asked after its time had run out
  x PendingRequest        somebody's request came in time and must be heard first
  x CurrencyUnknown       the order's policy has no figures for this currency
  x FxRateUnknown         there is no rate that the policy lets be used
  x TrackingInvalid       the carrier never gives out such a number
  x TrackingInUse         the number already belongs to another parcel
  x ShipmentFixed         the declared number can no longer be changed
  x AddressFixed          the goods cannot be sent there any more, or never could
  x LabelUnavailable      no carrier sells this label, or not at the price that was seen
  x AddressMissing        a parcel cannot be fetched or brought without an address
  x SellerNotActive       the seller may not do this in their present standing
  x PaidOnShipment        the seller's money is taken with the goods, not with a purchase's
  x NotYours              the caller's role or ownership does not allow it
  x NotKnown              there is no such thing
  x AlreadyExists         the identifier is taken
  x VersionConflict       it was changed since the caller looked
  x KeyReused             the idempotency key belongs to another request
  x PayoutWithheld        nothing may be paid out now, for a stated reason
  x AddressRefused        the address may not be called from here
  x LimitReached          there are as many as there may be
  x NotEvidence           the file is of no kind that is shown to others
  x Infected              there is malware in the file
  x CodeInvalid           the confirmation code is not the one that was sent
  x PolicyInvalid         the policy document contradicts itself or its form

What is not a refusal is an outage (`adapters/errors.py`) or a defect, and must not be dressed
up as one.
"""

from typing import ClassVar


class Refusal(Exception):
    """A rule said no. `code` is public and never changes meaning; `facts` explain it."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str, **facts: str | int) -> None:
        """Say what to do in *detail*; *facts* hold no personal data, they travel to the caller."""
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class IllegalTransition(Refusal):
    """The thing is not in a state that allows this."""

    code = "illegal-transition"


class AmountExceeded(Refusal):
    """More money was asked for than there is."""

    code = "amount-exceeded"


class DeadlinePassed(Refusal):
    """It was asked after its time had run out."""

    code = "deadline-passed"


class PendingRequest(Refusal):
    """A request that came in time has not been heard yet: the deadline's step must wait."""

    code = "pending-request"


class CurrencyUnknown(Refusal):
    """The policy has no figures for this currency."""

    code = "currency-unknown"


class FxRateUnknown(Refusal):
    """There is no reference rate for the two currencies, or none that is fresh enough."""

    code = "fx-rate-unknown"


class TrackingInvalid(Refusal):
    """The carrier never gives out such a number."""

    code = "tracking-number-invalid"


class TrackingInUse(Refusal):
    """The number already belongs to another parcel."""

    code = "tracking-number-in-use"


class ShipmentFixed(Refusal):
    """The declared number can no longer be changed."""

    code = "shipment-fixed"


class AddressFixed(Refusal):
    """The goods cannot be sent there: another country, or too late."""

    code = "address-fixed"


class LabelUnavailable(Refusal):
    """No carrier sells this label, or not at the price that was seen: ask for rates again."""

    code = "label-unavailable"


class AddressMissing(Refusal):
    """There is no address on file where a parcel could be fetched, or brought to."""

    code = "address-missing"


class SellerNotActive(Refusal):
    """The seller may not do this in their present standing."""

    code = "seller-not-active"


class PaidOnShipment(Refusal):
    """The seller's money is taken when the goods go, and a purchase's is taken at once."""

    code = "paid-on-shipment"


class NotYours(Refusal):
    """The caller's role or ownership does not allow it."""

    code = "not-allowed"


class NotKnown(Refusal):
    """There is no such thing, or none that the caller may see."""

    code = "not-found"


class AlreadyExists(Refusal):
    """The identifier is taken by something else."""

    code = "already-exists"


class VersionConflict(Refusal):
    """It was changed since the caller looked: read it again, then decide."""

    code = "version-conflict"


class KeyReused(Refusal):
    """The idempotency key belongs to another request."""

    code = "idempotency-key-reused"


class PayoutWithheld(Refusal):
    """Nothing may be paid out now; the facts say why and until when."""

    code = "payout-withheld"


class AddressRefused(Refusal):
    """The address may not be called from here; the detail says why."""

    code = "address-refused"


class LimitReached(Refusal):
    """There are as many as there may be."""

    code = "limit-reached"


class NotEvidence(Refusal):
    """The file is empty, or by its content of no kind that is shown to others."""

    code = "not-evidence"


class Infected(Refusal):
    """There is malware in the file, by the word of the scanner: it was not kept."""

    code = "infected"


class CodeInvalid(Refusal):
    """The confirmation code is not the one that was sent; after some tries none is accepted."""

    code = "confirmation-code-invalid"


class PolicyInvalid(Refusal):
    """The policy document contradicts itself or its form."""

    code = "policy-invalid"
