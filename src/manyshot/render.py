"""Pairs and questions -> the text that the acting model reads and writes.

The one rule: training, evaluation and service render here and nowhere else, so a prompt seen in service has the
token ids it had in training. The prompt is cut in two: a *prefix* (header and tools, shared by every question of a
domain, computed once per training pass and cached at inference) and a *branch* (one action). Both are tokenised on
their own and joined as ids, because tokenising the joined text could merge across the seam.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from manyshot.parse import write_call
from manyshot.types import NO_TOOL, Call, Json, Language, Refusal, Tool
from manyshot.values.choices import glosses

#: span: the model copies the words and code reads them; final: the model writes the typed value itself.
Values = Literal["span", "final"]

#: Characters of what is said of a choice.
LONGEST_GLOSS = 24
#: Choices of a field beyond which nothing is said of any: it would fill the prompt.
MOST_GLOSSED = 16

_HEADER: dict[Language, tuple[str, str]] = {
    "zh": ("把客户的话变成一次调用。可用工具:", "没有合适的工具"),
    "en": ("Turn what the customer says into one call. Tools:", "no tool fits"),
}


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    bos_token_id: int | None
    eos_token_id: int

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """Token ids of one training pair; loss is taken on ids[loss_from:] only."""

    ids: list[int]
    loss_from: int


def _type_word(schema: Json, about: str = "") -> str:
    """`about`: what describes the choices where they have no description of their own."""
    if "enum" in schema:
        return _choices(schema["enum"], str(schema.get("description", about)))
    if "const" in schema:
        return str(schema["const"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return "/".join(dict.fromkeys(_type_word(s) for s in schema[union] if s.get("type") != "null"))
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        kind = "/".join(k for k in kind if k != "null")
    if kind == "array":
        return f"[{_type_word(schema.get('items', {}), str(schema.get('description', '')))}]"
    if kind == "object":
        inner = ",".join(f"{name}:{_type_word(s)}" for name, s in schema.get("properties", {}).items())
        return "{" + inner + "}"
    return str(schema.get("format", kind))


def _choices(values: Sequence[Any], about: str) -> str:
    """The values with what a description says of each: a small model does not guess that "it came off" is `part`."""
    said = glosses(values, about) if len(values) <= MOST_GLOSSED else {}
    return "|".join(f"{value} {_short(said.get(str(value), ''))}".rstrip() for value in values)


def _short(gloss: str) -> str:
    """The first words of what is said of a choice; the "or" of a list says nothing."""
    words = [word for word in re.split(r"[\s()（）,，;；:：=|]+", gloss) if word not in ("", "or", "and", "或", "和")]
    text = " ".join(words)
    return text if len(text) <= LONGEST_GLOSS else text[:LONGEST_GLOSS].rsplit(" ", 1)[0]


def signature(tool: Tool) -> str:
    """One line a tool: name(param: type; ...) description. A star marks a required parameter."""
    params = []
    for name, schema in tool.properties.items():
        star = "*" if name in tool.required else ""
        about = _about(schema)
        params.append(f"{name}{star}:{_type_word(schema)}" + (f" {about}" if about else ""))
    return f"{tool.name}({'; '.join(params)}) {_brief(tool.description, 80)}"


def _about(schema: Json) -> str:
    """What a parameter is, in a few words; nothing where its description begins with the choices, which stand there."""
    about = str(schema.get("description", "")).strip()
    choices = schema.get("enum", schema.get("items", {}).get("enum", ()))
    return "" if any(about.startswith(f"{value} ") for value in choices) else _brief(about, 24)


def _brief(text: str, most: int) -> str:
    """The first clause of a description: forms and rules after it are code's business, and every token costs time."""
    clause = re.split(r"[,，。;；(（:：\n]|\.\s", " ".join(text.split()).strip(), maxsplit=1)[0].strip()
    return clause if len(clause) <= most else clause[:most].rsplit(" ", 1)[0]


def prefix_text(tools: Sequence[Tool], language: Language) -> str:
    header, none = _HEADER[language]
    return "\n".join([header, *(f"- {signature(t)}" for t in tools), f"- {NO_TOOL}() {none}"]) + "\n"


def branch_text(action: str, history: Sequence[Refusal] = ()) -> str:
    """The question; line breaks inside the action are folded, since a line break ends it."""
    refused = "".join(f"Refused: {write_call(r.call.name, r.call.arguments)} {fold(r.error)}\n" for r in history)
    return f"\nAction: {fold(action)}\n{refused}Call:"


def fold(text: str) -> str:
    """An action as it stands in a prompt: line breaks and runs of white space are one space."""
    return " ".join(text.split())


def target_text(call: Call | None, surfaces: Json, values: Values) -> str:
    """What the model has to write after "Call:"."""
    if call is None:
        return f" {write_call(NO_TOOL, {})}"
    arguments: dict[str, Any] = surfaces if values == "span" else call.arguments
    return f" {write_call(call.name, arguments)}"


def prefix_ids(tokenizer: Tokenizer, tools: Sequence[Tool], language: Language) -> list[int]:
    """Token ids of the shared beginning."""
    return opening_ids(tokenizer, prefix_text(tools, language))


def opening_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of a text that begins a prompt, behind the begin-of-text id where the base has one."""
    ids = list(tokenizer.encode(text, add_special_tokens=False))
    return ids if tokenizer.bos_token_id is None else [tokenizer.bos_token_id, *ids]


def branch_ids(tokenizer: Tokenizer, action: str, history: Sequence[Refusal] = ()) -> list[int]:
    return list(tokenizer.encode(branch_text(action, history), add_special_tokens=False))


def sample(
    tokenizer: Tokenizer, action: str, call: Call | None, surfaces: Json, history: Sequence[Refusal], values: Values
) -> Sample:
    """Branch and target as ids; loss on the target and the end-of-text id."""
    question = branch_ids(tokenizer, action, history)
    answer = list(tokenizer.encode(target_text(call, surfaces, values), add_special_tokens=False))
    return Sample([*question, *answer, tokenizer.eos_token_id], len(question))
