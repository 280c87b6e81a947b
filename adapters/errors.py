"""Outages: how the outside world fails, whatever the vendor.

* Outage
  x Unavailable   no answer, or not now: the effect may or may not have happened; ask again
  x Rejected      a final no: the same request will never succeed
    x NotChargeable   of a payment, for its amount or its currency: nobody can ever be asked for it

A rule that says no is a refusal (`domain/errors.py`); everything else is a defect.
"""


class Outage(Exception):
    """The outside world did not do what it was asked."""

    def __init__(self, provider: str, detail: str) -> None:
        """Name the *provider*; *detail* holds no personal data and no secret."""
        super().__init__(f"{provider}: {detail}")
        self.provider = provider
        self.detail = detail


class Unavailable(Outage):
    """No answer, or not now. The effect may have happened: repeat with the same key."""


class Rejected(Outage):
    """A final no. `code` is the provider's own word for the reason."""

    def __init__(self, provider: str, code: str, detail: str) -> None:
        """Keep the provider's *code*, which decides what a person can do about it."""
        super().__init__(provider, f"{code}: {detail}")
        self.code = code


class NotChargeable(Rejected):
    """No payment of this amount, or in this currency, is ever taken."""


class NotGenuine(Exception):
    """A message that claims to be the provider's and is not: bad signature, or too old."""
