"""Labels and couriers in our books against the provider's own: who paid, and what came back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Money
from domain.shipment.labels import Label, LabelStatus

_PAID: frozenset[LabelStatus] = frozenset(
    {
        LabelStatus.BOUGHT,
        LabelStatus.USED,
        LabelStatus.VOID_ASKED,
        LabelStatus.VOIDED,
        LabelStatus.VOID_REFUSED,
    }
)


class Difference(StrEnum):
    """How both sides can differ about one label."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    PAID_TWICE = "paid_twice"
    ANOTHER_PRICE = "another_price"
    GIVEN_BACK_THERE = "given_back_there"
    GIVEN_BACK_HERE = "given_back_here"


@dataclass(frozen=True)
class Paid:
    """One purchase as the provider has it, under our own key."""

    key: str
    reference: str
    price: Money
    at: datetime
    is_given_back: bool = False


@dataclass(frozen=True)
class Booked:
    """One purchase as our own books have it; `at` is when it was paid, None if it never was.

    `is_asked_back`: the carrier has not judged yet whether the money comes back.
    """

    key: str
    price: Money
    at: datetime | None = None
    is_given_back: bool = False
    is_asked_back: bool = False


def label_booked(label: Label) -> Booked:
    """A label as our books have it."""
    return Booked(
        label.key,
        Money(label.cost, label.currency),
        label.bought_at if label.status in _PAID else None,
        label.status is LabelStatus.VOIDED,
        label.status is LabelStatus.VOID_ASKED,
    )


@dataclass(frozen=True)
class Disagreement:
    """One difference; `references` are the provider's, for whoever looks it up there."""

    key: str
    kind: Difference
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What a comparison came to: the keys on which both sides agree, and where they do not."""

    agreed: tuple[str, ...]
    differences: tuple[Disagreement, ...]


def compare(ours: Iterable[Booked], theirs: Iterable[Paid], until: datetime) -> Comparison:
    """Compare one by one. What only one side has and is younger than *until* may be on its way.

    A label whose refund the carrier has granted and we have not heard of yet is no difference:
    it is asked about by itself.
    """
    bought = {one.key: one for one in ours}
    paid: dict[str, list[Paid]] = {}
    for one in theirs:
        paid.setdefault(one.key, []).append(one)
    agreed: list[str] = []
    found: list[Disagreement] = []
    for key in sorted(bought.keys() | paid.keys()):
        kind = _difference(bought.get(key), paid.get(key, []), until)
        if kind is None:
            agreed.append(key)
        else:
            found.append(Disagreement(key, kind, _references(paid, key)))
    return Comparison(tuple(agreed), tuple(found))


def _references(paid: Mapping[str, list[Paid]], key: str) -> tuple[str, ...]:
    return tuple(one.reference for one in paid.get(key, []))


def _difference(booked: Booked | None, paid: list[Paid], until: datetime) -> Difference | None:
    if len(paid) > 1:
        return Difference.PAID_TWICE
    if booked is None or booked.at is None:
        return Difference.MISSING_HERE if paid and paid[0].at < until else None
    if not paid:
        return None if booked.at >= until else Difference.MISSING_THERE
    return _of_both(booked, paid[0])


def _of_both(booked: Booked, paid: Paid) -> Difference | None:
    if paid.price != booked.price:
        return Difference.ANOTHER_PRICE
    if not booked.price.minor:
        # What cost nothing leaves no entry when it comes back.
        return None
    if paid.is_given_back and not booked.is_given_back and not booked.is_asked_back:
        return Difference.GIVEN_BACK_THERE
    if booked.is_given_back and not paid.is_given_back:
        return Difference.GIVEN_BACK_HERE
    return None
