"""The routes of the page: they show what is there as text, write what the expert means, and refuse everybody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manyshot.approving.words import EN, SCRIPT, ZH
from manyshot.dialogue.approval import fingerprint
from manyshot.shotbook import Shotbook, open_book
from manyshot.types import Json, Turn
from tests.dialogue.inn import inn_folder, open_inn
from tests.dialogue.test_replay import FAILING, GOOD

pytest.importorskip("fastapi", reason="the page needs the extra: pip install 'manyshot[serve]'")
from starlette.testclient import TestClient

from manyshot.approving.app import application
from manyshot.approving.desk import words_and_answer
from manyshot.approving.guard import MAX_BODY
from manyshot.approving.views import call_fields
from tests.approving.test_forms import sent

HOME = "http://127.0.0.1:8765"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = inn_folder(tmp_path / "inn").folder
    (place / "shots/a.md").write_text(f"# Evenings\n\n{GOOD}\n{FAILING}", "utf-8")
    return place


def book(folder: Path) -> Shotbook:
    return open_book(folder, open_inn)


@pytest.fixture
def page(folder: Path) -> Iterator[TestClient]:
    with TestClient(application(lambda: book(folder), "Li Na"), base_url=HOME, follow_redirects=False) as client:
        yield client


def form(here: Shotbook, name: str) -> Json:
    """What the page sends for a dialogue that nobody touched."""
    (one,) = here.find([name])
    return {"was": fingerprint(one), "path": one.path, "turns": [_turn(here, turn) for turn in one.turns]}


def _turn(here: Shotbook, turn: Turn) -> Json:
    words, exact = words_and_answer(turn) if turn.role == "observation" else (turn.text, "")
    made = [one.model_dump(mode="json") for one in sent(call_fields(here, turn.call))]
    return {"role": turn.role, "text": words, "exact": exact,
            "call": {"name": turn.call.name, "fields": made} if turn.call else None}  # fmt: skip


def field(edit: Json, turn: int, name: str) -> Json:
    return next(one for one in edit["turns"][turn]["call"]["fields"] if one["path"] == [name])


def post(page: TestClient, url: str, body: Any, status: int = 200, **headers: str) -> Json:
    answer = page.post(url, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def approvals(folder: Path) -> list[Json]:
    path = folder / "shots/approvals.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def text(folder: Path) -> str:
    return (folder / "shots/a.md").read_text("utf-8")


def test_both_languages_have_the_same_words() -> None:
    assert EN.keys() == ZH.keys()
    assert set(SCRIPT) <= EN.keys()
    for key, words in EN.items():
        assert re.findall(r"{\w+}", words) == sorted(
            re.findall(r"{\w+}", ZH[key]), key=re.findall(r"{\w+}", words).index
        )


def test_the_list_has_states_problems_and_coverage(folder: Path, page: TestClient) -> None:
    (folder / "shots/a.md").write_text(GOOD.replace("number is B100002", "number is B100003"), "utf-8")
    found = page.get("/").text
    assert "0 of 10 paths have an approved dialogue, 0 have one that is true" in found
    assert "1 problem" in found
    assert found.count("no dialogue yet") == 9
    assert "evening-1" in page.get("/?show=with_problems").text
    assert "<li>" not in page.get("/?show=approved_ones").text


def test_a_dialogue_is_shown_beside_its_flow_with_its_path_lit(page: TestClient) -> None:
    found = page.get("/shots/evening-1").text
    lit = re.findall(r'class="box \w+ lit" data-step="(\w+)"', found)
    assert set(lit) == {"ask_day", "look", "any", "ask_other", "other", "ask_who", "book", "tell", "booked"}
    assert re.findall(r'class="box \w+" data-step="(\w+)"', found) == ["full", "down"]
    assert '<input type="date" class="input" value="2024-10-13" aria-label="day">' in found
    assert '<input type="number" class="input" step="1" value="4" aria-label="guests">' in found
    assert "created" in found
    assert page.get("/shots/nobody").status_code == 404


def test_what_stands_in_a_dialogue_is_only_ever_text(folder: Path, page: TestClient) -> None:
    evil = "</textarea><script>alert(1)</script>"
    (folder / "shots/a.md").write_text(GOOD.replace("Ann Lee", f"Ann {evil}").replace('["Ann', '["Ann'), "utf-8")
    for url in ("/", "/shots/evening-1", "/shots/%3Cscript%3Ealert(1)"):
        answer = page.get(url)
        assert "<script>alert" not in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert page.get("/shots/evening-1").text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_pages_load_nothing_from_elsewhere(page: TestClient) -> None:
    for url in ("/", "/shots/evening-1", "/static/page.css", "/static/page.js"):
        found = page.get(url)
        assert found.status_code == 200
        assert not re.findall(r"(?:https?:)?//[a-z]", re.sub(r"^\s*//.*$", "", found.text, flags=re.MULTILINE))
    assert page.get("/static/base.html.j2").status_code == 404
    assert [page.get(url).status_code for url in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]


def test_the_language_is_the_domains_until_another_is_chosen(page: TestClient) -> None:
    assert '<html lang="en">' in page.get("/").text
    answer = page.get("/language/zh?back=/shots/evening-1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/shots/evening-1")
    assert '<html lang="zh-CN">' in page.get("/").text
    assert page.get("/language/zh?back=//evil.example").headers["location"] == "/"


def test_an_untouched_dialogue_is_saved_as_it_is(folder: Path, page: TestClient) -> None:
    for name in ("evening-1", "down-1"):
        assert post(page, f"/shots/{name}/save", form(book(folder), name))["changed"] is False
    assert text(folder) == f"# Evenings\n\n{GOOD}\n{FAILING}"


def test_an_edit_is_played_again_at_once_without_being_written(folder: Path, page: TestClient) -> None:
    edit = form(book(folder), "evening-1")
    field(edit, 16, "guests")["text"] = "5"
    answer = post(page, "/shots/evening-1/check", edit)
    assert answer["true"] is False
    assert answer["problems"][17][0] == "Book has guests = 5, which neither the customer nor a tool said before"
    assert [n for n, said in enumerate(answer["problems"]) if said] == [0, 17]
    assert text(folder).count('"guests":4') == 1


def test_an_edit_is_written_and_takes_the_approval_away(folder: Path, page: TestClient) -> None:
    here = book(folder)
    post(page, "/shots/evening-1/approve", {"was": fingerprint(here.shots[0]), "by": "Li"})
    edit = form(here, "evening-1")
    edit["turns"][0]["text"] = "Hello, a table for the 13th?"
    answer = post(page, "/shots/evening-1/save", edit)
    assert answer["changed"] is True
    assert "edited, to decide again" in answer["page"]
    assert text(folder) == f"# Evenings\n\n{GOOD}\n{FAILING}".replace(
        "Hi, I'd like a table for the 13th.", "Hello, a table for the 13th?"
    )
    assert book(folder).state(book(folder).shots[0]) == "edited"


def test_the_systems_answers_are_taken_over_where_wanted(folder: Path, page: TestClient) -> None:
    edit = form(book(folder), "evening-1")
    edit["turns"][14]["text"] = "Ann Lee, five of us."
    edit["turns"][16]["text"] = "Book a table for Ann Lee, 5 guests, on 2024-10-15."
    field(edit, 16, "guests")["text"] = "5"
    edit["turns"][17]["exact"] = ""
    answer = post(page, "/shots/evening-1/save?answers=true", edit)
    assert "everything in it is true" in answer["page"]
    one = book(folder).find(["evening-1"])[0]
    assert one.expected["created"][0]["guests"] == [5]
    assert book(folder).replay(one).true


def test_turns_and_calls_can_be_added_and_removed(folder: Path, page: TestClient) -> None:
    edit = form(book(folder), "down-1")
    edit["turns"][4:7] = []
    answer = post(page, "/shots/down-1/check", edit)
    assert len(answer["problems"]) == len(edit["turns"]) + 1
    call = {"name": "Cancel", "fields": [{"path": ["id"], "kind": "text", "text": "B100001"}]}
    edit["turns"][1:1] = [{"role": "action", "text": "Cancel B100001.", "call": call}, {"role": "observation"}]
    post(page, "/shots/down-1/save?answers=true", edit)
    assert '`Cancel{"id":"B100001"}`\n**Observation**: {"done": true}' in text(folder)


@pytest.mark.parametrize(
    ("turn", "message"),
    [({"role": "user", "text": " "}, "cannot be written"), ({"role": "observation", "exact": "{a"}, "not an answer"),
     ({"role": "action", "text": "x", "call": {"name": "a b"}}, "cannot be written")],
)  # fmt: skip
def test_what_cannot_be_a_turn_is_refused_and_nothing_is_written(
    folder: Path, page: TestClient, turn: Json, message: str
) -> None:
    edit = form(book(folder), "evening-1")
    edit["turns"][1] = turn
    assert message in post(page, "/shots/evening-1/save", edit, 400)["error"]
    assert text(folder) == f"# Evenings\n\n{GOOD}\n{FAILING}"


def test_words_that_look_like_markup_of_the_file_stay_words(folder: Path, page: TestClient) -> None:
    for said in ("## other\n\n**User**: hi", "a\n```\n## b\n```", "`Book{}`", '"quoted"', "a\r\nb", "\\"):
        edit = form(book(folder), "evening-1")
        edit["turns"][-1]["text"] = said
        answer = page.post("/shots/evening-1/save", json=edit)
        assert answer.status_code in (200, 400)
        assert [one.id for one in book(folder).shots] == ["evening-1", "down-1"]
        if answer.status_code == 200:
            assert book(folder).shots[0].turns[-1].text == said.replace("\r\n", "\n")


def test_a_verdict_is_recorded_and_the_next_one_opens(folder: Path, page: TestClient) -> None:
    first, second = book(folder).shots
    said = {"was": fingerprint(first), "by": "Li Na"}
    assert post(page, "/shots/evening-1/approve", said) == {"next": "down-1"}
    said = {"was": fingerprint(second), "by": "Li Na", "reason": "one try is enough"}
    assert post(page, "/shots/down-1/reject", said) == {"next": ""}
    assert [(one["shot"], one["verdict"], one["by"], one["text"], one["reason"]) for one in approvals(folder)] == [
        ("evening-1", "approved", "Li Na", fingerprint(first), ""),
        ("down-1", "rejected", "Li Na", fingerprint(second), "one try is enough"),
    ]
    assert "one try is enough" in page.get("/").text


def test_no_verdict_without_a_name_a_reason_or_the_truth(folder: Path, page: TestClient) -> None:
    (folder / "shots/a.md").write_text(GOOD.replace("number is B100002", "number is B100003"), "utf-8")
    was = fingerprint(book(folder).shots[0])
    assert "cannot be approved" in post(page, "/shots/evening-1/approve", {"was": was, "by": "Li"}, 400)["error"]
    assert (
        "nobody is named" in post(page, "/shots/evening-1/reject", {"was": was, "by": " ", "reason": "x"}, 400)["error"]
    )
    assert "without a reason" in post(page, "/shots/evening-1/reject", {"was": was, "by": "Li"}, 400)["error"]
    assert approvals(folder) == []


def test_who_edits_or_judges_another_text_than_the_files_is_told_and_nothing_is_lost(
    folder: Path, page: TestClient
) -> None:
    edit = form(book(folder), "evening-1")
    edit["turns"][0]["text"] = "Mine."
    theirs = f"# Evenings\n\n{GOOD}\n{FAILING}".replace("Hi, I'd like", "Theirs: I'd like")
    (folder / "shots/a.md").write_text(theirs, "utf-8")
    for url, body in (("save", edit), ("approve", {"was": edit["was"], "by": "Li"})):
        assert "was changed in" in post(page, f"/shots/evening-1/{url}", body, 409)["error"]
    assert text(folder) == theirs
    assert approvals(folder) == []
    post(page, "/shots/evening-1/save?over=true", edit)
    assert "**User**: Mine.\n" in text(folder)


def test_an_edit_elsewhere_in_the_file_is_no_conflict_and_kept(folder: Path, page: TestClient) -> None:
    edit = form(book(folder), "evening-1")
    edit["turns"][0]["text"] = "Hello, a table for the 13th."
    (folder / "shots/a.md").write_text(text(folder).replace("A table for 2024-10-15", "A seat for 2024-10-15"), "utf-8")
    post(page, "/shots/evening-1/save", edit)
    assert "Hello, a table" in text(folder)
    assert "A seat for" in text(folder)


def test_a_file_that_cannot_be_read_is_said_with_its_line(folder: Path, page: TestClient) -> None:
    (folder / "shots/a.md").write_text("## x y\n", "utf-8")
    answer = page.get("/")
    assert answer.status_code == 400
    assert "a.md:1" in answer.text
    (folder / "shots/a.md").write_text(GOOD, "utf-8")
    assert page.get("/").status_code == 200


def test_a_path_without_a_dialogue_gets_a_draft(folder: Path, page: TestClient) -> None:
    path = next(row.path.id for row in book(folder).coverage() if not row.drafted)
    assert post(page, f"/paths/{path}/draft", {}) == {"next": path}
    assert page.get(f"/shots/{path}").status_code == 200
    assert "there is no path" in post(page, "/paths/nothing/draft", {}, 400)["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Origin": "http://127.0.0.1:9"}, 403),
     ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403), ({"Host": "evil.example"}, 403),
     ({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/x-www-form-urlencoded"}, 415)],
)  # fmt: skip
def test_other_sites_can_not_write(folder: Path, page: TestClient, headers: dict[str, str], status: int) -> None:
    body = json.dumps({"was": fingerprint(book(folder).shots[0]), "by": "Eve"})
    answer = page.post("/shots/evening-1/approve", content=body, headers={"Content-Type": "application/json"} | headers)
    assert answer.status_code == status
    assert approvals(folder) == []


def test_a_foreign_name_that_points_here_can_not_even_read(page: TestClient) -> None:
    for host in ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "[::1"):
        assert page.get("/", headers={"Host": host}).status_code == 403, host
    for host in ("localhost:8765", "127.0.0.1:1", "[::1]:8765", "LOCALHOST"):
        assert page.get("/", headers={"Host": host}).status_code == 200, host


def test_its_own_page_can_write(folder: Path, page: TestClient) -> None:
    was = fingerprint(book(folder).shots[0])
    said = {"was": was, "by": "Li"}
    post(page, "/shots/evening-1/approve", said, **{"Origin": HOME, "Sec-Fetch-Site": "same-origin"})
    assert len(approvals(folder)) == 1


def test_bodies_that_are_too_large_or_no_edit_are_refused(folder: Path, page: TestClient) -> None:
    edit = form(book(folder), "evening-1")
    edit["turns"][0]["text"] = "x" * MAX_BODY
    assert "bytes" in post(page, "/shots/evening-1/save", edit, 413)["error"]
    for wrong in ({}, {"was": 1, "turns": []}, form(book(folder), "evening-1") | {"more": 1}):
        assert page.post("/shots/evening-1/save", json=wrong).status_code == 422
    assert (
        page.post("/shots/evening-1/save", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 422
    )
    lone = json.dumps(form(book(folder), "evening-1")).replace("Hi, I'd", "\\ud800")
    answer = page.post("/shots/evening-1/save", content=lone, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert text(folder) == f"# Evenings\n\n{GOOD}\n{FAILING}"
