"""A data set looked over: second copies, variety, personal data, lengths. One rule: it says what is there and changes
nothing."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field

from manyshot.dataset import personal, variety
from manyshot.dataset.lengths import Lengths, lengths
from manyshot.dataset.spans import Kind, Span
from manyshot.dataset.wording import group_of, text_of, unit_of
from manyshot.types import CallPair, Json, Trajectory

#: Examples of each finding that are kept.
EXAMPLES = 3


@dataclass(slots=True)
class Personal:
    """Findings of one kind: how many, how many different, in how many records, which are declared as made up."""

    finds: int = 0
    texts: set[str] = field(default_factory=set)
    records: int = 0
    declared: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What was found. Places are files with lines."""

    records: int = 0
    groups: int = 0
    #: Path or tool -> records.
    units: Counter[str] = field(default_factory=Counter)
    #: (place, place of the earlier one, similarity).
    near: list[tuple[str, str, float]] = field(default_factory=list)
    #: Median similarity to the nearest other record; None for fewer than two.
    nearest: float | None = None
    #: Wordings a turn of a path has: (fewest, median); None where there are no dialogues.
    wordings: tuple[int, float] | None = None
    personal: dict[str, Personal] = field(default_factory=dict)
    lengths: list[Lengths] = field(default_factory=list)
    limit: int = 0

    def rows(self) -> Json:
        """As JSON."""
        return {
            "records": self.records,
            "groups": self.groups,
            "units": dict(sorted(self.units.items())),
            "near_duplicates": {"count": len(self.near), "examples": self.near[:EXAMPLES]},
            "nearest_similarity": self.nearest,
            "wordings": None if self.wordings is None else dict(zip(("fewest", "median"), self.wordings, strict=True)),
            "personal": {
                kind: {
                    "finds": one.finds, "different": len(one.texts), "records": one.records, "declared": one.declared,
                    "examples": one.examples,
                }
                for kind, one in sorted(self.personal.items())
            },
            "limit": self.limit,
            "lengths": [one._asdict() for one in self.lengths],
        }  # fmt: skip


def check(
    found: Iterable[tuple[str, Trajectory | CallPair]],
    *,
    declared: Collection[str] = (),
    spans: Callable[[Trajectory | CallPair], list[Span]] | None = None,
    shared_tokens: int = 0,
    limit: int = 2048,
    seed: int = 0,
) -> Report:
    """Look over records with their places.

    declared: texts that are known to be made up. spans: what a sample looks like with its tokens; without it there are
    no lengths. shared_tokens: those of the beginning that every sample has besides. limit: in tokens.
    """
    report = Report(limit=limit)
    places, texts, dialogues = [], [], []
    counts: dict[str, list[int]] = defaultdict(list)
    groups = set()
    known = "\n".join(declared)
    for place, one in found:
        places.append(place)
        texts.append(text_of(one))
        groups.add(group_of(one))
        report.units[unit_of(one)] += 1
        if isinstance(one, Trajectory):
            dialogues.append(one)
        _add_personal(report, place, personal.scan(one), known)
        if spans is not None:
            for name, tokens in _tokens(spans(one), shared_tokens):
                counts[name].append(tokens)
    report.records, report.groups = len(places), len(groups)
    report.near = [(places[b], places[a], alike) for a, b, alike in variety.near_duplicates(texts)]
    report.nearest = variety.median_nearest(texts, seed)
    if each := list(variety.wording_counts(dialogues).values()):
        report.wordings = (min(each), statistics.median(each))
    report.lengths = [lengths(name, each, limit) for name, each in counts.items()]
    return report


def _add_personal(report: Report, place: str, found: Iterable[personal.Found], known: str) -> None:
    here = set()
    for piece in found:
        one = report.personal.setdefault(piece.kind, Personal())
        one.finds += 1
        one.texts.add(piece.text)
        one.declared += piece.text in known
        if piece.kind not in here:
            here.add(piece.kind)
            one.records += 1
            if len(one.examples) < EXAMPLES and piece.text not in known:
                one.examples.append((place, piece.text))


def _tokens(spans: list[Span], shared: int) -> Iterator[tuple[str, int]]:
    """(name of a row of the table, tokens): the whole sample, what has loss, each kind of turn."""
    kinds: dict[Kind, int] = defaultdict(int)
    for span in spans:
        kinds[span.kind] += span.tokens or 0
    yield "sample", shared + sum(kinds.values())
    yield "with loss", sum(span.tokens or 0 for span in spans if span.loss)
    yield from kinds.items()
