"""The learning curve: smaller adapters of the same run on the same tests, in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyshot.curve import curve
from manyshot.errors import DataError
from manyshot.progress import Silent
from manyshot.runfolder import RunFolder
from tests.scripted import Counting, gold, starter
from tests.test_pipeline import SMALL, run


def test_points_are_added_to_the_report_and_the_run_itself_is_the_last(tmp_path: Path) -> None:
    domain = starter(tmp_path / "bistro")
    made, place = Counting(tmp_path, gold(domain)), RunFolder(tmp_path / "run")
    run(SMALL, domain, place.path, made)
    points = curve(place, [8, 20], made.parts(), Silent())
    assert [p.pairs for p in points[:2]] == [8, 20]
    assert points[-1].pairs > 20
    assert all((p.right, p.total) == (4, 4) for p in points)
    assert len(json.loads((place.path / "curve.json").read_text("utf-8"))) == 3
    assert "More data, better answers?" in place.report.read_text("utf-8")
    trained = made.trained
    curve(place, [8, 20], made.parts(), Silent())
    assert made.trained == trained  # what is done is not done again


def test_a_curve_needs_a_finished_run_and_smaller_sizes(tmp_path: Path) -> None:
    domain = starter(tmp_path / "bistro")
    made, place = Counting(tmp_path, gold(domain)), RunFolder(tmp_path / "run")
    with pytest.raises(DataError, match="finished run"):
        curve(place, [8], made.parts(), Silent())
    run(SMALL, domain, place.path, made)
    with pytest.raises(DataError, match="give smaller sizes"):
        curve(place, [5000], made.parts(), Silent())
