"""The policy: the numbers that processes run on. Data, versioned, pinned per order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from domain.calendar import Calendar, Span
from domain.dispute.terms import DisputeRules, dispute_rules
from domain.errors import CurrencyUnknown
from domain.fx.rules import Fix, FxRules
from domain.money import BASIS_POINTS
from domain.policy_form import (
    as_count,
    as_group,
    as_names,
    as_table,
    as_text,
    invalid,
    must_be_known,
)
from domain.shipment.terms import ShippingRules, shipping_rules


class Tier(StrEnum):
    """When a seller's money leaves escrow."""

    STANDARD = "standard"
    EARLY = "early"


@dataclass(frozen=True)
class OrderWindows:
    """How long each side has. Source of the defaults: the policy table "Order and shipment"."""

    pay_within: Span = Span.parse("3d")
    pending_payment_within: Span = Span.parse("7d")
    assess_risk_within: Span = Span.parse("24h")
    assess_risk_at_most: Span = Span.parse("72h")
    ship_within: Span = Span.parse("7d")
    deliver_within: Span = Span.parse("60d")
    confirm_within: Span = Span.parse("7d")
    answer_within: Span = Span.parse("15d")
    first_scan_within: Span = Span.parse("5bd")
    prove_shipment_within: Span = Span.parse("10d")
    edit_shipment_within: Span = Span.parse("72h")
    return_within: Span = Span.parse("30d")
    extend_shipping_by: Span = Span.parse("10d")
    answer_cancellation_within: Span = Span.parse("48h")
    extend_protection_by: Span = Span.parse("15d")
    answer_protection_within: Span = Span.parse("5d")
    authenticate_within: Span = Span.parse("30m")
    decide_amount_within: Span = Span.parse("72h")
    capture: str = "at_once"
    capture_margin: Span = Span.parse("24h")
    authorisation_lost: str = "ask_again"


@dataclass(frozen=True)
class ReleaseRules:
    """When escrow goes to the seller, and what the platform keeps of it."""

    protect_for: Span = Span.parse("15d")
    early_after_shipment: Span = Span.parse("5d")
    early_share_bp: int = 8_000
    reserve_after_shipment: Span = Span.parse("60d")
    closed_seller_after_shipment: Span = Span.parse("180d")
    commission_bp: int = 800
    early_levels: tuple[str, ...] = ("early",)


@dataclass(frozen=True)
class PayoutRules:
    """How a payable balance goes to the bank. Tables are minor units per currency."""

    minimum: Mapping[str, int] = field(default_factory=lambda: MappingProxyType[str, int]({}))
    fee: Mapping[str, int] = field(default_factory=lambda: MappingProxyType[str, int]({}))
    every: Span = Span.parse("7d")
    watch_return_for: Span = Span.parse("10bd")
    bank_change_cool_down: Span = Span.parse("3d")
    confirm_bank_change_within: Span = Span.parse("3d")


@dataclass(frozen=True)
class RefundRules:
    """When a person looks for a refund that the provider has taken on and not finished."""

    final_within: Span = Span.parse("20bd")


@dataclass(frozen=True)
class RiskRules:
    """What a person must look at before the seller is told to ship (minor units per currency)."""

    review_above: Mapping[str, int] = field(default_factory=lambda: MappingProxyType[str, int]({}))


@dataclass(frozen=True)
class Terms:
    """What one order lives by: resolved when it is opened, flat, never changed afterwards.

    Windows are seconds, amounts minor units of the order's currency. `commission` is the sum
    due if the whole order is released. Where the first scan is due in business days, `holidays`
    are those of the policy's version, as far as an order can live, and `zone` its days' zone.
    `settles_in` is the currency that the seller is credited in, "" for the order's own.
    """

    policy: str
    pay_within: int
    pending_payment_within: int
    assess_risk_within: int
    assess_risk_at_most: int
    ship_within: int
    deliver_within: int
    confirm_within: int
    answer_within: int
    protect_for: int
    early_after_shipment: int
    early_share_bp: int
    reserve_after_shipment: int
    closed_seller_after_shipment: int
    commission: int
    review_above: int
    tier: Tier = Tier.STANDARD
    first_scan_within: int = 432_000
    first_scan_business_days: int = 0
    prove_shipment_within: int = 864_000
    edit_shipment_within: int = 259_200
    return_within: int = 2_592_000
    extend_shipping_by: int = 864_000
    answer_cancellation_within: int = 172_800
    extend_protection_by: int = 1_296_000
    answer_protection_within: int = 432_000
    zone: str = "UTC"
    holidays: tuple[date, ...] = ()
    settles_in: str = ""
    fx_fix: Fix = Fix.PLACED
    fx_max_age: int = 0
    fx_margin_bp: int = 0
    online_cost: str = "seller"
    pickup_attempts: int = 3
    drop_off_within: int = 259_200
    check_in_within: int = 172_800

    def scan_by(self, declared_at: datetime, zone: tzinfo) -> datetime:
        """When the first scan of a parcel is due; *zone* is the one that `zone` names."""
        span = Span(self.first_scan_within, self.first_scan_business_days)
        return Calendar(self.holidays).after(declared_at, span, zone)

    authenticate_within: int = 1_800
    decide_amount_within: int = 259_200
    capture: str = "at_once"
    capture_margin: int = 86_400
    authorisation_lost: str = "ask_again"


