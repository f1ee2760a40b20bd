"""The pages in a real browser: staff log in by a form, are kept out after logging out; a customer pastes a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.access.building import PASSWORD, QUEUE, SECRET, Building
from tests.chromium import launched, needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = needs_chromium


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a phone; what its policy forbade, or could not be loaded, fails the test."""
    with launched() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 700}, locale="zh-CN")
        tab, faults = context.new_page(), list[str]()
        tab.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        tab.on("requestfailed", lambda request: faults.append(request.url))
        yield tab
    assert faults == []


def test_staff_and_a_customer_come_in_through_the_pages(page: Page, building: Building) -> None:
    page.set_default_timeout(20_000)
    page.goto(f"{building.url}/staff")
    page.wait_for_url("**/access/login?next=%2Fstaff")
    page.get_by_label("用户名").fill("ada")
    page.get_by_label("密码").fill("wrong wrong wrong")
    page.get_by_role("button", name="登录").click()
    page.get_by_text("用户名或密码不对。").wait_for()
    page.get_by_role("link", name="English").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/staff")
    page.get_by_text(QUEUE).wait_for()

    page.goto(f"{building.url}/access/login")
    page.get_by_text("Logged in as ada").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Password").wait_for()
    page.goto(f"{building.url}/staff")
    page.wait_for_url("**/access/login?next=%2Fstaff")

    page.goto(f"{building.url}/note")
    page.get_by_label("Token").fill(building.token("2"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/note")
    page.get_by_text(SECRET).wait_for()
