"""Money in any order of events: the invariants hold after every step, and both books agree."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from activities import requests as steps
from activities.purchase_requests import AskForAll, ClosePurchase, PurchaseStep
from activities.requests import (
    CareForPayment,
    Consent,
    HeedStanding,
    Record,
    Step,
)
from domain.order import facts, rules
from domain.order.agreements import Topic
from domain.order.parcels import ParcelStage
from domain.order.rules import Action
from domain.order.state import ClockName, Fulfilment, OrderState, Payment
from domain.payout.rules import Standing
from domain.purchase.state import PurchaseEvent
from domain.purchase.state import Stage as Bought
from runtime.embedded import LocalPostgres
from tests.persistence.machine import Taken, indexes, move
from tests.persistence.machine_claims import Claims
from tests.persistence.machine_labels import Labels
from tests.persistence.machine_payouts import Payouts
from tests.support.audit import differences, wrongs
from tests.support.bundles import Bundle, bundle
from tests.support.sandbox import SandboxPlace
from tests.support.shop import CARD, SLIP, Deal, Shop

_ORDERS: Final = 4
_EXAMPLES: Final = 12
_STEPS_EACH: Final = 30
shares = st.sampled_from([1, 10, 33, 50, 99, 100])


class MoneyMachine(Payouts, Labels, Claims):
    """Three sellers, two currencies, a few orders; a provider that sometimes loses an answer."""

    # What people and providers do.

    @move(
        lambda self: len(self.deals) < _ORDERS,
        seller=st.integers(0, 2),
        currency=st.sampled_from(["EUR", "JPY"]),
        total=st.integers(1, 50) | st.integers(8_000, 150_000),
        steps=st.integers(0, 6),
    )
    def order(self, seller: int, currency: str, total: int, steps: int) -> None:
        """An order that has come so far already: most of what is of interest happens late."""
        deal = self._run(self.shop.order(self.sellers[seller], total, currency, min(total, 3)))
        self.deals.append(deal)
        shop, way = self.shop, _WAYS[seller]
        for name in way[:steps]:
            asked = _ASKED[name](deal, self.tick())
            self.take(Taken(_STEP[name](shop), asked, deal))
            if self.is_busy(deal):
                return

    @move(lambda self: self.fit(_is_new), index=indexes, is_slow=st.booleans())
    def pay(self, index: int, is_slow: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        deal = self.deal(index, _is_new)
        asked = deal.asking("" if is_slow else CARD)
        self.take(Taken(self.shop.payments.ask, asked, deal))
        if not deal.state.intent:
            return
        if is_slow:
            self._run(self.shop.world.pay(deal.state.intent, SLIP))
            self.slips.append(deal)
        self.take(Taken(self.shop.payments.settle, Step(deal.state, self.tick()), deal))

    @move(lambda self: self.slips)
    def slip_arrives(self) -> None:
        deal = self.slips.pop()
        if self.is_busy(deal):
            self.slips.append(deal)
            return
        intent = self._run(self.shop.gateway.look(deal.state.intent))
        if intent.status != "cancelled":
            self._run(self.shop.world.arrive(deal.state.intent))
        self.hear(deal)

    @move(
        lambda self: len(self.deals) < _ORDERS,
        currency=st.sampled_from(["EUR", "JPY"]),
        totals=st.tuples(st.integers(1, 50), st.integers(8_000, 90_000)),
        is_slow=st.booleans(),
    )
    def buy(self, currency: str, totals: tuple[int, int], is_slow: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """One payment for both sellers; its orders then live among the others."""
        bought = self._run(bundle(self.shop, *totals, currency=currency, sellers=self.sellers[:2]))
        self.bought.append(bought)
        asked = AskForAll(bought.state, self.tick(), "" if is_slow else CARD)
        self.take(Taken(self.shop.purchase_payments.ask, asked, bought))
        if not bought.state.intent:
            return
        if is_slow:
            self._run(self.shop.world.pay(bought.state.intent, SLIP))
            self.shared_slips.append(bought)
        self.settle_all(bought)

    def settle_all(self, bought: Bundle) -> None:
        """News of the one payment: for its process, and from there for every order."""
        asked = PurchaseStep(bought.state, self.tick())
        self.take(Taken(self.shop.purchase_payments.settle, asked, bought))
        self.orders_hear(bought)

    def purchases(self, stage: Bought) -> list[Bundle]:
        """Those that stand so, and of which no step is to be finished first."""
        return [
            one
            for one in self.bought
            if one.state.stage is stage and one.state.intent and not self.is_busy(one)
        ]

    def orders_hear(self, bought: Bundle) -> None:
        """Of a payment that is there, each order takes its share, once."""
        if bought.state.stage is not Bought.PAID or bought.deals[0] in self.deals:
            return
        for deal in bought.deals:
            self.take(Taken(self.shop.payments.settle, Step(deal.state, self.tick()), deal))
            self.deals.append(deal)

    @move(lambda self: self.shared_slips, is_late=st.booleans())
    def shared_slip_arrives(self, is_late: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        bought = self.shared_slips.pop()
        if is_late and bought.state.stage is Bought.AWAITING_PAYMENT:
            closing = ClosePurchase(bought.state, self.tick(), PurchaseEvent.WINDOW_CLOSED)
            self.take(Taken(self.shop.purchase_payments.close, closing, bought))
            if bought.state.stage is Bought.AWAITING_PAYMENT:
                return
        intent = self._run(self.shop.gateway.look(bought.state.intent))
        if intent.status == "processing":
            self._run(self.shop.world.arrive(bought.state.intent))
        self.hear_of_all(bought)

    def hear_of_all(self, bought: Bundle) -> None:
        """News of the one payment: for its process, or after its end for aftercare."""
        if self.is_busy(bought):
            return
        if bought.state.stage is Bought.AWAITING_PAYMENT:
            self.settle_all(bought)
        elif bought.state.stage is Bought.NEVER_PAID:
            late = CareForPayment(bought.purchase, self.tick())
            self.take(Taken(self.shop.purchase_care.care, late))

    def hear(self, deal: Deal) -> None:
        """News of the payment: for the process, or after its end for aftercare."""
        if deal.state.payment is Payment.AWAITING:
            self.take(Taken(self.shop.payments.settle, Step(deal.state, self.tick()), deal))
        elif deal.state.ended_at is not None:
            asked = CareForPayment(deal.order, self.tick())
            self.take(Taken(self.shop.aftercare.payment, asked))
        elif deal.state.open_refunds:
            self.take(Taken(self.shop.refunds.follow, Step(deal.state, self.tick()), deal))

    @move(lambda self: self.fit(_is_unpaid), index=indexes)
    def close(self, index: int) -> None:
        deal = self.deal(index, _is_unpaid)
        self.take(Taken(self.shop.payments.close, deal.closing(self.tick()), deal))

    @move(lambda self: self.fit(_is_shippable), index=indexes)
    def ship(self, index: int) -> None:
        deal = self.deal(index, _is_shippable)
        self.take(Taken(self.shop.shipments.declare, deal.shipping(self.tick()), deal))

    @move(lambda self: self.fit(_is_shippable), index=indexes)
    def ship_a_part(self, index: int) -> None:
        deal = self.deal(index, _is_shippable)
        asked = deal.shipping(self.tick(), deal.state.unshipped[:1])
        self.take(Taken(self.shop.shipments.declare, asked, deal))

    @move(lambda self: self.fit(_is_partly_shipped), index=indexes)
    def rest_never_ships(self, index: int) -> None:
        deal = self.deal(index, _is_partly_shipped)
        asked = Record(deal.state, self.tick(), steps.Move.NOT_ALL_SHIPPED)
        self.take(Taken(self.shop.orders.record, asked, deal))

    @move(
        lambda self: self.fit(_has_parcels),
        index=indexes,
        which=indexes,
        milestone=st.sampled_from(
            ["in_transit", "delivered", "lost", "refused", "returned", "held_at_customs"]
        ),
    )
    def parcel_moves(self, index: int, which: int, milestone: str) -> None:
        deal = self.deal(index, _has_parcels)
        parcel = deal.state.parcels[which % len(deal.state.parcels)]
        at = self.tick()
        self._run(deal.scan(parcel.name, milestone, at))
        self.take(Taken(self.shop.shipments.follow, Step(deal.state, at), deal))

    @move(lambda self: self.fit(_is_at_customs), index=indexes, is_seized=st.booleans())
    def customs_are_ruled_on(self, index: int, is_seized: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        deal = self.deal(index, _is_at_customs)
        parcel = facts.parcel_at(deal.state, _STAGES_AT_CUSTOMS, "").name
        ruling = steps.Move.SEIZED if is_seized else steps.Move.FORFEITED
        asked = Record(deal.state, self.tick(), ruling, parcel=parcel)
        self.take(Taken(self.shop.orders.record, asked, deal))

    @move(lambda self: self.fit(_is_owing), index=indexes)
    def what_is_owed_goes_back(self, index: int) -> None:
        deal = self.deal(index, _is_owing)
        owed = facts.owed_now(deal.state)
        if owed is not None:
            asked = replace(deal.refunding(owed.amount, self.tick()), owed=owed.name)
            self.take(Taken(self.shop.refunds.refund, asked, deal))

    @move(lambda self: self.fit(_is_cancellable), index=indexes)
    def both_cancel(self, index: int) -> None:
        deal, topic = self.deal(index, _is_cancellable), Topic.CANCELLATION
        self.take(Taken(self.shop.consent.ask, Consent(deal.state, self.tick(), topic), deal))
        agreed = Consent(deal.state, self.tick(), topic, is_agreed=True)
        self.take(Taken(self.shop.consent.settle, agreed, deal))

    @move(
        lambda self: self.deals,
        seller=st.integers(0, 1),
        standing=st.sampled_from([Standing.SUSPENDED, Standing.ACTIVE]),
    )
    def seller_stands(self, seller: int, standing: Standing) -> None:
        """Every running order of the seller hears of it, unless a step of it is to be finished."""
        self._run(self._stands(self.sellers[seller], standing))
        for deal in self.fit(lambda state: state.seller == self.sellers[seller]):
            if deal.state.payment is not Payment.AWAITING:
                asked = HeedStanding(deal.state, self.tick(), standing)
                self.take(Taken(self.shop.standing.heed_standing, asked, deal))

    async def _stands(self, seller: str, standing: Standing) -> None:
        change = text("UPDATE sellers SET standing = :standing WHERE seller = :seller")
        async with self.shop.engine.begin() as db:
            await db.execute(change, {"standing": str(standing), "seller": seller})

    @move(lambda self: self.fit(_is_receivable), index=indexes)
    def receive(self, index: int) -> None:
        deal = self.deal(index, _is_receivable)
        self.take(Taken(self.shop.orders.record, deal.receiving(self.tick()), deal))

    @move(lambda self: self.fit(_is_refundable), index=indexes, share=shares)
    def refund(self, index: int, share: int) -> None:
        deal = self.deal(index, _is_refundable)
        amount = max(1, facts.refundable(deal.state) * share // 100)
        self.take(Taken(self.shop.refunds.refund, deal.refunding(amount, self.tick()), deal))

    @move(lambda self: self.fit(_is_refundable), index=indexes)
    def refund_too_much(self, index: int) -> None:
        deal = self.deal(index, _is_refundable)
        before = deal.state
        asked = deal.refunding(facts.refundable(deal.state) + 1, self.tick())
        self.take(Taken(self.shop.refunds.refund, asked, deal))

        assert deal.state == before

    @move(
        lambda self: any(deal.state.refunds for deal in self.deals),
        index=indexes,
        fails=st.booleans(),
    )
    def refund_ends(self, index: int, fails: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        pending = self._run(self._pending_refunds())
        if not pending:
            return
        subject, reference = pending[index % len(pending)]
        (deal,) = (deal for deal in self.deals if subject == f"order/{deal.order}")
        if self.is_busy(deal):
            return
        world = self.shop.world
        self._run((world.fail_refund if fails else world.succeed_refund)(reference))
        self.hear(deal)

    @move(lambda self: self.fit(_is_holdable), index=indexes, share=shares)
    def hold(self, index: int, share: int) -> None:
        deal = self.deal(index, _is_holdable)
        name = f"claim-{len(self.holds)}"
        amount = max(1, facts.releasable(deal.state) * share // 100)
        self.holds.append((deal, name))
        self.take(Taken(self.shop.escrow.hold, deal.holding(name, amount, self.tick()), deal))

    @move(lambda self: self.holds, index=indexes)
    def lift(self, index: int) -> None:
        deal, name = self.holds[index % len(self.holds)]
        if deal.state.held and self.fit(lambda state: state.order == deal.order):
            self.take(Taken(self.shop.escrow.lift, deal.holding(name, 0, self.tick()), deal))

    @move(lambda self: self.fit(_is_release_possible), index=indexes)
    def release(self, index: int) -> None:
        deal = self.deal(index, _is_release_possible)
        self.take(Taken(self.shop.escrow.release, deal.releasing(self.tick()), deal))

    @move(lambda self: self.fit(_has_reserve), index=indexes)
    def release_reserve(self, index: int) -> None:
        deal = self.deal(index, _has_reserve)
        step = Step(deal.state, self.tick())
        self.take(Taken(self.shop.escrow.release_reserve, step, deal))

    # What must hold.

    def teardown(self) -> None:
        """With every step finished, both books say the same."""
        world = self.shop.world
        try:
            self._run(world.clear_faults())
            self.finish()
            for deal in self.deals:
                # What the provider has told nobody about yet.
                if deal.state.payment in (Payment.AWAITING, Payment.NEVER_PAID):
                    self.hear(deal)
            for bought in self.bought:
                self.hear_of_all(bought)
            self.finish()
            self.everything_is_heard()
            self.finish()
            assert self._run(wrongs(self.shop.engine)) == {}
            assert self._run(differences(self.shop)) == {}
            assert self._run(world.effects())["duplicates"] == []
        finally:
            self._run(world.change(auto_refunds=True, auto_voids=True, postage_currency="USD"))
            self._run(self._opened.__aexit__(None, None, None))
            self._run(world.close())
            self._run(self._postgres.drop_database(self._name))

    async def _pending_refunds(self) -> list[tuple[str, str]]:
        query = (
            "SELECT subject, reference FROM effects WHERE kind IN ('refund', 'late_refund')"
            " AND state = 'pending' AND substr(subject, 7) = ANY(:orders) ORDER BY first_asked_at"
        )
        async with self.shop.engine.connect() as db:
            found = await db.execute(text(query), {"orders": [deal.order for deal in self.deals]})
            return [(subject, reference) for subject, reference in found.all()]


def _is_new(state: OrderState) -> bool:
    return not state.intent


def _is_unpaid(state: OrderState) -> bool:
    return bool(state.intent) and state.payment is Payment.AWAITING


def _is_shippable(state: OrderState) -> bool:
    return Action.DECLARE_SHIPMENT in rules.allowed(state)


def _is_partly_shipped(state: OrderState) -> bool:
    return state.fulfilment is Fulfilment.PARTLY_SHIPPED


def _has_parcels(state: OrderState) -> bool:
    return bool(state.parcels)


_STAGES_AT_CUSTOMS: Final = (ParcelStage.AT_CUSTOMS,)


def _is_at_customs(state: OrderState) -> bool:
    return [one.stage for one in state.parcels].count(ParcelStage.AT_CUSTOMS) == 1


def _is_owing(state: OrderState) -> bool:
    return bool(state.owed) and facts.is_owed_payable(state)


def _is_cancellable(state: OrderState) -> bool:
    return Topic.CANCELLATION in rules.topics(state)


def _is_receivable(state: OrderState) -> bool:
    return Action.CONFIRM_RECEIPT in rules.allowed(state)


def _is_refundable(state: OrderState) -> bool:
    return Action.REFUND in rules.allowed(state)


def _is_holdable(state: OrderState) -> bool:
    return Action.PLACE_HOLD in rules.allowed(state)


def _is_release_possible(state: OrderState) -> bool:
    clocks = {clock.name for clock in state.clocks}
    return bool(clocks & {ClockName.EARLY_RELEASE, ClockName.RELEASE}) or rules.is_release_due(
        state
    )


def _has_reserve(state: OrderState) -> bool:
    return facts.clock_of(state, ClockName.RESERVE) is not None


# The ways of a standard and of an early seller's order, by the names of its steps.
_WAYS: Final = (
    ("ask", "settle", "ship", "receive", "release"),
    ("ask", "settle", "ship", "release", "receive", "reserve"),
    ("ask", "settle", "ship", "release", "receive", "reserve"),
)
_ASKED: Final[Mapping[str, Callable[[Deal, datetime], Any]]] = {
    "ask": lambda deal, _: deal.asking(CARD),
    "settle": lambda deal, at: Step(deal.state, at),
    "ship": lambda deal, at: deal.shipping(at),
    "receive": lambda deal, at: deal.receiving(at),
    "release": lambda deal, at: deal.releasing(at),
    "reserve": lambda deal, at: Step(deal.state, at),
}
_STEP: Final[Mapping[str, Callable[[Shop], Callable[[Any], Coroutine[Any, Any, Any]]]]] = {
    "ask": lambda shop: shop.payments.ask,
    "settle": lambda shop: shop.payments.settle,
    "ship": lambda shop: shop.shipments.declare,
    "receive": lambda shop: shop.orders.record,
    "release": lambda shop: shop.escrow.release,
    "reserve": lambda shop: shop.escrow.release_reserve,
}


@pytest.mark.case(1, 4, 49, 50, 54, 56)
def test_money_is_safe_in_any_order_of_events(
    postgres: LocalPostgres, template_database: str, place: SandboxPlace
) -> None:
    """Nobody foresees every order of payments, refunds, holds, releases, payouts and outages."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        class Machine(MoneyMachine):
            def __init__(self) -> None:
                super().__init__(runner, postgres, template_database, place)

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=_EXAMPLES,
                stateful_step_count=_STEPS_EACH,
                deadline=None,
                derandomize=True,
                database=None,
                # To make a failure small takes minutes; as it is, it can be read and repeated.
                phases=[Phase.generate],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
