"""Whatever happens to a dispute, in whatever order: caps and books hold, and it ends."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.actors import Actor
from domain.dispute import acts, moves, settling
from domain.dispute.clocks import next_due
from domain.dispute.postings import (
    Award,
    Parties,
    award_of,
    made_good,
    planned,
    verdict_legs,
)
from domain.dispute.reasons import Category, Remedy
from domain.dispute.rules import JUDGES, WHO_MAY, Action, Asked, allowed, check, open_to
from domain.dispute.state import (
    DISPUTE,
    Basis,
    DisputeEvent,
    DisputeState,
    Pause,
    PauseEvent,
    Sent,
    Stage,
    Verdict,
)
from domain.errors import Refusal
from domain.ledger import Leg
from domain.order.money import OrderFunds
from domain.order.postings import RefundSources, plan_release
from domain.shipment.labels import Box
from tests.domain.disputes import (
    AGENT,
    BEGAN,
    BUYER,
    CAP,
    LEAD,
    OTHER_LEAD,
    SELLER,
    opened,
    terms,
)

_PEOPLE: Final = (BUYER, SELLER, AGENT, LEAD, OTHER_LEAD)
_FACTS: Final = ("in_transit", "delivered", "lost")
_PARCEL: Final = Sent("UPS", "1Z999AA10123456784")
_LABELLED: Final = Sent("UPS", "1Z999AA10123456784", "trk_1", "http://print")
_PARTIES: Final = Parties("d-1", "o-1", "s-1", "UPS")


@dataclass
class Life:
    """One dispute, the money of its order, and every leg that was posted for it."""

    state: DisputeState
    funds: OrderFunds
    at: datetime = BEGAN
    legs: list[Leg] = field(default_factory=list[Leg])

    def asks(self, actor: Actor, action: Action, asked: Asked) -> bool:
        """Ask, as a process is asked: judged first, and nothing of a refused one stays."""
        before = self.state
        try:
            check(self.state, action, actor, self.at, asked)
        except Refusal:
            assert self.state is before
            return False
        assert action in open_to(before, actor), "a front end did not offer it"
        if action is Action.RETURN_LABEL:
            key = f"dispute/d-1/label/{self.state.labels + 1}"
            self.state = moves.labelled(self.state, _LABELLED, key)
        else:
            self.state = acts.done(self.state, terms(), action, (actor, asked), self.at)
        return True

    def silence(self) -> bool:
        """Let time run to the next deadline or reminder."""
        due = next_due(self.state)
        if due is None:
            return False
        self.at = max(self.at, due.at)
        self.state = acts.rung(self.state, terms(), due)
        return True

    def carrier_says(self, milestone: str) -> None:
        event = acts.tracked(self.state, milestone)
        if event is not None and self.state.pause is Pause.RUNNING:
            is_used = settling.goes_by_label(self.state)
            known = moves.label_over(self.state) if is_used else self.state
            self.state = moves.happened(known, terms(), event, self.at)

    def arrives(self) -> None:
        """The order's own parcel is delivered while it is called missing."""
        is_missing = self.state.category is Category.NOT_RECEIVED
        if is_missing and DISPUTE.allows(self.state.stage, DisputeEvent.ARRIVED):
            self.state = moves.arriving(self.state, terms(), self.at)

    def bank(self, event: PauseEvent) -> None:
        """A chargeback opens, or is decided; a lost one takes what is left."""
        if self.state.pause is Pause.RUNNING:
            if event is PauseEvent.CHARGEBACK_OPENED and not DISPUTE.is_final(self.state.stage):
                self.state = moves.paused(self.state, "dp_1", self.at)
        elif event is not PauseEvent.CHARGEBACK_OPENED:
            given = 0
            if event is PauseEvent.CHARGEBACK_PARTLY:
                given = min(2_000, self.funds.releasable, self.state.cap - self.state.netted)
                taken = self.funds.charged_back + given
                self.funds = replace(self.funds, charged_back=taken)
            if event is PauseEvent.CHARGEBACK_LOST:
                left = self.funds.captured - self.funds.refunded
                freed = self.funds.without_hold(self.state.held)
                self.funds = replace(freed, charged_back=left)
                self.state = replace(self.state, held=0)
            self.state = moves.resumed(self.state, terms(), event, self.at, given)

    def settles(self) -> None:
        """Post the verdict, pay the buyer: what our own steps do as soon as they may."""
        if self.state.stage is Stage.SETTLING and self.state.pause is Pause.RUNNING:
            given, cash = self._posted()
            self.state = settling.settled(self.state, terms(), given, cash, self.at)
        if self.state.to_pay:
            key = f"dispute/d-1/refund/{self.state.refunds + 1}"
            self.state = settling.refund_sent(self.state, key, is_final=True)
        if settling.idle_label(self.state):
            self.state = settling.label_given_back(self.state)

    def _posted(self) -> tuple[int, int]:
        self.funds = self.funds.without_hold(self.state.held)
        verdict = self.state.verdict
        if verdict is None:
            return 0, 0
        back = self.state.awarded - verdict.amount
        if verdict.basis is Basis.APPEAL and back > 0:
            release = plan_release(back, released=0, total=CAP, commission=800, reserve_bp=0)
            self.legs += made_good("s-1", release)
            self.funds = self.funds.made_good(release)
            return -back, 0
        had = self.state.awarded + self.state.netted
        award = award_of(verdict, had, self.funds.refundable)
        if not award.amount:
            return 0, 0
        plan = planned(award, RefundSources(self.funds.releasable, 0, 0))
        share = self.funds.share_of_refund(award.amount)
        self.legs += verdict_legs(_PARTIES, award, plan, share)
        self.funds = self.funds.with_refund(award.amount, plan, share, contributed=award.others_pay)
        return award.amount, share.buyer

    def holds_together(self) -> None:
        """What must be true at every instant."""
        state, funds = self.state, self.funds
        assert sum(leg.amount for leg in self.legs) == 0
        assert 0 <= state.awarded <= state.cap
        assert state.netted <= state.cap, "more than the case is about"
        assert funds.refunded + funds.charged_back <= funds.captured
        assert funds.held >= 0
        assert funds.escrow >= funds.held
        assert len({one.by for one in state.proposals}) == len(state.proposals)
        assert all(one.amount <= state.cap for one in state.proposals)
        assert max((one.version for one in state.proposals), default=0) <= state.revision
        if state.stage not in (Stage.SETTLING, Stage.CLOSED):
            assert state.clocks
            assert next_due(state) is not None or state.pause is Pause.PAUSED
        if settling.is_over(state):
            assert not state.label, "a label that nobody uses costs money for ever"
        if state.stage is Stage.CLOSED:
            assert not state.held
            assert not funds.held
            assert state.ended_at is not None
            assert state.outcome != "open"


