"""The machine of money, with everything that a payment can be besides one of the right amount."""

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from activities.purchase_requests import AskForAll, DecideExcess, PurchaseStep
from activities.requests import AskPayment, DecideAmount, DecideFraud, Step
from domain.order import facts, rules
from domain.order.paying import AmountDecision, BorneBy
from domain.order.rules import Action
from domain.order.state import OrderState, Payment
from domain.purchase.state import Stage
from runtime.embedded import LocalPostgres
from tests.persistence.machine import Taken, indexes, move
from tests.persistence.test_money_machine import MoneyMachine
from tests.support.bundles import Bundle, bundle
from tests.support.sandbox import SandboxPlace
from tests.support.shop import CARD, SLIP, Deal

_ORDERS = 5
_EXAMPLES = 8
_STEPS_EACH = 30


class PaymentMachine(MoneyMachine):
    """Beside what all orders do: several payments, other amounts, a bank's word, doubt."""

    def __init__(
        self, runner: asyncio.Runner, postgres: LocalPostgres, template: str, place: SandboxPlace
    ) -> None:
        super().__init__(runner, postgres, template, place)
        self._run(self.shop.policy("long", capture="on_shipment", ship_within="20d"))
        self.long = self._run(self.shop.seller(policy="long"))

    def hear(self, deal: Deal) -> None:
        """News for what this machine adds, and then for the rest."""
        state, step = deal.state, Step(deal.state, self.tick())
        if state.authorised and state.ended_at is None:
            self.take(Taken(self.shop.captures.follow, step, deal))
        elif (state.others or state.returns) and _is_paid(state):
            self.take(Taken(self.shop.attempts.close_others, step, deal))
        super().hear(deal)

    @move(
        lambda self: len(self.deals) < _ORDERS,
        total=st.integers(2, 50) | st.integers(8_000, 150_000),
        share=st.integers(0, 99),
        is_long=st.booleans(),
    )
    def subsidised_order(self, total: int, share: int, is_long: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        seller = self.long if is_long else self.sellers[0]
        subsidy = min(total - 1, total * share // 100)
        deal = self._run(self.shop.order(seller, total, subsidy=subsidy))
        self.deals.append(deal)
        self.take(Taken(self.shop.payments.ask, deal.asking(CARD), deal))
        if not self.is_busy(deal):
            self.take(Taken(self.shop.payments.settle, Step(deal.state, self.tick()), deal))

    @move(lambda self: self.fit(_may_pay_another_way), index=indexes, is_slow=st.booleans())
    def pay_another_way(self, index: int, is_slow: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        deal = self.deal(index, _may_pay_another_way)
        asked = AskPayment(deal.state, self.tick(), "" if is_slow else CARD)
        self.take(Taken(self.shop.attempts.ask_again, asked, deal))
        if is_slow and not self.is_busy(deal):
            self._run(self.shop.world.pay(deal.state.intent, SLIP))
        self.settle(deal)

    @move(lambda self: self.fit(_is_out), index=indexes, per_cent=st.sampled_from([50, 100, 120]))
    def money_arrives(self, index: int, per_cent: int) -> None:
        """One of an order's open payments is made, with this amount or another."""
        deal = self.deal(index, _is_out)
        open_ones = (deal.state.intent, *deal.state.others)
        self.arrives(open_ones[index % len(open_ones)], per_cent)
        self.settle(deal)

    def arrives(self, reference: str, per_cent: int) -> None:
        """Pay so much of what is asked for, if the payment can still be made."""
        seen = self._run(self.shop.gateway.look(reference))
        if seen.status == "awaiting_buyer":
            self._run(self.shop.world.pay(reference, SLIP))
        if seen.status in ("awaiting_buyer", "processing"):
            amount = max(1, seen.amount.minor * per_cent // 100)
            self._run(self.shop.world.arrive(reference, amount=amount))

    def settle(self, deal: Deal) -> None:
        """As its process does: see what is paid, then close what is not needed any more."""
        if not self.is_busy(deal):
            self.take(Taken(self.shop.payments.settle, Step(deal.state, self.tick()), deal))
        if not self.is_busy(deal) and deal.state.others and _is_paid(deal.state):
            step = Step(deal.state, self.tick())
            self.take(Taken(self.shop.attempts.close_others, step, deal))

    @move(
        lambda self: self.fit(_amount_differs),
        index=indexes,
        decision=st.sampled_from(AmountDecision),
        borne_by=st.sampled_from(BorneBy),
    )
    def decide_amount(self, index: int, decision: AmountDecision, borne_by: BorneBy) -> None:
        deal = self.deal(index, _amount_differs)
        asked = DecideAmount(deal.state, self.tick(), decision, "a-1", borne_by=borne_by)
        self.take(Taken(self.shop.amounts.decide, asked, deal))

    @move(
        lambda self: len(self.deals) < _ORDERS,
        totals=st.tuples(st.integers(2, 50), st.integers(8_000, 90_000)),
        share=st.integers(0, 99),
    )
    def buy_subsidised(self, totals: tuple[int, int], share: int) -> None:
        subsidies = [min(total - 1, total * share // 100) for total in totals]
        made = bundle(self.shop, *totals, sellers=self.sellers[:2], subsidies=subsidies)
        bought = self._run(made)
        self.bought.append(bought)
        asked = AskForAll(bought.state, self.tick())
        self.take(Taken(self.shop.purchase_payments.ask, asked, bought))

    @move(lambda self: self.purchases(Stage.AWAITING_PAYMENT), index=indexes, is_slow=st.booleans())
    def pay_for_all_another_way(self, index: int, is_slow: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        found = self.purchases(Stage.AWAITING_PAYMENT)
        bought = found[index % len(found)]
        asked = AskForAll(bought.state, self.tick(), "" if is_slow else CARD)
        self.take(Taken(self.shop.purchase_attempts.ask_again, asked, bought))
        self.settle_together(bought)

    @move(
        lambda self: self.purchases(Stage.AWAITING_PAYMENT),
        index=indexes,
        per_cent=st.sampled_from([50, 99, 100, 120]),
    )
    def money_for_all_arrives(self, index: int, per_cent: int) -> None:
        """One of a purchase's open payments is made, with this amount or another."""
        found = self.purchases(Stage.AWAITING_PAYMENT)
        bought = found[index % len(found)]
        open_ones = (bought.state.intent, *bought.state.others)
        self.arrives(open_ones[index % len(open_ones)], per_cent)
        self.settle_together(bought)

    def settle_together(self, bought: Bundle) -> None:
        """As its process does: see what is paid, then close what is not needed any more."""
        if not self.is_busy(bought):
            self.settle_all(bought)
        if bought.state.others and not self.is_busy(bought) and _counts(bought):
            step = PurchaseStep(bought.state, self.tick())
            self.take(Taken(self.shop.purchase_attempts.close_others, step, bought))

    @move(
        lambda self: self.purchases(Stage.AMOUNT_DIFFERS),
        index=indexes,
        decision=st.sampled_from(AmountDecision),
        borne_by=st.sampled_from(BorneBy),
    )
    def decide_for_all(self, index: int, decision: AmountDecision, borne_by: BorneBy) -> None:
        found = self.purchases(Stage.AMOUNT_DIFFERS)
        bought = found[index % len(found)]
        asked = DecideExcess(bought.state, self.tick(), decision, "a-1", borne_by=borne_by)
        self.take(Taken(self.shop.purchase_amounts.decide, asked, bought))
        self.orders_hear(bought)

    @move(lambda self: self.fit(_is_agreed), index=indexes, lapses=st.booleans())
    def capture(self, index: int, lapses: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        deal = self.deal(index, _is_agreed)
        if lapses:
            seen = self._run(self.shop.gateway.look(deal.state.intent))
            if seen.status == "authorised":
                self._run(self.shop.world.expire_authorisation(deal.state.intent))
        self.take(Taken(self.shop.captures.capture, Step(deal.state, self.tick()), deal))

    @move(lambda self: self.fit(_may_be_doubted), index=indexes)
    def report_fraud(self, index: int) -> None:
        deal = self.deal(index, _may_be_doubted)
        step = Step(deal.state, self.tick(), "compliance:c-1", "doubt")
        self.take(Taken(self.shop.frauds.report, step, deal))

    @move(lambda self: self.fit(_is_suspected), index=indexes, is_fraud=st.booleans())
    def decide_fraud(self, index: int, is_fraud: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        deal = self.deal(index, _is_suspected)
        asked = DecideFraud(deal.state, self.tick(), is_fraud, "compliance:c-1")
        self.take(Taken(self.shop.frauds.decide, asked, deal))

    @move(lambda self: self.fit(rules.is_void_due), index=indexes)
    def void(self, index: int) -> None:
        deal = self.deal(index, rules.is_void_due)
        self.take(Taken(self.shop.captures.void, Step(deal.state, self.tick()), deal))

    @move(lambda self: self.fit(rules.is_refund_due), index=indexes)
    def refund_the_rest(self, index: int) -> None:
        deal = self.deal(index, rules.is_refund_due)
        asked = deal.refunding(facts.refundable(deal.state), self.tick())
        self.take(Taken(self.shop.refunds.refund, asked, deal))

    def teardown(self) -> None:
        """What was paid beside the order is found before the books are compared."""
        self._run(self.shop.world.clear_faults())
        self.finish()
        for bought in self.purchases(Stage.AWAITING_PAYMENT):
            self.settle_together(bought)
        self.finish()
        for deal in self.deals:
            if deal.state.others or deal.state.authorised or deal.state.returns:
                self.hear(deal)
        super().teardown()


def _may_pay_another_way(state: OrderState) -> bool:
    return Action.PAY_ANOTHER_WAY in rules.allowed(state)


def _is_out(state: OrderState) -> bool:
    return bool(state.intent) and (state.payment is Payment.AWAITING or bool(state.others))


def _is_paid(state: OrderState) -> bool:
    return state.payment is not Payment.AWAITING and state.ended_at is None


def _counts(bought: Bundle) -> bool:
    """Whether one payment of the purchase is there, whatever its amount."""
    return bought.state.stage in (Stage.PAID, Stage.AMOUNT_DIFFERS)


def _amount_differs(state: OrderState) -> bool:
    return state.payment is Payment.AMOUNT_DIFFERS


def _is_agreed(state: OrderState) -> bool:
    return state.authorised > 0 and not rules.is_void_due(state)


def _may_be_doubted(state: OrderState) -> bool:
    return rules.can_be_doubted(state)


def _is_suspected(state: OrderState) -> bool:
    return Action.DECIDE_FRAUD in rules.allowed(state)


@pytest.mark.case(1, 2, 5, 8, 11, 12, 50)
def test_money_is_safe_however_it_is_paid(
    postgres: LocalPostgres, template_database: str, place: SandboxPlace
) -> None:
    """Second payments, other amounts, lapsed words and doubt, in any order and with outages."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        class Machine(PaymentMachine):
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