@dataclass(frozen=True)
class Override:
    """Other figures for some orders; an empty condition holds for all, later overrides win."""

    country: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    order: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType[str, Any]({}))
    release: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType[str, Any]({}))

    def applies(self, country: str, level: str, categories: Iterable[str]) -> bool:
        """Whether the order is meant. A category must be that of every line: one order, one clock.

        *country* is where the goods go (ISO 3166), *level* the seller's.
        """
        return (
            (not self.country or country in self.country)
            and (not self.level or level in self.level)
            and (not self.category or all(name in self.category for name in categories))
        )


@dataclass(frozen=True)
class Policy:
    """One published version of a policy document, its calendar resolved."""

    name: str
    version: int
    zone: str
    currencies: tuple[str, ...]
    order: OrderWindows = OrderWindows()
    release: ReleaseRules = ReleaseRules()
    payout: PayoutRules = PayoutRules()
    risk: RiskRules = RiskRules()
    fx: FxRules = FxRules()
    refund: RefundRules = RefundRules()
    shipping: ShippingRules = ShippingRules()
    dispute: DisputeRules = DisputeRules()
    calendar: Calendar = Calendar()
    overrides: tuple[Override, ...] = ()

    @property
    def label(self) -> str:
        """The form that orders carry: "standard/3"."""
        return f"{self.name}/{self.version}"

    def must_know(self, currency: str) -> None:
        """Refuse a currency that the policy has no figures for (`CurrencyUnknown`)."""
        if currency not in self.currencies:
            raise CurrencyUnknown(
                f"policy {self.label} has no figures for {currency}; use one of "
                f"{', '.join(self.currencies)}",
                currency=currency,
                policy=self.label,
            )

    def rules_for(
        self, country: str, level: str, categories: Sequence[str]
    ) -> tuple[OrderWindows, ReleaseRules]:
        """The figures of an order, overrides applied."""
        order, release = self.order, self.release
        for override in self.overrides:
            if override.applies(country, level, categories):
                order = replace(order, **override.order)
                release = replace(release, **override.release)
        return order, release

    def commission(self, country: str, level: str, lines: Sequence[tuple[str, int]]) -> int:
        """What the platform keeps of *lines* (category, minor units), each by its own rate.

        Rounds down once, for the order: largest remainders over the lines sum to the same.
        """
        exact = sum(
            total * self.rules_for(country, level, [category])[1].commission_bp
            for category, total in lines
        )
        return exact // BASIS_POINTS

    def terms(
        self,
        country: str,
        level: str,
        lines: Sequence[tuple[str, int]],
        currency: str,
        placed_at: datetime | None = None,
        settles_in: str = "",
    ) -> Terms:
        """Resolve what one order lives by.

        *country* is where the goods go (ISO 3166), *level* the seller's, *lines* are (category,
        total in minor units of *currency*), *settles_in* is the currency that the seller wants
        ("": the order's). Of the holidays those are kept that can matter to an order of
        *placed_at*. Refuses a currency without figures (`CurrencyUnknown`).
        """
        self.must_know(currency)
        self.must_know(settles_in or currency)
        order, release = self.rules_for(country, level, [category for category, _ in lines])
        windows = {item.name: _flat(getattr(order, item.name)) for item in fields(order)}
        return Terms(
            policy=self.label,
            **windows,
            protect_for=release.protect_for.seconds,
            early_after_shipment=release.early_after_shipment.seconds,
            early_share_bp=release.early_share_bp,
            reserve_after_shipment=release.reserve_after_shipment.seconds,
            closed_seller_after_shipment=release.closed_seller_after_shipment.seconds,
            commission=self.commission(country, level, lines),
            review_above=self.risk.review_above[currency],
            tier=Tier.EARLY if level in release.early_levels else Tier.STANDARD,
            first_scan_business_days=order.first_scan_within.business_days,
            zone=self.zone,
            holidays=self.calendar.that_matter(placed_at),
            settles_in="" if settles_in == currency else settles_in,
            fx_fix=self.fx.fix,
            fx_max_age=self.fx.max_age.seconds,
            fx_margin_bp=self.fx.margin_bp,
            online_cost=self.shipping.online_cost,
            pickup_attempts=self.shipping.pickup_attempts,
            drop_off_within=self.shipping.drop_off_within.seconds,
            check_in_within=self.shipping.check_in_within.seconds,
        )


def _flat(figure: Span | str) -> Any:  # noqa: ANN401 - seconds, or a word
    return figure.seconds if isinstance(figure, Span) else figure


