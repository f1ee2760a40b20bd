"""The page in a real browser: an expert edits a call, sees what is wrong, mends it, approves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from manyshot.dialogue.approval import fingerprint
from manyshot.shotbook import Shotbook, open_book
from tests.chromium import launched, needs_chromium
from tests.dialogue.inn import inn_folder, open_inn
from tests.dialogue.test_replay import FAILING, GOOD

if TYPE_CHECKING:
    from playwright.sync_api import Page

uvicorn = pytest.importorskip("uvicorn", reason="the page needs the extra: pip install 'manyshot[serve]'")
pytestmark = needs_chromium


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = inn_folder(tmp_path / "inn").folder
    (place / "shots/a.md").write_text(f"# Evenings\n\n{GOOD}\n{FAILING}", "utf-8")
    return place


def book(folder: Path) -> Shotbook:
    return open_book(folder, open_inn)


@pytest.fixture
def home(folder: Path) -> Iterator[str]:
    """The address of the page, served by a real server in a thread."""
    from manyshot.approving.app import application
    from manyshot.approving.serving import listening

    listener = listening("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(application(lambda: book(folder)), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as started:
        yield started


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    """A new tab; what its script could not do fails the test, and so does a request to anywhere else."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    tab, faults = context.new_page(), list[str]()
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("request", lambda request: faults.append(request.url) if "127.0.0.1" not in request.url.split("/")[2:3] and
           not request.url.startswith(("http://127.0.0.1:", "data:")) else None)  # fmt: skip
    yield tab
    context.close()
    assert faults == []


def approvals(folder: Path) -> list[dict[str, Any]]:
    path = folder / "shots/approvals.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_a_call_is_edited_played_again_mended_and_approved(page: Page, home: str, folder: Path) -> None:
    page.goto(home)
    page.get_by_text("Decide the next").click()
    turn = page.locator(".turn", has=page.locator(".exact", has_text="B100002")).locator(
        "xpath=preceding-sibling::li[1]"
    )
    turn.get_by_label("guests", exact=True).fill("5")
    said = turn.get_by_text("Book has guests = 5, which neither the customer nor a tool said before")
    said.wait_for()
    approve = page.get_by_role("button", name="Approve")
    assert approve.is_disabled()
    assert '"guests":4' in (folder / "shots/a.md").read_text("utf-8")

    turn.locator(".words").fill("Book a table for Ann Lee, 5 guests, on 2024-10-15.")
    page.get_by_label("Customer", exact=True).nth(2).fill("Ann Lee, five of us.")
    page.get_by_text("Save, with the system's answers").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_text("Played again: everything in it is true.").wait_for()
    assert '"guests":5' in (folder / "shots/a.md").read_text("utf-8")

    page.get_by_label("Your name").fill("Li Na")
    approve.click()
    page.wait_for_url(f"{home}/shots/down-1")
    (record,) = approvals(folder)
    (one,) = book(folder).find(["evening-1"])
    assert (record["shot"], record["verdict"], record["by"]) == ("evening-1", "approved", "Li Na")
    assert record["text"] == fingerprint(one)

    page.get_by_role("button", name="Reject").click()
    page.get_by_text("Write what is to be mended, then reject.").wait_for()
    page.get_by_label("What is to be mended").fill("one try is enough")
    page.get_by_role("button", name="Reject").click()
    page.wait_for_url(f"{home}/")
    assert approvals(folder)[1]["reason"] == "one try is enough"
    page.get_by_text("Everything is decided.").wait_for()


def test_who_was_overtaken_keeps_what_was_typed(page: Page, home: str, folder: Path) -> None:
    page.goto(f"{home}/shots/evening-1")
    page.get_by_label("Customer").first.fill("Mine, for the 13th.")
    path = folder / "shots/a.md"
    path.write_text(path.read_text("utf-8").replace("Hi, I'd like", "Theirs: I'd like"), "utf-8")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Somebody changed this dialogue").wait_for()
    assert "Theirs" in path.read_text("utf-8")
    assert page.get_by_label("Customer").first.input_value() == "Mine, for the 13th."
    page.get_by_text("Write mine over it").click()
    page.get_by_text("Saved.").wait_for()
    assert "**User**: Mine, for the 13th." in path.read_text("utf-8")


def test_a_turn_with_a_call_is_added_and_one_removed_by_keyboard(page: Page, home: str, folder: Path) -> None:
    page.goto(f"{home}/shots/down-1")
    more = page.locator(".turn.user").first.locator("summary")
    more.focus()
    page.keyboard.press("Enter")
    page.locator(".turn.user").first.get_by_role("button", name="Does").press("Enter")
    page.keyboard.type("Cancel the booking B100001.")
    made = page.locator(".turn").nth(1)
    made.locator(".tool").select_option("Cancel")
    made.get_by_label("id", exact=True).fill("B100001")
    page.keyboard.press("Control+s")
    page.get_by_text("Saved.").wait_for()
    assert 'B100001.\n`Cancel{"id":"B100001"}`\n**Observation**:' in (folder / "shots/a.md").read_text("utf-8")
    page.locator(".turn").nth(2).locator("summary").click()
    page.locator(".turn").nth(2).get_by_role("button", name="Remove this turn").click()
    page.get_by_text("a call without an Observation below it").wait_for()


def test_both_languages_and_a_phone_show_no_less(page: Page, home: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for url in ("/", "/shots/evening-1"):
        page.goto(home + url)
        if page.get_by_role("link", name="中文").count():
            page.get_by_role("link", name="中文").click()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_text("流程“table”").click()
    assert page.locator(".box.lit").first.is_visible()
    assert page.get_by_role("button", name="通过").is_enabled()
