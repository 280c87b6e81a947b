"""A dispute's money: the verdict is one posting, and what it gives leaves in the usual steps."""

from datetime import datetime

import structlog
from temporalio import activity

from activities import exchange
from activities.dispute_requests import DisputeStep, PayBuyer
from activities.refund import BY_HAND, sources_of
from activities.requests import CareForPayment
from activities.returns import KIND, Owed, Payer, Returns, post_return
from adapters.payment.port import Effect, EffectStatus, PaymentGateway
from domain.dispute import postings, settling
from domain.dispute.postings import Parties
from domain.dispute.state import Basis, DisputeState, Stage
from domain.ids import dispute_workflow_id, money_key
from domain.ledger import Leg, Posting
from domain.money import Money
from domain.order.money import OrderFunds
from domain.order.postings import plan_release
from domain.order.state import Parked
from persistence.disputes.port import DisputeRecord
from persistence.port import Database, EffectRecord, Event, Facts, Transaction

log = structlog.get_logger()


class DisputeMoneyActivities:
    """Posts verdicts and pays buyers. Every step may be repeated, killed in between, or lost."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database*, and let *gateway* send what is the buyer's."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="dispute.settle")
    async def settle(self, step: DisputeStep) -> DisputeState:
        """Lift the hold and post the verdict, in one transaction over everybody it concerns.

        Never more is given than the order has left: a chargeback may have been faster.
        """
        state = step.state
        key = _verdict_key(state)
        async with self._database.transaction() as tx:
            payment = await tx.purchases.paying(state.order)
            funds = await tx.funds.locked(state.order)
            shown = await tx.disputes.state(state.dispute)
            if shown is not None and shown.version > state.version:
                return shown
            record = await tx.disputes.get(state.dispute)
            funds = await _freed(tx, funds, state, step.at)
            given, entry = await _posted(tx, funds, step, record)
            cash = postings.cash_of(entry) if entry is not None else 0
            if payment is not None and cash:
                await tx.purchases.put(payment.with_refund(cash))
            after = settling.settled(state, record.terms, given, cash, step.at)
            await tx.disputes.settle(state.dispute, postings.per_line(after.claims, after.awarded))
            await tx.story.tell_dispute(after, _settled_event(after, given, step.at))
        log.info("dispute.settled", key=key, minor=given)
        return after

    @activity.defn(name="dispute.pay")
    async def pay(self, request: PayBuyer) -> DisputeState:
        """Send the buyer what is theirs, as attempt number `refunds` + 1.

        The provider's final no parks the dispute; the money stays kept apart for the buyer. What an
        operator says was paid by hand is so only if the provider does not have it.
        """
        owed = self._owed(request.state, request.at)
        async with self._database.transaction() as tx:
            effect = await self._returns.reserve(tx, owed)
        if effect.state == "failed":
            return await self._refused(request, owed, effect.failure)
        sent, provider = await self._sent(request, owed, effect)
        if sent.status is EffectStatus.FAILED:
            return await self._refused(request, owed, sent.failure)
        is_final = sent.status is EffectStatus.DONE
        async with self._database.transaction() as tx:
            if effect.state == "asked":
                await self._returns.settle(tx, owed, sent, provider)
            after = settling.refund_sent(request.state, owed.key, is_final=is_final)
            facts: Facts = {
                "order": request.state.order,
                "amount": owed.amount,
                "currency": owed.payer.currency,
            }
            event = Event("dispute.refund_sent", request.at, facts=facts)
            await tx.story.tell_dispute(after, event)
        log.info("dispute.refund_sent", key=owed.key, minor=owed.amount, final=is_final)
        return after

    async def _sent(
        self, request: PayBuyer, owed: Owed, effect: EffectRecord
    ) -> tuple[Effect, str]:
        amount = Money(owed.amount, owed.payer.currency)
        if effect.state != "asked":
            status = EffectStatus.DONE if effect.state == "done" else EffectStatus.PENDING
            return Effect(owed.key, effect.reference, status, amount), self._gateway.name
        if request.by_hand:
            found = await self._gateway.find_refund(owed.key, owed.intent, amount)
            if found is None:
                note = f"{BY_HAND}: {request.by_hand}"
                return Effect(owed.key, note, EffectStatus.DONE, amount), BY_HAND
            return found, self._gateway.name
        return await self._returns.ask(owed, effect), self._gateway.name

    async def _refused(self, request: PayBuyer, owed: Owed, code: str) -> DisputeState:
        reason = f"the provider refused the refund: {code}"
        why = Parked("dispute.pay", reason, owed.key, request.at)
        after = settling.refund_refused(request.state, why)
        async with self._database.transaction() as tx:
            await self._returns.give_up(tx, owed, code)
            await _tell_parked(tx, after, Event("dispute.parked", request.at, facts=_why(why)))
        log.warning("dispute.refund_refused", key=owed.key, code=code)
        return after

    @activity.defn(name="dispute.follow")
    async def follow(self, step: DisputeStep) -> DisputeState:
        """See how the refund stands; one that came back, even after it was final, is paid anew.

        A repeat goes on from what an earlier run has come to.
        """
        state, subject = step.state, dispute_workflow_id(step.state.dispute)
        async with self._database.transaction() as tx:
            shown = await tx.disputes.state(state.dispute)
            state = shown if shown is not None and shown.version > state.version else state
            sent = [one for one in await tx.funds.of(subject, KIND) if _is_at_provider(one)]
        for effect in sent:
            now = await self._gateway.refund_status(effect.key, effect.reference)
            if now.status is EffectStatus.DONE and effect.key == state.open_refund:
                state = await self._arrived(state, effect, step.at)
            elif now.status is EffectStatus.FAILED:
                state = await self._came_back(state, effect, now.failure, step.at)
        return state

    async def _arrived(
        self, state: DisputeState, effect: EffectRecord, at: datetime
    ) -> DisputeState:
        after = settling.refund_arrived(state)
        async with self._database.transaction() as tx:
            await tx.funds.finish(effect.key, "done")
            facts: Facts = {"key": effect.key}
            await tx.story.tell_dispute(after, Event("dispute.refund_arrived", at, facts=facts))
        return after

    async def _came_back(
        self, state: DisputeState, effect: EffectRecord, code: str, at: datetime
    ) -> DisputeState:
        why = Parked("dispute.pay", f"the refund came back: {code}", effect.key, at)
        after = settling.refund_came_back(state, effect.amount, why)
        async with self._database.transaction() as tx:
            await post_return(tx, self._gateway.name, effect, code, effect.subject, at)
            await _tell_parked(tx, after, Event("dispute.refund_came_back", at, facts=_why(why)))
        log.warning("dispute.refund_came_back", key=effect.key, code=code)
        return after

    @activity.defn(name="dispute.care")
    async def care(self, request: CareForPayment) -> str:
        """News of a refund after its dispute has ended: one that came back is a person's task."""
        async with self._database.transaction() as tx:
            subject = dispute_workflow_id(request.subject)
            sent = [one for one in await tx.funds.of(subject, KIND) if _is_at_provider(one)]
        for effect in sent:
            now = await self._gateway.refund_status(effect.key, effect.reference)
            if now.status is not EffectStatus.FAILED:
                continue
            async with self._database.transaction() as tx:
                process = f"aftercare/{subject}"
                await post_return(tx, self._gateway.name, effect, now.failure, process, request.at)
                words = "a refund came back after its dispute had ended: find another way to pay it"
                facts: Facts = {"key": effect.key, "reason": now.failure}
                await tx.story.alarm("refund_came_back", subject, words, request.at, facts)
            log.warning("aftercare.refund_returned", key=effect.key)
            return "refund_came_back"
        return "nothing_to_do"

    def _owed(self, state: DisputeState, at: datetime) -> Owed:
        subject = dispute_workflow_id(state.dispute)
        return Owed(
            payer=Payer(subject, state.currency),
            intent=state.intent,
            amount=state.to_pay,
            key=money_key(subject, "refund", state.refunds + 1),
            process=subject,
            at=at,
        )


