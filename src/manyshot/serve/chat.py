"""A terminal in which a person types actions and sees what would be called. Ends with the input (Ctrl-D).

One rule: it shows what `predict` would write, no more: nothing is called.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from manyshot.parse import read_call
from manyshot.serve.predict import MAX_ACTION
from manyshot.serve.predictor import Mode, Predictor
from manyshot.types import Json, Prediction


def typed(stream: TextIO, prompt: str = "Action> ") -> Iterator[str]:
    """Lines as they are typed, with a prompt in a terminal; ends with the input."""
    terminal = stream.isatty()
    while True:
        if terminal:
            sys.stdout.write(prompt)
            sys.stdout.flush()
        line = stream.readline()
        if not line:
            break
        if not terminal and line.strip():
            sys.stdout.write(f"{prompt}{line.strip()}\n")
        yield line
    if terminal:
        sys.stdout.write("\n")


def chat(predictor: Predictor, mode: Mode, lines: Iterable[str], say: Callable[[str], None]) -> int:
    """Answer each line that is not blank; returns how many. Raises ModelError."""
    count = 0
    for line in lines:
        action = line.encode("utf-8", "replace").decode("utf-8").strip()[:MAX_ACTION]
        if not action:
            continue
        count += 1
        for text in shown(action, predictor.predict(str(count), action, mode)):
            say(text)
    return count


def shown(action: str, answer: Prediction) -> Iterator[str]:
    """The lines that tell a person what an answer is."""
    said = _said(answer.raw)
    for call in answer.calls:
        yield f"  call     {call.name}"
        yield from (
            f"    {path} = {_words(value)}{_from(said.get(path), value)}" for path, value in _leaves(call.arguments)
        )
    if answer.calls:
        verdict = "would be called"
    elif answer.ask:
        verdict = f"asks back for: {', '.join(answer.ask)}"
        # What was invented or could not be read is asked for again or dropped, so it is not shown.
        known = {path: _words(value) for path, value in said.items() if path.split(".")[0] not in answer.ask}
        yield from (f"    understood {path} = {words}" for path, words in known.items() if words in action)
    else:
        verdict = "no tool fits"
    yield f"  verdict  {verdict}  ({answer.ms:.0f} ms)"


def _said(raw: str) -> dict[str, Any]:
    """Path -> the words that the model copied; empty when its text was no call."""
    try:
        return dict(_leaves(read_call(raw.strip())[1]))
    except ValueError:
        return {}


def _leaves(arguments: Json, above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in arguments.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _from(words: Any, value: Any) -> str:
    return "" if words is None or words == value else f'   (from "{_words(words)}")'


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(_words(v) for v in value) if isinstance(value, list) else str(value)
