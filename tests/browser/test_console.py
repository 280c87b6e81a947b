"""The console in a browser: seen, used by keys alone, live, and without a script."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from domain.actors import Role
from tests.browser.conftest import FORMS, PICTURES, Open, Shop

# Each page once: who looks, at what, and what they do there first.
SEEN = {
    "queue": (Role.SUPPORT_AGENT, "agent-1", "/console/queue"),
    "orders": (Role.SUPPORT_AGENT, "agent-1", "/console/orders"),
    "disputes": (Role.SUPPORT_AGENT, "agent-1", "/console/disputes"),
    "order": (Role.SUPPORT_AGENT, "agent-1", "/console/orders/o-1008"),
    "refund": (Role.SUPPORT_AGENT, "agent-1", "/console/orders/o-1008/acts/refund"),
    "fraud": (Role.COMPLIANCE, "compliance-1", "/console/orders/o-1005/acts/decide_fraud"),
    "parked": (Role.OPERATOR, "operator-1", "/console/orders/o-1007"),
    "buyer": (Role.BUYER, "b-1", "/console/orders/o-1003"),
    "seller": (Role.SELLER, "s-1", "/console/orders/o-1002/acts/declare_shipment"),
    "money": (Role.SELLER, "s-1", "/console/money"),
    "dispute": (Role.SUPPORT_AGENT, "agent-1", "/console/orders/o-1009"),
    "ruling": (Role.SUPPORT_AGENT, "agent-1", "/console/orders/o-1009"),
    "bulk": (Role.SUPPORT_LEAD, "lead-1", "/console/bulk-rulings/new"),
    "bulk-none": (Role.SUPPORT_AGENT, "agent-1", "/console/bulk-rulings"),
    "dispute-buyer": (Role.BUYER, "b-1", "/console/orders/o-1009"),
    "chargebacks": (Role.SELLER, "s-1", "/console/chargebacks"),
    "chargeback": (Role.SUPPORT_LEAD, "lead-1", "/console/chargebacks"),
    "answering": (Role.SUPPORT_LEAD, "lead-1", "/console/chargebacks"),
    "opening": (Role.BUYER, "b-1", "/console/orders/o-1010/dispute"),
    "ended": (Role.SUPPORT_AGENT, "agent-1", "/console/session-ended"),
}


async def filled(page: Page, name: str) -> None:
    if name in {"dispute", "dispute-buyer", "ruling"}:
        await page.get_by_role("link", name="damaged").click()
        await expect(page.get_by_role("heading", name="Who offers what")).to_be_visible()
    if name == "ruling":
        await page.get_by_role("row", name="EUR 60.00").get_by_role("link").click()
        await page.fill("#f-platform", "10.00")
        await expect(page.get_by_text("loss: +10.00")).to_be_visible()
    if name == "bulk":
        await page.get_by_label("Everything to the buyer").check()
        await page.get_by_label("The platform pays").check()
        await expect(
            page.get_by_role("button", name=re.compile(r"Rule on what is chosen"))
        ).to_be_visible()
    if name in {"chargeback", "answering"}:
        await page.get_by_role("link", name="product not received").click()
        await expect(page.get_by_role("heading", name="What is claimed of whom")).to_be_visible()
    if name == "answering":
        await page.get_by_role("link", name="Give it up").click()
        await expect(page.get_by_role("button", name="Give the chargeback up")).to_be_visible()
    if name == "opening":
        await page.get_by_label("1", exact=True).check()
        await page.get_by_label("damaged").check()
        await page.get_by_label("money back", exact=True).check()
        await page.fill("#f-amount", "50.00")
        await expect(page.locator(".moved")).to_be_visible()
    if name == "refund":
        await page.fill("#f-amount", "12.30")
        await page.fill("#f-reason", "a scratch on the back, as the pictures show")
        await expect(
            page.get_by_role("button", name="Refund EUR 12.30 to the buyer")
        ).to_be_visible()
    if name == "fraud":
        await page.check("input[value=confirmed]")
        await expect(page.locator(".moved")).to_be_visible()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SEEN)
async def test_every_page_can_be_seen_by_everybody(
    shop: Shop, open_page: Open, name: str, form: str
) -> None:
    """In light, in the dark, with more contrast and on a phone; axe finds nothing wrong."""
    role, who, path = SEEN[name]
    async with open_page(role, who, form) as page:
        await page.goto(path)
        await filled(page, name)
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / f"{name}-{form}.png", full_page=form == "phone")
        found = await Axe().run(page)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert found.violations_count == 0, found.generate_report()
    assert wide <= 0, "it has to be scrolled sideways"


async def test_a_case_is_found_read_and_decided_by_keys_alone(shop: Shop, open_page: Open) -> None:
    """The mouse is slow, and some have none."""
    await shop.scenes.paid("o-keys")
    async with open_page(Role.SUPPORT_AGENT, "agent-1") as page:
        await page.keyboard.press("g")
        await page.keyboard.press("o")
        await page.wait_for_url("**/console/orders")
        await page.keyboard.press("/")
        await page.keyboard.type("o-keys")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/orders?q=o-keys")
        await page.keyboard.press("Tab")
        await page.locator("body").press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/orders/o-keys")
        await page.keyboard.press("d")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/acts/*")
        await page.get_by_label("Amount").focus()
        await page.keyboard.type("3.00")
        await page.keyboard.press("Tab")
        await page.keyboard.type("a scratch")
        button = page.get_by_role("button", name="Refund EUR 3.00 to the buyer")
        await expect(button).to_be_visible()
        await button.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/orders/o-keys?done=refund")
        await page.keyboard.press("?")

        await expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


async def test_what_happens_elsewhere_appears_without_reloading(
    shop: Shop, open_page: Open
) -> None:
    """Two people look at one order; what one does, the other sees."""
    await shop.scenes.paid("o-live")
    agent = await shop.market.caller(Role.SUPPORT_AGENT, "agent-2")
    async with open_page(Role.SUPPORT_AGENT, "agent-1") as page:
        await page.goto("/console/orders/o-live")
        await expect(page.locator("#timeline").get_by_text("Seller may ship")).to_be_visible()
        await agent.post("/v1/orders/o-live/refunds", {"amount": 700, "reason": "a scratch"})

        told = page.locator("#timeline").get_by_text("Refund sent")
        await expect(told).to_be_visible(timeout=5000)
        await expect(page.get_by_role("row", name="Back to the buyer")).to_contain_text("7.00")


async def test_a_form_that_is_filled_in_says_that_it_is_out_of_date(
    shop: Shop, open_page: Open
) -> None:
    """And leaves what was written alone."""
    await shop.scenes.paid("o-stale")
    agent = await shop.market.caller(Role.SUPPORT_AGENT, "agent-2")
    async with open_page(Role.SUPPORT_AGENT, "agent-1") as page:
        await page.goto("/console/orders/o-stale/acts/refund")
        await page.fill("#f-reason", "many careful words")
        await agent.post("/v1/orders/o-stale/refunds", {"amount": 700, "reason": "a scratch"})

        await expect(page.get_by_text("This has changed since")).to_be_visible(timeout=5000)
        await expect(page.locator("#f-reason")).to_have_value("many careful words")


async def test_everything_works_before_any_script(shop: Shop, open_page: Open) -> None:
    """A script that is blocked, or has not come yet, stops nobody."""
    await shop.scenes.paid("o-plain")
    async with open_page(Role.SUPPORT_AGENT, "agent-1", java_script_enabled=False) as page:
        await page.goto("/console/orders/o-plain")
        await page.get_by_role("link", name="Refund the buyer").click()
        await page.fill("#f-amount", "2.00")
        await page.fill("#f-reason", "a scratch")
        await page.get_by_role("button", name="Show what it does").click()
        await expect(page.locator(".moved")).to_contain_text("+2.00")
        await page.get_by_role("button", name="Refund EUR 2.00 to the buyer").click()

        await expect(page.get_by_text("the refund is on its way")).to_be_visible()


async def test_what_is_folded_is_printed_all_the_same(shop: Shop, open_page: Open) -> None:
    """Whoever takes a case to a meeting takes its postings along, and no buttons."""
    async with open_page(Role.SUPPORT_LEAD, "lead-1") as page:
        await page.goto("/console/orders/o-1008")
        postings = page.locator("details table").first
        await expect(postings).not_to_be_visible()
        await page.emulate_media(media="print")

        await expect(postings).to_be_visible()
        assert await postings.evaluate("table => table.getBoundingClientRect().height") > 0
        await expect(page.locator(".side")).not_to_be_visible()
