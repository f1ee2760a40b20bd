"""A run that makes both adapters, on scripted parts: what lands where, kill and resume, limits."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from manyshot import budget, pipeline, single
from manyshot.answering import THINKING
from manyshot.assistants import AssistantMode, assistants
from manyshot.budget import thinking_plan
from manyshot.errors import DataError, SpecError, WorldError
from manyshot.examine import Examined
from manyshot.flow.paths import paths as paths_of
from manyshot.pipeline import RunConfig
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.progress import Bar, Silent
from manyshot.records import read_jsonl, read_manifest, write_jsonl, write_manifest
from manyshot.render import opening_ids
from manyshot.runfolder import RunFolder
from manyshot.spec.load import load_dialogues, load_domain, load_flows
from manyshot.thinker import Thinker
from manyshot.thinking import held_back, matter_of, train_folder
from manyshot.train.settings import TrainConfig
from manyshot.transcript import prefix_text, render, steps, thought_lines
from manyshot.types import Setup, Trajectory
from tests.scripted import Counting, starter, thinking_desk
from tests.test_cli_flow import ran

SMALL = RunConfig(minutes=None, pairs=20, dialogues=40, checks=2, tries=1, train=TrainConfig(batch=8))
THOUGHT = " 先致歉。\nAction: 请客户提供手机号。\nReply: 非常抱歉，请留一下您的手机号。\n"


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return thinking_desk(tmp_path / "desk")


class Watched(Counting):
    """Keeps the passes of each training, and says what it is asked to say."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {})
        self.thought = THOUGHT
        self.trainings: list[tuple[Path, int]] = []
        self.screen: list[str] = []

    def _answer(self, action: str, adapter: str | None) -> str:
        """Every fourth thought is none."""
        answer = super()._answer(action, adapter)
        thoughts = sum(asked == THINKING for _, asked in self.asked)
        return " none" if adapter == THINKING and thoughts % 4 == 0 else answer

    def say(self, text: str) -> None:
        self.screen.append(text)

    def bar(self, name: str) -> AbstractContextManager[Bar]:
        return Silent().bar(name)

    def run(self, config: RunConfig, desk: Path, out: Path, *, force: bool = False) -> Examined:
        return pipeline.run(config, desk, out, self.parts(), self, force=force)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Watched, Path, RunFolder]:
    """A finished run, its desk, and its folder."""
    folder = tmp_path_factory.mktemp("whole")
    desk, made, place = thinking_desk(folder / "desk"), Watched(folder), RunFolder(folder / "run")
    made.run(SMALL.model_copy(update={"dialogues": 120}), desk, place.path)
    return made, desk, place


def _dialogues(place: RunFolder) -> dict[str, Trajectory]:
    return {one.id: one for one in read_jsonl(place.dialogues / "trajectories.jsonl", Trajectory)}


def test_a_desk_with_flows_gets_both_adapters(whole: tuple[Watched, Path, RunFolder]) -> None:
    made, _, place = whole
    assert place.finished
    assert place.trained
    assert place.thought
    assert made.trained == 2
    cards = [json.loads((folder / "card.json").read_text("utf-8")) for folder in (place.train, place.think)]
    assert [card["role"] for card in cards] == ["acting", "thinking"]
    assert "# ticket_desk: thinking adapter" in (place.think / "README.md").read_text("utf-8")
    run, dialogues, think = read_manifest(place.path), read_manifest(place.dialogues), read_manifest(place.think)
    assert run is not None
    assert dialogues is not None
    assert think is not None
    assert cards[1]["data"] == think.inputs["data"] == dialogues.id
    assert set(run.inputs) == {"data", "train", "eval", "dialogues", "think", "likeness"}
    assert run.numbers["thinking"]["thoughts"] > 0


def test_it_learns_the_transcripts_of_dialogues_that_are_not_held_back(
    whole: tuple[Watched, Path, RunFolder],
) -> None:
    made, desk, place = whole
    tokenizer, domain, flows = ByteTokenizer(), load_domain(desk), load_flows(desk)
    prefix = opening_ids(tokenizer, prefix_text(domain.tools, flows, domain.context))
    assert all(list(one.prefix) == prefix for one in made.passes)
    branches = [branch for one in made.passes for branch in one.branches]
    wanted = [render(tokenizer, one.turns) for one in _dialogues(place).values() if not held_back(one)]
    assert sorted(tuple(b.ids) for b in branches) == sorted(tuple(one.ids) for one in wanted)
    masks = {tuple(one.ids): one.loss for one in wanted}
    assert all(b.loss_mask == masks[tuple(b.ids)] for b in branches)


