"""A file of actions -> a file of answers, one line each, in the same order.

One rule: the input is read whole and checked before the first answer; the output appears under its name when complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from manyshot.errors import SpecError, at
from manyshot.parse import write_call
from manyshot.records import write_jsonl
from manyshot.serve.predictor import Mode, Predictor
from manyshot.types import Json, Prediction, Refusal

#: Longest action in characters; what people say is far shorter, and it must fit the model's context.
MAX_ACTION = 4000
_KEYS = {"id", "action", "history"}


@dataclass(frozen=True, slots=True)
class Question:
    """One line of the input. `id` goes to the output as it came."""

    id: str | int
    action: str
    history: tuple[Refusal, ...] = ()


def read_questions(path: Path) -> list[Question]:
    """Read {"id", "action", "history": [{"call", "error"}]?} a line. Raises SpecError with file and line."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; give a JSONL file with id and action a line") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    rows = enumerate(text.split("\n"), 1)  # not splitlines(): a JSON string may hold U+2028
    questions = [_question(row, at(path, number)) for number, row in rows if row.strip()]
    if not questions:
        raise SpecError(f'{path}: wanted lines like {{"id": "1", "action": "..."}}, found none')
    return questions


def _question(text: str, where: str) -> Question:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{where}: bad JSON: {error}") from None
    if not isinstance(row, dict):
        raise SpecError(f'{where}: wanted an object with "id" and "action", got {type(row).__name__}')
    if unknown := sorted(set(row) - _KEYS):
        raise SpecError(f"{where}: unknown key {unknown[0]!r}; known keys: id, action, history")
    for key, kinds in (("id", (str, int)), ("action", (str,))):
        if not isinstance(row.get(key), kinds) or isinstance(row.get(key), bool):
            there = json.dumps(row[key])[:40] if key in row else "nothing"
            raise SpecError(f'{where}: wanted text for "{key}", got {there}')
    if len(row["action"]) > MAX_ACTION:
        raise SpecError(f"{where}: wanted an action of at most {MAX_ACTION} characters, got {len(row['action'])}")
    if any("\ud800" <= c <= "\udfff" for c in text + json.dumps(row, ensure_ascii=False)):
        raise SpecError(f"{where}: half of a surrogate pair is no text; write the character itself")
    return Question(row["id"], row["action"], _history(row.get("history"), where))


def _history(rows: Any, where: str) -> tuple[Refusal, ...]:
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise SpecError(f'{where}: wanted a list of {{"call", "error"}} for "history", got {type(rows).__name__}')
    try:
        history = tuple(Refusal.model_validate(r) for r in rows)
        for entry in history:
            write_call(entry.call.name, entry.call.arguments)  # as the prompt shows it
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise SpecError(f"{where}: history: {place}: {first['msg'].lower()}") from None
    except ValueError as error:
        raise SpecError(f"{where}: history: {error}") from None
    return history


def predict_file(
    predictor: Predictor, actions: Path, out: Path, mode: Mode, progress: Callable[[float], None] | None = None
) -> int:
    """Answer every line of `actions` into `out`; returns how many. Raises SpecError, ModelError, DataError."""
    questions = read_questions(actions)

    def rows() -> Iterator[Json]:
        for number, question in enumerate(questions, 1):
            yield answer_row(question, _answer(predictor, question, mode))
            if progress is not None:
                progress(number / len(questions))

    return write_jsonl(out, rows())


def _answer(predictor: Predictor, question: Question, mode: Mode) -> Prediction:
    if not question.action.strip():
        return Prediction(id=str(question.id))  # nothing was said, so no tool fits
    return predictor.predict(str(question.id), question.action, mode, question.history)


def answer_row(question: Question, answer: Prediction) -> Json:
    """The line that stands in the output."""
    return {
        "id": question.id,
        "calls": [{"name": c.name, "arguments": c.arguments} for c in answer.calls],
        "ask": list(answer.ask) if answer.ask else None,
        "ms": answer.ms,
    }
