"""A chargeback's steps: freeze each order's share, answer the bank once, post its verdict.

The provider has acted before we hear of it, so each step looks there first and then posts what is
new, in one transaction under the locks of the payment and its orders.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from temporalio import activity

from activities import exchange
from activities.chargeback_heard import heard
from activities.chargeback_papers import evidence_of, packet_of
from activities.chargeback_requests import ChargebackStep, Heard
from activities.refund import sources_of
from adapters.documents.port import Press
from adapters.payment.port import BankDispute, BankStatus, PaymentGateway
from domain.chargeback import money, moves
from domain.chargeback.state import ChargebackEvent, ChargebackState, Slice, Stage
from domain.ids import (
    chargeback_workflow_id,
    dispute_workflow_id,
    held_again,
    order_workflow_id,
)
from domain.ledger import Leg, Posting
from domain.order import postings
from domain.order.money import OrderFunds
from persistence.chargebacks.port import PaperDesk
from persistence.disputes.port import Deed
from persistence.port import Database, Event, Facts, Transaction

log = structlog.get_logger()
_VERDICTS = {
    BankStatus.WON: ChargebackEvent.WON,
    BankStatus.LOST: ChargebackEvent.LOST,
    BankStatus.CLOSED: ChargebackEvent.CLOSED,
}


class ChargebackActivities:
    """Follows what a cardholder's bank does with a payment."""

    def __init__(
        self, database: Database, gateway: PaymentGateway, papers: PaperDesk, press: Press
    ) -> None:
        """Post to *database* what *gateway* says is true; *press* sets what *papers* has."""
        self._press = press
        self._database = database
        self._gateway = gateway
        self._papers = papers

    @activity.defn(name="chargeback.open")
    async def open(self, step: ChargebackStep) -> Heard:
        """Put a chargeback on record and freeze each order's share of it, all or nothing.

        What escrow has no longer, the platform stands in for; no refund can give it back once more.
        """
        subject = chargeback_workflow_id(step.state.chargeback)
        bank = await self._gateway.chargeback(step.state.chargeback, subject)
        async with self._database.transaction() as tx:
            state = await _known(tx, step, bank)
            await _lock_payment(tx, state)
            # Looked for under the lock: another run of this very step may have done it.
            shown = await tx.chargebacks.state(state.chargeback)
            if shown is not None:
                return await heard(tx, shown)
            slices = await _shares(tx, state)
            for one in slices:
                await _freeze(tx, state, one, step.at)
            await tx.chargebacks.concern(state.chargeback, slices)
            if bank.taken.minor:
                state = await self._taken(tx, state, bank, step.at)
            after = moves.opened(state, slices)
            await tx.story.tell_chargeback(after, _event(after, "opened", step))
            await _tell_orders(tx, after, "opened", step.at)
            if not slices:
                words = "a chargeback takes money that no order has: the platform bears it if lost"
                await tx.story.alarm("chargeback_of_no_order", subject, words, step.at)
            answer = await heard(tx, after)
        log.warning("chargeback.opened", chargeback=after.chargeback, minor=after.amount)
        return answer

    @activity.defn(name="chargeback.contest")
    async def contest(self, step: ChargebackStep) -> Heard:
        """Submit the evidence: everything that is on record, and what the sides have said."""
        state = step.state
        papers = [await self._papers.of_order(one.order) for one in state.slices]
        said = await self._papers.statements(state.chargeback)
        packet = packet_of(self._press, state, papers, said, step.at)
        bank = await self._gateway.contest(
            state.chargeback, evidence_of(state, papers, said), packet
        )
        if bank.status in _VERDICTS:
            return await self._followed(step, bank)
        async with self._database.transaction() as tx:
            if (shown := await _shown_since(tx, state)) is not None:
                return await heard(tx, shown)
            after = moves.contested(state, step.at)
            facts: Facts = {"orders": len(papers), "statements": len(said), "bytes": len(packet)}
            event = Event("chargeback.contested", step.at, step.actor, facts)
            await tx.story.tell_chargeback(after, event)
            if step.actor:
                await _decided_by(tx, after, "contest", step)
        log.info("chargeback.contested", chargeback=after.chargeback)
        return Heard(after)

    @activity.defn(name="chargeback.concede")
    async def concede(self, step: ChargebackStep) -> Heard:
        """Give it up: somebody has said that it is not worth an answer, or that the buyer is right.

        The verdict is the bank's all the same, and posted as any other.
        """
        state = step.state
        async with self._database.transaction() as tx:
            if (shown := await _shown_since(tx, state)) is not None:
                state = shown
            else:
                state = moves.conceded(state, step.actor)
                event = _event(state, "conceded", step)
                await tx.story.tell_chargeback(state, event)
                await _decided_by(tx, state, "concede", step)
        bank = await self._gateway.concede(state.chargeback)
        return await self._followed(replace(step, state=state), bank)

    @activity.defn(name="chargeback.follow")
    async def follow(self, step: ChargebackStep) -> Heard:
        """See how it stands with the bank, and post what is new."""
        bank = await self._gateway.chargeback(step.state.chargeback)
        return await self._followed(step, bank)

    async def _followed(self, step: ChargebackStep, bank: BankDispute) -> Heard:
        state = step.state
        async with self._database.transaction() as tx:
            await _locked(tx, state)
            if (shown := await _shown_since(tx, state)) is not None:
                return await heard(tx, shown)
            if not state.is_open:
                return await heard(tx, state)
            after = await self._caught_up(tx, step, bank)
            verdict = _verdict(bank)
            if verdict is not None:
                kept = _kept(after, bank, verdict)
                after = await self._decided(tx, replace(step, state=after), verdict, kept)
            answer = await heard(tx, after)
        log.info("chargeback.followed", chargeback=after.chargeback, stage=str(after.stage))
        return answer

    async def _caught_up(
        self, tx: Transaction, step: ChargebackStep, bank: BankDispute
    ) -> ChargebackState:
        """The bank may have turned an inquiry into a chargeback, and ask for evidence anew."""
        state = step.state
        if bank.taken.minor and not state.taken:
            state = await self._taken(tx, state, bank, step.at)
        if state.stage is Stage.UNDER_REVIEW and bank.status is BankStatus.NEEDS_RESPONSE:
            state = moves.asked_again(state, step.at)
            await tx.story.tell_chargeback(state, _event(state, "asked_again", step))
        elif state.taken != step.state.taken:
            state = replace(state, version=state.version + 1)
            await tx.story.tell_chargeback(state, _event(state, "money_taken", step))
        return state

    async def _taken(
        self, tx: Transaction, state: ChargebackState, bank: BankDispute, at: datetime
    ) -> ChargebackState:
        amount, fee = bank.taken.minor, bank.fee.minor
        legs = money.taken(self._gateway.name, state.chargeback, amount, fee)
        await tx.ledger.post(_entry(state, "taken", at, legs))
        return moves.taken(state, fee, bank.respond_by)

    async def _decided(
        self, tx: Transaction, step: ChargebackStep, verdict: ChargebackEvent, kept: int
    ) -> ChargebackState:
        """Take from each order its part of what the buyer keeps; the rest is as it was."""
        state, subject = step.state, chargeback_workflow_id(step.state.chargeback)
        parts, borne = money.parted(state, kept)
        for one, part in zip(state.slices, parts, strict=True):
            funds = await freed(tx, state, one, step.at)
            if part:
                is_whole = kept == state.amount
                await charge(
                    tx, state, replace(one, amount=part), funds, step.at, is_whole=is_whole
                )
        if borne:
            legs = money.borne(state.chargeback, borne)
            await tx.ledger.post(_entry(state, "borne", step.at, legs))
        if borne and state.slices:
            words = "the buyer has had from us what their bank has given them again: talk to both"
            facts: Facts = {"amount": borne, "currency": state.currency}
            await tx.story.alarm("claim_beyond_payment", subject, words, step.at, facts)
        await _payment_has_it_again(tx, state, sum(one.amount for one in state.slices) - sum(parts))
        if state.taken and kept < state.amount:
            legs = money.given_back(self._gateway.name, state.chargeback, state.amount - kept)
            await tx.ledger.post(_entry(state, "given_back", step.at, legs))
        after = moves.decided(state, verdict, step.at, kept)
        await tx.story.tell_chargeback(after, _event(after, str(verdict), step))
        await _tell_orders(tx, after, str(verdict), step.at)
        await tx.story.clear("chargeback_of_no_order", subject, step.at)
        return after


