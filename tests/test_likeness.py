"""Figures are those that the libraries give, on 500 pairs of sentences of the corpus."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from pathlib import Path

import pytest

from manyshot.cli import main
from manyshot.likeness import Pair, likeness
from manyshot.types import Language

for library in ("sacrebleu", "rouge_score", "rouge_chinese", "jieba", "nltk"):
    pytest.importorskip(library, reason="pip install 'manyshot[text]'")

CORPUS = Path(__file__).parents[1] / "corpus"


def sentences(language: Language) -> list[str]:
    files = sorted((CORPUS / language).glob("*/shots/calls.jsonl"))
    return [json.loads(line)["action"] for file in files for line in file.read_text("utf-8").splitlines()]


def pairs(language: Language, count: int = 500) -> list[Pair]:
    """Sentences beside themselves with some characters or words gone, and beside others; empty ones among them."""
    rng, found = random.Random(3), []
    said = sentences(language)
    for number, reference in enumerate(rng.sample(said, count)):
        glue = "" if language == "zh" else " "
        parts = list(reference) if language == "zh" else reference.split()
        kept = glue.join(part for part in parts if rng.random() < 0.8)
        found.append(Pair("" if number % 50 == 0 else kept if number % 5 else rng.choice(said), reference))
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sacrebleu_on_the_corpus(language: Language) -> None:
    from sacrebleu import corpus_bleu

    tokeniser = {"zh": "zh", "en": "13a"}[language]
    texts = pairs(language)
    wanted = corpus_bleu([p.prediction for p in texts], [[p.reference for p in texts]], tokenize=tokeniser).score
    assert likeness(texts, language)[f"BLEU (sacrebleu, {tokeniser})"] == wanted


def longest_common(left: list[str], right: list[str]) -> int:
    row = [0] * (len(right) + 1)
    for one in left:
        before = 0
        for place, other in enumerate(right, 1):
            before, row[place] = row[place], before + 1 if one == other else max(row[place], row[place - 1])
    return row[-1]


def test_rouge_score_on_the_corpus() -> None:
    from rouge_score.tokenize import tokenize

    texts = pairs("en")
    figures = []
    for prediction, reference in texts:
        said, wanted = tokenize(prediction, None), tokenize(reference, None)
        common = longest_common(wanted, said)
        figures.append(200 * common / (len(said) + len(wanted)))
    assert likeness(texts, "en")["ROUGE-L (rouge-score)"] == pytest.approx(sum(figures) / len(figures), abs=1e-9)


def bleu_of_characters(prediction: str, reference: str) -> float:
    """Papineni 2002 over characters up to 4; the k-th precision without a match is 1 / (2^k x its n-grams)."""
    logarithms, empty = [], 0
    for size in range(1, 5):
        said, wanted = (
            Counter(text[i : i + size] for i in range(len(text) - size + 1)) for text in (prediction, reference)
        )
        shared, total = sum((said & wanted).values()), max(1, sum(said.values()))
        if size == 1 and not shared:
            return 0.0
        empty += not shared
        logarithms.append(math.log(shared / total if shared else 1 / (2**empty * total)))
    brevity = min(0.0, 1 - len(reference) / len(prediction))
    return 100 * math.exp(sum(logarithms) / 4 + brevity)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_llama_factorys_figures_by_their_definition(language: Language) -> None:
    """Pair by pair, from counts: no call of the libraries but jieba's."""
    import jieba

    texts = pairs(language)
    got = likeness(texts, language)
    for name, size in {"ROUGE-1": 1, "ROUGE-2": 2}.items():
        figures = []
        for prediction, reference in texts:
            said, wanted = (" ".join(jieba.cut(text)).split() for text in (prediction, reference))
            said_set, wanted_set = ({tuple(w[i : i + size]) for i in range(len(w) - size + 1)} for w in (said, wanted))
            shared = len(said_set & wanted_set)
            figures.append(200 * shared / (len(said_set) + len(wanted_set)) if shared else 0.0)
        mean = sum(figures) / len(figures)
        assert got[f"{name} (jieba, rouge-chinese)"] == pytest.approx(mean, abs=1e-3), name
    assert got["BLEU-4 (characters, nltk method3)"] == pytest.approx(
        sum(bleu_of_characters(*pair) for pair in texts) / len(texts), abs=1e-3
    )
    assert likeness([Pair("退票", "退票")], language)["ROUGE-L (jieba, rouge-chinese)"] == pytest.approx(100, abs=1e-3)


def test_a_file_of_pairs_is_scored_and_a_bad_line_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "pairs.jsonl"
    lines = [json.dumps({"prediction": p, "reference": r}) for p, r in pairs("zh", 20)]
    source.write_text("\n".join(lines), "utf-8")
    with pytest.raises(SystemExit) as end:
        main(["likeness", str(source), "--language", "zh"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) == 5
    assert "BLEU (sacrebleu, zh)" in text
    source.write_text(lines[0] + '\n{"prediction": 5}', "utf-8")
    with pytest.raises(SystemExit) as end:
        main(["likeness", str(source), "--language", "zh"])
    assert end.value.code == 2
    assert f"{source}:2: wanted texts" in capsys.readouterr().err
