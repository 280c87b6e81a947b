"""Stripe's error envelope: how each kind of no looks to the official client."""

from typing import Final

from sandbox.store import Json

DOCS: Final = "https://stripe.com/docs/error-codes/"


class StripeError(Exception):
    """An answer that is not the object asked for.

    `stored` says that execution had begun, so that the answer is kept under the idempotency key
    and whatever was written stays; otherwise nothing is kept.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, stored: bool = False, **fields: object
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = stored
        told = {name: value for name, value in fields.items() if value is not None}
        self.body: Json = {"error": {"type": kind, "message": message, **told}}
        if "code" in told:
            self.body["error"]["doc_url"] = f"{DOCS}{str(told['code']).replace('_', '-')}"


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """The request itself is wrong: refused before anything is executed, and not remembered."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code)


def refused(message: str, *, param: str | None = None, code: str | None = None) -> StripeError:
    """Execution began and the state of things said no: remembered under the key."""
    return StripeError(400, "invalid_request_error", message, stored=True, param=param, code=code)


def missing(kind: str, object_id: str, param: str = "id", status: int = 404) -> StripeError:
    return StripeError(
        status,
        "invalid_request_error",
        f"No such {kind}: '{object_id}'",
        param=param,
        code="resource_missing",
    )


def unexpected(intent: Json, verb: str) -> StripeError:
    """The payment intent's status does not allow *verb*."""
    return StripeError(
        400,
        "invalid_request_error",
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        stored=True,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )


def declined(intent: Json, problem: Json) -> StripeError:
    """The card was refused; *problem* is what the intent keeps as its last error."""
    told = {name: value for name, value in problem.items() if name not in {"type", "message"}}
    return StripeError(
        402, "card_error", problem["message"], stored=True, payment_intent=intent, **told
    )
