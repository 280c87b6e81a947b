"""How Stripe is called: which failures mean what, and one effect per key whatever happens."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import stripe

from adapters.errors import NotChargeable, Outage, Rejected, Unavailable
from domain.money import Money

NAME: Final = "stripe"
# The state of things says no today: the platform's balance is short, or somebody holds a lock.
_TEMPORARY: Final = frozenset({"balance_insufficient", "lock_timeout", "rate_limit"})
# What a payment is of; a no to either is one to the payment itself.
_OF_THE_SUM: Final = frozenset({"amount", "currency"})
_MOST_DERIVED: Final = 20
_IDEMPOTENCY: Final = "idempotency_error"

T = TypeVar("T", bound=stripe.StripeObject)


def effect_of(
    key: str, create: Callable[[str], T], find: Callable[[], T | None], *, again: bool
) -> T:
    """Make the effect that *key* names, or find it.

    Stripe forgets keys after a day, so *again* looks first. Before that it replays the first
    answer, a stored failure as well, which would block the effect for a day: such an answer
    sends us to look by metadata, and then on with a key derived from ours. The same sequence of
    derived keys is walked each time, so that two attempts at once still meet in one of them.
    """
    if again and (found := find()) is not None:
        return found
    for derived in _derived(key):
        try:
            return create(derived)
        except stripe.StripeError as error:
            if not (_is_temporary(error) and was_replayed(error.headers)):
                raise
        if (found := find()) is not None:
            return found
    raise Unavailable(NAME, f"{key}: each of {_MOST_DERIVED} attempts is a stored failure")


def _derived(key: str) -> Iterator[str]:
    yield key
    for number in range(1, _MOST_DERIVED):
        yield f"{key}/again/{number}"


def same_amount(key: str, found: int, wanted: Money) -> None:
    """Refuse what Stripe itself refuses while it remembers the key: another amount."""
    if found != wanted.for_provider(NAME):
        raise Rejected(NAME, _IDEMPOTENCY, f"{key} was used for another amount")


def was_replayed(headers: object) -> bool:
    """Whether an answer is the stored first one, which may be out of date."""
    get = getattr(headers, "get", None)
    return get is not None and get("idempotent-replayed") == "true"


def _is_temporary(error: stripe.StripeError) -> bool:
    match error:
        case stripe.APIConnectionError() | stripe.RateLimitError() | stripe.APIError():
            # The client has no error of its own for 409, "the key is in use": an APIError, too.
            return True
        case stripe.AuthenticationError():
            # A wrong key is the operator's to mend; the effect itself was not refused.
            return True
        case _:
            return error.code in _TEMPORARY


def outage_of(error: stripe.StripeError) -> Outage:
    """The same failure in our words."""
    detail = error.user_message or type(error).__name__
    if _is_temporary(error):
        return Unavailable(NAME, detail)
    kind = error.error.type if error.error is not None else ""
    code = error.code or kind or type(error).__name__
    if getattr(error, "param", None) in _OF_THE_SUM:
        return NotChargeable(NAME, code, detail)
    return Rejected(NAME, code, detail)
