"""Endpoints of outgoing webhooks and what they were told, as they are asked for and shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field

from api.paging import PageQuery
from api.schemas.common import Form, Id, Instant, Sought, Text, View, Word
from domain.webhooks import EVERYTHING, OLD_SECRET_LIVES, OLD_SECRET_LIVES_AT_MOST, WHY
from persistence.endpoints import Endpoint
from persistence.hooks import Attempt, Delivery

_MOST_KINDS: Final = 50
_SELECTOR: Final = r"^(\*|[a-z][a-z0-9_-]{0,39}\.(\*|[a-z][a-z0-9_]{0,59}))$"


def _once(kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(kinds))


Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=500,
        description="Where to send: https, a public address, in ASCII.",
        examples=["https://shop.example/hooks/caravan"],
    ),
]
Kinds = Annotated[
    tuple[Annotated[str, Field(pattern=_SELECTOR)], ...],
    Field(
        min_length=1,
        max_length=_MOST_KINDS,
        description='What to be told of: "order.paid", every "order.*", or everything: "*".',
        examples=[["order.*", "payout.sent"]],
    ),
    AfterValidator(_once),
]


class EndpointIn(Form):
    """An address that wants to be told."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://shop.example/hooks/caravan",
                    "description": "the warehouse",
                    "kinds": ["order.*", "payout.sent"],
                }
            ]
        }
    )

    url: Url
    description: Text = ""
    kinds: Kinds = (EVERYTHING,)
    seller: Id | None = Field(
        default=None,
        description="Whose own events alone it sees. A seller's endpoint is always their own.",
    )


class EndpointChange(Form):
    """What is to be different; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kinds": ["order.paid"]}, {"is_enabled": True}]}
    )

    url: Url | None = None
    description: Text | None = None
    kinds: Kinds | None = None
    is_enabled: bool | None = None


class RotationIn(Form):
    """Sign with a new secret from now on, and with the old one as well for a while."""

    keep_old_for_seconds: int = Field(
        default=int(OLD_SECRET_LIVES.total_seconds()),
        ge=0,
        le=int(OLD_SECRET_LIVES_AT_MOST.total_seconds()),
        strict=True,
        examples=[86400],
    )


class ReplayIn(Form):
    """Send again what happened since an instant, also what was missed."""

    since: Instant = Field(examples=["2026-11-30T00:00:00Z"])


class EndpointView(View):
    """An endpoint; its secret is never shown again."""

    id: str = Field(examples=["we_0123456789abcdef0123"])
    version: int
    url: str
    description: str
    kinds: list[str]
    seller: str | None = Field(description="Whose own events alone it sees; null for all.")
    is_enabled: bool
    disabled_because: str | None = Field(description="If nobody asked for it.")
    failing_since: datetime | None = Field(description="Nothing has reached it since then.")
    created_by: str
    created_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, row: Endpoint) -> "EndpointView":
        """Show an endpoint."""
        here = f"/v1/webhook-endpoints/{row.id}"
        return cls(
            id=row.id,
            version=row.version,
            url=row.url,
            description=row.description,
            kinds=list(row.kinds),
            seller=row.owner or None,
            is_enabled=row.is_enabled,
            disabled_because=WHY.get(row.disabled_because),
            failing_since=row.failing_since,
            created_by=row.created_by,
            created_at=row.created_at,
            links={"self": here, "deliveries": f"{here}/deliveries"},
        )


class NewEndpointView(EndpointView):
    """An endpoint that was just registered, with the secret that signs its messages."""

    secret: str | None = Field(
        description="Keep it: it is shown now, and to a repetition of this request for ten "
        "minutes, then never again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class NewSecretView(View):
    """The secret that signs from now on. Until `old_valid_until` the one before signs as well."""

    endpoint: str
    number: int = Field(description="How many secrets the endpoint has had.")
    old_valid_until: datetime
    secret: str | None = Field(
        description="Keep it: it is shown now, and to a repetition of this request for ten "
        "minutes, then never again.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class AttemptView(View):
    """How one attempt went."""

    at: datetime
    status: int | None = Field(description="What the endpoint answered; null if nothing.")
    ms: int
    excerpt: str = Field(description="The beginning of its answer.")
    error: str = Field(description="Why there is no status.")


class DeliveryView(View):
    """One event on its way to one endpoint."""

    id: int
    event: str = Field(description="`webhook-id`, and `id` of the event.", examples=["evt_71"])
    kind: str = Field(examples=["order.paid"])
    subject: str = Field(examples=["order/o-1001"])
    at: datetime
    state: str = Field(description="waiting, delivered, failed or skipped")
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    delivered_at: datetime | None
    links: dict[str, str]

    @classmethod
    def of(cls, row: Delivery) -> "DeliveryView":
        """Show a delivery."""
        return cls(**_delivery(row))


class DeliveryDetail(DeliveryView):
    """A delivery with its latest attempts, the newest first."""

    log: list[AttemptView]

    @classmethod
    def with_log(cls, row: Delivery, log: Sequence[Attempt]) -> "DeliveryDetail":
        """Show a delivery and how it went."""
        return cls(**_delivery(row), log=[AttemptView(**vars(one)) for one in log])


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.seq,
        "event": row.event,
        "kind": row.kind,
        "subject": row.subject,
        "at": row.at,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": row.due_at if row.state == "waiting" else None,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "delivered_at": row.delivered_at,
        "links": {"self": f"/v1/webhook-endpoints/{row.endpoint}/deliveries/{row.seq}"},
    }


class ReplayView(View):
    """How much is sent again. Where it was cut off, ask again with `go_on_from` as `since`."""

    queued: int
    go_on_from: datetime | None


class DeliveryQuery(PageQuery):
    """Which deliveries to list; what is absent is not asked for."""

    state: Word | None = Field(default=None, examples=["failed"])
    kind: Sought | None = Field(default=None, examples=["order.paid"])
    subject: Sought | None = Field(default=None, examples=["order/o-1001"])
