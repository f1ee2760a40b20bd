"""A course as messages of plain text, for trainers that tokenise themselves.

The one rule: each piece is a message of its own, since joined text could be read as other ids; what a trainer makes of
the messages is compared with our ids, sample by sample, before it is let train.
"""

from __future__ import annotations

from itertools import chain

from manyshot.plugs.trainers.course import Course, Sample, TextReader
from manyshot.types import Json


class Messages:
    """The messages of a course for a template that adds nothing: begin-of-text stands in the system message, the
    end-of-text of an acting sample in its answer."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._reader = TextReader(course.folder)
        own = self._reader.ids(course.prefix)
        begin = course.prefix_ids[: len(course.prefix_ids) - len(own)]
        self._system = "".join(map(self._reader.name, begin)) + course.prefix
        self._end = self._reader.name(course.samples[0].ids[-1]) if course.role == "acting" else ""

    def of(self, one: Sample) -> list[Json]:
        """The sample in ShareGPT's form: system, then human and gpt by turns."""
        said = [{"from": "gpt" if piece.learned else "human", "value": piece.text} for piece in one.pieces]
        said[-1]["value"] += self._end
        return [{"from": "system", "value": self._system}, *said]

    def misread(self, one: Sample) -> str:
        """Why these messages would be read as other ids than ours; "" when they are the same."""
        read = [self._reader.ids(message["value"]) for message in self.of(one)]
        if read[0] != self._course.prefix_ids:
            return (
                "the shared beginning has the name of a special token in it, which another trainer reads as that token"
            )
        ids = tuple(chain.from_iterable(read[1:]))
        loss = tuple(chain.from_iterable([n % 2 == 1] * len(part) for n, part in enumerate(read[1:])))
        if (ids, loss) == (one.ids, one.loss):
            return ""
        at = next((n for n, pair in enumerate(zip(ids, one.ids, strict=False)) if pair[0] != pair[1]), len(ids))
        return f"another trainer reads other ids from token {at} on: is the name of a special token in the text?"
