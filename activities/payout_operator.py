"""A payout that is parked, and an operator's word about it; the provider is believed first."""

import structlog
from temporalio import activity

from activities import payout_money as money
from activities.payout import PayoutActivities
from activities.payout_money import PAYOUT, TRANSFER, PayoutMoney, entry, subject_of
from activities.requests import PayoutStep, PayoutWord
from adapters.payment.port import PaymentGateway
from domain.errors import IllegalTransition
from domain.payout import rules
from domain.payout import state as moves
from domain.payout.rules import Reason
from domain.payout.state import BY_HAND, PayoutState, Stage
from persistence.port import Database, Event

log = structlog.get_logger()


class PayoutOperatorActivities:
    """Parks a payout, and does what an operator says about it."""

    def __init__(self, database: Database, gateway: PaymentGateway) -> None:
        """Look at *gateway* before *database* is told that something was paid or was not."""
        self._database = database
        self._payouts = PayoutActivities(database, gateway)
        self._money = PayoutMoney(database, gateway)

    @activity.defn(name="payout.park")
    async def park(self, step: PayoutStep) -> None:
        """Raise an alarm and show why: a step has failed for good, and an operator is needed."""
        subject = subject_of(step.state)
        async with self._database.transaction() as tx:
            await tx.story.alarm("parked", subject, step.reason, step.at)
            await tx.story.tell_payout(await money.as_shown(tx, step.state))
        log.warning("payout.parked", payout=step.state.payout)

    @activity.defn(name="payout.resume")
    async def resume(self, word: PayoutWord) -> PayoutState:
        """The failed step is tried again at once; who said so is on record."""
        async with self._database.transaction() as tx:
            after = moves.resumed(word.state)
            await tx.story.tell_payout(await money.as_shown(tx, after), _resolved("retry", word))
            await tx.story.clear("parked", subject_of(after), word.at)
        return after

    @activity.defn(name="payout.void")
    async def void(self, word: PayoutWord) -> PayoutState:
        """Give everything back to the seller's balance, unless the bank has it already.

        What the provider turns out to have sent is sent: then the payout goes on as such.
        """
        state = await self._on_record(word, "void")
        if state.stage is not Stage.DUE:
            return state
        if state.gross and await self._not_sent(state, word, Reason.VOIDED):
            await self._money.give_up(state, PAYOUT, Reason.VOIDED, word.at)
        elif state.gross:
            return await self._payouts.send(PayoutStep(state, state.as_of))
        return await self._money.withheld(PayoutStep(state, word.at), Reason.VOIDED)

    @activity.defn(name="payout.settle_by_hand")
    async def settle_by_hand(self, word: PayoutWord) -> PayoutState:
        """Take it as paid outside, as the operator says; what the provider has sent is believed.

        Refused (`IllegalTransition`) where nothing was set aside: there is nothing to settle.
        """
        state = await self._on_record(word, "settle_by_hand")
        if state.stage is not Stage.DUE:
            return state
        if not state.gross:
            raise IllegalTransition("nothing was set aside for this payout", payout=state.payout)
        if not await self._not_sent(state, word, BY_HAND):
            return await self._payouts.send(PayoutStep(state, state.as_of))
        after = moves.paid_by_hand(state, word.note, word.at)
        legs = rules.paid_by_hand(state.payout, state.net)
        facts: dict[str, str | int] = {"amount": state.net, "currency": state.currency}
        async with self._database.transaction() as tx:
            await tx.ledger.post(entry(state, "by_hand", word.at, legs))
            await tx.story.tell_payout(
                after, Event("payout.paid_by_hand", word.at, word.actor, facts)
            )
        log.info("payout.paid_by_hand", payout=state.payout, minor=state.net)
        return after

    async def _on_record(self, word: PayoutWord, what: str) -> PayoutState:
        """Who said what is on record before anything is done; then how the payout really stands.

        A repeat after a lost answer finds that the word was obeyed.
        """
        async with self._database.transaction() as tx:
            shown = await tx.story.payout(word.state.payout)
            if shown is not None and shown.stage is not Stage.DUE:
                return shown
            after = await money.as_shown(tx, moves.resumed(word.state))
            await tx.story.tell_payout(after, _resolved(what, word))
            await tx.story.clear("parked", subject_of(after), word.at)
        return after

    async def _not_sent(self, state: PayoutState, word: PayoutWord, why: str) -> bool:
        """See to it that the provider neither has sent nor will send it; False if it has.

        The effects are closed on record before the money is taken back: nothing that still runs
        may ask for them again.
        """
        if await self._money.found_payout(state) is not None:
            return False
        for kind in (PAYOUT, TRANSFER):
            await self._money.ask(state, kind, word.at)
        await self._money.fail(state, PAYOUT, why)
        transfer = await self._money.found_transfer(state)
        if transfer is None:
            await self._money.fail(state, TRANSFER, why)
            return True
        await self._money.transferred(state, transfer.reference, word.at)
        await self._money.take_back(state, transfer.reference, word.at)
        return True


def _resolved(what: str, word: PayoutWord) -> Event:
    return Event("payout.resolved", word.at, word.actor, {"resolution": what, "note": word.note})
