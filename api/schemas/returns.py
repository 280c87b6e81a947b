"""Goods on their way back, as their parcel is told of and shown."""

from typing import Self

from pydantic import Field, model_validator

from api.schemas.common import CarrierName, Form, TrackingNumber, View
from domain.actors import STAFF, Role
from domain.dispute.state import DisputeState


class ReturnIn(Form):
    """What was handed to a carrier; nothing where it went by the label that was bought for it."""

    carrier: CarrierName | None = None
    number: TrackingNumber | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.carrier is None) != (self.number is None):
            raise ValueError("say carrier and number, or neither")
        return self


class SentView(View):
    """A parcel of the dispute's own: goods on their way back, or sent once more."""

    carrier: str
    number: str
    label: str = Field(description="Where its label is fetched for printing; for the buyer.")

    @classmethod
    def of(cls, state: DisputeState, role: Role) -> Self | None:
        """Show it; the print of a return's label is for whoever packs the parcel."""
        sent = state.sent
        if sent is None:
            return None
        url = sent.url if role is Role.BUYER or role in STAFF else ""
        return cls(carrier=sent.carrier, number=sent.number, label=url)
