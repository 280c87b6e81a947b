"""What an export may tell beside its base columns: each optional column, and where it belongs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.actors import Role
from domain.dispute.reasons import Reason, Remedy
from domain.order.paying import AmountDecision
from workflows.order.messages import CustomsRuling, FraudVerdict, RiskVerdict


@dataclass(frozen=True)
class ParcelTold:
    """Of one parcel. The names are those of the columns; instants are UTC."""

    parcel: str = ""
    declared_at: datetime | None = None
    number_corrected_at: datetime | None = None
    disowned_at: datetime | None = None
    customs_held_at: datetime | None = None
    customs_ruling: CustomsRuling | None = None
    customs_ruled_at: datetime | None = None
    refused_at: datetime | None = None
    returning_at: datetime | None = None
    returned_at: datetime | None = None
    lost_at: datetime | None = None
    delivered_country: str = ""
    delivered_city: str = ""
    delivery_withdrawn_at: datetime | None = None
    label_bought_at: datetime | None = None
    courier_from: datetime | None = None
    courier_until: datetime | None = None
    label_voided_at: datetime | None = None


@dataclass(frozen=True)
class OrderTold:
    """Of one order: a seller's share of a purchase. Amounts are minor units."""

    subsidy: int = 0
    ship_city: str = ""
    address_changed_at: datetime | None = None
    new_city: str = ""
    paid_another_way_at: datetime | None = None
    paid_amount: int = 0
    amount_decision: AmountDecision | None = None
    amount_decided_at: datetime | None = None
    risk_verdict: RiskVerdict | None = None
    risk_decided_at: datetime | None = None
    fraud_reported_at: datetime | None = None
    fraud_verdict: FraudVerdict | None = None
    fraud_decided_at: datetime | None = None
    extension_asked_at: datetime | None = None
    extension_days: int = 0
    extension_answer: bool | None = None
    extension_answered_at: datetime | None = None
    extension_taken_back_at: datetime | None = None
    cancellation_asked_at: datetime | None = None
    cancellation_asked_by: Role | None = None
    cancellation_answer: bool | None = None
    cancellation_answered_at: datetime | None = None
    cancellation_taken_back_at: datetime | None = None
    protection_asked_at: datetime | None = None
    protection_answer: bool | None = None
    protection_answered_at: datetime | None = None
    protection_taken_back_at: datetime | None = None
    confirmed_at: datetime | None = None
    denied_at: datetime | None = None
    refunded_at: datetime | None = None
    refund_amount: int = 0


@dataclass(frozen=True)
class DisputeTold:
    """Of the one dispute that an order may have. Amounts are minor units; 0 of them: nothing."""

    disputed_at: datetime | None = None
    disputed_lines: tuple[str, ...] = ()
    dispute_reason: Reason | None = None
    dispute_remedy: Remedy | None = None
    dispute_amount: int = 0
    countered_at: datetime | None = None
    counter_amount: int = 0
    agreed_at: datetime | None = None
    agreed_by: Role | None = None
    escalated_at: datetime | None = None
    ruled_at: datetime | None = None
    ruled_amount: int = 0
    goods_sent_back_at: datetime | None = None
    goods_back_at: datetime | None = None
    dispute_withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class PurchaseTold:
    """Of a purchase, the same in each of its rows."""

    paid_together: bool = False


@dataclass(frozen=True)
class SellerTold:
    """Of a seller, the same in each of their rows."""

    settles_in: str = ""
    captures: str = ""
    seller_suspended_at: datetime | None = None
    seller_reinstated_at: datetime | None = None


class Kind(StrEnum):
    """What a cell of a column holds."""

    NAME = "a name"
    TIME = "a time"
    DAYS = "a number of days"
    AMOUNT = "an amount"
    ANSWER = "yes or no"
    SIDE = "buyer or seller"
    RULING = "counterfeit or duty_unpaid"
    VERDICT = "accept or refuse"
    FRAUD = "cleared or confirmed"
    DECISION = "accept, refund_and_wait or refund_and_close"
    COUNTRY = "a country (ISO 3166)"
    CITY = "a city"
    CURRENCY = "a currency (ISO 4217)"
    CAPTURE = "at_once or on_shipment"
    LINES = "lines, with spaces between"
    CAUSE = "a reason"
    REMEDY = "refund or return_and_refund"


@dataclass(frozen=True)
class Column:
    """An optional column: what its cells hold, and what they mean. `example` is of a real cell."""

    name: str
    kind: Kind
    meaning: str
    example: str


def _at(name: str, meaning: str, example: str = "2026-03-09T10:00:00+01:00") -> Column:
    return Column(name, Kind.TIME, meaning, example)


def _named(*columns: Column) -> Mapping[str, Column]:
    return MappingProxyType({column.name: column for column in columns})


