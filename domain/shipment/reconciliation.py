"""Labels in our books against the provider's own: who paid for what, and what came back."""

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


def compare(ours: Iterable[Label], theirs: Iterable[Paid], until: datetime) -> Comparison:
    """Compare label by label. What only one side has and is younger than *until* may be on its way.

    A label whose refund the carrier has granted and we have not heard of yet is no difference:
    it is asked about by itself.
    """
    bought = {label.key: label for label in ours}
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


def _difference(label: Label | None, paid: list[Paid], until: datetime) -> Difference | None:
    is_ours = label is not None and label.status in _PAID
    if len(paid) > 1:
        return Difference.PAID_TWICE
    if label is None or not is_ours:
        return Difference.MISSING_HERE if paid and paid[0].at < until else None
    if not paid:
        is_young = label.bought_at is None or label.bought_at >= until
        return None if is_young else Difference.MISSING_THERE
    return _of_both(label, paid[0])


def _of_both(label: Label, paid: Paid) -> Difference | None:
    if paid.price != Money(label.cost, label.currency):
        return Difference.ANOTHER_PRICE
    is_back_here = label.status is LabelStatus.VOIDED
    if paid.is_given_back and not is_back_here and label.status is not LabelStatus.VOID_ASKED:
        return Difference.GIVEN_BACK_THERE
    if is_back_here and not paid.is_given_back:
        return Difference.GIVEN_BACK_HERE
    return None