async def _decided_by(
    tx: Transaction, state: ChargebackState, action: str, step: ChargebackStep
) -> None:
    """Who decided it and why stays on record, whatever the bank says."""
    facts: Facts = {"amount": state.amount, "currency": state.currency}
    deed = Deed(action, step.actor, step.at, step.reason, facts)
    await tx.chargebacks.did(state.chargeback, state.version, deed)


def _verdict(bank: BankDispute) -> ChargebackEvent | None:
    """What the bank has decided; for us only once the money is back as well."""
    if bank.status is BankStatus.WON and bank.taken.minor:
        return None
    return _VERDICTS.get(bank.status)


def _kept(state: ChargebackState, bank: BankDispute, verdict: ChargebackEvent) -> int:
    """What of the claim the buyer keeps: what the provider has taken and not given back."""
    if verdict is not ChargebackEvent.LOST:
        return 0
    return min(state.amount, bank.taken.minor) if state.taken else state.amount


async def _known(tx: Transaction, step: ChargebackStep, bank: BankDispute) -> ChargebackState:
    """What the provider says of it, and whose payment it is."""
    payment = await tx.chargebacks.payment_of(bank.intent)
    kind, _, name = payment.partition("/")
    buyer = ""
    if kind == "purchase":
        buyer = (await tx.purchases.get(name)).buyer
    elif name:
        buyer = (await tx.orders.get(name)).buyer
    return replace(
        step.state,
        payment=payment,
        buyer=buyer,
        currency=bank.amount.currency,
        amount=bank.amount.minor,
        reason=bank.reason,
        source=bank.source,
        is_inquiry=bank.is_inquiry,
        respond_by=bank.respond_by,
        answer_by=moves.answer_by(bank.respond_by, step.at),
    )


