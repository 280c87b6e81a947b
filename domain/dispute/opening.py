"""Whether a dispute may be opened, about which lines, and for how much at the most."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.dispute.reasons import REASONS, REMEDIES, Category, Reason, Remedy
from domain.dispute.state import Claim
from domain.dispute.terms import DisputeTerms
from domain.errors import (
    AlreadyExists,
    AmountExceeded,
    CurrencyUnknown,
    DeadlinePassed,
    IllegalTransition,
)
from domain.fx.rates import Exchange
from domain.money import Money
from domain.order.parcels import GONE, Parcel, ParcelStage
from domain.order.state import OrderState, Outcome

# Where something is wrong with the tracking, nobody has to wait for the earliest day.
_ABNORMAL: Final = frozenset(
    {
        ParcelStage.DOUBTED,
        ParcelStage.AT_CUSTOMS,
        ParcelStage.ELSEWHERE,
        ParcelStage.BUYER_ASKED,
        ParcelStage.RETURNING,
        ParcelStage.DELIVERED,
    }
)


@dataclass(frozen=True)
class Wanted:
    """What a buyer asks: for which lines, why, which remedy and how much.

    `amount` is in its own currency: the order's, or the one that its seller settles in.
    """

    lines: tuple[str, ...]
    category: Category
    reason: Reason
    remedy: Remedy
    amount: Money


def must_be_sound(wanted: Wanted, terms: DisputeTerms) -> None:
    """Refuse a reason or remedy that its category does not know (`IllegalTransition`)."""
    is_known = wanted.reason in REASONS[wanted.category]
    is_offered = wanted.category is not Category.OWN_REASON or terms.own_reason == "offered"
    if not is_known or not is_offered or wanted.remedy not in REMEDIES[wanted.category]:
        raise IllegalTransition(
            f"{wanted.category} with {wanted.reason} and {wanted.remedy} is not offered",
            category=wanted.category,
            reason=wanted.reason,
            remedy=wanted.remedy,
        )


def must_be_open(order: OrderState, wanted: Wanted, terms: DisputeTerms, at: datetime) -> None:
    """Refuse a dispute outside its window: what was asked at or before the end is in time.

    Raises `IllegalTransition` before it opens, `DeadlinePassed` after it has closed.
    """
    if order.outcome not in (Outcome.OPEN, Outcome.COMPLETED):
        raise _not_now(order, "the order was called off")
    for line in wanted.lines:
        parcel = parcel_with(order, line)
        if parcel is None:
            raise _not_now(order, f"line {line} was not shipped: cancel it", line)
        if parcel.stage in GONE:
            raise _not_now(order, f"line {line} is refunded without a dispute", line)
        _must_be_ripe(order, parcel, wanted, terms, at)
    if order.confirmed_at is not None:
        until = terms.after("after_confirmation", order.confirmed_at)
        if at > until:
            raise DeadlinePassed(
                f"a dispute had to be opened by {until.isoformat()}",
                order=order.order,
                due_at=until.isoformat(),
            )


def must_be_undisputed(lines: Sequence[str], disputed: Mapping[str, str]) -> None:
    """Refuse (`AlreadyExists`) a line that is *disputed* already, and name the dispute."""
    for line in lines:
        if line in disputed:
            raise AlreadyExists(
                f"line {line} is disputed already: go on in {disputed[line]}",
                line=line,
                dispute=disputed[line],
            )


def _must_be_ripe(
    order: OrderState, parcel: Parcel, wanted: Wanted, terms: DisputeTerms, at: datetime
) -> None:
    is_here = parcel.stage is ParcelStage.DELIVERED or order.confirmed_at is not None
    if wanted.category is not Category.NOT_RECEIVED:
        if not is_here:
            raise _not_now(order, "the goods have not come yet")
        return
    if is_here or parcel.stage in _ABNORMAL:
        return
    opens_at = earliest(parcel, terms, promised_until(order, parcel))
    if opens_at is not None and at < opens_at:
        raise _not_now(order, f"the goods are on their way: wait until {opens_at.isoformat()}")


def earliest(parcel: Parcel, terms: DisputeTerms, promised: datetime | None) -> datetime | None:
    """When goods that are on their way may be called missing; None: at once.

    A short promise is not waited for; a waiver puts it off to its end.
    """
    if parcel.declared_at is None:
        return terms.waived_until
    ripe = terms.after("earliest_after_shipment", parcel.declared_at)
    if promised is not None and promised < terms.after("short_promise", parcel.declared_at):
        ripe = parcel.declared_at
    return max(ripe, terms.waived_until) if terms.waived_until else ripe


def promised_until(order: OrderState, parcel: Parcel) -> datetime | None:
    """The end of the promise for a parcel, while it runs."""
    return next(
        (
            clock.due_at
            for clock in order.clocks
            if clock.name == "delivery" and clock.parcel == parcel.name
        ),
        None,
    )


def parcel_with(order: OrderState, line: str) -> Parcel | None:
    """The parcel that a line is in; one that names no lines holds all of them."""
    return next(
        (parcel for parcel in order.parcels if not parcel.lines or line in parcel.lines), None
    )


def claims_of(
    lines: Sequence[Mapping[str, str | int]], wanted: Collection[str], back: Mapping[str, int]
) -> tuple[Claim, ...]:
    """The cap of each disputed line: what was paid for it, less what went *back* for it.

    An unknown line is refused (`IllegalTransition`), one with nothing left, too.
    """
    totals = {str(line["line"]): int(line["price"]) + int(line["freight"]) for line in lines}
    claims: list[Claim] = []
    for name in sorted(set(wanted)):
        left = totals.get(name, 0) - back.get(name, 0)
        if left <= 0:
            raise IllegalTransition(f"there is nothing to dispute about line {name}", line=name)
        claims.append(Claim(name, left))
    return tuple(claims)


def capped(
    claims: Sequence[Claim], refundable: int, currency: str
) -> tuple[int, tuple[Claim, ...]]:
    """What all lines may bring together, and each: never more than the order has left.

    Where less is left than the lines are worth, each gives way by its weight. Nothing left is
    refused (`AmountExceeded`).
    """
    whole = sum(claim.cap for claim in claims)
    cap = min(whole, refundable)
    if cap <= 0:
        raise AmountExceeded(
            "nothing is left of the order that could be given back",
            asked=whole,
            available=max(0, refundable),
            currency=currency,
        )
    parts = Money(cap, currency).allocate([claim.cap for claim in claims])
    return cap, tuple(
        Claim(claim.line, part.minor) for claim, part in zip(claims, parts, strict=True)
    )


def clamped(asked: Money, cap: int, currency: str, exchange: Exchange | None) -> int:
    """What was asked, in the order's currency and no more than *cap*.

    The seller's currency is taken at the order's own rate; what would settle at more than the cap
    does comes to the cap. Any other currency is refused (`CurrencyUnknown`).
    """
    if asked.currency == currency:
        return max(0, min(asked.minor, cap))
    if exchange is None or asked.currency != exchange.bought:
        raise CurrencyUnknown(
            f"{asked.currency} is neither the order's currency nor its seller's",
            currency=asked.currency,
        )
    whole = exchange.settled(cap)
    if asked.minor >= whole:
        return cap
    return max(0, min(cap, -(-asked.minor * exchange.rate.denominator // exchange.rate.numerator)))


def _not_now(order: OrderState, why: str, line: str = "") -> IllegalTransition:
    facts = {"line": line} if line else {}
    return IllegalTransition(f"order {order.order}: {why}", order=order.order, **facts)