def a_life(category: Category = Category.RECEIVED, subsidy: int = 0) -> Life:
    state = opened(category=category)
    funds = OrderFunds("o-1", "s-1", "EUR", CAP + 2_000, 800)
    return Life(state, funds.with_capture(CAP + 2_000 - subsidy, subsidy).with_hold(CAP))


_amounts = st.integers(0, CAP + 500)
_asked = st.builds(
    Asked,
    version=st.integers(0, 9),
    remedy=st.sampled_from(Remedy),
    amount=_amounts,
    platform=st.integers(0, 2_000),
    carrier=st.integers(0, 2_000),
    to=st.sampled_from(("", "a-1", "l-1")),
    parcel=st.just(_PARCEL),
    bulk=st.sampled_from(("", "b-1")),
    box=st.just(Box(900)),
)
_turns = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(_PEOPLE), st.sampled_from(Action), _asked),
    st.tuples(st.just("right"), st.integers(0, 999), st.integers(0, 999), _asked),
    st.tuples(st.just("silence"), st.just(0), st.just(0), st.none()),
    st.tuples(st.just("carrier"), st.sampled_from(_FACTS), st.just(0), st.none()),
    st.tuples(st.just("arrives"), st.just(0), st.just(0), st.none()),
    st.tuples(st.just("bank"), st.sampled_from(PauseEvent), st.just(0), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 96), st.just(0), st.none()),
    st.tuples(st.just("settle"), st.just(0), st.just(0), st.none()),
)