async def _shares(tx: Transaction, state: ChargebackState) -> tuple[Slice, ...]:
    """What of it each order has: of a shared payment pro rata to what is left of it."""
    kind, _, name = state.payment.partition("/")
    if kind == "order":
        funds = await tx.funds.locked(name)
        amount = min(state.amount, funds.left_of_buyer)
        return (money.share_of(name, funds.seller, amount, funds),) if amount > 0 else ()
    if kind != "purchase":
        return ()
    payment = await tx.purchases.locked(name)
    amount = min(state.amount, payment.refundable)
    if amount <= 0:
        return ()
    parts = await tx.purchases.charge_back(state.chargeback, name, amount)
    await tx.purchases.put(replace(payment, charged_back=payment.charged_back + amount))
    found: list[Slice] = []
    for order in sorted(parts):
        if parts[order]:
            funds = await tx.funds.locked(order)
            found.append(money.share_of(order, funds.seller, parts[order], funds))
    return tuple(found)


async def _freeze(tx: Transaction, state: ChargebackState, share: Slice, at: datetime) -> None:
    funds = await tx.funds.locked(share.order)
    if share.held:
        name = chargeback_workflow_id(state.chargeback)
        await tx.funds.place_hold(name, share.order, share.held, "chargeback", "bank", at)
    await tx.funds.put(money.frozen(funds, share))


async def freed(tx: Transaction, state: ChargebackState, share: Slice, at: datetime) -> OrderFunds:
    """The order's money as if the bank had never asked."""
    funds = await tx.funds.locked(share.order)
    held = 0
    if share.held:
        name = chargeback_workflow_id(state.chargeback)
        held = await tx.funds.lift_hold(name, share.order, "bank", at)
    funds = money.freed(funds, share, held)
    await tx.funds.put(funds)
    return funds


