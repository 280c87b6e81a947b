"""A process that takes one money step, made to be killed in the middle of it."""

import asyncio
import multiprocessing
from multiprocessing.process import BaseProcess
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
# One process reads all the modules, and each victim is a copy of it.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


class Homes:
    """Addresses that need no keys: a victim does not hold those of the test."""

    async def of_buyer(self, order: str) -> Place:
        return Place("DE", "Bonn", "Kaistrasse 4", "20457", "A. B.")

    async def of_seller(self, seller: str) -> Place:
        return Place("DE", "Hamburg", "Kaistrasse 4", "20457", "A. B.")


def begun(database_url: str, sandbox: str, step: str, request: bytes) -> BaseProcess:
    """Start a process that takes the step on *request* (JSON) as a worker would."""
    victim = _FORKS.Process(target=_take, args=(database_url, sandbox, step, request))
    victim.start()
    return victim


def _take(database_url: str, sandbox: str, step: str, request: bytes) -> None:
    asyncio.run(_taken(database_url, sandbox, step, request))


async def _taken(database_url: str, sandbox: str, step: str, request: bytes) -> None:
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
