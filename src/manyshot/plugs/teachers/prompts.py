"""What a teacher is told and how its answer is read. The one rule: JSON lines both ways, each with its number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from manyshot.protocols import Lesson, Script, Wish
from manyshot.types import Json, Language, Tool

_NAMES: dict[Language, str] = {"zh": "Chinese", "en": "English"}

_INSTRUCTIONS = """\
You write training data for the assistant of a service desk: what people say to it, in {language}.
Below stand tools, some sentences that people said, and calls of the tools. For each call write one instruction for \
each of its styles: what somebody says who wants exactly this call.
- Say every value. Copy one of the forms listed for it to the letter, mostly a different one each time.
- Say nothing that could be taken for one more value: no other date, time, number, name or code.
- Say nothing about the fields under "without".
- Use no names of tools and fields; talk as people talk, in other words and another order each time.
Answer with JSON lines alone, one instruction a line, n the number of its call: {{"n": 1, "text": "..."}}"""

_VALUES = """\
You think of values for the fields of a service desk's tools, as people would say them in {language}.
Below stand fields with examples. For each write `count` new values: varied, from everyday to unusual, as short or \
long as the examples, all made up, without the names of real people.
Answer with JSON lines alone, one value a line, n the number of its field: {{"n": 1, "text": "..."}}"""

_DIALOGUE = """\
You word training data for the assistant of a service desk, in {language}: a dialogue of which everything is fixed but \
the words. Word each line that has a number anew.
- A line means what it meant: the same wish, the same yes or no, the same question, the same promise, nothing more.
- Copy all pieces under "keep" to the letter.
- Name no other number, id, day or hour; leave none out.
- The customer talks like this: {style}. The assistant is short and kind. A thought says in a sentence what is known \
and what to do next.
- Lines without a number say what happens in between; leave them alone.
Answer with JSON lines alone, one for each number: {{"n": 1, "text": "..."}}"""


def instructions_prompt(lessons: Sequence[Lesson], language: Language) -> str:
    """One request for all lessons: rules, the tools once each, examples, calls."""
    tools = {lesson.tool.name: lesson.tool for lesson in lessons}
    examples = dict.fromkeys(text for lesson in lessons for text in lesson.examples)
    calls = (
        {
            "n": n,
            "tool": lesson.tool.name,
            "values": {field: list(forms) for field, forms in lesson.forms.items()},
            "without": list(lesson.without),
            "styles": list(lesson.styles),
        }
        for n, lesson in enumerate(lessons, 1)
    )
    return "\n".join(
        [
            _INSTRUCTIONS.format(language=_NAMES[language]),
            "\nTools:",
            *map(_line, map(_about, tools.values())),
            "\nWhat people said:",
            *map(_line, examples),
            "\nCalls:",
            *map(_line, calls),
        ]
    )


def values_prompt(wishes: Sequence[Wish], language: Language) -> str:
    """One request for the values of several fields."""
    fields = (
        {
            "n": n,
            "tool": wish.tool.description or wish.tool.name,
            "field": wish.field,
            "about": _field_about(wish.tool, wish.field),
            "examples": list(wish.examples),
            "count": wish.count,
        }
        for n, wish in enumerate(wishes, 1)
    )
    return "\n".join([_VALUES.format(language=_NAMES[language]), "\nFields:", *map(_line, fields)])


def dialogue_prompt(script: Script, language: Language) -> tuple[str, list[int]]:
    """One request for a whole dialogue, and the numbers of the lines that are to be worded."""
    rows: list[Json] = []
    numbers: list[int] = []
    for n, line in enumerate(script.lines, 1):
        if line.open:
            numbers.append(n)
            rows.append({"n": n, "who": line.who, "line": line.text, "keep": list(line.keep)})
        else:
            rows.append({"who": line.who, "line": line.text})
    head = _DIALOGUE.format(language=_NAMES[language], style=script.style)
    return "\n".join([head, "\nDialogue:", *map(_line, rows)]), numbers


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _about(tool: Tool) -> Json:
    fields = {name: inner.get("description", "") for name, inner in tool.properties.items()}
    return {"tool": tool.name, "description": tool.description, "fields": fields}


def _field_about(tool: Tool, field: str) -> str:
    """A field's description; `field` is a path with dots."""
    schema: Json = tool.parameters
    for name in field.split("."):
        schema = schema.get("properties", {}).get(name, {})
    return str(schema.get("description", ""))


def read_answer(text: str, count: int) -> list[list[str]]:
    """The texts of an answer by number, from 1 to `count`; what is no such line (fences, thoughts) is passed over."""
    out: list[list[str]] = [[] for _ in range(count)]
    for number, said in _said(text.rpartition("</think>")[2]):
        if 1 <= number <= count:
            out[number - 1].append(said)
    return out


def _said(text: str) -> Iterator[tuple[int, str]]:
    for row in text.splitlines():
        try:
            found = json.loads(row.strip().removesuffix(","))
        except ValueError:
            continue
        if not isinstance(found, dict):
            continue
        number, said = found.get("n"), found.get("text")
        if isinstance(number, int) and isinstance(said, str) and said.strip():
            yield number, " ".join(said.split())
