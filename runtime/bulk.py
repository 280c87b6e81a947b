"""Bulk rulings: what one would do, case by case, and how its words reach the disputes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actors import Actor
from domain.dispute import rules
from domain.dispute.bulk import BulkRuling, Standing, standing
from domain.dispute.postings import Award, award_of
from domain.dispute.rules import Action, Asked
from domain.dispute.rulings import ruling_of
from domain.dispute.state import DisputeState
from domain.errors import (
    DeadlinePassed,
    IllegalTransition,
    NotKnown,
    Refusal,
    VersionConflict,
)
from domain.ids import dispute_workflow_id
from persistence import case_reading
from persistence.disputes import bulk as store
from persistence.disputes import reading
from persistence.disputes.bulk import Case, Ruled, waiting_for
from persistence.vault import Vault
from runtime import errands
from runtime.clock import EdgeClock
from runtime.errands import Errand
from workflows.dispute.messages import DisputeRequest


@dataclass(frozen=True)
class Foreseen:
    """What a bulk ruling would give in one dispute, and who would pay it; or why it may not."""

    state: DisputeState
    award: Award
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Followed:
    """One dispute of a bulk ruling that was made, and where the ruling stands in it."""

    case: Case
    state: DisputeState
    standing: Standing


async def foresee(
    db: AsyncConnection,
    ruling: BulkRuling,
    cases: Sequence[tuple[DisputeState, int]],
    actor: Actor,
    at: datetime,
) -> list[Foreseen]:
    """Judge each case at its revision, and see what its verdict would post as the money stands.

    Computed by what then posts it (`award_of`), in the order given: two cases of one order share
    what is left of it.
    """
    funds = await case_reading.funds_of(db, {state.order for state, _ in cases})
    left = {order: each.refundable for order, each in funds.items()}
    found: list[Foreseen] = []
    for state, revision in cases:
        try:
            asked = ruling.about(state, revision)
            rules.check(state, Action.DECIDE, actor, at, asked)
        except Refusal as refusal:
            found.append(Foreseen(state, Award(0), refusal))
            continue
        # What is held for a case is free for its own verdict.
        available = left.get(state.order, 0) + state.held
        award = award_of(ruling_of(asked, actor), state.awarded + state.netted, available)
        left[state.order] = available - award.amount
        found.append(Foreseen(state, award))
    return found


async def follow(db: AsyncConnection, bulk: str) -> list[Followed]:
    """The disputes of a bulk ruling as they stand now."""
    cases = await store.cases_of(db, bulk)
    states = await reading.by_name(db, [case.dispute for case in cases])
    return [
        Followed(
            case,
            states[case.dispute],
            standing(
                bulk,
                states[case.dispute],
                is_answered=case.is_answered,
                is_refused=case.is_refused,
            ),
        )
        for case in cases
    ]


@dataclass(frozen=True)
class Mouth:
    """Who speaks to many disputes at once: with the vault, the clock and the key of the word."""

    vault: Vault
    clock: EdgeClock
    actor: Actor
    caller: str
    person: str
    key: str

    async def rule(
        self,
        db: AsyncConnection,
        ruling: BulkRuling,
        revisions: Mapping[str, int],
        at: datetime,
    ) -> None:
        """Put a ruling on record, and what it asks of each dispute, all or nothing.

        Raises `NotKnown` for a dispute that there is not, and the refusal of the first that may
        not be decided so.
        """
        states = await reading.by_name(db, list(revisions))
        for name in revisions:
            if name not in states:
                raise NotKnown(f"there is no dispute {name}", dispute=name)
        cases = [(states[name], revision) for name, revision in sorted(revisions.items())]
        for each in await foresee(db, ruling, cases, self.actor, at):
            if each.refusal is not None:
                raise each.refusal
        wishes = [(state, ruling.about(state, revision)) for state, revision in cases]
        requests = await self._say(db, Action.DECIDE, wishes)
        rows = [
            (state.dispute, revision, request)
            for (state, revision), request in zip(cases, requests, strict=True)
        ]
        await store.put(db, Ruled(ruling, self.caller, at), rows)

    async def say(
        self, db: AsyncConnection, action: Action, ruling: BulkRuling, where: Standing, why: str
    ) -> int:
        """Say a word on a ruling to every dispute in which it stands so; returns how many.

        Judged as it stands now: a case that cannot hear it is left out, and keeps no other waiting.
        Who may not say it (`NotYours`) says it to none.
        """
        wishes: list[tuple[DisputeState, Asked]] = []
        followed = await follow(db, ruling.bulk)
        subjects = [dispute_workflow_id(each.state.dispute) for each in followed]
        approving = await waiting_for(db, f"dispute.{Action.APPROVE}", subjects)
        for each in followed:
            is_next = dispute_workflow_id(each.state.dispute) in approving
            if action is Action.TAKE_BACK and each.standing is Standing.RULED and is_next:
                # Its approval is on its way: what is asked after it is heard after it.
                wishes.append((each.state, Asked(why=why, bulk=ruling.bulk)))
                continue
            if each.standing is not where:
                continue
            asked = Asked(version=each.case.revision, why=why, bulk=ruling.bulk)
            at = self.clock.now(dispute_workflow_id(each.state.dispute))
            try:
                rules.check(each.state, action, self.actor, at, asked)
            except (IllegalTransition, DeadlinePassed, VersionConflict):
                # It has changed since, waits for a bank, or is out of time: the others go on.
                continue
            wishes.append((each.state, asked))
        await self._say(db, action, wishes)
        return len(wishes)

    async def _say(
        self, db: AsyncConnection, action: Action, wishes: Sequence[tuple[DisputeState, Asked]]
    ) -> list[str]:
        said: list[Errand] = []
        for state, asked in wishes:
            subject = dispute_workflow_id(state.dispute)
            received_at = self.clock.now(subject)
            wish = DisputeRequest(self.actor, received_at, asked, self.person)
            said.append(Errand(subject, f"dispute.{action}", wish, state.buyer, received_at))
        return await errands.record(db, self.vault, self.caller, self.key, said)
