"""Many dialogues from the approved ones of ticket_desk: all true, all paths, every class, the same in any process."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from manyshot import multiply
from manyshot.data.dialogues.build import Rejects
from manyshot.data.dialogues.detours import SHARES
from manyshot.data.variety import NearDuplicates, sketch_of
from manyshot.errors import DataError, SpecError
from manyshot.progress import Silent
from manyshot.shotbook import GENERATED, open_book
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import DIALOGUE_KINDS, LEAVES, REFUSES, UNSOUND, Trajectory
from manyshot.world.opening import opener
from tests.data.checker import Checker
from tests.dialogue.inn import inn_folder
from tests.test_cli_flow import ran

FOLDER = Path(multiply.__file__).parent / "domains" / "ticket_desk"
Row = dict[str, Any]
#: Each class once a path, and so many more that some are near-duplicates.
COUNT = 40 * (len(SHARES) + 16)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    out = tmp_path_factory.mktemp("dialogues") / "out"
    multiply.run(FOLDER, out, Silent(), count=COUNT)
    return out, [json.loads(line) for line in (out / GENERATED).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(FOLDER, opener(load_domain(FOLDER), load_flows(FOLDER)))


def test_every_kept_dialogue_is_true(made: tuple[Path, list[Row]], checker: Checker) -> None:
    faults = [(row["id"], row["kind"], fault) for row in made[1] for fault in checker.faults(row)]
    assert not faults


def test_all_paths_and_their_classes_are_covered_in_varied_words(made: tuple[Path, list[Row]]) -> None:
    out, rows = made
    numbers = json.loads((out / "manifest.json").read_text("utf-8"))["numbers"]
    assert numbers["paths"] == [40, 40]
    covered, possible = numbers["path_classes"]
    assert possible == 40 * len(SHARES)
    assert covered == possible - sum(map(len, numbers["no_room"].values())) > 450
    assert {row["kind"] for row in rows} == set(SHARES)
    assert numbers["nearest_similarity"] < 0.8
    assert len({row["id"] for row in rows}) == len(rows) > 380
    assert numbers["wordings"]["fewest"] >= 3


def test_a_path_is_always_the_same_calls(made: tuple[Path, list[Row]]) -> None:
    by_path: dict[str, set[tuple[str, ...]]] = {}
    for row in made[1]:
        if row["kind"] not in (LEAVES, REFUSES, *UNSOUND, "refused_call"):
            calls = tuple(t["call"]["name"] for t in row["turns"] if t["call"])
            by_path.setdefault(row["path"], set()).add(calls)
    assert Counter(len(ways) for ways in by_path.values()) == {1: 40}


def test_every_call_goes_wrong_in_every_way_on_every_path(made: tuple[Path, list[Row]]) -> None:
    """What a class has no room for is told by path, and is no hole that could be filled."""
    out, rows = made
    no_room = json.loads((out / "manifest.json").read_text("utf-8"))["numbers"]["no_room"]
    calling = {row["path"] for row in rows if any(turn["call"] for turn in row["turns"])}
    for kind in (*UNSOUND, "refused_call"):
        assert not calling & set(no_room.get(kind, ())), kind
    #: Paths on which the only call meets a system that is down: its answer cannot hold an order too.
    assert len(calling & set(no_room["injected_answer"])) == 2


def test_an_english_desk_gets_every_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a flow and drafts of its shots; "no" in "another" is no answer."""
    desk = tmp_path / "inn"
    inn_folder(desk)
    for words in (["shots", "draft", desk], ["shots", "approve", desk, "--all", "--by", "Ann"]):
        assert ran(words, capsys)[0] == 0
    made = multiply.run(desk, tmp_path / "out", Silent(), count=170)
    rows = [json.loads(line) for line in (tmp_path / "out" / GENERATED).read_text("utf-8").splitlines()]
    assert {row["kind"] for row in rows} == set(SHARES)
    assert made.numbers["paths"] == [10, 10]
    assert {kind for kind, paths in made.numbers["no_room"].items() if len(paths) > 2} == set()
    said = [turn["text"] for row in rows for turn in row["turns"] if turn["role"] != "observation"]
    assert not [text for text in said if "\u4e00" < max(text) < "\ua000"]
    assert made.numbers["rejects"]["near-duplicate of another path"]
    multiply.run(desk, tmp_path / "two", Silent(), count=170, workers=2)
    for name in (GENERATED, multiply.REJECTS):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    checker = Checker(desk, opener(load_domain(desk), load_flows(desk)))
    faults = [(row["kind"], fault) for row in rows for fault in checker.faults(row)]
    assert not faults