def _rightly(life: Life, first: int, second: int, asked: Asked) -> None:
    """Something that is possible now, by somebody who may, about what stands."""
    possible = [action for action in allowed(life.state) if action is not Action.RESOLVE]
    if not possible:
        return
    action = possible[first % len(possible)]
    people = [one for one in _PEOPLE if one.role in WHO_MAY[action]]
    actor = people[second % len(people)]
    version = life.state.revision
    if action is Action.ACCEPT:
        others = [one.version for one in life.state.proposals if one.by is not actor.role]
        version = others[first % len(others)] if others else 0
    life.asks(actor, action, replace(asked, version=version))


def _turn(life: Life, kind: str, first: object, second: object, asked: Asked | None) -> None:
    match kind, first, second:
        case "ask", Actor(), Action() if asked is not None:
            if second is not Action.RESOLVE:
                life.asks(first, second, asked)
        case "right", int(), int() if asked is not None:
            _rightly(life, first, second, asked)
        case "silence", _, _:
            life.silence()
        case "carrier", str(), _:
            life.carrier_says(first)
        case "arrives", _, _:
            life.arrives()
        case "bank", PauseEvent(), _:
            life.bank(first)
        case "wait", int(), _:
            due = next_due(life.state)
            later = life.at + timedelta(hours=first)
            life.at = min(later, due.at) if due else later
        case _:
            life.settles()


def _to_the_end(life: Life) -> None:
    """From wherever it stands: the bank decides, a lead rules, and everybody else is silent."""
    for _ in range(200):
        if life.state.pause is Pause.PAUSED:
            life.bank(PauseEvent.CHARGEBACK_WON)
        life.settles()
        life.holds_together()
        if settling.is_over(life.state):
            return
        judge = LEAD if LEAD.id not in life.state.decided_by else OTHER_LEAD
        second = OTHER_LEAD if judge is LEAD else AGENT
        ruling = Asked(version=life.state.revision, amount=min(5_000, life.state.cap))
        if life.state.pending is not None:
            life.asks(second, Action.APPROVE, Asked(version=life.state.pending.version))
        if Action.DECIDE in allowed(life.state) and life.asks(judge, Action.DECIDE, ruling):
            continue
        life.silence()
    pytest.fail(f"never ends: {life.state}")


@pytest.mark.case(34, 47)
@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from((Category.RECEIVED, Category.NOT_RECEIVED)),
    st.integers(0, 3_000),
    st.lists(_turns, max_size=40),
)
def test_whatever_happens_caps_and_books_hold_and_it_ends(
    category: Category, subsidy: int, turns: list[tuple[str, object, object, Asked | None]]
) -> None:
    """Proposals, acceptances, silence, appeals, chargebacks, late news: in any order."""
    life = a_life(category, subsidy)
    life.holds_together()
    for kind, first, second, asked in turns:
        _turn(life, kind, first, second, asked)
        life.holds_together()
    _to_the_end(life)

    paid = Counter({"buyer": life.state.awarded, "bank": life.funds.charged_back})
    assert paid.total() <= life.funds.captured


@settings(max_examples=300, deadline=None)
@given(_amounts, _amounts, _amounts, st.integers(0, CAP), st.integers(0, 12_000))
def test_an_award_is_never_more_than_is_left_and_its_parts_sum(
    amount: int, platform: int, carrier: int, awarded: int, available: int
) -> None:
    """A chargeback can leave less than was ruled: everybody's part gives way, exactly."""
    amount = min(amount, CAP)
    platform = min(platform, amount)
    carrier = min(carrier, amount - platform)
    ruled = Verdict(Basis.RULING, Remedy.REFUND, amount, 1, platform=platform, carrier=carrier)
    award = award_of(ruled, awarded, available)

    assert 0 <= award.amount <= max(0, min(amount - awarded, available))
    assert min(award.platform, award.carrier, award.seller_pays) >= 0
    assert award.seller_pays + award.others_pay == award.amount


def test_judges_never_have_a_side() -> None:
    """The roles that decide are nobody's party."""
    assert {AGENT.role, LEAD.role} == JUDGES
    assert Award(10, 3, 2, 1).seller_pays == 4
