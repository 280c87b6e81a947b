"""The label of a return: bought for the buyer, used by the first scan, given back if it is not."""

import structlog
from temporalio import activity

from activities.dispute_deeds import log_deed, shown_since
from activities.dispute_requests import Act, DisputeStep
from activities.label_desk import LabelDesk
from activities.requests import BuyReturnLabel, LabelStep
from adapters.errors import Rejected
from domain.dispute import moves, settling
from domain.dispute.state import DisputeState, Sent
from domain.errors import IllegalTransition, LabelUnavailable
from domain.ids import dispute_parcel, dispute_workflow_id, money_key
from domain.shipment.labels import Label, LabelStatus
from persistence.port import Database, Event, Facts, ParcelRecord

log = structlog.get_logger()
_REFUSED = "refused"


class ReturnLabelActivities:
    """Buys and gives back, inside the steps of a dispute. Each may be repeated, killed, or lost."""

    def __init__(self, database: Database, labels: LabelDesk) -> None:
        """What *labels* sells is declared as the dispute's own parcel."""
        self._database = database
        self._labels = labels

    @activity.defn(name="dispute.buy_label")
    async def buy(self, request: Act) -> DisputeState:
        """Buy the label by which the goods go back, and let its parcel be followed.

        Refuses (`IllegalTransition`) where the policy buys none, and (`LabelUnavailable`) where no
        carrier sells one for less than the goods are worth. A purchase that the carrier finally
        declines changes one thing: the next has a key of its own.
        """
        state = request.state
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            terms = (await tx.disputes.get(state.dispute)).terms
        if terms.return_label == _REFUSED:
            raise IllegalTransition(
                "the policy buys no labels for returns: send the goods with a carrier of your own",
                dispute=state.dispute,
            )
        wanted = _wanted(request, terms.return_label)
        try:
            label = await self._labels.buy(wanted)
        except LabelUnavailable as no:
            return await self._declined(request, wanted.key, no)
        return await self._declared(request, label)

    async def _declined(self, request: Act, key: str, no: LabelUnavailable) -> DisputeState:
        async with self._database.transaction() as tx:
            label = await tx.labels.found(key)
            if label is None or label.status is not LabelStatus.NOT_BOUGHT:
                raise no
            if (shown := await shown_since(tx, request.state)) is not None:
                return shown
            after = moves.label_declined(request.state)
            facts: Facts = {"order": after.order, "carrier": label.carrier}
            event = Event("dispute.label_declined", request.at, str(request.actor), facts)
            await tx.story.tell_dispute(after, event)
        return after

    async def _declared(self, request: Act, label: Label) -> DisputeState:
        state = request.state
        name = dispute_parcel(state.dispute, state.version)
        sent = Sent(label.carrier, label.number, label.tracker, label.url)
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            parcel = ParcelRecord(name, state.order, label.carrier, label.number, request.at)
            await tx.orders.declare(parcel)
            await tx.orders.watched(name, label.tracker)
            known = moves.touched(state, request.actor, request.person)
            after = moves.labelled(known, sent, label.key)
            await log_deed(tx, after, request)
            facts: Facts = {
                "order": after.order,
                "carrier": label.carrier,
                "number": label.number,
                "amount": label.cost,
                "currency": label.currency,
                "borne_by": str(label.bearer),
                "return_by": min(clock.due_at for clock in after.clocks).isoformat(),
            }
            event = Event("dispute.label_bought", request.at, str(request.actor), facts)
            await tx.story.tell_dispute(after, event)
        log.info("dispute.label_bought", dispute=state.dispute, label=label.key)
        return after

    @activity.defn(name="dispute.give_back_label")
    async def give_back(self, step: DisputeStep) -> DisputeState:
        """Give back a label that nobody will use: its carrier judges that within weeks.

        One that was scanned meanwhile was used, and is paid for.
        """
        state, key = step.state, settling.idle_label(step.state)
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
        is_back = await self._is_given_back(key, step)
        after = settling.label_given_back(state)
        facts: Facts = {"order": state.order, "label": key}
        name = "dispute.label_given_back" if is_back else "dispute.label_used"
        async with self._database.transaction() as tx:
            if (shown := await shown_since(tx, state)) is not None:
                return shown
            await tx.story.tell_dispute(after, Event(name, step.at, facts=facts))
        log.info("label.left_unused", dispute=state.dispute, label=key, given_back=is_back)
        return after

    async def _is_given_back(self, key: str, step: DisputeStep) -> bool:
        try:
            await self._labels.void(LabelStep(key, step.at))
        except IllegalTransition:
            return False
        except Rejected as no:
            # On record as asked for: the daily carriage check asks on, and the case need not wait.
            log.warning("label.kept", label=key, error=str(no))
        return True


def _wanted(request: Act, bearer: str) -> BuyReturnLabel:
    state, box = request.state, request.asked.box
    assert box is not None  # noqa: S101 - the message has one
    assert state.verdict is not None  # noqa: S101 - what the stage means
    subject = dispute_workflow_id(state.dispute)
    return BuyReturnLabel(
        key=money_key(subject, "label", state.labels + 1),
        order=state.order,
        at=request.at,
        bearer=bearer,
        below=state.verdict.amount,
        currency=state.currency,
        grams=box.grams,
        length_mm=box.length_mm,
        width_mm=box.width_mm,
        height_mm=box.height_mm,
    )
