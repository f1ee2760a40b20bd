"""A served conversation -> a draft shot: redacted, written into shots/*.md, to be looked at by an expert.

One rule: what is written is a draft, whatever was approved before, and holds nothing that `dataset.personal` finds. A
name that nothing announces is not found: give it as known, and read the draft.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from manyshot.dataset.personal import redact, scan
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.writing import write
from manyshot.errors import DataError, SpecError, at
from manyshot.records import read_numbered
from manyshot.shotbook import Shotbook
from manyshot.spec.faults import near
from manyshot.types import Trajectory, Turn

#: Written as the author, so that an expert sees where it comes from.
AUTHOR = "promoted"
#: Turns of a conversation, at most: more is no conversation that an expert reads.
MOST = 400
#: Characters of a turn, at most.
LONGEST = 20_000
#: Characters of a known piece: a shorter one would be found everywhere.
_SHORTEST = 2
#: Digits, letters and @ in full width are said as the plain ones, and found as those.
_WIDE = {
    wide: wide - 0xFEE0 for wide in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), 0xFF20)
}


@dataclass(frozen=True, slots=True)
class Promoted:
    """A draft as it was written (or would be), what was taken out by kind, and why it is not true yet."""

    draft: Trajectory
    file: Path
    taken: Counter[str]
    problems: tuple[str, ...]


def read_turns(path: Path) -> tuple[Turn, ...]:
    """A conversation: a turn a line, as types.Turn. Raises DataError."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; wanted a conversation's turns as JSON lines")
    turns: list[Turn] = []
    for number, turn in read_numbered(path, Turn):
        if len(turns) == MOST:
            raise DataError(f"{at(path, number)}: more than {MOST} turns; promote a part of it")
        turns.append(turn)
    if not any(turn.role == "user" for turn in turns):
        raise DataError(f"{path}: no turn of a user; wanted a conversation")
    return tuple(turns)


def read_known(path: Path) -> tuple[str, ...]:
    """Pieces that are personal for sure, as a customer's name: one a line. Raises DataError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise DataError(f"{path}: cannot be read ({said}); wanted one piece a line") from None
    found = [line.strip() for line in lines if line.strip()]
    for number, piece in enumerate(lines, 1):
        if piece.strip() and len(piece.strip()) < _SHORTEST:
            raise DataError(f"{at(path, number)}: wanted {_SHORTEST} characters or more, as fewer stand everywhere")
    return tuple(found)


def said_otherwise(known: Iterable[str]) -> tuple[str, ...]:
    """What is known, with the other ways in which it is said: of a name a word alone, in Chinese what stands behind the
    surname. Pieces that stand everywhere are left out."""
    found: dict[str, None] = {}
    for piece in known:
        found[piece] = None
        if re.fullmatch("[一-鿿]{3,4}", piece):
            found[piece[1:]] = None
        elif re.fullmatch(r"[^\W\d_]+(?:[ '’-][^\W\d_]+){1,3}", piece):
            found |= dict.fromkeys(word for word in piece.split() if len(word) > _SHORTEST)
    return tuple(piece for piece in found if len(piece) >= _SHORTEST)


def promote(
    book: Shotbook,
    turns: Sequence[Turn],
    name: str = "",
    flow: str = "",
    known: Iterable[str] = (),
    *,
    keep: bool = True,
) -> Promoted:
    """Redact a conversation and append it to shots/FLOW.md (shots/promoted.md without a flow) as a draft.

    name: its id, else one is made. keep: write it; else only show what would be. Raises SpecError for a flow that there
    is not or an id that is taken, DataError for what cannot be a shot.
    """
    if flow and flow not in book.company.flows:
        raise SpecError(f"{book.folder}: there is no flow {flow!r}; {near(flow, book.company.flows)}")
    plain = tuple(_plain(turns))
    wanted = book.free_id(name or AUTHOR, exact=bool(name))
    raw = Trajectory(id=wanted, turns=plain, flow=flow, author=AUTHOR)
    clean, taken = redact(raw, [piece.translate(_WIDE) for piece in known])
    if left := scan(clean):  # never seen; were it so, nothing may be written
        raise DataError(f"{wanted} was not written: a {left[0].kind} is still in it; take it out by hand")
    draft = book.take_in(clean, keep=keep)
    problems = tuple(problem.message for problem in book.replay(draft).problems)
    return Promoted(draft, book.folder / "shots" / f"{flow or AUTHOR}.md", taken, problems)


def _plain(turns: Iterable[Turn]) -> Iterable[Turn]:
    """Turns as shots hold them: text without blanks around it and without signs that nobody sees."""
    for turn in turns:
        if len(turn.text) > LONGEST:
            raise DataError(f"a turn of a {turn.role} has {len(turn.text):,} characters; wanted {LONGEST:,} at most")
        text = _visible(turn.text)
        if turn.answered is not None and not text:
            text = write_observation(turn.answered)  # as it is written where nobody put it into words
        if turn.role == "action":
            text = " ".join(text.split())
        if text or turn.role == "observation":
            yield turn.model_copy(update={"text": text, "line": 0})


def _visible(text: str) -> str:
    """Without control and format characters, which would hide a number from who looks for it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").translate(_WIDE)
    shown = "".join(sign for sign in lines if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs"))
    return re.sub(r"\n{2,}", "\n", "\n".join(line.rstrip() for line in shown.split("\n"))).strip()


def text(promoted: Promoted) -> str:
    """The draft as it stands in the file."""
    return write([promoted.draft])