def _is_at_provider(effect: EffectRecord) -> bool:
    return effect.state in ("done", "pending") and not effect.reference.startswith(BY_HAND)


def _verdict_key(state: DisputeState) -> str:
    """One verdict, and one more if an appeal overturns it: named by the state it was posted for."""
    return money_key(dispute_workflow_id(state.dispute), "verdict", state.version)


async def _freed(
    tx: Transaction, funds: OrderFunds, state: DisputeState, at: datetime
) -> OrderFunds:
    """What was held for the dispute is held no longer."""
    if not state.held:
        return funds
    subject = dispute_workflow_id(state.dispute)
    amount = 0
    for hold in await tx.funds.standing_holds(subject, state.order):
        amount += await tx.funds.lift_hold(hold, state.order, subject, at)
    freed = funds.without_hold(amount)
    await tx.funds.put(freed)
    return freed


async def _posted(
    tx: Transaction, funds: OrderFunds, step: DisputeStep, record: DisputeRecord
) -> tuple[int, Posting | None]:
    """Post what the verdict gives (negative: what an appeal takes back), with its entry."""
    verdict, awarded = step.state.verdict, step.state.awarded
    if verdict is None:
        return 0, None
    had = awarded + step.state.netted
    if verdict.basis is Basis.APPEAL and (back := min(awarded, had - verdict.amount)) > 0:
        return await _made_good(tx, funds, step, back), None
    award = postings.award_of(verdict, had, funds.refundable)
    if not award.amount:
        return 0, None
    sources = await sources_of(tx, funds)
    plan, abroad = await exchange.recovered(tx, funds, postings.planned(award, sources), sources)
    share = funds.share_of_refund(award.amount)
    others = award.others_pay
    await tx.funds.put(funds.with_refund(award.amount, plan, share, abroad, contributed=others))
    of = Parties(record.dispute, record.order, record.seller, record.carrier)
    entry = _entry(step, "dispute_verdict", postings.verdict_legs(of, award, plan, share))
    await tx.ledger.post(entry)
    await exchange.post_recovered(tx, funds, abroad, entry)
    return award.amount, entry


