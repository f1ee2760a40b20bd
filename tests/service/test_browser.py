"""The pages in a real browser: a customer gets a ticket, a person takes over and gives back; on a phone, in Chinese."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from manyshot.desk.run import listen
from manyshot.service.app import application
from manyshot.service.door import OpenDoor
from manyshot.service.run import make_server
from tests.chromium import launched, needs_chromium
from tests.desk.databases import Postgres, Running, running
from tests.service.crashing import DeskTools
from tests.service.hotel import House, house, opener

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as started:
        yield started


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    """A new tab; what its script could not do fails the test, and so does a request to anywhere else."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab, faults = context.new_page(), list[str]()
    tab.set_default_timeout(60_000)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda line: faults.append(line.text) if _bad(line) else None)
    tab.on("request", lambda asked: None if asked.url.startswith("http://127.0.0.1:") else faults.append(asked.url))
    yield tab
    context.close()
    assert faults == []


def _bad(line: Any) -> bool:
    """An error on the console that is not about a connection: tests break those."""
    return line.type == "error" and "net::" not in line.text and "503" not in line.text


@pytest.fixture
def desk(server: Postgres) -> Iterator[Running]:
    with running(server.new_database()) as found:
        yield found


@pytest.fixture
def shop(desk: Running, server: Postgres) -> Iterator[tuple[House, str]]:
    """The service before a desk; both keep their tables in PostgreSQL."""
    door, tools = OpenDoor(customer=str(desk.customers[0])), DeskTools(desk.url, desk.token)
    with house(server.new_database(), tools, door) as found, listen("127.0.0.1", 0) as listening:  # type: ignore[arg-type]
        running_ = make_server(application(found.service, opener))
        thread = threading.Thread(target=running_.run, kwargs={"sockets": [listening]})
        thread.start()
        while not running_.started:
            time.sleep(0.005)
        yield found, f"http://127.0.0.1:{listening.getsockname()[1]}"
        running_.should_exit = running_.force_exit = True
        thread.join(20)


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")


def test_a_ticket_is_made_a_person_takes_over_and_it_comes_back(
    page: Page, shop: tuple[House, str], desk: Running, tmp_path: Path
) -> None:
    _, home = shop
    page.goto(home)
    order = {"userName": "Ann Lee", "problem": "it smells", "address": "Mill Road", "serveTime": "2024-10-11 09:00"}
    say(page, f"TicketCreate{json.dumps(order)}")
    card = page.locator(".ticket")
    card.wait_for()
    number = card.locator("h3 code").inner_text()
    rows = desk.rows(f"select user_name, customer_id from tickets where number = '{number}'")
    assert rows == [("Ann Lee", desk.customers[0])]
    assert "SECRET" not in page.content()

    say(page, "person")
    page.get_by_text("A colleague will take over.").wait_for()
    page.screenshot(path=tmp_path / "chat.png")

    staff = page.context.new_page()
    staff.set_default_timeout(60_000)
    staff.set_viewport_size({"width": 1200, "height": 900})
    staff.goto(f"{home}/staff")
    staff.locator("a.card", has_text="the customer wants a person").click()
    staff.get_by_text("SECRET THOUGHT").first.wait_for()
    assert staff.locator("#about-tickets").inner_text() == number
    staff.get_by_role("button", name="Take over").click()
    staff.locator("#form").wait_for()
    say(staff, "I am Li Na, how can I help?")
    page.get_by_text("I am Li Na, how can I help?").wait_for()
    say(page, "all is well")
    staff.get_by_text("all is well").wait_for()
    staff.screenshot(path=tmp_path / "staff.png")
    staff.get_by_role("button", name="Give back").click()
    page.get_by_text("The assistant goes on from here.").wait_for()
    say(page, "hello again")
    page.get_by_text("You said: hello again").wait_for()

    page.reload()
    page.locator(".ticket").wait_for()
    assert page.locator(".said.staff").count() == 1
    assert page.locator(".said.user").count() == 4


def test_a_phone_in_chinese_sends_again_what_had_no_connection(page: Page, shop: tuple[House, str]) -> None:
    house_, home = shop
    page.goto(home)
    page.get_by_text("中文").click()
    page.get_by_text("您好！请问有什么可以帮您？").wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    say(page, "你好")
    page.get_by_text("You said: 你好").wait_for()
    failing = True

    def sometimes(route: Any) -> None:
        if failing:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    page.route("**/messages", sometimes)
    with page.expect_event("console"):  # the browser itself writes the failed request there
        say(page, "مرحبا 😀")
    page.get_by_text("连接已断开").wait_for()
    failing = False
    page.get_by_text("You said: مرحبا 😀").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    (name,) = [one.id for one in [house_.talks.store.last_of(page_customer(house_))] if one]
    assert house_.told(name, "user") == ["你好", "مرحبا 😀"]


def page_customer(found: House) -> str:
    door = found.service.door
    assert isinstance(door, OpenDoor)
    return door._customer


def test_a_customer_rates_replies_and_people_see_it(page: Page, shop: tuple[House, str], tmp_path: Path) -> None:
    _, home = shop
    page.goto(home)
    say(page, "hello")
    first = page.locator(".reply").filter(has_text="You said: hello")
    first.get_by_role("button", name="Bad answer").click()
    first.get_by_label("Tell us why").fill("that was no help <b>")
    first.get_by_role("button", name="Send").click()
    first.get_by_text("Thank you.").wait_for()
    say(page, "again")
    second = page.locator(".reply").filter(has_text="You said: again")
    second.get_by_role("button", name="Good answer").click()
    second.get_by_label("Tell us why").wait_for()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.screenshot(path=tmp_path / f"thumbs-{scheme}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.reload()
    pressed = page.locator(".thumb[aria-pressed=true]")
    pressed.nth(1).wait_for()
    assert [one.get_attribute("aria-label") for one in pressed.all()] == ["Bad answer", "Good answer"]

    staff = page.context.new_page()
    staff.set_default_timeout(60_000)
    staff.goto(f"{home}/staff")
    staff.screenshot(path=tmp_path / "thumbs-queue.png")
    staff.locator("a.card.down", has_text="that was no help <b>").click()
    staff.locator(".verdict.down").wait_for()
    assert staff.locator(".verdict").all_inner_texts() == ["Bad answer: that was no help <b>", "Good answer"]
    staff.screenshot(path=tmp_path / "thumbs-staff.png")
    second.get_by_role("button", name="Bad answer").click()  # the mind is changed, and people see it at once
    staff.locator(".verdict.down").nth(1).wait_for()
    assert 'manyshot_thumbs{thumb="down"} 2.0' in page.request.get(f"{home}/metrics").text()


def test_thumbs_in_chinese_on_a_phone(page: Page, shop: tuple[House, str], tmp_path: Path) -> None:
    _, home = shop
    page.goto(home)
    page.get_by_text("中文").click()
    say(page, "你好")
    page.get_by_role("button", name="答得不好").click()
    page.get_by_label("可以告诉我们原因").fill("没有回答我的问题")
    page.screenshot(path=tmp_path / "thumbs-zh.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="发送").first.click()
    page.get_by_text("谢谢您的反馈。").wait_for()