# What a document says per currency, and where the figure is kept.
_PER_CURRENCY: Final = ("minimum_payout", "payout_fee", "review_above")
_CONDITIONS: Final = ("country", "category", "level")


def from_document(
    document: Mapping[str, Any], name: str, version: int, holidays: Iterable[str] = ()
) -> Policy:
    """Rebuild a policy from its document, *holidays* resolved at its publication (ISO dates).

    Raises `PolicyInvalid`, which names the key, where the document misspells, lacks or
    contradicts something.
    """
    tables = _tables(document.get("currencies"))
    payout = as_group(PayoutRules(), document.get("payout", {}), "payout")
    policy = Policy(
        name=name,
        version=version,
        zone=as_text(document, "zone"),
        currencies=tuple(sorted(tables["minimum_payout"])),
        order=OrderWindows(**as_group(OrderWindows(), document.get("order", {}), "order")),
        release=ReleaseRules(**as_group(ReleaseRules(), document.get("release", {}), "release")),
        payout=PayoutRules(**payout, minimum=tables["minimum_payout"], fee=tables["payout_fee"]),
        risk=RiskRules(review_above=tables["review_above"]),
        fx=_fx(document.get("fx", {})),
        refund=RefundRules(**as_group(RefundRules(), document.get("refund", {}), "refund")),
        shipping=shipping_rules(document.get("shipping", {})),
        dispute=dispute_rules(document.get("dispute", {})),
        calendar=Calendar(tuple(date.fromisoformat(day) for day in holidays)),
        overrides=tuple(
            _override(entry, f"override[{index}]")
            for index, entry in enumerate(document.get("override", ()))
        ),
    )
    _must_agree(policy)
    return policy


def _tables(document: object) -> dict[str, Mapping[str, int]]:
    """Turn figures per currency into one table of currencies per figure."""
    currencies = as_table(document, "currencies")
    if not currencies:
        raise invalid("currencies", "at least one currency needs figures")
    found: dict[str, dict[str, int]] = {figure: {} for figure in _PER_CURRENCY}
    for currency, entry in currencies.items():
        path = f"currencies.{currency}"
        table = as_table(entry, path)
        must_be_known(table, _PER_CURRENCY, path)
        for figure in _PER_CURRENCY:
            if figure not in table:
                raise invalid(f"{path}.{figure}", "missing")
            found[figure][currency] = as_count(table[figure], f"{path}.{figure}")
    return {figure: MappingProxyType(amounts) for figure, amounts in found.items()}


def _fx(value: object) -> FxRules:
    figures = as_group(FxRules(), value, "fx")
    figures["fix"] = Fix(figures.get("fix", Fix.PLACED))
    return FxRules(**figures)


def _override(entry: object, path: str) -> Override:
    table = as_table(entry, path)
    must_be_known(table, ("when", "order", "release"), path)
    when = as_table(table.get("when"), f"{path}.when")
    must_be_known(when, _CONDITIONS, f"{path}.when")
    return Override(
        **{key: as_names(raw, f"{path}.when.{key}") for key, raw in when.items()},
        order=as_group(OrderWindows(), table.get("order", {}), f"{path}.order"),
        release=as_group(ReleaseRules(), table.get("release", {}), f"{path}.release"),
    )


def _must_agree(policy: Policy) -> None:
    """Refuse what every single figure allows and all together do not."""
    _must_be_usable(policy.order, policy.release, "")
    for index, override in enumerate(policy.overrides):
        _must_be_usable(
            replace(policy.order, **override.order),
            replace(policy.release, **override.release),
            f"override[{index}].",
        )
    for currency in policy.currencies:
        if policy.payout.fee[currency] >= max(1, policy.payout.minimum[currency]):
            key = f"currencies.{currency}.payout_fee"
            raise invalid(key, "the fee would eat a payout of the minimum")
    if policy.fx.max_age.business_days:
        raise invalid("fx.max_age", "business days are not possible here")
    if policy.fx.margin_bp >= BASIS_POINTS:
        raise invalid("fx.margin_bp", f"nothing would be left of {BASIS_POINTS}")


def _must_be_usable(order: OrderWindows, release: ReleaseRules, path: str) -> None:
    for group, name in ((order, "order"), (release, "release")):
        for item in fields(group):
            value = getattr(group, item.name)
            # An order's terms are flat seconds, resolved before anybody knows when each begins.
            is_flat = item.name != "first_scan_within"
            if is_flat and isinstance(value, Span) and value.business_days:
                raise invalid(f"{path}{name}.{item.name}", "business days are not possible here")
    if order.assess_risk_at_most.seconds < order.assess_risk_within.seconds:
        raise invalid(f"{path}order.assess_risk_at_most", "shorter than assess_risk_within")
    for figure in ("commission_bp", "early_share_bp"):
        if getattr(release, figure) > BASIS_POINTS:
            raise invalid(f"{path}release.{figure}", f"more than the whole ({BASIS_POINTS})")
