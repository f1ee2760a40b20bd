"""How people talk, independent of any company: openers, verbs, carriers, cues, free text, requests no desk serves.

The knowledge lies in `zh.yaml` and `en.yaml` beside this file; a line there needs no code. Placeholders: {v} verb,
{n} the thing the tool is about, {x} a value, {y} another value that is not meant, {l} a field's label.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from manyshot.types import Language


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Verb(_Entry):
    """A concept such as cancelling: the words that name it in an API, and the ways people express it."""

    concept: str
    keys: list[str]
    say: list[str] = []
    patterns: list[str] = []


class BooleanCue(_Entry):
    """Ways to say that a well-known yes/no field is true or false."""

    keys: list[str]
    true: list[str]
    false: list[str]


class Synonyms(_Entry):
    """Ways to say a well-known enum value."""

    keys: list[str]
    say: list[str]


class OutOfScope(_Entry):
    """A request that no tool of a domain serves, unless the domain is about one of the keywords."""

    say: str
    about: list[str] = []


class Lexicon(_Entry):
    """One language's file."""

    openers: list[str]
    closers: list[str]
    fillers: list[str]
    contexts: list[str]
    frames: list[str]
    frames_ba: list[str] = []
    verbs: list[Verb]
    carriers: dict[str, list[str]]
    corrections: list[str]
    two_ids: list[str]
    booleans: dict[bool, list[str]]
    boolean_cues: list[BooleanCue]
    enum_synonyms: list[Synonyms]
    texts: dict[str, list[str]]
    out_of_scope: list[OutOfScope]
    unsupported_verbs: list[str]
    list_join: list[str] = []
    asking: list[str]
    between: list[str]
    whether: dict[bool, list[str]]
    not_but: list[str]
    refusals: dict[Literal["blank", "missing", "bad"], list[str]]


@cache
def load(language: Language) -> Lexicon:
    """Read one language's file; a fault in it is a fault of ours, so it surfaces as it is."""
    text = resources.files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(text, Loader=loader)
    if "list_join" in raw.get("carriers", {}):
        raw["list_join"] = raw["carriers"].pop("list_join")
    return Lexicon(**raw)