async def charge(
    tx: Transaction,
    state: ChargebackState,
    share: Slice,
    funds: OrderFunds,
    at: datetime,
    *,
    is_whole: bool = True,
) -> None:
    """The order's part is gone: escrow first, then as a later refund would be recovered.

    What a dispute of the same order still holds is let go: the buyer has their money by the bank.
    Where they have a part of it only, the dispute goes on, and what is left is held for it again.
    """
    let_go: list[tuple[str, int]] = []
    if share.amount > funds.releasable:
        for one in await tx.disputes.open_of(share.order):
            name = dispute_workflow_id(one.dispute)
            amount = 0
            for hold in await tx.funds.standing_holds(name, share.order):
                amount += await tx.funds.lift_hold(hold, share.order, "bank", at)
            funds = funds.without_hold(amount)
            let_go.append((name, amount))
    sources = await sources_of(tx, funds)
    plan = postings.plan_refund(share.amount, sources)
    plan, abroad = await exchange.recovered(tx, funds, plan, sources)
    legs = money.lost(state.chargeback, share.order, share.seller, plan)
    key = f"{chargeback_workflow_id(state.chargeback)}/lost/{share.order}"
    process = order_workflow_id(share.order)
    entry = Posting(key, "chargeback_lost", process, state.currency, at, legs)
    await tx.ledger.post(entry)
    await exchange.post_recovered(tx, funds, abroad, entry)
    after = money.charged_back(funds, plan, abroad)
    for name, amount in () if is_whole else let_go:
        if held := min(amount, after.releasable):
            again = held_again(name, state.chargeback)
            await tx.funds.place_hold(again, share.order, held, "dispute", "bank", at)
            after = after.with_hold(held)
    await tx.funds.put(after)


async def _payment_has_it_again(tx: Transaction, state: ChargebackState, total: int) -> None:
    kind, _, name = state.payment.partition("/")
    if kind == "purchase" and total:
        payment = await tx.purchases.locked(name)
        await tx.purchases.put(replace(payment, charged_back=payment.charged_back - total))


async def _lock_payment(tx: Transaction, state: ChargebackState) -> None:
    """The row that decides between two steps about one payment."""
    kind, _, name = state.payment.partition("/")
    if kind == "purchase":
        await tx.purchases.locked(name)
    elif name:
        await tx.funds.locked(name)


async def _locked(tx: Transaction, state: ChargebackState) -> None:
    """The payment first, then its orders, in one order for everybody."""
    await _lock_payment(tx, state)
    for one in sorted(state.slices, key=lambda share: share.order):
        await tx.funds.locked(one.order)


async def _shown_since(tx: Transaction, state: ChargebackState) -> ChargebackState | None:
    """What an earlier run of this very step has come to, as `activities.order` has it."""
    shown = await tx.chargebacks.state(state.chargeback)
    return shown if shown is not None and shown.version > state.version else None


async def _tell_orders(tx: Transaction, state: ChargebackState, what: str, at: datetime) -> None:
    """In each order's own timeline; its seller gets a letter."""
    for one in state.slices:
        order = await tx.orders.state(one.order)
        if order is not None:
            facts: Facts = {
                "chargeback": state.chargeback,
                "amount": one.amount,
                "currency": state.currency,
                "reason": state.reason,
                "answer_by": state.answer_by.isoformat() if state.answer_by else "",
            }
            part = await tx.chargebacks.number(state.chargeback, one.order)
            event = Event(f"order.chargeback_{what}", at, facts=facts, part=part)
            await tx.story.tell(order, event)


def _event(state: ChargebackState, what: str, step: ChargebackStep) -> Event:
    facts: dict[str, str | int] = {
        "payment": state.payment,
        "amount": state.amount,
        "currency": state.currency,
    }
    if step.reason:
        facts["reason"] = step.reason
    return Event(f"chargeback.{what}", step.at, step.actor, facts)


def _entry(state: ChargebackState, what: str, at: datetime, legs: Sequence[Leg]) -> Posting:
    subject = chargeback_workflow_id(state.chargeback)
    return Posting(
        f"{subject}/{what}", f"chargeback_{what}", subject, state.currency, at, tuple(legs)
    )
