"""Policies: the numbers that processes run on, published as versions."""

import json
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path
from pydantic import ConfigDict, RootModel, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.asking import ASKED, READ, Asked, body_hash
from api.auth import Caller
from api.deps import Anybody, Database, only
from api.paging import Page
from api.schemas.policies import PolicyFigures, PolicyView
from domain.actors import Role
from runtime import policies
from runtime.desk import Ask

router = APIRouter(prefix="/v1/policies", tags=["policies"])
Publisher = Annotated[Caller, Depends(only(Role.OPERATOR))]
PolicyName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["standard"])]
PolicyVersion = Annotated[int, Path(ge=1, lt=2**31, examples=[1])]


class PolicyIn(RootModel[dict[str, Any]]):
    """A policy document, as in `policies/standard.toml`, written as JSON."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "holiday-season",
                    "about": "Longer handling before the new year.",
                    "zone": "America/Los_Angeles",
                    "order": {"ship_within": "14d"},
                    "calendar": {"country": "US"},
                    "currencies": {
                        "USD": {
                            "minimum_payout": 5000,
                            "payout_fee": 1500,
                            "review_above": 200000,
                        }
                    },
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        """No text in it, however deep, that the database cannot hold."""
        try:
            written = json.dumps(self.root, ensure_ascii=False)
            written.encode()
        except (RecursionError, UnicodeEncodeError):
            raise ValueError("the document is too deep, or holds half a character") from None
        if "\\u0000" in written:
            raise ValueError("control characters are not accepted")
        return self


@router.get("", responses=READ)
async def list_policies(caller: Anybody, db: Database) -> Page[PolicyFigures]:
    """List the newest version of every policy."""
    del caller
    rows = await policies.published(db)
    return Page(items=[PolicyFigures.of(row) for row in rows], next=None)


@router.post("", status_code=201, response_model=PolicyView, responses=ASKED)
async def publish_policy(body: PolicyIn, caller: Publisher, asked: Asked) -> Response:
    """Publish the next version of a policy. Orders that run keep the one they began with."""
    name = str(body.root.get("name", ""))[:40]
    subject = f"policy/{name}"
    at = asked.use.clock.now(subject)

    async def work(db: AsyncConnection) -> tuple[int, dict[str, object]]:
        loaded = await policies.publish(db, body.root, str(caller), at)
        policy = loaded.policy
        row = await policies.stored(db, policy.name, policy.version)
        return 201, PolicyView.of(row).model_dump(mode="json")

    ask = Ask(
        caller=str(caller),
        route="policy.publish",
        object=subject,
        key=asked.key,
        body_hash=body_hash(body),
        command="policy.publish",
        received_at=at,
        is_creation=True,
    )
    answer = await asked.do(ask, work)
    if answer.status_code == 201:  # noqa: PLR2004 - the status of the route itself
        await asked.use.desk.follow_policies()
    return answer


@router.get("/{name}/{version}", responses=READ)
async def read_policy(
    name: PolicyName, version: PolicyVersion, caller: Anybody, db: Database
) -> PolicyView:
    """Read one published version: the document as written, and its holidays as resolved."""
    del caller
    return PolicyView.of(await policies.stored(db, name, version))
