"""What is done about facts that come after their process has ended."""

from datetime import datetime

import structlog
from temporalio import activity

from activities.refund import BY_HAND, post_return
from activities.requests import CallOperator, CareForPayment
from adapters.errors import Rejected
from adapters.payment.port import Effect, EffectStatus, Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, order_workflow_id
from domain.ledger import Leg, Posting
from domain.money import Money
from domain.order import postings
from domain.order.state import OrderState, Payment
from persistence.port import Database, EffectRecord, Event, Transaction

log = structlog.get_logger()


class AftercareActivities:
    """Gives back what arrived too late, and says when a refund came back too late."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway

    @activity.defn(name="aftercare.payment")
    async def payment(self, request: CareForPayment) -> str:
        """Look at the payment and the refunds of an ended order; returns what was done.

        Money for an order that closed unpaid goes back in full; a refund that came back after
        the end puts the money where it stood and raises an alarm: a person finds another way.
        """
        async with self._database.transaction() as tx:
            state = await tx.orders.state(request.subject)
            sent = [
                effect
                for kind in ("refund", "late_refund")
                for effect in await tx.funds.of(order_workflow_id(request.subject), kind)
                if not effect.reference.startswith(BY_HAND)
            ]
        if state is None:
            return "unknown"
        done: list[str] = []
        if state.payment is Payment.NEVER_PAID and state.intent:
            intent = await self._gateway.look(state.intent)
            if intent.status is IntentStatus.CAPTURED and intent.captured.minor:
                done.append(await self._give_back(state, intent, request))
        done += [
            "refund_came_back"
            for refund in sent
            if refund.state in ("done", "pending") and await self._has_come_back(refund, request)
        ]
        return ", ".join(done) or "nothing_to_do"

    @activity.defn(name="aftercare.call_operator")
    async def call_operator(self, request: CallOperator) -> None:
        """Raise an alarm: late news could not be cared for, and is tried again."""
        async with self._database.transaction() as tx:
            await tx.story.alarm("aftercare_failed", request.subject, request.reason, request.at)
        log.warning("aftercare.failed", subject=request.subject)

    async def _give_back(self, state: OrderState, intent: Intent, request: CareForPayment) -> str:
        subject = order_workflow_id(state.order)
        key = money_key(subject, "late-refund", 1)
        gross, name = intent.captured.minor, self._gateway.name
        async with self._database.transaction() as tx:
            effect = await tx.funds.ask(
                EffectRecord(key, "late_refund", subject, name, state.currency, gross, request.at)
            )
            received = postings.received_unapplied(name, state.order, gross, intent.fee.minor)
            for step, legs in (
                (f"{subject}/late/{intent.reference}", received),
                (f"{key}/reserved", postings.unapplied_refund_reserved(state.order, gross)),
            ):
                await tx.ledger.post(_entry(state, step, request, legs))
        if effect.state != "asked":
            return "late_refund_refused" if effect.state == "failed" else "late_payment_refunded"
        amount = Money(gross, state.currency)
        try:
            sent = await self._gateway.refund(
                key, subject, intent.reference, amount, again=not effect.is_new
            )
        except Rejected as no:
            sent = Effect(key, "", EffectStatus.FAILED, amount, no.code)
        if sent.status is EffectStatus.FAILED:
            await self._kept(key, subject, sent.failure, request)
            return "late_refund_refused"
        settled = postings.refund_settled(name, state.order, gross)
        is_done = sent.status is EffectStatus.DONE
        async with self._database.transaction() as tx:
            await tx.ledger.post(_entry(state, f"{key}/settled", request, settled))
            await tx.funds.finish(key, "done" if is_done else "pending", sent.reference)
            facts: dict[str, str | int] = {"amount": gross, "currency": state.currency}
            await tx.story.tell(
                state, Event("order.late_payment_refunded", request.at, facts=facts)
            )
        log.info("aftercare.refunded", order=state.order, minor=gross)
        return "late_payment_refunded"

    async def _kept(self, key: str, subject: str, code: str, request: CareForPayment) -> None:
        """The provider's final no: the money is unapplied again, and a person is told."""
        async with self._database.transaction() as tx:
            reserved = await tx.ledger.entry(f"{key}/reserved")
            if reserved is not None:
                await tx.ledger.post(
                    reserved.reversed(f"{key}/reversed", "late_refund_reversed", request.at)
                )
            await tx.funds.finish(key, "failed", failure=code)
            facts: dict[str, str | int] = {"key": key, "reason": code}
            words = "money that came too late could not be given back: find another way"
            await tx.story.alarm("late_refund_refused", subject, words, request.at, facts)
        log.warning("aftercare.refund_refused", key=key, code=code)

    async def _has_come_back(self, refund: EffectRecord, request: CareForPayment) -> bool:
        now = await self._gateway.refund_status(refund.key, refund.reference)
        if now.status is EffectStatus.DONE and refund.state == "pending":
            async with self._database.transaction() as tx:
                await tx.funds.finish(refund.key, "done")
        if now.status is not EffectStatus.FAILED:
            return False
        async with self._database.transaction() as tx:
            if refund.kind == "late_refund":
                await self._post_late_return(tx, refund, now.failure, request.at)
            else:
                await post_return(tx, self._gateway.name, refund, now.failure, request.at)
            facts: dict[str, str | int] = {"key": refund.key, "reason": now.failure}
            await tx.story.alarm(
                "refund_came_back",
                refund.subject,
                "a refund came back after its order had ended: find another way to pay it",
                request.at,
                facts,
            )
        log.warning("aftercare.refund_returned", key=refund.key)
        return True

    async def _post_late_return(
        self, tx: Transaction, refund: EffectRecord, code: str, at: datetime
    ) -> None:
        """Late money that came back is unapplied again; no order's funds are concerned."""
        legs = postings.unapplied_refund_returned(
            self._gateway.name, refund.subject.removeprefix("order/"), refund.amount
        )
        await tx.ledger.post(
            Posting(
                f"{refund.key}/returned",
                "late_refund_returned",
                f"aftercare/{refund.subject}",
                refund.currency,
                at,
                legs,
            )
        )
        await tx.funds.finish(refund.key, "failed", failure=code)


def _entry(state: OrderState, key: str, request: CareForPayment, legs: tuple[Leg, ...]) -> Posting:
    kind = "late_refund" if "late-refund" in key else "unapplied_receipt"
    return Posting(key, kind, f"aftercare/order/{state.order}", state.currency, request.at, legs)
