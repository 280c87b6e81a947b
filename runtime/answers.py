"""What a caller is told: a result, a refusal, or that the answer is not there yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from domain import errors
from domain.errors import Refusal

FIRST_REFUSAL: Final = 400
ACCEPTED: Final = 202

# The status that a refusal has over HTTP. A rule does not know it; a stored answer keeps it.
STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        errors.Refusal.code: 409,
        errors.IllegalTransition.code: 409,
        errors.AmountExceeded.code: 422,
        errors.DeadlinePassed.code: 409,
        errors.PendingRequest.code: 409,
        errors.CurrencyUnknown.code: 422,
        errors.FxRateUnknown.code: 422,
        errors.TrackingInvalid.code: 422,
        errors.TrackingInUse.code: 409,
        errors.ShipmentFixed.code: 409,
        errors.AddressFixed.code: 409,
        errors.LabelUnavailable.code: 409,
        errors.AddressMissing.code: 409,
        errors.SellerNotActive.code: 409,
        errors.PaidOnShipment.code: 409,
        errors.NotYours.code: 403,
        errors.NotKnown.code: 404,
        errors.AlreadyExists.code: 409,
        errors.VersionConflict.code: 412,
        errors.KeyReused.code: 422,
        errors.PayoutWithheld.code: 409,
        errors.AddressRefused.code: 422,
        errors.LimitReached.code: 409,
        errors.NotEvidence.code: 422,
        errors.Infected.code: 422,
        errors.CodeInvalid.code: 422,
        errors.PolicyInvalid.code: 422,
    }
)
REFUSALS: Final[Mapping[str, type[Refusal]]] = MappingProxyType(
    {kind.code: kind for kind in Refusal.__subclasses__()}
)


@dataclass(frozen=True)
class Answer:
    """What became of a request. Not final: it waits, and `GET /v1/requests/{id}` will know.

    `body` is what the command resulted in (an order's state, say), or for a refusal its `code`,
    `detail` and `facts`.
    """

    request: str
    status: int
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_final: bool = True

    @property
    def refusal(self) -> Refusal | None:
        """The rule that said no, if one did."""
        if self.status < FIRST_REFUSAL:
            return None
        kind = REFUSALS.get(self.body["code"], Refusal)
        return kind(self.body["detail"], **self.body["facts"])


def refused(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    """The status and the body that are kept of a refusal."""
    body = {"code": refusal.code, "detail": refusal.detail, "facts": dict(refusal.facts)}
    return STATUS[refusal.code], body