def test_the_thoughts_of_dialogues_held_back_are_set_beside_what_was_wanted(
    whole: tuple[Watched, Path, RunFolder],
) -> None:
    _, _, place = whole
    dialogues = _dialogues(place)
    rows = [json.loads(row) for row in (place.likeness / "rows.jsonl").open(encoding="utf-8")]
    read = [row for row in rows if row["written"] is not None]
    assert read
    assert all(held_back(dialogues[row["dialogue"]]) for row in rows)
    assert all(row["written"]["action"] == "请客户提供手机号。" for row in read)
    for row in rows:
        turns = dialogues[row["dialogue"]].turns
        assert turns[row["turn"]].text.split() == row["wanted"]["think"].split()
        assert turns[row["turn"] - 1].role in ("user", "observation")
    found = json.loads((place.likeness / "evaluation.json").read_text("utf-8"))
    assert found["thoughts"] == len(rows)
    assert found["then_right"] == sum(row["wanted"]["then"] == "reply" for row in read)
    assert found["unreadable"] == len(rows) - len(read) > 0
    for part in ("think", "action", "reply"):
        assert found[part]["texts"] == sum(bool(row["wanted"][part]) for row in rows)
        assert any("BLEU" in name for name in found[part])
    assert "next action on held-back dialogues" in place.report.read_text("utf-8")


def test_an_assistant_of_the_run_thinks_and_talks(whole: tuple[Watched, Path, RunFolder]) -> None:
    made, _, place = whole
    modes: dict[AssistantMode, str | None] = {"tuned": THINKING, "base": None}
    for mode, adapter in modes.items():
        made.asked.clear()
        with assistants(place, mode, guided=False, parts=made.parts()) as (stage, open_assistant):
            one = open_assistant(stage.open_world(Setup()), 0)
            new = one.hear("我要投诉，上次修的又坏了")
        assert [turn.role for turn in new] == ["user", "think", "action", "reply"]
        assert {asked for _, asked in made.asked} == {adapter}
        wanted = "非常抱歉，请留一下您的手机号。" if mode == "tuned" else "现在为您转接人工客服"
        assert wanted in new[-1].text


def test_a_guided_assistant_says_what_experts_and_flows_say(whole: tuple[Watched, Path, RunFolder]) -> None:
    made, _, place = whole
    for weigh in (False, True):
        made.asked.clear()
        with assistants(place, "tuned", weigh=weigh, parts=made.parts()) as (stage, open_assistant):
            new = open_assistant(stage.open_world(Setup()), 0).hear("我要投诉，上次修的又坏了")
        assert new[-1].role == "reply"
        assert "手机号" in new[-1].text or "不满意" in new[-1].text
        assert {adapter for _, adapter in made.asked} <= ({THINKING} if weigh else set())


def test_a_run_that_does_not_think_has_no_assistant_to_talk_with(tmp_path: Path) -> None:
    bare = starter(tmp_path / "bistro")
    made = Watched(tmp_path)
    made.run(SMALL, bare, tmp_path / "run")
    with (
        pytest.raises(DataError, match="no thinking adapter"),
        assistants(RunFolder(tmp_path / "run"), "tuned", parts=made.parts()),
    ):
        pass


def test_training_alone_takes_a_folder_of_dialogues(whole: tuple[Watched, Path, RunFolder], tmp_path: Path) -> None:
    _, desk, place = whole
    made = Watched(tmp_path)

    def train(domain: Path) -> None:
        single.train_domain(
            SMALL.train, domain, place.dialogues, tmp_path / "out", made.parts(), Silent(),
            epochs=1, seconds=None, start="generalist", resume=False,
        )  # fmt: skip

    with pytest.raises(DataError, match="no flows"):
        train(starter(tmp_path / "bistro"))
    train(desk)
    card = json.loads((tmp_path / "out" / "card.json").read_text("utf-8"))
    assert (card["role"], card["start"]) == ("thinking", None)
    assert card["id"] == json.loads((place.think / "card.json").read_text("utf-8"))["id"]


def test_acting_is_not_moved_by_thinking_and_can_do_without(
    whole: tuple[Watched, Path, RunFolder], tmp_path: Path
) -> None:
    _, desk, thinks = whole
    made, place = Watched(tmp_path), RunFolder(tmp_path / "run")
    made.run(SMALL.model_copy(update={"thinking": False}), desk, place.path)
    assert made.trained == 1
    assert not any(folder.exists() for folder in (place.dialogues, place.think, place.likeness))
    assert (place.data / "pairs.jsonl").read_bytes() == (thinks.data / "pairs.jsonl").read_bytes()
    mine, other = read_manifest(place.train), read_manifest(thinks.train)
    assert mine is not None
    assert other is not None
    assert mine.id == other.id


