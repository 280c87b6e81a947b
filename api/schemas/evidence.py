"""Evidence, as it is shown."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.schemas.common import View
from persistence.disputes.evidence import Shown


class EvidenceView(View):
    """A file in a dispute. `sha256` is of its content, `size` its bytes."""

    dispute: str
    number: int
    by: Literal["buyer", "seller", "platform"]
    media_type: str
    size: int
    sha256: str
    received_at: datetime
    is_late: bool = Field(description="It came after the round: whoever decides may ignore it.")
    href: str = Field(description="Where its content is.")

    @classmethod
    def of(cls, shown: Shown) -> "EvidenceView":
        """Who of a side's staff has sent it stays with them."""
        return cls.model_validate(
            {
                "dispute": shown.dispute,
                "number": shown.number,
                "by": shown.side,
                "media_type": shown.media_type,
                "size": shown.size,
                "sha256": shown.sha256,
                "received_at": shown.received_at,
                "is_late": shown.is_late,
                "href": f"/v1/disputes/{shown.dispute}/evidence/{shown.number}",
            }
        )


class EvidenceList(View):
    """Everything that was shown in a dispute."""

    items: list[EvidenceView]
