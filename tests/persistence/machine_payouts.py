"""Payouts in the machine of money: sent, come back, and what an operator says about them."""

from typing import Final

from hypothesis import strategies as st
from sqlalchemy import text

from activities.requests import PayoutStep, PayoutWord
from domain.payout import state as moves
from domain.payout.state import Parked, Stage
from tests.persistence.machine import Machine, Taken, indexes, move
from tests.support.shop import Out

_NOTE: Final = "by wire, case 4711"


class Payouts(Machine):
    """What becomes of a seller's balance."""

    @move(
        lambda self: self.deals,
        seller=st.integers(0, 2),
        currency=st.sampled_from(["EUR", "JPY"]),
        fails=st.sampled_from(["", "", "connection_reset", "reset_after_effect"]),
        what=st.sampled_from(["transfers", "payouts"]),
    )
    def pay_out(self, seller: int, currency: str, fails: str, what: str) -> None:
        """Whoever has something is paid first; mostly nobody has, and then it is withheld."""
        at = self.tick()
        name = f"c{len(self.outs)}"
        payable = self._run(self._payable())
        whose, paid_in = payable[0] if payable else (self.sellers[seller], currency)
        out = self.shop.payout(whose, at, name, paid_in)
        self.outs.append(out)
        if fails:
            self._run(self.shop.world.fault(fails, f"POST /v1/{what}$", times=1))
        self.take(Taken(self.shop.payouts.send, PayoutStep(out.state, at), out))

    @move(lambda self: self.sent(), index=indexes)
    def payout_comes_back(self, index: int) -> None:
        out = self.sent()[index % len(self.sent())]
        self._run(self.shop.world.fail_payout(out.state.reference))
        self.take(Taken(self.shop.payouts.watch, PayoutStep(out.state, self.tick()), out))

    def sent(self) -> list[Out]:
        return [out for out in self.outs if out.state.stage is Stage.SENT and not self.is_busy(out)]

    async def _payable(self) -> list[tuple[str, str]]:
        query = text(
            "SELECT owner, currency FROM balances WHERE kind = 'seller_payable'"
            " AND amount <= -10000 ORDER BY amount, owner"
        )
        async with self.shop.engine.connect() as db:
            return [(owner, currency) for owner, currency in (await db.execute(query)).all()]

    def stuck(self) -> list[Taken]:
        """Payouts that could not be sent, or of which nobody knows whether they were."""
        return [
            taken
            for taken in self.unfinished
            if isinstance(taken.whose, Out) and taken.whose.state.stage is Stage.DUE
        ]

    @move(
        lambda self: self.stuck(),
        index=indexes,
        word=st.sampled_from(["resume", "void", "settle_by_hand"]),
    )
    def operator_speaks(self, index: int, word: str) -> None:
        """The step is tried no more: the payout parks, and somebody says what is to be done."""
        left = self.stuck()[index % len(self.stuck())]
        self.unfinished = [one for one in self.unfinished if one is not left]
        out = left.whose
        assert isinstance(out, Out)
        at = self.tick()
        out.state = moves.parked(out.state, Parked("send", "unavailable", at))
        step = PayoutStep(out.state, at, "unavailable")
        self.take(Taken(self.shop.payout_operator.park, step))
        said = PayoutWord(out.state, self.tick(), "operator:op-1", _NOTE)
        self.take(Taken(getattr(self.shop.payout_operator, word), said, out))
        if word == "resume" and not self.is_busy(out):
            step = PayoutStep(out.state, out.state.as_of)
            self.take(Taken(self.shop.payouts.send, step, out))
