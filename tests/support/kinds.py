"""What the orders of a storm live through: each kind to its own end."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tests.support.stubborn import played

if TYPE_CHECKING:
    from tests.support.lives import Life

SELLER: Final = "s-storm"
UNPAID: Final = "s-unpaid"
UNSHIPPED: Final = "s-unshipped"
UNSEEN: Final = "s-unseen"
UNPROVED: Final = "s-unproved"
LATER: Final = "s-later"
ABROAD: Final = "s-abroad"
TOTAL: Final = 20_400
# What the sandbox asks for 900 grams between China and Germany, cheapest first.
POSTAGE: Final = 1_730
_PARTS: Final = (10_000, 10_400)
_SHORT: Final = TOTAL - 400
# What the buyer has of a disputed line, and what a wallet leaves them of a claim.
_ASKED: Final = 5_000
_KEPT: Final = 7_000
_GIVEN: Final = 400
# The version of an order that has been opened, and whose payment was asked for.
_OPENED: Final = 2
# More than is taken without a person's look at it.
_LARGE: Final = 200_000
# What people write into a field for words: it may stand in no log and in no history.
SAID: Final = ("Wollgrasweg", "4929482911112222")
_WORDS: Final = f"I live in {SAID[0]} 3 now, my card is {SAID[1]}"


@dataclass(frozen=True)
class Kind:
    """How a life goes: how it ends, and what it moves at the provider under its own name."""

    ends: str
    moves: tuple[int, ...]
    live: Callable[["Life"], Awaitable[None]]
    seller: str = SELLER


async def _card(life: "Life") -> None:
    await life.place()
    await life.paid()
    await life.deliver()
    await life.received()


async def _subsidised(life: "Life") -> None:
    await life.place(subsidy=_GIVEN)
    await life.paid()
    await life.deliver()
    await life.received()


async def _later(life: "Life") -> None:
    await life.place()
    await life.buyer.until(life.here, lambda seen: seen["axes"]["payment"] == "authorised")
    await life.deliver()
    await life.received()


async def _slow(life: "Life") -> None:
    await life.place("")
    await life.pay_slowly()
    await life.paid()
    await life.deliver()
    await life.received()


async def _partly(life: "Life") -> None:
    await life.place()
    await life.paid()
    await life.refund(400)
    await life.deliver()
    await life.received()


async def _split(life: "Life") -> None:
    lines = [{"product": f"p-{price}", "price": price} for price in _PARTS]
    await life.place(lines=lines)
    await life.paid()
    await life.deliver("1")
    await life.deliver("2")
    await life.received()


async def _held(life: "Life") -> None:
    await life.place()
    await life.paid()
    hold = {"hold": "h-1", "amount": 5000, "reason": _WORDS}
    await life.staff.lead.ask(f"{life.here}/holds", hold, f"hold {life.order}")
    await life.deliver()
    await life.received()
    over = {"reason": "the claim was withdrawn"}
    await life.staff.lead.ask(f"{life.here}/holds/h-1/lifting", over, f"lift {life.order}")


async def _refunded(life: "Life") -> None:
    await life.place()
    await life.paid()
    await life.refund(TOTAL)


async def _cancelled(life: "Life") -> None:
    await life.place("")
    await life.buyer.until(life.here, lambda seen: seen["version"] >= _OPENED)
    why = {"reason": _WORDS}
    await life.buyer.ask(f"{life.here}/cancellation", why, f"cancel {life.order}")


async def _agreed(life: "Life") -> None:
    await life.place()
    await life.paid()
    wish = {"topic": "cancellation", "reason": _WORDS}
    await life.buyer.ask(f"{life.here}/questions", wish, f"question {life.order}")
    answer = {"agreed": True, "reason": "no hurry"}
    await life.seller.ask(
        f"{life.here}/questions/cancellation/answer", answer, f"answer {life.order}"
    )


async def _disputed(life: "Life") -> None:
    path = await life.dispute()
    await life.seller.ask(f"{path}/proposals", {"amount": 2_000}, f"counter {life.order}")
    await life.buyer.ask(f"{path}/acceptance", {"version": 2}, f"accept {life.order}")
    await life.settled(path, 2_000)


async def _ruled(life: "Life") -> None:
    path = await life.dispute()
    await life.seller.ask(f"{path}/proposals", {"amount": 1_000}, f"counter {life.order}")
    await life.buyer.ask(f"{path}/escalation", {}, f"escalate {life.order}")
    offered = await life.staff.lead.ask(
        f"{path}/proposals", {"amount": 3_000}, f"offer {life.order}"
    )
    ruling = {"revision": offered.json()["revision"], "amount": 4_000, "why": "it is half broken"}
    await life.staff.lead.ask(f"{path}/decision", ruling, f"rule {life.order}")
    await life.settled(path, 4_000)


async def _bulk(life: "Life") -> None:
    path = await life.dispute()
    await life.buyer.ask(f"{path}/escalation", {}, f"escalate {life.order}")
    staff, offer = life.staff, {"amount": 3_000}
    offered = await staff.lead.ask(f"{path}/proposals", offer, f"offer {life.order}")
    case = {"dispute": path.rpartition("/")[2], "revision": offered.json()["revision"]}
    ruling = {"award": "asked", "why": _WORDS, "cases": [case]}
    made = await staff.lead.ask("/v1/bulk-rulings", ruling, f"bulk {life.order}")
    bulk = made.headers["Location"]
    await staff.second.until(bulk, lambda seen: seen["cases"][0]["standing"] == "ruled")
    await staff.second.ask(f"{bulk}/approval", {"why": "seen"}, f"agree to {life.order}")
    await life.settled(path, _ASKED)


async def _wallet(life: "Life") -> None:
    await life.place("pm_paypal")
    payment = await life.buyer.until(f"{life.here}/payment", lambda seen: "reference" in seen)
    await played(lambda: life.world.arrive(payment["reference"]))
    claim = await life.claimed()
    await life.decided(claim, "lost", kept=_KEPT)
    await life.deliver()
    await life.received()


async def _claimed(life: "Life") -> None:
    await life.place()
    claim = await life.claimed()
    await life.staff.lead.ask(f"{claim}/contest", {"why": _WORDS}, f"contest {life.order}")
    await life.decided(claim, "won")
    await life.deliver()
    await life.received()


async def _charged(life: "Life") -> None:
    await life.place()
    claim = await life.claimed()
    await life.decided(claim, "lost")


async def _again(life: "Life") -> None:
    parcel = await life.sent()
    lost = {"status_detail": "lost"}
    await played(lambda: life.world.scan("DHLExpress", parcel, "failure", **lost))
    await life.buyer.until(life.here, lambda seen: seen["ended_at"] is not None)
    path = f"{life.here}/repayment"
    await life.came(parcel, path)
    await life.buyer.ask(path, {"method": "pm_card_visa"}, f"again {life.order}")
    await life.buyer.until(path, lambda seen: seen.get("status") == "paid")


async def _labelled(life: "Life") -> None:
    await life.place()
    await life.paid()
    label = {"carrier": "UPS", "service": "Ground", "most": 99_000, "currency": "EUR"}
    await life.seller.ask(f"{life.here}/labels", label | {"grams": 900}, f"label {life.order}")
    listed = await life.seller.until(f"{life.here}/labels", lambda seen: bool(seen["items"]))
    number = str(listed["items"][0]["number"])
    await played(lambda: life.world.deliver("UPS", number, city="Hamburg"))
    await life.received()


async def _returned(life: "Life") -> None:
    path = await life.dispute("return_and_refund")
    await life.seller.ask(f"{path}/acceptance", {"version": 1}, f"agree {life.order}")
    await life.buyer.ask(f"{path}/return/label", {"grams": 900}, f"return {life.order}")
    seen = await life.buyer.until(path, lambda seen: seen["parcel"] is not None)
    carrier, number = str(seen["parcel"]["carrier"]), str(seen["parcel"]["number"])
    await played(lambda: life.world.deliver(carrier, number, city="Bremen"))
    await life.seller.until(path, lambda seen: seen["status"] == "return_check")
    await life.seller.ask(f"{path}/return/acceptance", {}, f"take back {life.order}")
    await life.settled(path, _ASKED)


async def _doubted(life: "Life") -> None:
    await life.place("")
    await life.pay_slowly(_SHORT)
    await life.buyer.until(life.here, lambda seen: seen["axes"]["payment"] == "amount_differs")
    ours = {"decision": "accept", "reason": "a bank's fee", "borne_by": "platform_loss"}
    await life.staff.lead.ask(f"{life.here}/amount-decision", ours, f"accept {life.order}")
    await life.paid()
    await life.deliver()
    await life.received()


async def _bought(life: "Life") -> None:
    other = f"{life.order}-late"
    await life.buy({SELLER: life.order, UNSHIPPED: other})
    await life.paid()
    await life.deliver()
    await life.received()
    late = f"/v1/orders/{other}"
    await life.buyer.until(late, lambda seen: seen["status"] == "never_shipped")
    await life.buyer.until(late, lambda seen: seen["ended_at"] is not None)


async def _unpaid(life: "Life") -> None:
    await life.place("")


async def _unshipped(life: "Life") -> None:
    await life.place()


async def _wrongly(life: "Life") -> None:
    await life.place("")
    await life.pay_slowly(_SHORT)
    await life.buyer.until(life.here, lambda seen: seen["axes"]["payment"] == "amount_differs")
    no = {"decision": "refund_and_close", "reason": _WORDS}
    await life.staff.lead.ask(f"{life.here}/amount-decision", no, f"close {life.order}")


async def _risky(life: "Life") -> None:
    await life.place(lines=[{"product": "p-1", "price": _LARGE}])
    await life.buyer.until(life.here, lambda seen: seen["axes"]["payment"] == "in_risk_check")
    no = {"verdict": "refuse", "reason": _WORDS}
    await life.staff.compliance.ask(f"{life.here}/risk-decision", no, f"judge {life.order}")


async def _stolen(life: "Life") -> None:
    await life.sent()
    why = {"reason": _WORDS}
    await life.staff.compliance.ask(f"{life.here}/fraud-reports", why, f"report {life.order}")
    word = {"verdict": "confirmed", "reason": _WORDS}
    await life.staff.compliance.ask(f"{life.here}/fraud-decision", word, f"confirm {life.order}")


async def _seized(life: "Life") -> None:
    parcel = await life.sent()
    held = {"status_detail": "held", "message": "Held by customs"}
    await played(lambda: life.world.scan("DHLExpress", parcel, "in_transit", **held))
    await life.is_at("at_customs")
    ruling = {"ruling": "counterfeit", "reason": _WORDS}
    await life.staff.lead.ask(
        f"{life.here}/shipments/customs-ruling", ruling, f"seize {life.order}"
    )


async def _unwanted(life: "Life") -> None:
    parcel = await life.sent()
    await played(lambda: life.world.scan("DHLExpress", parcel, "return_to_sender"))
    await life.is_at("returning")
    await played(lambda: life.world.deliver("DHLExpress", parcel, city="Bremen"))


async def _gone(life: "Life") -> None:
    seller = await life.another_seller()
    await life.place("", seller=seller)
    await life.buyer.until(life.here, lambda seen: seen["version"] >= _OPENED)
    await life.suspend(seller)


async def _unseen(life: "Life") -> None:
    await life.sent()
    await life.is_at("doubted")
    await life.buyer.ask(f"{life.here}/shipments/disowning", {}, f"disown {life.order}")


async def _unproved(life: "Life") -> None:
    parcel = await life.sent()
    await played(lambda: life.world.scan("DHLExpress", parcel, "in_transit"))


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "card": Kind("completed", (TOTAL,), _card),
        "abroad": Kind("completed", (TOTAL,), _card, ABROAD),
        "subsidised": Kind("completed", (TOTAL - _GIVEN,), _subsidised),
        "later": Kind("completed", (TOTAL,), _later, LATER),
        "slow": Kind("completed", (TOTAL,), _slow),
        "doubted": Kind("completed", (_SHORT,), _doubted),
        # The purchase is paid under its own name; its other order is called off and goes back.
        "bought": Kind("completed", (), _bought),
        "partly": Kind("completed", (-400, TOTAL), _partly),
        "split": Kind("completed", (TOTAL,), _split),
        "held": Kind("completed", (TOTAL,), _held),
        "refunded": Kind("refunded", (-TOTAL, TOTAL), _refunded),
        "cancelled": Kind("cancelled_by_buyer", (), _cancelled),
        "agreed": Kind("cancelled_by_agreement", (-TOTAL, TOTAL), _agreed),
        "disputed": Kind("completed", (TOTAL,), _disputed),
        "ruled": Kind("completed", (TOTAL,), _ruled),
        "bulk": Kind("completed", (TOTAL,), _bulk),
        "labelled": Kind("completed", (-POSTAGE, TOTAL), _labelled),
        "returned": Kind("completed", (-POSTAGE, TOTAL), _returned),
        "claimed": Kind("completed", (TOTAL,), _claimed),
        "charged": Kind("refunded", (TOTAL,), _charged),
        "wallet": Kind("completed", (TOTAL,), _wallet),
        "again": Kind("lost", (-TOTAL, TOTAL), _again),
        "gone": Kind("seller_suspended", (), _gone),
        "unpaid": Kind("never_paid", (), _unpaid, UNPAID),
        "unshipped": Kind("never_shipped", (-TOTAL, TOTAL), _unshipped, UNSHIPPED),
        "wrongly": Kind("amount_refused", (-_SHORT, _SHORT), _wrongly),
        "risky": Kind("refused_by_risk", (-_LARGE, _LARGE), _risky),
        "stolen": Kind("fraud", (-TOTAL, TOTAL), _stolen),
        "seized": Kind("seized", (-TOTAL, TOTAL), _seized),
        "unwanted": Kind("returned", (-TOTAL, TOTAL), _unwanted),
        "unseen": Kind("false_shipment", (-TOTAL, TOTAL), _unseen, UNSEEN),
        "unproved": Kind("never_received", (-TOTAL, TOTAL), _unproved, UNPROVED),
    }
)