async def _made_good(tx: Transaction, funds: OrderFunds, step: DisputeStep, amount: int) -> int:
    """The buyer has the money already: the platform pays the seller what is theirs after all."""
    terms = (await tx.orders.get(funds.order)).terms
    plan = plan_release(
        amount,
        released=funds.released,
        total=funds.total,
        commission=funds.commission,
        reserve_bp=0,
    )
    plan = await exchange.released(tx, terms, funds, plan, step.at)
    await tx.funds.put(funds.made_good(plan))
    entry = _entry(step, "dispute_overturned", postings.made_good(funds.seller, plan))
    await tx.ledger.post(entry)
    await exchange.post_released(tx, funds, plan, entry)
    return -amount


def _entry(step: DisputeStep, kind: str, legs: tuple[Leg, ...]) -> Posting:
    state = step.state
    process = dispute_workflow_id(state.dispute)
    return Posting(_verdict_key(state), kind, process, state.currency, step.at, legs)


def _settled_event(after: DisputeState, given: int, at: datetime) -> Event:
    facts: dict[str, str | int] = {
        "order": after.order,
        "amount": after.awarded,
        "change": given,
        "currency": after.currency,
        "outcome": str(after.outcome),
    }
    if after.verdict is not None:
        facts |= {"basis": str(after.verdict.basis), "platform": after.verdict.platform}
        facts["carrier"] = after.verdict.carrier
    if after.stage is Stage.APPEALABLE:
        facts["appeal_by"] = min(clock.due_at for clock in after.clocks).isoformat()
    return Event("dispute.settled", at, facts=facts)


def _why(parked: Parked) -> Facts:
    return {"key": parked.tried, "reason": parked.reason}


async def _tell_parked(tx: Transaction, after: DisputeState, event: Event) -> None:
    subject = dispute_workflow_id(after.dispute)
    reason = after.parked.reason if after.parked else ""
    await tx.story.alarm("parked", subject, reason, event.at, event.facts)
    await tx.story.tell_dispute(after, event)
