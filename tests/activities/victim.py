"""A process that takes one money step, made to be killed in the middle of it.

Usage: python -m tests.activities.victim DATABASE STRIPE STEP, with the request as JSON on stdin.
"""

import asyncio
import sys
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from activities.payout import PayoutActivities
from activities.refund import RefundActivities
from activities.requests import PayoutStep, Refund
from adapters.payment.stripe import StripeGateway
from persistence.database import SqlDatabase
from persistence.engine import connect
from tests.support.sandbox import STRIPE_SECRET
from tests.support.shop import attempted

CONVERTER: Final = DataConverter.default.payload_converter


async def main(database_url: str, stripe: str, step: str, request: bytes) -> None:
    """Take the step as a worker would."""
    database = SqlDatabase(connect(database_url))
    gateway = StripeGateway("sk_test_victim", STRIPE_SECRET, stripe)
    payload = Payload(metadata={"encoding": b"json/plain"}, data=request)
    if step == "refund":
        asked = CONVERTER.from_payload(payload, Refund)
        await attempted(RefundActivities(database, gateway).refund, asked, 1)
    else:
        due = CONVERTER.from_payload(payload, PayoutStep)
        await attempted(PayoutActivities(database, gateway).send, due, 1)


if __name__ == "__main__":
    _, where, provider, name = sys.argv
    asyncio.run(main(where, provider, name, sys.stdin.buffer.read()))
