"""What is done about news of a purchase's payment after the purchase has ended."""

import structlog
from temporalio import activity

from activities.purchase_requests import CaredFor
from activities.requests import CareForPayment
from activities.returns import Owed, Returns, keep_apart, payer_of
from adapters.payment.port import Intent, IntentStatus, PaymentGateway
from domain.ids import money_key, purchase_workflow_id
from domain.purchase.state import PurchaseState, Stage
from persistence.port import Database, Event, Facts

log = structlog.get_logger()


class PurchaseCareActivities:
    """Gives back, whole, what arrived for a purchase that nobody waits for any more."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Post to *database* what *gateway* says is true."""
        self._database = database
        self._gateway = gateway
        self._returns = Returns(database, gateway)

    @activity.defn(name="purchase.care")
    async def care(self, request: CareForPayment) -> CaredFor:
        """Look at the payments of an ended purchase; returns what was done, and who must hear.

        Money for a purchase that closed unpaid goes back in full, and so does a payment beside the
        one that paid. Other news of a purchase that was paid is its orders': each looks at its own.
        """
        async with self._database.transaction() as tx:
            state = await tx.purchases.state(request.subject)
        if state is None:
            return CaredFor("unknown")
        done: list[str] = []
        if not state.is_open:
            for reference, key in _late(state):
                done += await self._arrived(state, reference, key, request)
            subject = purchase_workflow_id(state.purchase)
            came_back = await self._returns.follow(subject, request.at)
            done += ["refund_came_back"] * came_back
        if state.is_open or state.stage is Stage.PAID:
            done.append("forwarded")
            return CaredFor(", ".join(done), tuple(share.order for share in state.shares))
        return CaredFor(", ".join(done) or "nothing_to_do")

    async def _arrived(
        self, state: PurchaseState, reference: str, key: str, request: CareForPayment
    ) -> list[str]:
        async with self._database.transaction() as tx:
            sent = await tx.funds.of(purchase_workflow_id(state.purchase), "late_refund")
        if any(effect.key != key and effect.key.endswith(f"/{reference}") for effect in sent):
            # It went back while the purchase ran, by a decision or as a second payment.
            return []
        intent = await self._gateway.look(reference)
        if intent.status is not IntentStatus.CAPTURED or not intent.captured.minor:
            return []
        return [await self._give_back(state, intent, key, request)]

    async def _give_back(
        self, state: PurchaseState, intent: Intent, key: str, request: CareForPayment
    ) -> str:
        payer, gross = payer_of(state), intent.captured.minor
        process = f"aftercare/{payer.subject}"
        back = Owed(payer, intent.reference, gross, key, process, request.at)
        async with self._database.transaction() as tx:
            await keep_apart(tx, self._gateway.name, payer, intent, process, request.at)
            effect = await self._returns.reserve(tx, back)
        if not await self._returns.carry_out(back, effect):
            return "late_refund_refused"
        facts: Facts = {"amount": gross, "currency": state.currency}
        async with self._database.transaction() as tx:
            await tx.story.clear("amount_differs", payer.subject, request.at)
            event = Event("purchase.late_payment_refunded", request.at, facts=facts)
            await tx.story.tell_purchase(state, event)
        log.info("purchase.refunded", purchase=state.purchase, minor=gross)
        return "late_payment_refunded"


def _late(state: PurchaseState) -> list[tuple[str, str]]:
    """The payments that nobody waits for any more, and under which key each goes back."""
    subject = purchase_workflow_id(state.purchase)
    late = [(other, f"{subject}/late-refund/{other}") for other in state.others]
    if state.intent and state.stage is not Stage.PAID:
        late.insert(0, (state.intent, money_key(subject, "late-refund", 1)))
    return late
