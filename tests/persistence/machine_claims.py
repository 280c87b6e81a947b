"""Banks and late goods in the machine of money: chargebacks, and what is paid again."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from activities.chargeback_requests import ChargebackStep, Heard
from activities.dispute_requests import HeedDisputes
from activities.repayment_requests import AskAgain, RepaymentStep
from activities.requests import CareForPayment, Step
from domain.chargeback.state import ChargebackState, Stage
from domain.order.parcels import GONE
from domain.order.repaying import RepaymentState, has_come
from domain.order.state import OrderState, Payment
from domain.purchase.state import Stage as Bought
from tests.persistence.machine import Machine, Taken, indexes, move
from tests.support.shop import CARD, Deal

shares = st.sampled_from([1, 33, 50, 100])


@dataclass
class Claim:
    """One chargeback and the state that its process would hold."""

    state: ChargebackState

    def heard(self, answer: object) -> None:
        """Keep what a step has come to."""
        if isinstance(answer, Heard):
            self.state = answer.state


@dataclass
class Again:
    """One order's repayment and the state that its process would hold."""

    deal: Deal
    state: RepaymentState

    def heard(self, answer: object) -> None:
        """Keep what a step has come to."""
        if isinstance(answer, RepaymentState):
            self.state = answer


class Claims(Machine):
    """What a buyer's bank takes back, and what a buyer pays again."""

    def __init__(self, *place: Any) -> None:  # noqa: ANN401 - the machine's own
        super().__init__(*place)
        self.claims: list[Claim] = []
        self.claimed: set[str] = set()
        self.again: dict[str, Again] = {}

    def intents(self) -> list[str]:
        """Payments that were captured, and that no bank has taken up."""
        paid = [
            deal.state.intent
            for deal in self.deals
            if deal.state.captured and not deal.state.paid_by and not self.is_busy(deal)
        ]
        paid += [one.state.intent for one in self.bought if one.state.stage is Bought.PAID]
        return [intent for intent in paid if intent and intent not in self.claimed]

    @move(
        lambda self: len(self.claims) < 2 and self.intents(),
        index=indexes,
        share=shares,
        is_inquiry=st.booleans(),
    )
    def bank_claims(self, index: int, share: int, is_inquiry: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        intents = self.intents()
        intent = intents[index % len(intents)]
        whole = self._run(self.shop.gateway.look(intent)).captured.for_provider("stripe")
        amount = max(1, whole * share // 100)
        world, at = self.shop.world, self.now.isoformat()
        dispute = self._run(world.dispute(intent, amount=amount, inquiry=is_inquiry, at=at))
        self.claimed.add(intent)
        claim = Claim(ChargebackState(str(dispute["id"]), opened_at=self.tick()))
        self.claims.append(claim)
        self.take(Taken(self.shop.chargebacks.open, self.step_of(claim), claim))
        self.orders_heed()

    def open_claims(self) -> list[Claim]:
        return [
            one
            for one in self.claims
            if one.state.is_open and one.state.stage is not Stage.OPENING and not self.is_busy(one)
        ]

    @move(lambda self: self.open_claims(), index=indexes)
    def bank_is_answered(self, index: int) -> None:
        claim = self.open_claims()[index % len(self.open_claims())]
        if claim.state.stage is Stage.NEEDS_RESPONSE:
            self.take(Taken(self.shop.chargebacks.contest, self.step_of(claim), claim))

    @move(
        lambda self: self.open_claims(),
        index=indexes,
        verdict=st.sampled_from(["won", "lost", "escalate"]),
    )
    def bank_decides(self, index: int, verdict: str) -> None:
        claim = self.open_claims()[index % len(self.open_claims())]
        if verdict == "escalate" and not claim.state.is_inquiry:
            return
        at = self.now.isoformat()
        self._run(self.shop.world.decide(claim.state.chargeback, verdict, at=at))
        self.take(Taken(self.shop.chargebacks.follow, self.step_of(claim), claim))
        self.orders_heed()

    def step_of(self, claim: Claim) -> ChargebackStep:
        return ChargebackStep(claim.state, self.tick())

    def orders_heed(self) -> None:
        """Running orders mirror what is frozen and what is gone; unless they are busy."""
        for deal in self.fit(_is_paid):
            asked = HeedDisputes(deal.state, self.tick())
            self.take(Taken(self.shop.disputes.heed, asked, deal))

    def given_up(self) -> list[tuple[Deal, str]]:
        """Parcels whose money went back, or is about to."""
        return [
            (deal, parcel.name)
            for deal in self.deals
            for parcel in deal.state.parcels
            if parcel.stage in GONE and not parcel.came_anyway and not self.is_busy(deal)
        ]

    @move(lambda self: self.given_up(), index=indexes)
    def parcel_comes_anyway(self, index: int) -> None:
        given_up = self.given_up()
        deal, parcel = given_up[index % len(given_up)]
        at = self.tick()
        self._run(deal.scan(parcel, "delivered", at))
        if deal.state.ended_at is None:
            self.take(Taken(self.shop.shipments.follow, Step(deal.state, at), deal))
            return
        self.take(Taken(self.shop.shipments.arrived_late, CareForPayment(deal.order, at)))
        shown = self._run(self._shown(deal.order))
        deal.state = shown or deal.state

    def payable_again(self) -> list[Deal]:
        return [deal for deal in self.deals if has_come(deal.state) and not self.is_repaying(deal)]

    def is_repaying(self, deal: Deal) -> bool:
        again = self.again.get(deal.order)
        return again is not None and (again.state.is_open or self.is_busy(again))

    @move(lambda self: self.payable_again(), index=indexes, is_slow=st.booleans())
    def buyer_pays_again(self, index: int, is_slow: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        fit = self.payable_again()
        deal = fit[index % len(fit)]
        state, at = deal.state, self.tick()
        first = RepaymentState(state.order, state.buyer, state.seller, state.currency, at)
        again = self.again.setdefault(deal.order, Again(deal, first))
        asked = AskAgain(first, at, "" if is_slow else CARD)
        self.take(Taken(self.shop.repayments.ask, asked, again))
        self.look_again(again)

    @move(lambda self: self.waiting_again(), index=indexes, is_closed=st.booleans())
    def repayment_goes_on(self, index: int, is_closed: bool) -> None:  # noqa: FBT001 - Hypothesis names it
        """The window closes on it, or the buyer pays after all."""
        again = self.waiting_again()[index % len(self.waiting_again())]
        if is_closed:
            step = RepaymentStep(again.state, self.tick())
            self.take(Taken(self.shop.repayments.close, step, again))
            return
        self._run(self.shop.world.pay(again.state.intent))
        self.look_again(again)

    def waiting_again(self) -> list[Again]:
        return [
            one
            for one in self.again.values()
            if one.state.is_open and one.state.intent and not self.is_busy(one)
        ]

    def look_again(self, again: Again) -> None:
        """News of the payment, which its process hears."""
        if again.state.is_open and again.state.intent and not self.is_busy(again):
            step = RepaymentStep(again.state, self.tick())
            self.take(Taken(self.shop.repayments.settle, step, again))

    def everything_is_heard(self) -> None:
        """What banks and buyers have done, and nobody has told of yet."""
        for claim in self.claims:
            if claim.state.is_open and claim.state.stage is not Stage.OPENING:
                self.take(Taken(self.shop.chargebacks.follow, self.step_of(claim), claim))
        for again in self.again.values():
            self.look_again(again)

    async def _shown(self, order: str) -> OrderState | None:
        async with self.shop.database.transaction() as tx:
            return await tx.orders.state(order)


def _is_paid(state: OrderState) -> bool:
    return state.captured > 0 and state.payment is not Payment.AWAITING