@pytest.mark.slow
def test_processes_and_kills_change_nothing(made: tuple[Path, list[Row]], tmp_path: Path) -> None:
    whole = (made[0] / GENERATED).read_bytes()
    multiply.run(FOLDER, tmp_path / "two", Silent(), count=COUNT, workers=2)
    assert (tmp_path / "two" / GENERATED).read_bytes() == whole


def test_a_stopped_try_goes_on_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    multiply.run(FOLDER, tmp_path / "whole", Silent(), count=80)
    real, count = multiply._make, 0

    def stop(path: str, parts: Path, each: int) -> str:
        nonlocal count
        count += 1
        if count > 7:
            raise KeyboardInterrupt
        return real(path, parts, each)

    monkeypatch.setattr(multiply, "_make", stop)
    with pytest.raises(KeyboardInterrupt):
        multiply.run(FOLDER, tmp_path / "out", Silent(), count=80)
    assert not (tmp_path / "out" / "manifest.json").exists()
    made_first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out" / "parts").glob("*-*.json")}
    assert len(made_first) == 7
    monkeypatch.setattr(multiply, "_make", real)
    multiply.run(FOLDER, tmp_path / "out", Silent(), count=80)
    assert (tmp_path / "out" / GENERATED).read_bytes() == (tmp_path / "whole" / GENERATED).read_bytes()
    with pytest.raises(DataError, match="finished dialogues"):
        multiply.run(FOLDER, tmp_path / "out", Silent(), count=80)


@pytest.mark.slow
def test_a_killed_process_is_gone_on_with_to_the_same(tmp_path: Path) -> None:
    """kill -9 on the command while its two processes make dialogues: nothing of it is left but what was finished, and
    the command, given again, comes to the same bytes as one that was never killed."""
    command = [sys.executable, "-m", "manyshot", "dialogues", str(FOLDER), "--count", "600", "--workers", "2", "--out"]
    out, whole = tmp_path / "out", tmp_path / "whole"
    running = subprocess.Popen([*command, str(out)], stdout=subprocess.DEVNULL)
    _until(lambda: len(list(out.glob("parts/*-*.json"))) >= 5 or running.poll() is not None)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    running.kill()
    assert running.wait() == -signal.SIGKILL
    _until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert len(children) == 2
    assert not (out / "manifest.json").exists()
    assert not (out / GENERATED).exists()
    finished = {p: p.stat().st_mtime_ns for p in out.glob("parts/*-*.json")}
    assert 5 <= len(finished) < 40
    subprocess.run([*command, str(out)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*command[:-2], "1", "--out", str(whole)], check=True, stdout=subprocess.DEVNULL)
    for name in (GENERATED, multiply.REJECTS):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    ids = [[json.loads(line)["id"] for line in (at / GENERATED).open(encoding="utf-8")] for at in (out, whole)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) > 500


