"""Who calculates: the model writes final values, or copies words that code reads; and copies held or free.

    python bench/values.py RUN --out DIR [--pairs 2000] [--tests 100]

RUN is a finished run, of which the training pairs are taken. Two adapters are trained from the base alone (the shipped
generalist copies, which would be unfair), on the same pairs in the same order, and answer the same tests:

    span, copies held   free text is only what stands in the action (a grammar), dates and numbers are read by code
    span, copies free   as above, the grammar lets anything be written
    final               the model writes dates, numbers and ids as the schema wants them

All three are held to the schemas, and the tool is chosen in the same way. Goes on after a stop.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from manyshot import evaluate, pipeline
from manyshot.answering import TUNED, Answering, answering_of
from manyshot.config import find_domain
from manyshot.parts import embedded
from manyshot.progress import Screen, Terminal
from manyshot.records import read_jsonl, read_manifest
from manyshot.render import Values
from manyshot.runfolder import RunFolder
from manyshot.spec.load import load_domain, load_tests
from manyshot.train import stage
from manyshot.train.passes import Lists, passes
from manyshot.train.settings import TrainConfig
from manyshot.training import trained
from manyshot.trial import Trial, answer, sample
from manyshot.types import CallPair, Prediction, TestCase

WAYS: dict[str, tuple[Values, bool]] = {
    "span, copies held": ("span", True),
    "span, copies free": ("span", False),
    "final": ("final", False),
}


def _train(place: RunFolder, values: Values, count: int, out: Path, screen: Screen) -> Path:
    if read_manifest(out) is None:
        parts, domain, config = embedded(), load_domain(place.domain), TrainConfig()
        base, source = parts.find_base(domain.base), read_manifest(place.data)
        assert source is not None
        pairs, _ = stage.split(read_jsonl(place.data / "pairs.jsonl", CallPair))
        lists = Lists(domain.tools, pipeline.foreign_tools(domain), domain.reject, domain.context.language)
        made = list(passes(pairs[:count], lists, parts.tokenizer(base), batch=config.batch, values=values, seed=0))
        job = stage.Job(domain.name, base, made, min(count, len(pairs)), source.id, values=values)
        trained(config, job, out, parts, screen, seconds=None)
    return out / stage.LORA


def _answers(answering: Answering, adapter: Path, cases: list[TestCase], out: Path, screen: Screen) -> list[Prediction]:
    parts = embedded()
    base = parts.find_base(answering.domain.base)
    model = parts.open_model(base, {TUNED: adapter})
    try:
        mode = answering.mode("tuned")
        trial = Trial(answering, model, parts.tokenizer(base), out, screen, 0)
        return answer(trial, mode.name, cases, mode)
    finally:
        model.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--tests", type=int, default=100)
    chosen = parser.parse_args()
    place, screen = RunFolder(chosen.run), Terminal(Console())
    cases = sample(load_tests(find_domain(place.read()["from"])), chosen.tests, 0)
    found: dict[str, list[Prediction]] = {}
    for name, (values, copies) in WAYS.items():
        adapter = _train(place, values, chosen.pairs, chosen.out / values, screen)
        answering = answering_of(load_domain(place.domain), copies, values=values)
        found[name] = _answers(answering, adapter, cases, chosen.out / name.replace(", ", "-"), screen)
    tools = {tool.name: tool for tool in load_domain(place.domain).tools}
    judged = evaluate.run(cases, found, tools, baseline=next(iter(WAYS)))
    for one in evaluate.summarise(judged):
        against = one.against_base
        beside = f"McNemar p {against.p:.3f}: {against.verdict}" if against else ""
        print(f"{one.mode:<20}{one.overall.right:>5} of {one.overall.total}  {beside}")


if __name__ == "__main__":
    main()
