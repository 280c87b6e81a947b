"""What the documents show of the domain's tables, in Mermaid and Markdown."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Final

from api.schemas.order_views import PATHS
from api.schemas.purchases import PATHS as PURCHASE_PATHS
from cli import dispute_parts
from domain.chargeback import money as claims
from domain.chargeback.state import CHARGEBACK
from domain.dispute.state import DISPUTE, PAUSE
from domain.fx import settlement
from domain.fx.rates import Exchange
from domain.ledger import Leg
from domain.machine import E, Machine, S
from domain.money import Money
from domain.notices import CONCERNS
from domain.order import postings, repaying
from domain.order.agreements import MANNERS
from domain.order.money import OrderFunds
from domain.order.parcels import PARCEL
from domain.order.postings import PaidBy
from domain.order.repaying import REPAYMENT
from domain.order.rules import BEATS, REMINDED, WHEN_DUE, WHO_MAY, Action
from domain.order.state import ClockName
from domain.order.tables import FULFILMENT, PAYMENT, RELEASE
from domain.payout import rules as payouts
from domain.payout.bank_change import BANK_CHANGE
from domain.payout.state import PAYOUT
from domain.purchase import rules as purchases
from domain.purchase.money import capture_key, fee_shares
from domain.purchase.state import PURCHASE, Share
from domain.shipment import labels
from domain.shipment.labels import LABEL, Bearer
from domain.shipment.pickup import PICKUP
from runtime.letters import TEMPLATES
from runtime.policies import SHIPPED
from runtime.reader import DEFAULT

Draw = Callable[[], str]
_POLICIES: Final = ("standard", "fast-release", "demo")
# The figures of a policy that each clock is wound by; more than one where it may be lengthened.
_WOUND_BY: Final[Mapping[ClockName, tuple[str, ...]]] = MappingProxyType(
    {
        ClockName.PAYMENT: (
            "order.pay_within",
            "order.pending_payment_within",
            "order.authenticate_within",
        ),
        ClockName.AMOUNT: ("order.decide_amount_within",),
        ClockName.AUTHORISATION: ("order.capture_margin",),
        ClockName.RISK: ("order.assess_risk_within", "order.assess_risk_at_most"),
        ClockName.SHIPMENT: ("order.ship_within",),
        ClockName.DELIVERY: ("order.deliver_within",),
        ClockName.ANSWER: ("order.answer_within",),
        ClockName.CONFIRMATION: ("order.confirm_within",),
        # The courier's window is the seller's own choice.
        ClockName.PICKUP: (),
        ClockName.CHECK_IN: ("shipping.check_in_within",),
        ClockName.EARLY_RELEASE: ("release.early_after_shipment",),
        ClockName.RELEASE: ("release.protect_for", "release.closed_seller_after_shipment"),
        ClockName.RESERVE: ("release.reserve_after_shipment",),
        ClockName.FIRST_SCAN: ("order.first_scan_within",),
        ClockName.PROOF: ("order.prove_shipment_within",),
        ClockName.RETURN: ("order.return_within",),
        ClockName.EXTENSION_ANSWER: ("order.ship_within",),
        ClockName.CANCELLATION_ANSWER: ("order.answer_cancellation_within",),
        ClockName.PROTECTION_ANSWER: ("order.answer_protection_within",),
        ClockName.REFUND: ("refund.final_within",),
    }
)
# The order that the tables of entries are about: EUR 100.00, of which the provider keeps 3.30.
_TOTAL: Final = 10_000
_FEE: Final = 330
_REFUND: Final = 2_000
_COMMISSION: Final = 800
_PAYOUT_FEE: Final = 1_400
_LABEL: Final = 865
_PAYABLE: Final = 500


def state_diagram(machine: Machine[S, E]) -> str:
    """A machine as a Mermaid state diagram; events between the same two states share an arrow."""
    arrows: dict[tuple[S, S], list[str]] = {}
    for (source, event), target in machine.moves.items():
        arrows.setdefault((source, target), []).append(_words(event))
    (first, _) = next(iter(machine.moves))
    targets = dict.fromkeys(machine.moves.values())
    lines = [f"[*] --> {first}"]
    lines += [f"{source} --> {to}: {' / '.join(on)}" for (source, to), on in arrows.items()]
    lines += [f"{state} --> [*]" for state in targets if machine.is_final(state)]
    return "\n".join(("```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"))


def clocks() -> str:
    """Every clock: what winds it in the shipped policies, and what its end does."""
    shipped = [tomllib.loads((SHIPPED / f"{name}.toml").read_text()) for name in _POLICIES]
    rows = [
        (
            f"`{clock}`",
            " then ".join(f"`{figure}`" for figure in _WOUND_BY[clock]),
            *(_window(document, _WOUND_BY[clock]) for document in shipped),
            "half-time, last day" if clock in REMINDED else "-",
            WHEN_DUE[clock],
        )
        for clock in ClockName
    ]
    return _table(("clock", "figure", *_POLICIES, "reminders", "when it runs out"), rows)


def requests() -> str:
    """Every request: who may make it, where, and which deadline it must beat."""
    rows = [
        (
            f"`{action}`",
            ", ".join(sorted(WHO_MAY[action])),
            f"`POST /v1/orders/{{order}}/{PATHS[action]}`",
            f"`{BEATS[action]}`" if action in BEATS else "-",
        )
        for action in Action
    ]
    return _table(("update", "who may", "over HTTP", "must be asked before the end of"), rows)


def questions() -> str:
    """What one side may ask of the other, who answers, and what silence means."""
    rows = [
        (
            f"`{topic}`",
            ", ".join(sorted(manner.asked_by)),
            ", ".join(("the other side", *sorted(manner.decided_by))),
            "yes" if manner.silence_agrees else "no",
        )
        for topic, manner in MANNERS.items()
    ]
    return _table(("topic", "asked by", "answered by", "silence agrees"), rows)


def notices(subject: str) -> Draw:
    """Whom each event of *subject* is told to, by letter."""
    rows = [
        (f"`{event}`", " and ".join(audience))
        for event, audience in CONCERNS.items()
        if event.startswith(f"{subject}.")
    ]
    return lambda: _table(("event", "letter to"), rows)


def events() -> str:
    """Every event that people are written to about, with the subject of their letters."""
    rows = [
        (f"`{event}`", audience, _subject_line(event, audience))
        for event, audiences in CONCERNS.items()
        for audience in audiences
    ]
    return _table(("type", "letter to", "what it says"), rows)


def _subject_line(event: str, audience: str) -> str:
    text = (TEMPLATES / DEFAULT / f"{event}.{audience}.txt").read_text()
    return re.sub(r"{{.*?}}", "…", text.partition("\n")[0])


def order_entries() -> str:
    """The entries of an order whose buyer gets a part back before the rest is released."""
    subject = "order/o-1"
    refund = postings.plan_refund(_REFUND, postings.RefundSources(_TOTAL, 0, 0))
    release = postings.plan_release(
        _TOTAL - _REFUND, released=0, total=_TOTAL, commission=_COMMISSION, reserve_bp=0
    )
    return _entries(
        (
            (f"{subject}/capture/pi_1", postings.captured("stripe", "o-1", _TOTAL, _FEE)),
            (f"{subject}/refund/1/reserved", postings.refund_reserved("o-1", "s-1", refund)),
            (f"{subject}/refund/1/settled", postings.refund_settled("stripe", "o-1", _REFUND)),
            (f"{subject}/release/9", postings.released("o-1", "s-1", release)),
        )
    )


def entries_abroad() -> str:
    """The release of an order in euros whose seller settles in yuan, and a later refund of half."""
    subject, half = "order/o-2", _TOTAL // 2
    rate = Exchange(
        "EUR", "CNY", "1", "8.2000", date(2026, 2, 27), datetime(2026, 3, 2, tzinfo=UTC)
    )
    funds = OrderFunds("o-2", "s-2", "EUR", _TOTAL, _COMMISSION, _TOTAL, settles_in="CNY")
    plan = settlement.released(
        postings.plan_release(
            _TOTAL, released=0, total=_TOTAL, commission=_COMMISSION, reserve_bp=0
        ),
        funds,
        rate,
    )
    funds = funds.with_release(plan)
    has = postings.RefundSources(0, _TOTAL, _COMMISSION, payable=plan.payable)
    refund = settlement.exchanged(postings.plan_refund(half, has))
    back = settlement.recovered(refund, funds, rate, has)
    release, reserved = f"{subject}/release/9", f"{subject}/refund/1/reserved"
    return _entries(
        (
            (release, postings.released("o-2", "s-2", plan)),
            (f"{release}/exchange", settlement.released_legs("s-2", plan)),
            (reserved, postings.refund_reserved("o-2", "s-2", refund)),
            (f"{reserved}/exchange", settlement.recovered_legs("s-2", back)),
        )
    )


def purchase_entries() -> str:
    """The entries of one payment over two sellers."""
    shares = (Share("p-1-1", "s-1", _TOTAL * 6 // 10), Share("p-1-2", "s-2", _TOTAL * 4 // 10))
    fees = fee_shares(_FEE, shares)
    return _entries(
        (
            capture_key("p-1", "pi_1", share.order),
            postings.captured("stripe", share.order, share.amount, fee),
        )
        for share, fee in zip(shares, fees, strict=True)
    )


def chargeback_entries() -> str:
    """The entries of a chargeback that is lost, of which most is the seller's already."""
    funds = OrderFunds("o-1", "s-1", "EUR", _TOTAL, _TOTAL * 8 // 100, captured=_TOTAL)
    part = _TOTAL * 6 // 10
    released = postings.plan_release(
        part, released=0, total=_TOTAL, commission=funds.commission, reserve_bp=0
    )
    funds = funds.with_release(released)
    sources = postings.RefundSources(
        funds.releasable, funds.released, funds.charged, payable=released.payable
    )
    plan = postings.plan_refund(_TOTAL, sources)
    return _entries(
        [
            ("chargeback/du_1/taken", claims.taken("stripe", "du_1", _TOTAL, 1_500)),
            ("chargeback/du_1/lost/o-1", claims.lost("du_1", "o-1", "s-1", plan)),
        ]
    )


def repayment_entries() -> str:
    """The entry of half an order that is paid again."""
    half = _TOTAL // 2
    funds = OrderFunds("o-1", "s-1", "EUR", _TOTAL, _TOTAL * 8 // 100, captured=_TOTAL)
    funds = replace(funds, refunded=half)
    asked_at = datetime(2026, 3, 2, tzinfo=UTC)
    state = repaying.RepaymentState("o-1", "b-1", "s-1", "EUR", asked_at, worth=half)
    plan, others = repaying.plan_settlement(state, funds)
    legs = repaying.paid_again("stripe", "s-1", PaidBy(half), 175, plan, others)
    return _entries([("repayment/o-1/capture/pi_2", legs)])


def purchase_requests() -> str:
    """Every request of a purchase: who may make it, and where."""
    rows = [
        (
            f"`{action}`",
            ", ".join(sorted(purchases.WHO_MAY[action])),
            f"`POST /v1/purchases/{{purchase}}/{PURCHASE_PATHS[action]}`",
        )
        for action in purchases.Action
    ]
    return _table(("update", "who may", "over HTTP"), rows)


def payout_entries() -> str:
    """The entries of a payout that its bank sends back."""
    payout, account, net = "s-1/2026-11-30-EUR", "acct_1", _TOTAL - _PAYOUT_FEE
    subject = f"payout/{payout}"
    return _entries(
        (
            (f"{subject}/reserved", payouts.reserved(payout, "s-1", _TOTAL, _PAYOUT_FEE)),
            (f"{subject}/transferred", payouts.transferred("stripe", account, net)),
            (f"{subject}/paid", payouts.paid_out("stripe", account, payout, net)),
            (f"{subject}/returned", payouts.came_back("stripe", account, "s-1", net)),
            (f"{subject}/taken_back", payouts.transferred("stripe", account, -net)),
        )
    )


def label_entries() -> str:
    """The entries of a label that a seller bears, and that comes back unused."""
    key, seller = "order/o-1/label/1", Bearer.SELLER
    back = labels.given_back("easypost", seller, "s-1", _LABEL, 0)
    return _entries(
        (
            (f"{key}/charged", labels.charged(seller, "s-1", _LABEL, _PAYABLE)),
            (f"{key}/paid", labels.paid("easypost", _LABEL)),
            (f"{key}/given-back", back),
        )
    )


def _entries(entries: Iterable[tuple[str, tuple[Leg, ...]]]) -> str:
    rows = [
        (f"`{key}`" if first else "", f"`{leg.account}`", *_sides(leg.amount))
        for key, legs in entries
        for first, leg in ((leg is legs[0], leg) for leg in legs)
    ]
    return _table(("key", "account", "debit", "credit"), rows, right=2)


def _sides(amount: int) -> tuple[str, str]:
    figure = str(Money(abs(amount), "EUR")).removeprefix("EUR ")
    return (figure, "") if amount > 0 else ("", figure)


def _window(document: Mapping[str, Any], figures: tuple[str, ...]) -> str:
    places = (figure.split(".") for figure in figures)
    return ", ".join(str(document[group][name]) for group, name in places)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, right: int = 0) -> str:
    """A Markdown table; the last *right* columns hold figures."""
    rule = ["---"] * (len(head) - right) + ["---:"] * right
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, tuple(rule), *rows))


