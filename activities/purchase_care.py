"""What is done about news of a purchase's payment after the purchase has ended."""

from datetime import datetime

import structlog
from temporalio import activity

from activities.purchase_requests import CaredFor
from activities.requests import CareForPayment
from adapters.errors import Rejected
from adapters.payment.port import Effect, EffectStatus, Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, purchase_workflow_id
from domain.ledger import Leg, Posting
from domain.money import Money
from domain.order import postings
from domain.purchase.money import owner
from domain.purchase.state import PurchaseState, Stage
from persistence.port import Database, EffectRecord, Event, Transaction

log = structlog.get_logger()


class PurchaseCareActivities:
    """Gives back, whole, what arrived for a purchase that nobody waits for any more."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="purchase.care")
    async def care(self, request: CareForPayment) -> CaredFor:
        """Look at the payment of an ended purchase; returns what was done, and who must hear.

        Money for a purchase that closed unpaid goes back in full, in one refund. News of one that
        was paid is its orders': each looks at its own.
        """
        async with self._database.transaction() as tx:
            state = await tx.purchases.state(request.subject)
            subject = purchase_workflow_id(request.subject)
            sent = await tx.funds.of(subject, "late_refund")
        if state is None:
            return CaredFor("unknown")
        if state.stage in (Stage.AWAITING_PAYMENT, Stage.PAID):
            return CaredFor("forwarded", tuple(share.order for share in state.shares))
        done: list[str] = []
        if state.intent:
            intent = await self._gateway.look(state.intent)
            if intent.status is IntentStatus.CAPTURED and intent.captured.minor:
                done.append(await self._give_back(state, intent, request.at))
        done += [
            "refund_came_back"
            for refund in sent
            if refund.state in ("done", "pending") and await self._has_come_back(refund, request.at)
        ]
        return CaredFor(", ".join(done) or "nothing_to_do")

    async def _give_back(self, state: PurchaseState, intent: Intent, at: datetime) -> str:
        subject, whose = purchase_workflow_id(state.purchase), owner(state.purchase)
        key = money_key(subject, "late-refund", 1)
        gross, name = intent.captured.minor, self._gateway.name
        async with self._database.transaction() as tx:
            effect = await tx.funds.ask(
                EffectRecord(key, "late_refund", subject, name, state.currency, gross, at)
            )
            received = postings.received_unapplied(name, whose, gross, intent.fee.minor)
            reserved = postings.unapplied_refund_reserved(whose, gross)
            await _post(tx, effect, f"{subject}/late/{intent.reference}", at, received)
            await _post(tx, effect, f"{key}/reserved", at, reserved)
        if effect.state != "asked":
            return "late_refund_refused" if effect.state == "failed" else "late_payment_refunded"
        sent = await self._sent(effect, intent)
        if sent.status is EffectStatus.FAILED:
            await self._kept(effect, sent.failure, at)
            return "late_refund_refused"
        is_done = sent.status is EffectStatus.DONE
        async with self._database.transaction() as tx:
            settled = postings.refund_settled(name, whose, gross)
            await _post(tx, effect, f"{key}/settled", at, settled)
            await tx.funds.finish(key, "done" if is_done else "pending", sent.reference)
            await tx.story.clear("amount_differs", subject, at)
            facts: dict[str, str | int] = {"amount": gross, "currency": state.currency}
            event = Event("purchase.late_payment_refunded", at, facts=facts)
            await tx.story.tell_purchase(state, event)
        log.info("purchase.refunded", purchase=state.purchase, minor=gross)
        return "late_payment_refunded"

    async def _sent(self, effect: EffectRecord, intent: Intent) -> Effect:
        amount = Money(effect.amount, effect.currency)
        try:
            return await self._gateway.refund(
                effect.key, effect.subject, intent.reference, amount, again=not effect.is_new
            )
        except Rejected as no:
            return Effect(effect.key, "", EffectStatus.FAILED, amount, no.code)

    async def _kept(self, effect: EffectRecord, code: str, at: datetime) -> None:
        """The provider's final no: the money is unapplied again, and a person is told."""
        async with self._database.transaction() as tx:
            reserved = await tx.ledger.entry(f"{effect.key}/reserved")
            if reserved is not None:
                kind = "late_refund_reversed"
                await tx.ledger.post(reserved.reversed(f"{effect.key}/reversed", kind, at))
            await tx.funds.finish(effect.key, "failed", failure=code)
            words = "money that came too late could not be given back: find another way"
            await _call(tx, "late_refund_refused", effect, words, code, at)
        log.warning("purchase.refund_refused", key=effect.key, code=code)

    async def _has_come_back(self, refund: EffectRecord, at: datetime) -> bool:
        now = await self._gateway.refund_status(refund.key, refund.reference)
        async with self._database.transaction() as tx:
            if now.status is EffectStatus.DONE and refund.state == "pending":
                await tx.funds.finish(refund.key, "done")
            if now.status is not EffectStatus.FAILED:
                return False
            legs = postings.unapplied_refund_returned(
                self._gateway.name, refund.subject, refund.amount
            )
            await _post(tx, refund, f"{refund.key}/returned", at, legs)
            await tx.funds.finish(refund.key, "failed", failure=now.failure)
            words = "a refund came back after its purchase had ended: find another way to pay it"
            await _call(tx, "refund_came_back", refund, words, now.failure, at)
        log.warning("purchase.refund_returned", key=refund.key)
        return True


async def _post(
    tx: Transaction, effect: EffectRecord, key: str, at: datetime, legs: tuple[Leg, ...]
) -> None:
    kind = "late_refund" if key.startswith(effect.key) else "unapplied_receipt"
    await tx.ledger.post(
        Posting(key, kind, f"aftercare/{effect.subject}", effect.currency, at, legs)
    )


async def _call(
    tx: Transaction, kind: str, effect: EffectRecord, words: str, code: str, at: datetime
) -> None:
    facts: dict[str, str | int] = {"key": effect.key, "reason": code}
    await tx.story.alarm(kind, effect.subject, words, at, facts)
