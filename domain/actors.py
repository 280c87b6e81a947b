"""Who may ask for something."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller is to the marketplace."""

    SERVICE = "service"
    BUYER = "buyer"
    SELLER = "seller"
    SUPPORT_AGENT = "support-agent"
    SUPPORT_LEAD = "support-lead"
    COMPLIANCE = "compliance"
    OPERATOR = "operator"
    AUDITOR = "auditor"


STAFF = frozenset(
    {Role.SUPPORT_AGENT, Role.SUPPORT_LEAD, Role.COMPLIANCE, Role.OPERATOR, Role.AUDITOR}
)


@dataclass(frozen=True)
class Actor:
    """One caller: a role and an identifier that means nothing outside the marketplace."""

    role: Role
    id: str

    def __str__(self) -> str:
        """The form that is written to audits: "buyer:b-1"."""
        return f"{self.role}:{self.id}"