def test_a_run_killed_while_it_learns_to_think_goes_on_from_there(desk: Path, tmp_path: Path) -> None:
    made, place = Watched(tmp_path), RunFolder(tmp_path / "run")
    steps: list[int] = []

    def step(number: int) -> None:
        steps.append(number)
        if len(steps) == 6:  # the second step of the second training
            raise Killed

    made.on_step = step
    with pytest.raises(Killed):
        made.run(SMALL, desk, place.path)
    assert place.trained
    assert not place.thought
    made_before = (place.dialogues / "trajectories.jsonl").stat().st_mtime_ns
    made.run(SMALL, desk, place.path)
    assert steps == [1, 2, 3, 4, 1, 2, 2, 3, 4]
    assert (place.dialogues / "trajectories.jsonl").stat().st_mtime_ns == made_before
    assert place.finished


def test_other_approved_dialogues_are_another_run(desk: Path, tmp_path: Path) -> None:
    made = Watched(tmp_path)
    made.on_step = lambda number: (_ for _ in ()).throw(Killed) if number == 2 else None
    with pytest.raises(Killed):
        made.run(SMALL, desk, tmp_path / "run")
    approvals = desk / "shots" / "approvals.jsonl"
    rows = approvals.read_text("utf-8").splitlines(keepends=True)
    approvals.write_text("".join(row for row in rows if '"complaint-person-1"' not in row), "utf-8")
    with pytest.raises(DataError, match="matter was"):
        made.run(SMALL, desk, tmp_path / "run")


def test_a_desk_without_flows_or_without_approved_dialogues_only_acts(desk: Path, tmp_path: Path) -> None:
    made = Watched(tmp_path)
    bare = starter(tmp_path / "bistro")
    made.run(SMALL, bare, tmp_path / "one")
    (desk / "shots" / "approvals.jsonl").unlink()
    made.run(SMALL, desk, tmp_path / "two")
    assert made.trained == 2
    for out in (tmp_path / "one", tmp_path / "two"):
        assert not (out / "think").exists()
        assert "matter" not in RunFolder(out).read()["settings"]