def _until(reached: Callable[[], bool]) -> None:
    """Wait, a minute at most."""
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_rejects_are_counted_with_examples(made: tuple[Path, list[Row]]) -> None:
    out, rows = made
    told = [json.loads(line) for line in (out / multiply.REJECTS).read_text("utf-8").splitlines()]
    counts = json.loads((out / "manifest.json").read_text("utf-8"))["numbers"]["rejects"]
    assert {row["reason"]: row["count"] for row in told} == counts
    assert [row["count"] for row in told] == sorted((row["count"] for row in told), reverse=True)
    assert all(len(row["examples"]) == min(row["count"], 20) for row in told)
    near = next(row for row in told if row["reason"] == "near-duplicate")
    assert {one["dialogue"]["path"] for one in near["examples"]} <= {row["path"] for row in rows}
    kept = NearDuplicates()
    for row in rows:
        kept.keep(" ".join(turn["text"] for turn in row["turns"]))
    for one in near["examples"]:
        assert not kept.is_new(" ".join(turn["text"] for turn in one["dialogue"]["turns"]))


def test_near_duplicates_are_told_over_all_paths(made: tuple[Path, list[Row]]) -> None:
    """The dialogues of one path stand under another one as well: none of them is kept twice, and others are made."""
    builder = multiply.builder_of(open_book(FOLDER, partial(opener, trust=False)), 0)
    first, second = builder.paths[1:3]
    own = [Trajectory.model_validate(row) for row in made[1] if row["path"] == first.id]
    alike = [one.model_copy(update={"path": second.id, "flow": second.flow}) for one in own]
    sketches = {"sketches": [sketch_of(" ".join(turn.text for turn in one.turns)) for one in own]}
    rejects = Rejects()
    rows = multiply._apart(
        builder, {first.id: own, second.id: alike}, {first.id: sketches, second.id: sketches}, rejects
    )
    assert rows[: len(own)] == own
    assert rejects.counts["near-duplicate of another path"] == len(own)
    others = rows[len(own) :]
    assert [one.kind for one in others] == [one.kind for one in alike if one.kind in {o.kind for o in others}]
    assert len(others) > len(own) / 2
    assert all(one.path == second.id for one in others)
    assert not any(one.turns == there.turns for one in others for there in own)


def test_shares_may_be_set_and_name_every_class(tmp_path: Path) -> None:
    import shutil

    assert tuple(SHARES) == DIALOGUE_KINDS
    folder = tmp_path / "desk"
    shutil.copytree(FOLDER, folder)
    toml = folder / "domain.toml"
    none = "".join(f"{kind} = 0\n" for kind in SHARES if kind not in ("plain", "injection"))
    toml.write_text(f"{toml.read_text('utf-8')}\n[dialogue_shares]\n{none}", "utf-8")
    multiply.run(folder, tmp_path / "out", Silent(), count=80)
    rows = [json.loads(line) for line in (tmp_path / "out" / GENERATED).read_text("utf-8").splitlines()]
    assert {row["kind"] for row in rows} == {"plain", "injection"}
    toml.write_text(toml.read_text("utf-8").replace("leaves = 0", "leavs = 0"), "utf-8")
    with pytest.raises(SpecError, match='names "leavs", which is no class of dialogues; did you mean "leaves"'):
        load_domain(folder)


def test_only_approved_dialogues_are_multiplied(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "desk"
    shutil.copytree(FOLDER, folder)
    (folder / "shots" / "approvals.jsonl").unlink()
    with pytest.raises(DataError, match="no approved dialogue"):
        multiply.run(folder, tmp_path / "out", Silent(), count=10)
    assert not open_book(folder, partial(opener, trust=True)).usable


# planted corruption: each kind is made from a true dialogue, and must be seen


def _calls(row: Row) -> list[int]:
    return [n for n, turn in enumerate(row["turns"]) if turn["call"]]


def _argument(row: Row, change: Callable[[str], Any], fits: Callable[[str], bool] = lambda _: True) -> None:
    for n in _calls(row):
        for key, value in row["turns"][n]["call"]["arguments"].items():
            if isinstance(value, str) and fits(value):
                row["turns"][n]["call"]["arguments"][key] = change(value)
                return
    raise LookupError


def _turn(row: Row, role: str, change: Callable[[Row], None], last: bool = False) -> None:
    found = [t for t in row["turns"] if t["role"] == role]
    change(found[-1 if last else 0])


def _digit(text: str) -> str:
    at = next(n for n, c in enumerate(text) if c.isdigit() and n > 4)
    return text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]


