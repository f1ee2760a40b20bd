"""The flow of docs/flows.md is sound, and its picture and its paths are what the commands print."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from manyshot.config import find_domain
from manyshot.flow.listing import listing
from manyshot.flow.mermaid import draw
from manyshot.flow.paths import MAX_WALKS, paths
from manyshot.spec.check import check_flows
from manyshot.spec.load import load_flows

PAGE = Path(__file__).parents[2] / "docs" / "flows.md"


@pytest.fixture
def page() -> str:
    return PAGE.read_text("utf-8")


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_is_sound_and_drawn_as_shown(page: str, tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    shutil.copytree(find_domain("ticket_desk"), desk, ignore=shutil.ignore_patterns("flows"))
    (desk / "flows").mkdir()
    (desk / "flows/progress.yaml").write_text(block(page, "yaml"), "utf-8")
    report = check_flows(desk)
    assert (report.faults, report.hints) == ((), ())
    (flow,) = load_flows(desk)
    assert draw(flow) == block(page, "mermaid")
    assert listing(paths(flow)[:1]).rstrip() in page
    assert f"more than {MAX_WALKS:,} ways" in page
