"""What the page does with a domain: reads it again when its files change, takes edits and verdicts.

The one rule: a person judges, and edits, what they see. Who sends a verdict or an edit names the text it was made from;
when another stands in the file by now, nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from manyshot.approving.forms import Sent, arguments
from manyshot.dialogue.approval import fingerprint
from manyshot.dialogue.exact import read_observation, write_observation
from manyshot.dialogue.replay import Replay, replay
from manyshot.dialogue.writing import write
from manyshot.errors import DataError, ManyshotError
from manyshot.parse import write_call
from manyshot.shotbook import Shotbook
from manyshot.types import Call, Record, Role, Trajectory, Turn, Verdict

#: Who decides about these next.
UNDECIDED = ("draft", "edited")


class ChangedError(ManyshotError):
    """The dialogue in the file is not the one that the page showed."""


class GoneError(ManyshotError):
    """The files have no such dialogue (any more)."""


class SentCall(Record):
    """A call as the form has it."""

    name: str
    fields: tuple[Sent, ...] = ()


class SentTurn(Record):
    """A turn as the page sends it. `exact`: the tool's answer behind the words of an Observation."""

    role: Role
    text: str = ""
    call: SentCall | None = None
    exact: str = ""


class Edit(Record):
    """A dialogue as the page sends it. `was`: hash of the text it was made from; `path`: the one that is meant."""

    was: str
    path: str = ""
    turns: tuple[SentTurn, ...]


class Judgement(Record):
    """A verdict as the page sends it. `was`: hash of the text that was looked at."""

    was: str
    by: str
    reason: str = ""


class Desk:
    """One domain behind the page. One request at a time: worlds and files are not made for more."""

    def __init__(self, opened: Callable[[], Shotbook]) -> None:
        self._opened = opened
        self._book = opened()
        self._lock = Lock()
        self._stamps = self._stamp()

    def _stamp(self) -> tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]]:
        """Names, times and sizes of the files: those of the domain, and those of its dialogues."""
        folder = self._book.folder
        return _stamp(path for place in (folder, folder / "flows") for path in _files(place)), _stamp(
            _files(folder / "shots")
        )

    @contextmanager
    def book(self) -> Iterator[Shotbook]:
        """The domain as its files are now, for one request."""
        with self._lock:
            now = self._stamp()
            if now[0] != self._stamps[0]:
                self._book = self._opened()
            elif now[1] != self._stamps[1]:
                self._book.reread()
            self._stamps = now
            yield self._book


def _files(place: Path) -> list[Path]:
    return [path for path in sorted(place.iterdir()) if path.is_file()] if place.is_dir() else []


def _stamp(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    found = []
    for path in paths:
        with suppress(FileNotFoundError):  # editors write aside and rename
            there = path.stat()
            found.append((path.name, there.st_mtime_ns, there.st_size))
    return found


def find(book: Shotbook, name: str) -> Trajectory:
    one = next((one for one in book.shots if one.id == name), None)
    if one is None:
        raise GoneError(f"there is no dialogue {name!r} in {book.folder / 'shots'}")
    return one


def seen(book: Shotbook, name: str, was: str) -> Trajectory:
    """The dialogue, where it still is what the page showed."""
    one = find(book, name)
    if fingerprint(one) != was:
        raise ChangedError(f"{name} was changed in {one.source or book.folder} since this page showed it")
    return one


def replayed(book: Shotbook, one: Trajectory) -> Replay:
    """Played again with its turns numbered from 1 in place of lines, so that problems name turns; 0 is the whole."""
    turns = tuple(turn.model_copy(update={"line": n}) for n, turn in enumerate(one.turns, 1))
    return replay(one.model_copy(update={"turns": turns, "source": None}), book.company)


def edited(book: Shotbook, one: Trajectory, edit: Edit) -> Trajectory:
    """The dialogue as the page has it now. DataError for what cannot be one."""
    if not edit.turns:
        raise DataError(f"{one.id} has no turns left; a dialogue needs at least one")
    flows = [name for name, paths in book.company.paths.items() if edit.path in paths]
    flow = one.flow if not edit.path or one.flow in flows or not flows else flows[0]
    new = one.model_copy(update={"turns": tuple(map(_turn, edit.turns)), "path": edit.path, "flow": flow})
    try:
        write([new]).encode()
    except UnicodeEncodeError:
        raise DataError(f"{one.id} has half a sign in it, which no file can hold; type that text again") from None
    return new


def _turn(sent: SentTurn) -> Turn:
    text = sent.text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if sent.role == "action":
        return Turn(role="action", text=" ".join(text.split("\n")), call=_call(sent.call) if sent.call else None)
    if sent.role == "observation" and sent.exact:
        answered = read_observation(sent.exact)
        if answered is None:
            raise DataError(f"not an answer of a tool: {sent.exact[:40]}")
        return Turn(role="observation", text=text or sent.exact, answered=answered)
    return Turn(role=sent.role, text=text)


def _call(sent: SentCall) -> Call:
    call = Call(name=sent.name, arguments=arguments(sent.fields))
    try:
        write_call(call.name, call.arguments)
    except ValueError as error:
        raise DataError(f"a call of {sent.name} cannot be written: {error}") from None
    return call


def words_and_answer(turn: Turn) -> tuple[str, str]:
    """An Observation's own words and the exact answer; "" for what it has not."""
    if turn.answered is None:
        return turn.text, ""
    if read_observation(turn.text) == turn.answered:
        return "", turn.text
    return turn.text, write_observation(turn.answered)


def take_over(book: Shotbook, one: Trajectory) -> None:
    """Write what the world answers, and what changes in it, into a dialogue."""
    book.fill([one.model_copy(update={"expected": {}})])
    book.reread()


def judge(book: Shotbook, name: str, verdict: Verdict, said: Judgement) -> str:
    """Record a verdict; the id of the next dialogue to decide about, "" when there is none."""
    book.judge([seen(book, name, said.was)], verdict, said.by, said.reason)
    return next_undecided(book, name)


def next_undecided(book: Shotbook, name: str) -> str:
    """The next dialogue that waits for a verdict, behind this one or else from the first on."""
    ids = [one.id for one in book.shots]
    at = ids.index(name) + 1
    return next((one.id for one in (*book.shots[at:], *book.shots[: at - 1]) if book.state(one) in UNDECIDED), "")