def _drop(row: Row, numbers: list[int]) -> None:
    row["turns"] = [t for n, t in enumerate(row["turns"]) if n not in numbers]


def _swap(row: Row, a: int, b: int) -> None:
    turns = row["turns"]
    turns[a], turns[b] = turns[b], turns[a]


def _body(row: Row, change: Callable[[Row], None]) -> None:
    for turn in row["turns"]:
        if turn["answered"] and isinstance(turn["answered"]["body"], dict) and turn["answered"]["status"] == 200:
            change(turn["answered"]["body"])
            turn["text"] = json.dumps(turn["answered"]["body"], ensure_ascii=False)
            return
    raise LookupError


def _set(key: str, value: Any) -> Callable[[Row], None]:
    return lambda turn: turn.__setitem__(key, value)


CORRUPTIONS: dict[str, Callable[[Row], None]] = {
    "an answer is gone": lambda r: _drop(r, [_calls(r)[0] + 1]),
    "a call with its answer is gone": lambda r: _drop(r, [_calls(r)[0] - 1, _calls(r)[0], _calls(r)[0] + 1]),
    "a call is made twice": lambda r: r["turns"].__setitem__(
        slice(_calls(r)[-1] + 2, _calls(r)[-1] + 2), copy.deepcopy(r["turns"][_calls(r)[-1] - 1 : _calls(r)[-1] + 2])
    ),
    "an answer is another": lambda r: _body(r, lambda b: b.__setitem__(next(iter(b)), "X1")),
    "an answer has one field more": lambda r: _body(r, lambda b: b.__setitem__("discount", 20)),
    "a failed call is said to be well": lambda r: r["turns"][_calls(r)[-1] + 1].__setitem__(
        "answered", {"status": 200, "body": {"ok": True}}
    ),
    "words beside the answer": lambda r: _turn(r, "observation", _set("text", "it went well")),
    "another tool": lambda r: r["turns"][_calls(r)[0]]["call"].__setitem__("name", "TicketRate"),
    "a tool that is none": lambda r: r["turns"][_calls(r)[0]]["call"].__setitem__("name", "DeleteAll"),
    "a required field is gone": lambda r: r["turns"][_calls(r)[0]]["call"]["arguments"].clear(),
    "a field that is none": lambda r: r["turns"][_calls(r)[0]]["call"]["arguments"].__setitem__("force", True),
    "a value of another type": lambda r: _argument(r, lambda _: 5),
    "a digit of an id": lambda r: _argument(r, _digit, lambda v: v.startswith("CHB")),
    "an invented name": lambda r: _argument(r, lambda _: "欧阳铁柱", lambda v: not any(c.isdigit() for c in v)),
    "an id in a reply": lambda r: _turn(r, "reply", _set("text", "您的工单号是CHB99999999999。"), True),
    "an Action without its value": lambda r: r["turns"][_calls(r)[0]].__setitem__("text", "办理。"),
    "the end is missing": lambda r: _drop(r, [len(r["turns"]) - 1]),
    "the assistant begins": lambda r: _drop(r, [0]),
    "a thought leads to nothing": lambda r: _swap(r, len(r["turns"]) - 3, len(r["turns"]) - 2),
    "the customer's words are gone": lambda r: _turn(r, "user", _set("text", " ")),
    "another flow": lambda r: r.__setitem__("flow", "complaint" if r["flow"] != "complaint" else "progress_query"),
    "a flow that is none": lambda r: r.__setitem__("flow", "weather"),
    "what changed is not said": lambda r: r.__setitem__("expected", {}),
    "another change is said": lambda r: r["expected"].setdefault("created", []).append({"table": "tickets"}),
    "a fault that is not told": lambda r: r["setup"].__setitem__(
        "faults", [{"call": r["turns"][_calls(r)[0]]["call"]["name"], "nth": 1, "kind": "error"}]
    ),
    "a person takes over instead": lambda r: (
        _turn(r, "action", _set("text", "转人工：客户催单。"), True),
        _turn(r, "reply", _set("text", "为您转接人工。"), True),
    )[0],
}  # fmt: skip


