"""A process that takes one money step, made to be killed in the middle of it.

Usage: python -m tests.activities.victim DATABASE SANDBOX STEP, with the request as JSON on stdin.
"""

import asyncio
import sys
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter

from activities.label_desk import LabelDesk
from activities.payout import PayoutActivities
from activities.refund import RefundActivities
from activities.requests import BuyLabel, PayoutStep, Refund
from adapters.fx.ecb import EcbRates
from adapters.logistics.easypost_shipping import EasyPostShipping
from adapters.logistics.port import Place
from adapters.payment.stripe import StripeGateway
from persistence.database import SqlDatabase
from persistence.engine import connect
from tests.support.sandbox import STRIPE_SECRET
from tests.support.shop import attempted

CONVERTER: Final = DataConverter.default.payload_converter


class Homes:
    """Addresses that need no keys: a victim does not hold those of the test."""

    async def of_buyer(self, order: str) -> Place:
        return Place("DE", "Bonn", "Kaistrasse 4", "20457", "A. B.")

    async def of_seller(self, seller: str) -> Place:
        return Place("DE", "Hamburg", "Kaistrasse 4", "20457", "A. B.")


async def main(database_url: str, sandbox: str, step: str, request: bytes) -> None:
    """Take the step as a worker would."""
    database = SqlDatabase(connect(database_url))
    gateway = StripeGateway("sk_test_victim", STRIPE_SECRET, f"{sandbox}/stripe")
    payload = Payload(metadata={"encoding": b"json/plain"}, data=request)
    if step == "refund":
        asked = CONVERTER.from_payload(payload, Refund)
        await attempted(RefundActivities(database, gateway).refund, asked, 1)
    elif step == "label":
        wanted = CONVERTER.from_payload(payload, BuyLabel)
        shipping = EasyPostShipping("EZTK_victim", f"{sandbox}/easypost/v2")
        rates = EcbRates(f"{sandbox}/ecb/stats/eurofxref")
        await attempted(LabelDesk(database, shipping, Homes(), rates).buy, wanted, 1)
    else:
        due = CONVERTER.from_payload(payload, PayoutStep)
        await attempted(PayoutActivities(database, gateway).send, due, 1)


if __name__ == "__main__":
    _, where, provider, name = sys.argv
    asyncio.run(main(where, provider, name, sys.stdin.buffer.read()))
