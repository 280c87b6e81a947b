"""A dispute in a browser, from the buyer's complaint to the word that stands after an appeal."""

from playwright.async_api import FilePayload, Page, expect

from domain.actors import Role
from domain.dispute.evidence import LARGEST
from tests.api.test_evidence import a_picture
from tests.browser.conftest import PICTURES, Open, Shop


async def test_a_dispute_is_opened_countered_escalated_ruled_and_appealed(
    shop: Shop, open_page: Open
) -> None:
    """Five people, each at their own page: the buyer on a phone, the staff at a desk."""
    line = {"product": "p-7", "category": "phones", "price": 60_000, "freight": 0}
    await shop.scenes.received("o-path", "1ZW4F5810392456780", lines=[line])

    async with open_page(Role.BUYER, "b-1", "phone") as page:
        case = await _open(page, "o-path")
        await _show_a_picture(page)

    async with open_page(Role.SELLER, "s-1") as page:
        await page.goto(case)
        await _offer(page, "50.00")

    async with open_page(Role.BUYER, "b-1", "phone") as page:
        await page.goto(case)
        await expect(page.get_by_text("EUR 50.00").first).to_be_visible()
        await _act(page, "Ask the platform to step in", "Ask the platform to step in")

    async with open_page(Role.SUPPORT_AGENT, "agent-1") as page:
        await page.goto(case)
        await _act(page, "Take or hand on the case", "agent-1")
        await _offer(page, "300.00")
        await _rule(page, "600.00", "the pictures show the broken glass")
        await _stands(page, "Awaiting second person")

    async with open_page(Role.SUPPORT_LEAD, "lead-1") as page:
        await page.goto("/console/queue")
        await page.get_by_role("link", name=case.rpartition("/")[2]).click()
        await _look_at_the_evidence(page)
        await page.get_by_role("link", name="Agree to the ruling").click()
        await expect(page.locator(".moved")).to_contain_text("+600.00")
        await _seen(page, "approval")
        await _press(page, "Agree to the ruling")
        await expect(page.get_by_role("row", name="Back to the buyer")).to_contain_text("600.00")

    async with open_page(Role.SELLER, "s-1") as page:
        await page.goto(case)
        await _act(page, "Appeal", "Appeal")

    async with open_page(Role.SUPPORT_AGENT, "agent-1") as page:
        await page.goto(case)
        await expect(page.get_by_role("link", name="Rule on the case")).to_be_hidden()

    async with open_page(Role.SUPPORT_AGENT, "agent-2") as page:
        await page.goto(case)
        await _act(page, "Take or hand on the case", "agent-2")
        await _rule(page, "400.00", "a third of it works as it should")
        await expect(page.get_by_text("a ruling on appeal").first).to_be_visible()
        await _seen(page, "appealed")

    await _ended(shop, case)


async def _open(page: Page, order: str) -> str:
    """The buyer complains; the address of the case."""
    await page.goto(f"/console/orders/{order}")
    await page.get_by_role("link", name="Open a dispute").click()
    await page.get_by_label("1", exact=True).check()
    await page.get_by_label("damaged").check()
    await page.get_by_label("money back", exact=True).check()
    await page.fill("#f-amount", "600.00")
    await expect(page.locator(".moved")).to_be_visible()
    await _press(page, "Dispute this and ask for EUR 600.00")
    return page.url.partition("?")[0]


async def _show_a_picture(page: Page) -> None:
    await _send(page, a_picture(90))
    await page.wait_for_url("**?done=show_evidence")


async def _send(page: Page, content: bytes) -> None:
    picture = FilePayload(name="glass.png", mimeType="image/png", buffer=content)
    await page.get_by_label("Picture, film or PDF").set_input_files(picture)
    await page.get_by_role("button", name="Show it").click()


async def _look_at_the_evidence(page: Page) -> None:
    await expect(page.get_by_role("img", name="Evidence 1, Buyer")).to_be_visible()
    await _seen(page, "case")


async def _ended(shop: Shop, case: str) -> None:
    buyer = await shop.scenes.buyer()
    order = (await buyer.get("/v1/orders/o-path")).json()
    ruled = (await buyer.get(case.replace("/console", "/v1"))).json()["verdict"]
    assert (ruled["basis"], ruled["amount"]["amount"]) == ("appeal", 40_000)
    assert order["money"]["refunded"]["amount"] == 60_000, "what went out is not asked back"


async def test_a_case_is_taken_and_ruled_on_by_keys_alone(shop: Shop, open_page: Open) -> None:
    """From the queue's row to the ruling: nothing is out of a keyboard's reach."""
    path = await shop.scenes.disputed("o-keyed", "1ZW4F5810393456797")
    async with open_page(Role.SUPPORT_LEAD, "lead-1") as page:
        await page.goto(f"/console{path}")
        await page.keyboard.press("d")
        await _tab_to(page, 'a[href*="/acts/decide"]')
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/acts/decide*")
        await _tab_to(page, "input[name=remedy]")
        await page.keyboard.press("Space")
        await _tab_to(page, "#f-amount")
        await page.keyboard.type("30.00")
        await _tab_to(page, "#f-why")
        await page.keyboard.type("a third of it works")
        await expect(page.locator(".moved")).to_be_visible()
        await _tab_to(page, "button[value=do]")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**?done=decide")


async def _tab_to(page: Page, wanted: str) -> None:
    """Press Tab until that has the focus, as somebody does who looks where they are."""
    for _ in range(80):
        if await page.evaluate("it => document.activeElement.matches(it)", wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


async def test_a_file_that_is_too_large_is_refused_in_words(shop: Shop, open_page: Open) -> None:
    """A browser that is cut off would show a page of its own, and nobody would know why."""
    path = await shop.scenes.disputed("o-large", "1ZW4F5810393456788")
    async with open_page(Role.BUYER, "b-1", refused="413") as page:
        await page.goto(f"/console{path}")
        await _send(page, a_picture(91).ljust(LARGEST + 1_000_000, b"\0"))
        await expect(page.get_by_role("heading", name="Too much at once")).to_be_visible()


async def _act(page: Page, title: str, button: str) -> None:
    """Open one of the acts that are offered, and press the button that says what it will do."""
    await page.get_by_role("link", name=title, exact=True).click()
    await _press(page, button)


async def _press(page: Page, button: str) -> None:
    await page.get_by_role("button", name=button).click()
    await page.wait_for_url("**?done=*")


async def _offer(page: Page, amount: str) -> None:
    await page.get_by_role("link", name="Propose something else").click()
    await page.get_by_label("money back", exact=True).check()
    await page.fill("#f-amount", amount)
    await _press(page, f"EUR {amount}")


async def _rule(page: Page, amount: str, why: str) -> None:
    await page.get_by_role("link", name="Rule on the case").click()
    await page.get_by_label("money back", exact=True).check()
    await page.fill("#f-amount", amount)
    await page.fill("#f-why", why)
    await expect(page.locator(".moved")).to_be_visible()
    await _press(page, f"EUR {amount}")


async def _stands(page: Page, status: str) -> None:
    await expect(page.locator("main").get_by_text(status, exact=True).first).to_be_visible()


async def _seen(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"path-{name}.png", full_page=True)
