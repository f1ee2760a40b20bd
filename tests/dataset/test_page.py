"""The page holds every sample as it is rendered; what stands in the data is only ever text on it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from manyshot.curate import look_over, page
from manyshot.dataset.page import Shown, write_page
from manyshot.dataset.spans import Span, pair_spans
from manyshot.datasource import open_source
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.render import branch_text, fold, target_text
from manyshot.transcript import render
from manyshot.types import Call, CallPair
from tests.shipped import SHIPPED_DIALOGUES
from tests.test_cli_flow import ran


class _Reader(HTMLParser):
    """Elements of a page, and the text of the script that holds its data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.data = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self._inside = ("id", "data") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"


def _read(path: Path) -> tuple[_Reader, dict[str, Any]]:
    reader = _Reader()
    reader.feed(path.read_text("utf-8"))
    return reader, json.loads(reader.data)


def test_every_shot_is_there_with_its_mask(tmp_path: Path) -> None:
    source, tokenizer = open_source("ticket_desk"), ByteTokenizer()
    report = look_over(source, tokenizer, limit=100)
    assert page(source, tmp_path / "p.html", tokenizer, report, 1000) == SHIPPED_DIALOGUES
    reader, data = _read(tmp_path / "p.html")
    assert reader.links == []  # one file, nothing from elsewhere
    assert not re.search(r"https?://", (tmp_path / "p.html").read_text("utf-8"))
    assert len(data["samples"]) == data["report"]["records"] == SHIPPED_DIALOGUES
    for sample, one in zip(data["samples"], source.dialogues(), strict=True):
        turns = [span for span in sample["spans"] if span["kind"] not in ("call", "prompt")]
        assert [span["kind"] for span in turns] == [turn.role for turn in one.turns]
        for span, turn in zip(turns, one.turns, strict=True):
            assert turn.role == "observation" or fold(turn.text) in span["text"]
        assert all(span["loss"] == (span["kind"] in ("think", "action", "reply")) for span in sample["spans"])
        own = [span for span in sample["spans"] if span["kind"] != "call"]
        made = render(tokenizer, one.turns)
        assert "".join(span["text"] for span in own) == tokenizer.decode(made.ids)
        assert all(span["tokens"] == len(span["text"].encode()) for span in own)
        assert sum(span["tokens"] for span in own if span["loss"]) == sum(made.loss)
        assert all("".join(span["pieces"]) == (span["text"] if span["loss"] else "") for span in own)
    whole = next(row for row in data["report"]["lengths"] if row["name"] == "sample")
    shared = len(data["prefix"].encode())  # and the id that begins a text, of which nothing is to be seen
    own = [sum(span["tokens"] or 0 for span in one["spans"]) for one in data["samples"]]
    assert whole["most"] == shared + 1 + max(own)
    assert whole["over"] == SHIPPED_DIALOGUES


def test_a_pair_is_shown_as_training_renders_it() -> None:
    pair = CallPair(
        id="p", kind="plain", action="a room", group="g", call=Call(name="Book", arguments={"nights": 2}),
        surfaces={"nights": "two"},
    )  # fmt: skip
    asked, answer = pair_spans(ByteTokenizer(), pair)
    assert (asked.text, asked.loss) == (branch_text("a room"), False)
    assert answer.text.startswith(target_text(pair.call, pair.surfaces, "span"))
    assert (answer.loss, "".join(answer.pieces)) == (True, answer.text)


def test_data_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    bad = "</script><img src=x onerror=alert(1)><!--<script>/*script*/ \u2028 \ud800"
    shown = Shown(bad, bad, bad, {bad: bad}, [Span("user", bad, False)])
    write_page(tmp_path / "p.html", bad, [shown], bad)
    reader, data = _read(tmp_path / "p.html")
    assert "img" not in reader.tags
    assert reader.tags.count("script") == 2
    assert data["title"] == bad.replace("\ud800", "?")


def test_show_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "p.html"
    code, said, _ = ran(["dataset", "show", "ticket_desk", "--out", out, "-n", 3], capsys)
    assert (code, f"3 of {SHIPPED_DIALOGUES} samples" in said) == (0, True)
    assert len(_read(out)[1]["samples"]) == 3


@pytest.mark.parametrize("command", ["export", "import", "check", "split", "redact", "show"])
def test_each_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = ran(["dataset", command, "--help"], capsys)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