def test_a_world_that_may_not_run_stops_before_anything_is_written(desk: Path, tmp_path: Path) -> None:
    world = desk / "world.py"
    world.write_text(world.read_text("utf-8") + "# mine\n", "utf-8")
    with pytest.raises(WorldError, match=r"--trust; or --no-thinking"):
        Watched(tmp_path).run(SMALL, desk, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_dialogues_of_held_out_tools_are_not_learnt(desk: Path, tmp_path: Path) -> None:
    made, place = Watched(tmp_path), RunFolder(tmp_path / "run")
    made.run(SMALL.model_copy(update={"held_out": ("TicketQuery",)}), desk, place.path)
    learnt = [b for one in made.passes for b in one.branches]
    kept = [one for one in _dialogues(place).values() if not held_back(one)]
    calling = [one for one in kept if any(turn.call and turn.call.name == "TicketQuery" for turn in one.turns)]
    assert calling
    assert len(learnt) == len(kept) - len(calling)


def test_dialogues_of_held_out_paths_are_not_learnt_and_are_thought_anew(desk: Path, tmp_path: Path) -> None:
    made, place = Watched(tmp_path), RunFolder(tmp_path / "run")
    flows = load_flows(desk)
    out = next(path.id for flow in flows for path in paths_of(flow))
    made.run(SMALL.model_copy(update={"held_out_paths": (out,)}), desk, place.path)
    of_all = _dialogues(place).values()
    learnt = [one for one in of_all if not held_back(one, (out,))]
    assert {one.path for one in of_all} - {one.path for one in learnt} == {out}
    assert sum(one.path == out for one in of_all) > 2
    assert sum(len(one.branches) for one in made.passes) == len(learnt)
    rows = [json.loads(line) for line in (place.likeness / "rows.jsonl").open(encoding="utf-8")]
    numbers = json.loads((place.likeness / "evaluation.json").read_text("utf-8"))["held_out_paths"]
    assert numbers["paths"] == [out]
    assert numbers["thoughts"] == sum(row["path"] == out for row in rows) > 0
    assert any("on paths that were not learnt" in text for text in made.screen)


@pytest.mark.parametrize(
    ("paths", "said"), [(["weather-1"], "has no such path; see manyshot flow paths"), (["*"], "leave at least one")]
)
def test_paths_that_cannot_be_held_out_are_told(desk: Path, tmp_path: Path, paths: list[str], said: str) -> None:
    known = [path.id for flow in load_flows(desk) for path in paths_of(flow)]
    chosen = tuple(known if paths == ["*"] else paths)
    with pytest.raises(SpecError, match=said):
        Watched(tmp_path).run(SMALL.model_copy(update={"held_out_paths": chosen}), desk, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_minutes_are_shared_and_the_plan_says_how(desk: Path, tmp_path: Path) -> None:
    made = Watched(tmp_path)
    made.run(SMALL.model_copy(update={"minutes": 20.0, "pairs": None, "dialogues": 40}), desk, tmp_path / "run")
    acting, thinking = made.deadlines
    assert acting is not None
    assert thinking is not None
    assert acting + thinking < 20 * 60
    assert thinking == pytest.approx(thinking_plan(1200, 40).train_seconds, rel=0.05)
    plan = next(text for text in made.screen if text.startswith("plan: "))
    assert "; for thinking 40 dialogues, " in plan


@pytest.mark.parametrize("minutes", [1, 5, 12, 20, 40, 120])
def test_thinking_keeps_to_its_share(minutes: int) -> None:
    plan = thinking_plan(minutes * 60.0, None)
    share = budget.THINKING_SHARE * minutes * 60.0
    assert plan.train_seconds is not None
    assert 0.4 * share < plan.train_seconds
    assert plan.train_seconds + (plan.evaluate_seconds or 0) <= share
    assert budget.FEWEST_DIALOGUES <= plan.dialogues <= budget.MOST_DIALOGUES


def test_the_real_model_learns_two_dialogues_and_weighs_their_thoughts(desk: Path, tmp_path: Path) -> None:
    from manyshot.parts import embedded

    domain, parts, data = load_domain(desk), embedded(), tmp_path / "dialogues"
    found, (shots, _) = matter_of(domain), load_dialogues(desk)
    assert found is not None
    learnt = sorted((one for one in shots if not held_back(one)), key=lambda one: len(one.turns))[:2]
    write_jsonl(data / "trajectories.jsonl", learnt)
    write_manifest(data, "dialogues", {}, {}, {})
    base = parts.find_base(domain.base)
    config = TrainConfig(rank=4, dtype="fp32", head="seen")
    made = train_folder(config, found, base, data, tmp_path / "think", parts, Silent(), epochs=2, seconds=None)
    assert (made.numbers["dialogues"], made.numbers["samples"]) == (2, 4)
    losses = [json.loads(row)["loss_token"] for row in (tmp_path / "think" / "log.jsonl").open()]
    assert losses[-1] < losses[0]
    model = parts.open_model(base, {THINKING: tmp_path / "think" / "adapter.gguf"})
    try:
        (said, thought), *_ = steps(learnt[0].turns)
        line = ["".join(thought_lines(thought)[:2])]
        taught, untaught = (
            Thinker(model, parts.tokenizer(base), found.prefix, adapter=adapter).weigh(said, line)[0]
            for adapter in (THINKING, None)
        )
        assert taught > untaught + 5
    finally:
        model.close()


CHART = """flowchart TD
  number["ask: booking_id"] --> cancel["call: CancelBooking"]
  cancel -->|done| tell["say: Your booking {booking_id} is cancelled."]
  cancel -->|failed| person["handoff: the booking cannot be cancelled"]
"""


def test_from_a_chart_and_a_shot_a_path_to_a_thinking_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, made, place = starter(tmp_path / "bistro"), Watched(tmp_path), RunFolder(tmp_path / "run")
    tools = desk / "tools.json"
    tools.write_text(tools.read_text("utf-8").replace(", B and five digits, as B10423", ""), "utf-8")
    (tmp_path / "cancel.mmd").write_text(CHART, "utf-8")
    for words in (
        ["import", tmp_path / "cancel.mmd", "--into", desk],
        ["shots", "draft", desk],
        ["shots", "approve", desk, "--all", "--by", "me"],
    ):
        code, _, said = ran(words, capsys)
        assert code == 0, said
    made.run(SMALL, desk, place.path)
    assert place.thought
    assert len({one.path for one in _dialogues(place).values()}) == 2
    shown = ByteTokenizer().decode(made.passes[0].prefix)
    assert "- CancelBooking: Cancels a booking by its number" in shown
    assert shown.endswith("Flows:\n- cancel: CancelBooking\n")
