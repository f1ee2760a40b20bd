"""A place in a text, the calls found so far, and the repairs that were made on the way."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from manyshot.parse import read_json
from manyshot.types import Call

#: What may stand behind an answer and belongs to no form: ends of turns, as tokenizers spell them.
ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<turn|>", "</s>", "<eos>")
_SPACE = re.compile(r"\s*")
_FENCE = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*\Z", re.DOTALL)


class Reading(NamedTuple):
    """The calls, and what had to be repaired."""

    calls: tuple[Call, ...]
    repairs: tuple[str, ...] = ()


class Scanner:
    """Reads forward only, so that no text takes longer than its length."""

    def __init__(self, text: str, *, repair: bool = False) -> None:
        self.text, self.at = text, 0
        self.calls: list[Call] = []
        self.repairs: list[str] = []
        self._repair = repair

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, mark: str) -> bool:
        """Step over the mark if it stands here, behind white space or not."""
        self.skip_space()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self.wanted(mark)

    def expect_last(self, mark: str) -> None:
        """A mark that closes; at the end of the text leaving it out can be repaired."""
        if not self.take(mark):
            if not self._at_end():
                raise self.wanted(mark)
            self.repaired(f"no {mark}")

    def take_pattern(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise self.wanted(what)
        self.at = found.end()
        return found.group()

    def take_json(self) -> Any:
        self.skip_space()
        value, self.at = read_json(self.text, self.at)
        return value

    def find_first(self, *marks: str) -> bool:
        """Go to the first of the marks. False when there is none: nothing was called. Prose before it is a repair."""
        places = [place for mark in marks if (place := self.text.find(mark, self.at)) >= 0]
        if not places:
            return False
        self.skip_space()
        if self.text.startswith("<think>", self.at) and (end := self.text.find("</think>", self.at)) >= 0:
            self.at = end + len("</think>")
            places = [place for mark in marks if (place := self.text.find(mark, self.at)) >= 0]
            if not places:
                return False
        if self.text[self.at : min(places)].strip():
            self.repaired("text before the calls")
        self.at = min(places)
        return True

    def finish(self) -> None:
        """Nothing more may come but ends of turns; other text is a repair."""
        if not self._at_end():
            self.repaired("text behind the calls")

    def repaired(self, what: str) -> None:
        """Note a repair; where none was asked for it is the fault that is raised."""
        if not self._repair:
            raise ValueError(f"at {self.at}: {what}")
        self.repairs.append(what)

    def wanted(self, what: str) -> ValueError:
        there = repr(self.text[self.at : self.at + 20]) if self.at < len(self.text) else "the end"
        return ValueError(f"at {self.at}: wanted {what}, got {there}")

    def _at_end(self) -> bool:
        while any(self.take(end) for end in ENDS):
            pass
        self.skip_space()
        return self.at == len(self.text)


def strip_fence(scanner: Scanner) -> None:
    """Take away a code fence around the whole text; ```tool_code belongs to a form."""
    if scanner.text.lstrip().startswith("```tool_code"):
        return
    found = _FENCE.match(scanner.text)
    if found and "```" not in found[1]:
        scanner.repaired("code fence")
        scanner.text = found[1]
