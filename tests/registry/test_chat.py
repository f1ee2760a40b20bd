"""A conversation in the terminal with the live desk: what was agreed stands in its database."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

pytest.importorskip("fastapi", reason="the desk needs manyshot[serve]")

from sqlalchemy import create_engine, text

from manyshot import multiply, pipeline
from manyshot.config import find_domain
from manyshot.progress import Silent
from manyshot.records import write_manifest
from manyshot.runfolder import RunFolder
from manyshot.spec.load import load_domain
from tests.desk.test_desk_run import process
from tests.registry.test_desk import ADDRESS, EXAMPLE

DESK = find_domain("ticket_desk")


def a_run(folder: Path) -> RunFolder:
    """A run as a guided assistant uses it: it asks no model, so the adapters need not be there."""
    place = RunFolder(folder)
    place.path.mkdir()
    place.begin(pipeline.RunConfig().model_dump(mode="json"), load_domain(DESK), force=False)
    multiply.run(DESK, place.dialogues, Silent(), count=400)
    for stage in (place.train, place.think):
        stage.mkdir()
        write_manifest(stage, stage.name, {}, {}, {})
    return place


def chat(place: RunFolder, file: Path, token: str, *said: str) -> str:
    words = ["chat", "--run", str(place.path), "--registry", str(file), "--customer", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "manyshot", *words],
        input="".join(f"{line}\n" for line in said),
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "DESK_TOKEN": token, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_visit_is_booked_and_cancelled_on_the_desk(tmp_path: Path) -> None:
    place = a_run(tmp_path / "run")
    db = tmp_path / "desk.db"
    with process(f"sqlite:///{db}", tmp_path, "--seed-demo") as (_, url, token):
        file = tmp_path / "tools.toml"
        file.write_text(EXAMPLE.replace(ADDRESS, url))
        headers = {"Authorization": f"Bearer {token}", "X-Customer": "1"}
        for ahead in range(2, 20):
            day = date.today() + timedelta(days=ahead)
            asked = httpx.get(f"{url}/technician-slots?date={day}", headers=headers, trust_env=False).json()
            if f"{day} 09:00" in asked["slots"]:
                break
        when = f"{day.month}月{day.day}日"
        who = "滕小满，北京市丰台区科兴路7号院1号楼302"
        booked = chat(place, file, token, "刹车一直响，踩着发软", "要的，派人来吧", when, f"上午九点，{who}")
        engine = create_engine(f"sqlite:///{db}")

        def rows(sql: str) -> list[tuple[object, ...]]:
            with engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(sql))]

        made = rows("select number, state, customer_id from tickets where user_name = '滕小满'")
        assert [row[1:] for row in made] == [("assigned", 1)], booked
        number = str(made[0][0])
        assert f"{day} 09:00" in booked
        for answer, state in (("n", "assigned"), ("y", "cancelled")):
            told = chat(place, file, token, f"取消{number}", "是的，确定取消，因为已经自己修好了", answer)
            assert "TicketCancel needs the customer's yes" in told, told
            assert rows(f"select state from tickets where number = '{number}'") == [(state,)], told
        engine.dispose()