DOCUMENTS: Final[Mapping[str, Mapping[str, Draw]]] = MappingProxyType(
    {
        "processes/order.md": {
            "payment": lambda: state_diagram(PAYMENT),
            "fulfilment": lambda: state_diagram(FULFILMENT),
            "parcel": lambda: state_diagram(PARCEL),
            "questions": questions,
            "release": lambda: state_diagram(RELEASE),
            "clocks": clocks,
            "requests": requests,
            "entries": order_entries,
            "entries-abroad": entries_abroad,
            "letters": notices("order"),
        },
        "webhooks.md": {"events": events},
        "processes/purchase.md": {
            "purchase": lambda: state_diagram(PURCHASE),
            "requests": purchase_requests,
            "entries": purchase_entries,
            "letters": notices("purchase"),
        },
        "processes/repayment.md": {
            "repayment": lambda: state_diagram(REPAYMENT),
            "entries": repayment_entries,
        },
        "processes/chargeback.md": {
            "chargeback": lambda: state_diagram(CHARGEBACK),
            "entries": chargeback_entries,
        },
        "processes/dispute.md": {
            "dispute": lambda: state_diagram(DISPUTE),
            "chargeback": lambda: state_diagram(PAUSE),
            "clocks": lambda: _table(
                ("clock", "figure", *_POLICIES, "reminders", "when it runs out"),
                dispute_parts.clock_rows(_POLICIES),
            ),
            "requests": lambda: _table(
                ("update", "who may", "over HTTP", "must beat"), dispute_parts.request_rows()
            ),
            "entries": lambda: _entries(dispute_parts.entries()),
            "letters": notices("dispute"),
        },
        "processes/online-shipping.md": {
            "label": lambda: state_diagram(LABEL),
            "pickup": lambda: state_diagram(PICKUP),
            "entries": label_entries,
        },
        "processes/payout.md": {
            "payout": lambda: state_diagram(PAYOUT),
            "bank-change": lambda: state_diagram(BANK_CHANGE),
            "entries": payout_entries,
            "letters": notices("payout"),
            "seller-letters": notices("seller"),
        },
    }
)
