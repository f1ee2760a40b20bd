"""A whole run on scripted parts: what lands where, kill and resume, limits. One test runs the real model briefly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from manyshot import budget, pipeline, single
from manyshot.config import find_domain
from manyshot.errors import DataError, ManyshotError, SpecError
from manyshot.examine import stored
from manyshot.pipeline import RunConfig
from manyshot.progress import Silent
from manyshot.records import read_manifest
from manyshot.runfolder import RunFolder
from manyshot.spec.load import load_domain
from manyshot.train.settings import TrainConfig
from tests.scripted import Counting, gold, starter

SMALL = RunConfig(minutes=None, pairs=60, checks=6, tries=4, train=TrainConfig(batch=8))


@pytest.fixture
def domain(tmp_path: Path) -> Path:
    return starter(tmp_path / "bistro")


def run(config: RunConfig, domain: Path, out: Path, made: Counting, *, force: bool = False) -> pipeline.Examined:
    return pipeline.run(config, domain, out, made.parts(), Silent(), force=force)


def test_a_run_leaves_everything_in_its_folder_and_the_manifest_last(domain: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    examined = run(SMALL, domain, out, Counting(tmp_path, gold(domain)))
    place = RunFolder(out)
    assert place.finished
    names = {"domain", "data", "train", "eval", "report.html", "manifest.json", "run.json"}
    assert names <= {p.name for p in out.iterdir()}
    assert not (place.domain / "tests").exists()
    card = json.loads((place.train / "card.json").read_text("utf-8"))
    data = read_manifest(place.data)
    assert data is not None
    assert card["data"] == data.id
    assert card["base"]["sha256"] == "0" * 64
    assert (place.train / "README.md").read_text("utf-8").startswith("---\nlibrary_name: peft")
    assert set(examined.evaluation.modes) == {"base", "fewshot", "tuned", "tuned+grammar"}
    right = {mode: sum(r.right for r in examined.evaluation.of(mode)) for mode in examined.evaluation.modes}
    assert (right["tuned+grammar"], right["base"]) == (4, 1)
    assert examined.checks["training shots"].rate == 1.0
    made = read_manifest(out)
    assert made is not None
    assert made.numbers["cores"] >= 1
    assert set(made.numbers["seconds"]) >= {"data", "train", "eval"}


def test_held_back_pairs_are_not_trained_on(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    run(SMALL.model_copy(update={"pairs": 400}), domain, tmp_path / "run", made)
    asked = {json.loads(row)["id"] for row in (tmp_path / "run/eval/predictions/held-back-pairs.jsonl").open()}
    rows = {json.loads(row)["id"]: json.loads(row) for row in (tmp_path / "run/data/pairs.jsonl").open()}
    trained = {bytes(i for i in b.ids if i < 256).decode() for p in made.passes for b in p.branches}
    assert asked
    assert not any(text.startswith(f"\nAction: {rows[i]['action']}\n") for i in asked for text in trained)


def test_a_finished_run_is_refused_and_force_makes_it_again(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    run(SMALL, domain, tmp_path / "run", made)
    with pytest.raises(DataError, match=r"finished run.*--force"):
        run(SMALL, domain, tmp_path / "run", made)
    run(SMALL, domain, tmp_path / "run", made, force=True)
    assert made.trained == 2


def test_a_folder_that_is_no_run_is_left_alone(domain: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    (out / "data").mkdir(parents=True)
    (out / "data" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(DataError, match="found data"):
            run(SMALL, domain, out, Counting(tmp_path, {}), force=force)
    assert (out / "data" / "thesis.txt").read_text() == "years of work"


def test_other_settings_or_another_domain_do_not_continue_a_run(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    made.on_step = lambda number: _die() if number == 2 else None
    with pytest.raises(Killed):
        run(SMALL, domain, tmp_path / "run", made)
    with pytest.raises(DataError, match="seed was 0, is 1"):
        run(SMALL.model_copy(update={"seed": 1}), domain, tmp_path / "run", made)
    (domain / "values.yaml").unlink()
    with pytest.raises(DataError, match="domain was"):
        run(SMALL, domain, tmp_path / "run", made)


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def _die() -> None:
    raise Killed


def test_a_run_killed_in_training_goes_on_from_its_checkpoint(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    made.on_step = lambda number: _die() if number == 3 else None
    with pytest.raises(Killed):
        run(SMALL, domain, tmp_path / "run", made)
    assert not RunFolder(tmp_path / "run").trained
    pairs = (tmp_path / "run/data/pairs.jsonl").stat().st_mtime_ns
    steps: list[int] = []
    made.on_step = steps.append
    run(SMALL, domain, tmp_path / "run", made)
    assert steps == [3, 4]
    assert (tmp_path / "run/data/pairs.jsonl").stat().st_mtime_ns == pairs


def test_a_run_killed_while_answering_keeps_the_modes_that_were_done(domain: Path, tmp_path: Path) -> None:
    whole = Counting(tmp_path, gold(domain))
    expected = run(SMALL, domain, tmp_path / "whole", whole)
    made = Counting(tmp_path, gold(domain))
    calls = [0]

    def die_late(_: str, adapter: str | None) -> None:
        calls[0] += 1
        if adapter is None and calls[0] > 15:
            _die()

    made.on_call = die_late
    with pytest.raises(Killed):
        run(SMALL, domain, tmp_path / "run", made)
    assert (tmp_path / "run/eval/predictions/tuned+grammar.jsonl").exists()
    made.on_call, made.asked = lambda *_: None, []
    examined = run(SMALL, domain, tmp_path / "run", made)
    assert made.trained == 1
    assert not [a for a, adapter in made.asked if adapter]  # the tuned modes were not asked again
    verdicts = {(r.mode, r.id): r.right for r in examined.evaluation.rows}
    assert verdicts == {(r.mode, r.id): r.right for r in expected.evaluation.rows}


def test_tests_that_were_edited_after_a_kill_are_answered_anew(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    made.on_call = lambda _, adapter: _die() if adapter is None and made.asked and made.asked[-1][1] else None
    with pytest.raises(Killed):
        run(SMALL, domain, tmp_path / "run", made)
    tests = domain / "tests" / "calls.jsonl"
    tests.write_text(tests.read_text("utf-8").replace("I have to cancel", "I must cancel"), "utf-8")
    made.on_call, made.asked = lambda *_: None, []
    run(SMALL, domain, tmp_path / "run", made)
    assert any("I must cancel" in action for action, adapter in made.asked if adapter)


def test_time_left_after_a_kill_is_what_the_checkpoint_left(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    config = SMALL.model_copy(update={"minutes": 10.0})
    made.on_step = lambda number: _die() if number == 3 else None
    with pytest.raises(Killed):
        run(config, domain, tmp_path / "run", made)
    made.on_step = lambda _: None
    run(config, domain, tmp_path / "run", made)
    first, second = made.deadlines
    assert first is not None
    assert second == pytest.approx(first / 2)


def test_a_domain_without_tests_says_so_and_still_checks_training_sentences(tmp_path: Path) -> None:
    whole = starter(tmp_path / "whole")
    bare = starter(tmp_path / "bare", tests=False)
    examined = run(SMALL, bare, tmp_path / "run", Counting(tmp_path, gold(whole)))
    assert not examined.evaluation.rows
    assert examined.checks["training shots"].right > 0
    assert "no tests" in (tmp_path / "run/report.html").read_text("utf-8")


def test_no_stage_before_the_evaluation_opens_the_tests(domain: Path, tmp_path: Path) -> None:
    (domain / "tests" / "calls.jsonl").write_text("this is no JSON\n")
    made = Counting(tmp_path, {})
    with pytest.raises(SpecError, match=r"tests/calls.jsonl:1"):
        run(SMALL, domain, tmp_path / "run", made)
    assert RunFolder(tmp_path / "run").trained


def test_held_out_tools_are_neither_in_the_data_nor_in_the_prompts(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    examined = run(SMALL.model_copy(update={"held_out": ("CancelBooking",)}), domain, tmp_path / "run", made)
    texts = [bytes(i for i in p.prefix if i < 256).decode() for p in made.passes]
    assert not any("CancelBooking" in text for text in texts)
    rows = [json.loads(row) for row in (tmp_path / "run/data/pairs.jsonl").open()]
    assert not any((row["call"] or {}).get("name") == "CancelBooking" for row in rows)
    assert any(r.held_out for r in examined.evaluation.rows)


def test_a_run_of_which_only_the_reject_tool_is_left_is_refused() -> None:
    drone = load_domain(find_domain("drone"))
    assert drone.reject is not None
    with pytest.raises(SpecError, match="at least one"):
        pipeline.check_held_out([t.name for t in drone.tools if t.name != drone.reject], drone)


@pytest.mark.parametrize(
    ("names", "what"), [(("Fly",), "no such tool"), (("BookTable", "CancelBooking"), "at least one")]
)
def test_wrong_held_out_names_stop_before_anything_is_written(
    domain: Path, tmp_path: Path, names: tuple[str, ...], what: str
) -> None:
    with pytest.raises(SpecError, match=what):
        run(SMALL.model_copy(update={"held_out": names}), domain, tmp_path / "run", Counting(tmp_path, {}))
    assert not (tmp_path / "run").exists()


def test_two_processes_do_not_share_a_run_folder(domain: Path, tmp_path: Path) -> None:
    place = RunFolder(tmp_path / "run")
    with place.alone(), pytest.raises(DataError, match="another manyshot"):
        run(SMALL, domain, tmp_path / "run", Counting(tmp_path, {}))


def test_a_run_inside_its_domain_does_not_copy_itself(domain: Path, tmp_path: Path) -> None:
    run(SMALL, domain, domain / "runs" / "one", Counting(tmp_path, gold(domain)))
    assert not (domain / "runs/one/domain/runs/one").exists()
    run(SMALL, domain, domain / "runs" / "two", Counting(tmp_path, gold(domain)))
    assert not (domain / "runs/two/domain/runs/one").exists()


def test_evaluating_again_needs_only_the_run_and_the_tests(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    before = run(SMALL, domain, tmp_path / "run", made)
    moved = tmp_path / "elsewhere"
    shutil.move(tmp_path / "run", moved)
    after = pipeline.again(RunFolder(moved), Silent(), None, made.parts())
    assert [r.right for r in after.evaluation.rows] == [r.right for r in before.evaluation.rows]
    with pytest.raises(DataError, match=r"no run\.json"):
        pipeline.again(RunFolder(tmp_path), Silent(), None, made.parts())


def test_unsound_tests_do_not_cost_the_evaluation_that_is_there(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    before = run(SMALL, domain, tmp_path / "run", made)
    (domain / "tests" / "calls.jsonl").write_text("this is no JSON\n")
    with pytest.raises(SpecError, match=r"tests/calls.jsonl:1"):
        pipeline.again(RunFolder(tmp_path / "run"), Silent(), None, made.parts())
    assert RunFolder(tmp_path / "run").finished
    assert stored(RunFolder(tmp_path / "run")) == before


def test_an_evaluation_that_is_stopped_is_gone_on_with(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    before = run(SMALL, domain, tmp_path / "run", made)
    made.on_call = lambda *_: _die()
    with pytest.raises(Killed):
        pipeline.again(RunFolder(tmp_path / "run"), Silent(), None, made.parts())
    assert not RunFolder(tmp_path / "run").finished
    made.on_call = lambda *_: None
    after = run(SMALL, domain, tmp_path / "run", made)
    assert [r.right for r in after.evaluation.rows] == [r.right for r in before.evaluation.rows]
    assert made.trained == 1


@pytest.mark.parametrize("content", ["{}", "[]", '{"settings": {"speed": 1}, "from": "x"}'])
def test_a_run_of_another_version_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match=r"run\.json: .*--force"):
        pipeline.settings_of(RunFolder(tmp_path))


def test_spans_that_are_copied_do_not_stop_the_assistant(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    run(SMALL.model_copy(update={"copy_spans": True}), domain, tmp_path / "run", made)
    with single.assistant(RunFolder(tmp_path / "run"), "tuned", grammar=True, parts=made.parts()) as (predictor, mode):
        assert mode.copy
        assert predictor.predict("1", "Cancel booking B10423, please.", mode).calls


def test_the_assistant_of_a_run_answers_without_its_domain(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, gold(domain))
    run(SMALL, domain, tmp_path / "run", made)
    shutil.rmtree(domain)
    with single.assistant(RunFolder(tmp_path / "run"), "tuned", grammar=True, parts=made.parts()) as (predictor, mode):
        answer = predictor.predict("1", "Cancel booking B10423, please.", mode)
    assert [(c.name, c.arguments) for c in answer.calls] == [("CancelBooking", {"booking_id": "B10423"})]


def test_training_alone_goes_on_only_when_asked_to(domain: Path, tmp_path: Path) -> None:
    made = Counting(tmp_path, {})
    single.data_folder(domain, tmp_path / "data", 40, 0, (), force=False)
    with pytest.raises(DataError, match="finished data"):
        single.data_folder(domain, tmp_path / "data", 40, 0, (), force=False)

    def train(*, resume: bool) -> None:
        single.train_domain(
            TrainConfig(batch=8), domain, tmp_path / "data", tmp_path / "out", made.parts(), Silent(),
            epochs=1, seconds=None, start="base", resume=resume,
        )  # fmt: skip

    made.on_step = lambda number: _die() if number == 2 else None
    with pytest.raises(Killed):
        train(resume=False)
    made.on_step = lambda _: None
    with pytest.raises(ManyshotError, match="--resume"):
        train(resume=False)
    train(resume=True)
    with pytest.raises(ManyshotError, match="finished adapter"):
        train(resume=True)


def test_training_without_finished_data_says_what_to_do(domain: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pairs.jsonl").write_text("")
    with pytest.raises(DataError, match="manyshot data"):
        single.train_domain(
            TrainConfig(), domain, tmp_path / "data", tmp_path / "out", Counting(tmp_path, {}).parts(), Silent(),
            epochs=1, seconds=None, start="base", resume=False,
        )  # fmt: skip


COSTS = budget.Costs(plain=3.0, fewshot=3.0, tuned=0.8)


@pytest.mark.parametrize("minutes", [1, 5, 12, 20, 40, 120])
@pytest.mark.parametrize("tests", [0, 40, 216, 2000])
def test_a_plan_fits_its_minutes(minutes: int, tests: int) -> None:
    left = minutes * 60.0
    made = budget.plan(left, tests, COSTS, checks=80, tries=48, pairs=None)
    assert made.train_seconds is not None
    assert made.evaluate_seconds is not None
    assert made.train_seconds > 0.1 * left
    assert made.train_seconds + made.evaluate_seconds + made.pairs / budget.PAIRS_PER_SECOND <= left * 1.02
    assert budget.FEWEST <= made.pairs <= budget.MOST


def test_without_tests_no_time_is_kept_for_the_untuned() -> None:
    made = budget.plan(1200.0, 0, COSTS, checks=80, tries=48, pairs=None)
    assert made.evaluate_seconds == pytest.approx(80 * COSTS.tuned)
    assert made.train_seconds is not None
    assert made.train_seconds > 1000


def test_a_sample_that_is_answered_whole_takes_its_time_from_training() -> None:
    made = budget.plan(650.0, 40, COSTS, checks=40, tries=24, pairs=None, whole=True)
    assert made.evaluate_seconds == pytest.approx(
        120 * COSTS.tuned + 40 * (COSTS.plain + COSTS.fewshot) + 24 * COSTS.fewshot
    )


def test_time_that_is_over_is_not_negative() -> None:
    made = budget.plan(-5.0, 40, COSTS, checks=80, tries=48, pairs=None)
    assert (made.train_seconds, made.evaluate_seconds, made.pairs) == (0.0, 0.0, budget.FEWEST)


def test_more_minutes_give_more_pairs_and_no_limit_gives_none() -> None:
    pairs = [budget.plan(m * 60.0, 200, COSTS, checks=80, tries=48, pairs=None).pairs for m in (5, 20, 40)]
    assert pairs == sorted(pairs)
    assert pairs[0] < pairs[-1]
    assert budget.plan(None, 200, COSTS, checks=80, tries=48, pairs=None).train_seconds is None


def test_the_real_model_trains_and_answers(domain: Path, tmp_path: Path) -> None:
    from manyshot.parts import embedded

    config = SMALL.model_copy(
        update={
            "pairs": 24, "checks": 2, "tries": 1, "sample": 1, "start": "base",
            "train": TrainConfig(batch=8, rank=4, dtype="fp32"),
        }
    )  # fmt: skip
    examined = pipeline.run(config, domain, tmp_path / "run", embedded(), Silent())
    assert len(examined.evaluation.of("tuned+grammar")) == 1
    log = [json.loads(row) for row in (tmp_path / "run/train/log.jsonl").open()]
    assert 2 <= len(log) <= 3
    assert (tmp_path / "run/train/adapter.gguf").stat().st_size > 100_000
    row = examined.evaluation.of("tuned+grammar")[0]
    assert row.tokens_in > 100
    assert row.stage != "parse"


@pytest.mark.slow
def test_minutes_of_training_beat_the_base(tmp_path: Path) -> None:
    from manyshot.parts import embedded

    train = TrainConfig(batch=32, checkpoint_every=20)
    config = RunConfig(minutes=6, sample=16, checks=8, tries=2, start="base", train=train)
    examined = pipeline.run(config, find_domain("ticket_desk"), tmp_path / "run", embedded(), Silent())
    right = {mode: sum(r.right for r in examined.evaluation.of(mode)) for mode in examined.evaluation.modes}
    assert right["tuned+grammar"] > right["base"]