OF_PARCEL: Final = _named(
    Column("parcel", Kind.NAME, "which parcel of the order the line is in", "1"),
    _at("declared_at", "the seller declared the parcel; empty: when it was handed over"),
    _at("number_corrected_at", "until then the declared number was a mistyped one"),
    _at("disowned_at", "the buyer called off a shipment that nobody had seen"),
    _at("customs_held_at", "customs stopped the parcel"),
    Column("customs_ruling", Kind.RULING, "whose fault that was, as support found", "duty_unpaid"),
    _at("customs_ruled_at", "support said so"),
    _at("refused_at", "the addressee would not take the parcel"),
    _at("returning_at", "the carrier sent it back"),
    _at("returned_at", "it was with the seller again"),
    _at("lost_at", "the carrier gave it up"),
    Column("delivered_country", Kind.COUNTRY, "where it was delivered, if not at home", "PL"),
    Column("delivered_city", Kind.CITY, "the city where it was delivered", "Leipzig"),
    _at("delivery_withdrawn_at", "the carrier took the delivery back"),
    _at("label_bought_at", "the seller bought a label online, the cheapest that fits"),
    _at("courier_from", "with the label a courier was ordered, to come from then on"),
    _at("courier_until", "until then"),
    _at("label_voided_at", "the seller gave the label back unused"),
)
OF_ORDER: Final = _named(
    Column("subsidy", Kind.AMOUNT, "the platform's part of the price", "5.00"),
    Column(
        "ship_city", Kind.CITY, "where the buyer lives; empty: in a city of their country", "Kiel"
    ),
    _at("address_changed_at", "the buyer had the goods sent elsewhere in the country"),
    Column("new_city", Kind.CITY, "to which city that was", "Leipzig"),
    _at("paid_another_way_at", "the buyer asked for a second payment, and paid that one"),
    Column("paid_amount", Kind.AMOUNT, "what came, if it was another amount than asked", "40.00"),
    Column(
        "amount_decision", Kind.DECISION, "what support did about that; empty: nothing", "accept"
    ),
    _at("amount_decided_at", "support did so"),
    Column("risk_verdict", Kind.VERDICT, "compliance on a payment that was put aside", "refuse"),
    _at("risk_decided_at", "compliance said so; empty: an hour after the payment"),
    _at("fraud_reported_at", "compliance suspected fraud after the risk check"),
    Column("fraud_verdict", Kind.FRAUD, "what compliance found", "confirmed"),
    _at("fraud_decided_at", "compliance said so"),
    _at("extension_asked_at", "the seller asked for longer to ship"),
    Column("extension_days", Kind.DAYS, "by how many days", "5"),
    Column("extension_answer", Kind.ANSWER, "what the buyer said; empty: nothing", "yes"),
    _at("extension_answered_at", "the buyer said so"),
    _at("extension_taken_back_at", "the seller wanted it no longer"),
    _at("cancellation_asked_at", "one side asked to cancel what was paid"),
    Column("cancellation_asked_by", Kind.SIDE, "which side it was", "buyer"),
    Column("cancellation_answer", Kind.ANSWER, "what the other side said; empty: nothing", "no"),
    _at("cancellation_answered_at", "the other side said so"),
    _at("cancellation_taken_back_at", "the side that had asked wanted it no longer"),
    _at("protection_asked_at", "the buyer asked for a longer promise"),
    Column("protection_answer", Kind.ANSWER, "what the seller said; empty: nothing", "yes"),
    _at("protection_answered_at", "the seller said so"),
    _at("protection_taken_back_at", "the buyer wanted it no longer"),
    _at("confirmed_at", "the buyer said that the goods came"),
    _at("denied_at", "the buyer, asked, said that nothing came"),
    _at("refunded_at", "support gave money back"),
    Column("refund_amount", Kind.AMOUNT, "how much that was", "12.50"),
)
OF_DISPUTE: Final = _named(
    _at("disputed_at", "the buyer disputed lines of the order"),
    Column("disputed_lines", Kind.LINES, "which lines; empty: all of the order", "1 2"),
    Column("dispute_reason", Kind.CAUSE, "why, in the words of the process", "damaged"),
    Column("dispute_remedy", Kind.REMEDY, "what was asked for; empty: a refund", "refund"),
    Column("dispute_amount", Kind.AMOUNT, "how much of it; empty: all that they cost", "40.00"),
    _at("countered_at", "the seller proposed something else"),
    Column("counter_amount", Kind.AMOUNT, "how much that was; empty: nothing", "10.00"),
    _at("agreed_at", "one side took what the other one had proposed last"),
    Column("agreed_by", Kind.SIDE, "which side it was", "buyer"),
    _at("escalated_at", "the buyer asked the platform to step in"),
    _at("ruled_at", "staff of the platform ruled, two of them where the policy asks for it"),
    Column("ruled_amount", Kind.AMOUNT, "how much the buyer got; empty: nothing", "25.00"),
    _at("goods_sent_back_at", "the buyer handed the goods to a carrier"),
    _at("goods_back_at", "they were with the seller again, who did not object"),
    _at("dispute_withdrawn_at", "the buyer gave the dispute up"),
)
OF_PURCHASE: Final = _named(
    Column(
        "paid_together", Kind.ANSWER, "whether one payment was for the orders of all sellers", "yes"
    ),
)
OF_SELLER: Final = _named(
    Column("settles_in", Kind.CURRENCY, "what the seller is paid in; empty: as bought", "USD"),
    Column(
        "captures", Kind.CAPTURE, "when money is taken; empty: as the policy says", "on_shipment"
    ),
    _at("seller_suspended_at", "the marketplace suspended the seller"),
    _at("seller_reinstated_at", "the marketplace let the seller back in"),
)
OPTIONAL: Final = MappingProxyType(
    {**OF_PARCEL, **OF_ORDER, **OF_DISPUTE, **OF_PURCHASE, **OF_SELLER}
)


@dataclass(frozen=True)
class Told:
    """All that a row tells in its optional columns."""

    of_parcel: ParcelTold = field(default_factory=ParcelTold)
    of_order: OrderTold = field(default_factory=OrderTold)
    of_dispute: DisputeTold = field(default_factory=DisputeTold)
    of_purchase: PurchaseTold = field(default_factory=PurchaseTold)
    of_seller: SellerTold = field(default_factory=SellerTold)