def _again(row: Row) -> int:
    """The turn of the call that stands behind a refused one."""
    calls = _calls(row)
    return next(b for a, b in pairwise(calls) if b == a + 3 and row["turns"][a + 1]["answered"]["status"] == 422)


def _carry_on(row: Row) -> None:
    """As if the answer were sound: another call of the same kind stands behind it."""
    at = _calls(row)[-1]
    row["turns"][at + 2 : at + 2] = copy.deepcopy(row["turns"][at - 1 : at + 2])


#: In one class of dialogues each.
ODD: dict[str, tuple[str, Callable[[Row], None]]] = {
    "a wrong call is repeated as it was": ("refused_call", lambda r: r["turns"][_again(r)].__setitem__(
        "call", copy.deepcopy(r["turns"][_again(r) - 3]["call"])
    )),
    "a wrong call is not made again": ("refused_call", lambda r: _drop(r, list(range(_again(r) - 1, _again(r) + 2)))),
    "a wrong call changes more than was wrong": ("refused_call", lambda r: r["turns"][_again(r) - 3]["call"][
        "arguments"
    ].__setitem__("comment", "x")),
    "nobody takes over from a customer who refuses": ("refuses", lambda r: _turns_to(r, "好的，再见。")),
    "nobody takes over after garbage": ("garbage", lambda r: _turns_to(r, "已经为您办好了。")),
    "a thing that cannot be is told on": ("impossible_answer", lambda r: _turns_to(r, "查到了，已经办好。")),
    "work goes on after garbage": ("garbage", _carry_on),
    "work goes on after a thing that cannot be": ("impossible_answer", _carry_on),
    "a timeout is no timeout": ("timeout", lambda r: r["setup"].__setitem__("faults", [])),
    "a thing that can be is not believed": ("plain", lambda r: r.__setitem__("kind", "impossible_answer")),
    "an order in an answer is followed": ("injected_answer", _carry_on),
    "there is no order": ("injected_answer", lambda r: r["setup"].__setitem__("faults", [])),
}  # fmt: skip


def _turns_to(row: Row, words: str) -> None:
    """Another end."""
    for turn in row["turns"][-2:]:
        turn["text"] = words


@pytest.mark.parametrize("name", ODD)
def test_planted_corruption_of_a_class_is_seen(name: str, made: tuple[Path, list[Row]], checker: Checker) -> None:
    kind, spoil = ODD[name]
    rows = [row for row in made[1] if row["kind"] == kind and _calls(row)][:8]
    assert len(rows) == 8
    for row in rows:
        spoilt = copy.deepcopy(row)
        spoil(spoilt)
        assert checker.faults(spoilt), row["id"]


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_planted_corruption_is_seen(kind: str, made: tuple[Path, list[Row]], checker: Checker) -> None:
    """On every dialogue of a sample in which the corruption can be planted and says something else."""
    tried = 0
    for row in made[1]:
        if row["kind"] != "plain" or len(_calls(row)) < 3 or not row["expected"]:
            continue
        spoilt = copy.deepcopy(row)
        try:
            CORRUPTIONS[kind](spoilt)
        except (LookupError, StopIteration):
            continue
        if spoilt == row:
            continue
        assert checker.faults(spoilt), (row["id"], kind)
        tried += 1
        if tried == 8:
            break
    assert tried >= 3, f"{kind} could hardly be planted"
