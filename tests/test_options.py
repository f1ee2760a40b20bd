"""A choice that nobody named is told by what the description says of it, and the model is heard beside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from manyshot.data.slots import slots_of
from manyshot.options import Options
from manyshot.protocols import Completion, Place
from manyshot.types import Context, Language, Tool
from manyshot.values.choices import from_description, glosses

ZH = "损坏：torn 破损撕裂，lost 丢失，part 扣子(拉链等)坏了；没有说就不填"
EN = "why: late = it takes too long; twice = ordered two times; price = cheaper elsewhere. Left out if not said."


def options(description: str, values: list[Any], language: Language) -> Options:
    field = {"enum": values, "description": description}
    tool = Tool(name="Claim", parameters={"properties": {"id": {"type": "string"}, "why": field}})
    context = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language=language)
    return Options({"Claim": slots_of(tool, context)}, language)


def written(value: str, likely: Mapping[str, float]) -> Completion:
    """A call of which the model was sure but for the choice."""
    text = f' Claim{{"id":"A1","why":"{value}"}}'
    before, after = text.split(value)
    sure = [Place(bytes([byte]), {bytes([byte]): 0.0}) for byte in before.encode()]
    choice = Place(value.encode(), {option.encode(): nats for option, nats in likely.items()})
    ending = [Place(bytes([byte]), {bytes([byte]): 0.0}) for byte in after.encode()]
    return Completion(text, 1, 0, len(text), 0.0, "stop", (*sure, choice, *ending))


@pytest.mark.parametrize(
    ("description", "values", "said"),
    [
        (ZH, ["torn", "lost", "part"], {"torn": "破损撕裂", "lost": "丢失", "part": "扣子(拉链等)坏了"}),
        (EN, ["late", "twice", "price"], {"late": "it takes too long", "price": "cheaper elsewhere"}),
        ("1 = low, 10 = high", [1, 10], {"1": "low", "10": "high"}),
        ("nothing of them", ["a1", "b1"], {}),
        ("", [], {}),
    ],
)
def test_what_a_description_says_of_each_value(description: str, values: list[Any], said: Mapping[str, str]) -> None:
    assert said.items() <= glosses(values, description).items()


def test_a_word_before_brackets_is_the_value_s_own() -> None:
    assert from_description(["part", "lost"], ZH)["part"] == ["扣子"]


@pytest.mark.parametrize(
    ("language", "said", "meant"),
    [
        ("zh", "丢了一副皮手套", "lost"),
        ("zh", "袖口扯破了", "torn"),
        ("zh", "拉链头断了", "part"),
        ("en", "I have been waiting far too long", "late"),
        ("en", "it is much cheaper next door", "price"),
    ],
)
def test_words_of_one_description_speak_for_its_choice(language: Language, said: str, meant: str) -> None:
    found = options(
        *((ZH, ["torn", "lost", "part"]) if language == "zh" else (EN, ["late", "twice", "price"])), language
    )
    nats = found.nats("Claim", ("why",), said)
    assert max(nats, key=nats.__getitem__) == meant
    assert sorted(nats.values())[-1] > sorted(nats.values())[-2] + 1


def test_what_all_choices_share_says_nothing() -> None:
    found = options("a 红色的车，b 红色的船", ["a", "b"], "zh").nats("Claim", ("why",), "红色的")
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize(
    ("likely", "action", "decided"),
    [
        ({"part": math.log(0.6), "lost": math.log(0.4)}, "手套丢了", {("why",): "lost"}),
        # The model is so sure that one word does not outweigh it.
        ({"part": -0.001, "lost": -9.0}, "手套丢了", {}),
        ({"part": math.log(0.6), "lost": math.log(0.4)}, "手套没了", {}),
    ],
)
def test_words_and_model_decide_together(likely: Mapping[str, float], action: str, decided: Mapping[Any, Any]) -> None:
    found = options(ZH, ["torn", "lost", "part"], "zh")
    assert found.decide("Claim", action, written("part", likely), {}, {}) == decided
    assert found.decide("Claim", action, written("part", likely), {("why",): ("part",)}, {}) == {}
    assert found.decide("Claim", action, written("part", likely), {}, {("why",): False}) == {}


def test_words_alone_decide_a_field_that_the_model_left_out() -> None:
    found = options(ZH, ["torn", "lost", "part"], "zh")
    text = ' Claim{"id":"A1"}'
    done = Completion(text, 1, 0, 9, 0.0, "stop", tuple(Place(bytes([b]), {bytes([b]): 0.0}) for b in text.encode()))
    assert found.decide("Claim", "手套丢了", done, {}, {("why",): True}) == {("why",): "lost"}
    assert found.decide("Claim", "丢了，也扯破了", done, {}, {("why",): True}) == {}
    assert found.decide("Claim", "手套丢了", done, {}, {}) == {}
