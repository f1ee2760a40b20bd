"""How alike are two texts? BLEU and ROUGE as others report them, each named by its tokeniser.

One rule: the well-kept libraries decide, so that figures compare with published ones; they are the extra `text`. These
figures say nothing about whether a call is right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from manyshot.errors import DataError, EvalError, at
from manyshot.records import read_rows
from manyshot.types import Language

#: sacrebleu's tokenisers.
TOKENISERS: dict[Language, str] = {"zh": "zh", "en": "13a"}


class Pair(NamedTuple):
    """What was written and what was wanted."""

    prediction: str
    reference: str


def read_pairs(path: Path) -> list[Pair]:
    """Read {"prediction", "reference"} a line. Raises DataError with file and line."""
    pairs = []
    for number, row in read_rows(path):
        texts = (row.get("prediction"), row.get("reference"))
        if not all(isinstance(text, str) for text in texts):
            raise DataError(f'{at(path, number)}: wanted texts for "prediction" and "reference"')
        pairs.append(Pair(*texts))  # type: ignore[arg-type]
    if not pairs:
        raise DataError(f'{path}: wanted lines with "prediction" and "reference", found none')
    return pairs


def likeness(pairs: Sequence[Pair], language: Language) -> dict[str, float]:
    """Figure by name, 0 to 100.

    sacrebleu's is of the whole corpus, all others are means over the pairs. English has ROUGE of rouge-score besides
    (F, no stemmer), whose tokeniser drops Chinese. The last four are those of LLaMA-Factory's evaluation.

    Raises:
        EvalError: the libraries are not installed.
        ValueError: no pairs.
    """
    if not pairs:
        raise ValueError("wanted at least one pair of texts")
    try:
        found = {f"BLEU (sacrebleu, {TOKENISERS[language]})": _sacrebleu(pairs, TOKENISERS[language])}
        if language == "en":
            found.update(_rouge_score(pairs))
        found.update(_as_llama_factory(pairs))
    except ModuleNotFoundError as error:
        raise EvalError(f"{error.name} is not installed; pip install 'manyshot[text]'") from None
    return found


def _sacrebleu(pairs: Sequence[Pair], tokeniser: str) -> float:
    from sacrebleu.metrics import BLEU

    predictions, references = zip(*pairs, strict=True)
    return float(BLEU(tokenize=tokeniser).corpus_score(list(predictions), [list(references)]).score)


def _rouge_score(pairs: Sequence[Pair]) -> Iterator[tuple[str, float]]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"])
    scores = [scorer.score(pair.reference, pair.prediction) for pair in pairs]
    for name, short in (("rouge1", "1"), ("rouge2", "2"), ("rougeL", "L")):
        yield f"ROUGE-{short} (rouge-score)", _mean([100 * score[name].fmeasure for score in scores])


def _as_llama_factory(pairs: Sequence[Pair]) -> Iterator[tuple[str, float]]:
    """Words of jieba, F of rouge-chinese; BLEU-4 over characters, smoothed. Each pair's figure has four decimals."""
    import jieba
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
    from rouge_chinese import Rouge

    jieba.setLogLevel(logging.WARNING)
    rouge, smoothing = Rouge(), SmoothingFunction().method3
    by_name: dict[str, list[float]] = {"rouge-1": [], "rouge-2": [], "rouge-l": []}
    bleu = []
    for prediction, reference in pairs:
        words = [" ".join(jieba.cut(text)) for text in (prediction, reference)]
        score: Any = rouge.get_scores(*words)[0] if all(text.split() for text in words) else None
        for name, figures in by_name.items():
            figures.append(round(score[name]["f"] * 100, 4) if score else 0.0)
        value = sentence_bleu([list(reference)], list(prediction), smoothing_function=smoothing)
        bleu.append(round(float(value) * 100, 4))
    for name, figures in by_name.items():
        yield f"{name.upper()} (jieba, rouge-chinese)", _mean(figures)
    yield "BLEU-4 (characters, nltk method3)", _mean(bleu)


def _mean(figures: Sequence[float]) -> float:
    return sum(figures) / len(figures)
