"""What is done about facts that come after their process has ended."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.aftercare import AftercareActivities
    from activities.dispute_money import DisputeMoneyActivities
    from activities.payout import PayoutActivities
    from activities.repayment import RepaymentActivities
    from activities.requests import CallOperator, CareForPayment
    from activities.shipment import ShipmentActivities
    from workflows._kit.insistence import insisting
    from workflows._kit.mailbox import Mailbox
    from workflows._kit.options import PROVIDER, RECORD, summed_up
    from workflows.aftercare.messages import LateFact
    from workflows.aftercare.purchases import cared_for

_OF_PARCELS: Final = frozenset({"tracker.created", "tracker.updated", "sweep.parcel"})


@workflow.defn(name="aftercare")
class AftercareWorkflow:
    """Hears late facts of one object, each once, and ends when there are no more.

    Started by the first of them (signal-with-start, id "aftercare/{object}"); a later one starts
    it anew.
    """

    @workflow.init
    def __init__(self, subject: str) -> None:
        """Begin with nothing heard."""
        self._subject = subject
        self._mail: Mailbox[str] = Mailbox()
        self._done: list[str] = []

    @workflow.run
    async def run(self, subject: str) -> list[str]:
        """Look at the truth once per fact; returns what was done."""
        while self._mail:
            fact = self._mail.next().message
            if isinstance(fact, LateFact):
                self._done.append(await self._cared_for(fact))
                workflow.set_current_details(
                    f"Late news of `{subject}`:\n\n" + "\n".join(f"- {word}" for word in self._done)
                )
        return self._done

    async def _cared_for(self, fact: LateFact) -> str:
        return await insisting(lambda: self._look(fact), lambda why: self._call(fact, why))

    async def _call(self, fact: LateFact, reason: str) -> None:
        await workflow.execute_activity_method(
            AftercareActivities.call_operator,
            CallOperator(fact.subject, fact.received_at, reason),
            **summed_up(RECORD, "Show that an operator is needed"),
        )

    async def _look(self, fact: LateFact) -> str:
        kind, _, name = fact.subject.partition("/")
        if kind == "payout":
            return await workflow.execute_activity_method(
                PayoutActivities.care,
                CareForPayment(name, fact.received_at),
                **summed_up(PROVIDER, "A payout has news after its end"),
            )
        if kind == "dispute":
            return await workflow.execute_activity_method(
                DisputeMoneyActivities.care,
                CareForPayment(name, fact.received_at),
                **summed_up(PROVIDER, "A refund has news after its dispute's end"),
            )
        if kind == "repayment":
            return await workflow.execute_activity_method(
                RepaymentActivities.care,
                CareForPayment(name, fact.received_at),
                **summed_up(PROVIDER, "A repayment has news after its end"),
            )
        if fact.kind in _OF_PARCELS:
            return await workflow.execute_activity_method(
                ShipmentActivities.arrived_late,
                CareForPayment(name, fact.received_at),
                **summed_up(RECORD, "A parcel has arrived after its order's end"),
            )
        if kind == "purchase":
            return await cared_for(name, fact)
        return await workflow.execute_activity_method(
            AftercareActivities.payment,
            CareForPayment(name, fact.received_at, fact.kind),
            **summed_up(PROVIDER, "A payment has news after its order's end"),
        )

    @workflow.signal(description="A provider's message about something that has ended.")
    def fact_arrived(self, fact: LateFact) -> None:
        """Written down, once per event."""
        self._mail.note(fact.event_id, fact, fact.received_at)
