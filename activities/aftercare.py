"""What is done about facts that come after their process has ended."""

import structlog
from temporalio import activity

from activities import returns
from activities.refund import BY_HAND, post_return
from activities.requests import CallOperator, CareForPayment
from activities.returns import Owed, Returns, keep_apart, payer_of
from adapters.payment.port import EffectStatus, Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, order_workflow_id
from domain.order.state import OrderState, Payment
from persistence.port import Database, EffectRecord, Event

FRAUD_KINDS = ("radar.", "review.", "sweep.fraud")
log = structlog.get_logger()


class AftercareActivities:
    """Gives back what arrived too late, and says when a refund came back too late."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

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
        subject = order_workflow_id(state.order)
        late = [(other, f"{subject}/late-refund/{other}") for other in state.others]
        if state.payment is Payment.NEVER_PAID and state.intent:
            late.insert(0, (state.intent, money_key(subject, "late-refund", 1)))
        went_back = {effect.key.rpartition("/")[2] for effect in sent}
        for intent, key in late:
            if intent not in went_back:
                done += await self._late(state, intent, key, request)
        if request.kind.startswith(FRAUD_KINDS):
            done += await self._doubted(state, request)
        done += [
            "refund_came_back"
            for refund in sent
            if refund.state in ("done", "pending") and await self._has_come_back(refund, request)
        ]
        return ", ".join(done) or "nothing_to_do"

    async def _late(
        self, state: OrderState, intent: str, key: str, request: CareForPayment
    ) -> list[str]:
        """Money of a payment that no order waits for any more goes back in full."""
        seen = await self._gateway.look(intent)
        if seen.status is not IntentStatus.CAPTURED or not seen.captured.minor:
            return []
        return [await self._give_back(state, seen, key, request)]

    async def _doubted(self, state: OrderState, request: CareForPayment) -> list[str]:
        """Reported as fraudulent after the end: nothing is left to freeze, but a person knows."""
        signs = await self._gateway.fraud_signs(state.intent)
        if not any(sign.is_open for sign in signs):
            return []
        words = "the payment of an order that has ended is reported as fraudulent"
        subject = order_workflow_id(state.order)
        async with self._database.transaction() as tx:
            await tx.story.alarm("fraud_after_end", subject, words, request.at)
        return ["fraud_reported"]

    @activity.defn(name="aftercare.call_operator")
    async def call_operator(self, request: CallOperator) -> None:
        """Raise an alarm: late news could not be cared for, and is tried again."""
        async with self._database.transaction() as tx:
            await tx.story.alarm("aftercare_failed", request.subject, request.reason, request.at)
        log.warning("aftercare.failed", subject=request.subject)

    async def _give_back(
        self, state: OrderState, intent: Intent, key: str, request: CareForPayment
    ) -> str:
        subject = order_workflow_id(state.order)
        process = f"aftercare/{subject}"
        gross = intent.captured.minor
        payer = payer_of(state)
        back = Owed(payer, intent.reference, gross, key, process, request.at)
        async with self._database.transaction() as tx:
            await keep_apart(tx, self._gateway.name, payer, intent, process, request.at)
            effect = await self._returns.reserve(tx, back)
        if not await self._returns.carry_out(back, effect):
            return "late_refund_refused"
        facts: dict[str, str | int] = {"amount": gross, "currency": state.currency}
        async with self._database.transaction() as tx:
            await tx.story.tell(
                state, Event("order.late_payment_refunded", request.at, facts=facts)
            )
        log.info("aftercare.refunded", order=state.order, minor=gross)
        return "late_payment_refunded"

    async def _has_come_back(self, refund: EffectRecord, request: CareForPayment) -> bool:
        now = await self._gateway.refund_status(refund.key, refund.reference)
        if now.status is EffectStatus.DONE and refund.state == "pending":
            async with self._database.transaction() as tx:
                await tx.funds.finish(refund.key, "done")
        if now.status is not EffectStatus.FAILED:
            return False
        async with self._database.transaction() as tx:
            if refund.kind == "late_refund":
                process = f"aftercare/{refund.subject}"
                name, code = self._gateway.name, now.failure
                await returns.post_return(tx, name, refund, code, process, request.at)
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
