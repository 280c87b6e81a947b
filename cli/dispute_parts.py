"""What the document about disputes shows of the domain's tables."""

import tomllib
from collections.abc import Mapping
from typing import Final

from api.schemas.disputes import PATHS
from domain.dispute import postings
from domain.dispute.clocks import REMINDED, RUNS_IN, WHEN_DUE
from domain.dispute.postings import Award, Parties
from domain.dispute.rules import BEATS, WHO_MAY, Action
from domain.dispute.state import ClockName
from domain.ledger import Leg
from domain.order.postings import PaidBy, RefundSources, plan_release
from runtime.policies import SHIPPED

_OUTLIVING: Final[Mapping[ClockName, str]] = {
    ClockName.INTERVENTION: "platform_steps_in_after",
    ClockName.ARRIVAL: "object_arrival_within",
}
_TOTAL: Final = 10_000


def clock_rows(policies: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every clock: what winds it in the shipped policies, and what its end does."""
    shipped = [tomllib.loads((SHIPPED / f"{name}.toml").read_text()) for name in policies]
    wound_by = {**dict(RUNS_IN.values()), **_OUTLIVING}
    return [
        (
            f"`{clock}`",
            f"`dispute.{wound_by[clock]}`",
            *(str(document["dispute"][wound_by[clock]]) for document in shipped),
            "half-time, last day" if clock in REMINDED else "-",
            WHEN_DUE[clock],
        )
        for clock in ClockName
    ]


def request_rows() -> list[tuple[str, ...]]:
    """Every request: who may make it, where, and which deadlines it must beat."""
    return [
        (
            f"`{action}`",
            ", ".join(sorted(WHO_MAY[action])),
            f"`POST /v1/disputes/{{dispute}}/{PATHS[action]}`",
            ", ".join(f"`{clock}`" for clock in BEATS.get(action, ())) or "-",
        )
        for action in Action
    ]


def entries() -> tuple[tuple[str, tuple[Leg, ...]], ...]:
    """A verdict that three parties pay, and the appeal that takes it back."""
    award = Award(6_000, platform=1_000, carrier=500)
    plan = postings.planned(award, RefundSources(_TOTAL, 0, 0))
    of = Parties("d-1", "o-1", "s-1", "UPS")
    release = plan_release(6_000, released=0, total=_TOTAL, commission=800, reserve_bp=0)
    return (
        ("dispute/d-1/verdict/6", postings.verdict_legs(of, award, plan, PaidBy(6_000))),
        ("dispute/d-1/verdict/11", postings.made_good("s-1", release)),
    )
