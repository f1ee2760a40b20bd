"""Requests that no tool of the domain serves: the shots' own, everyday ones, the tools' nouns with foreign verbs."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from manyshot.data import lexicon
from manyshot.data.compose import Composer, Sentence
from manyshot.data.saying import Piece, Said
from manyshot.data.slots import ToolSlots
from manyshot.data.tongue import Tongue
from manyshot.types import Domain
from manyshot.values import Kind


class Negatives:
    """Draws requests that no tool fits. A lexicon entry is used only when the domain is not about its keywords."""

    def __init__(self, domain: Domain, composer: Composer, tongues: Mapping[str, Tongue]) -> None:
        lex = lexicon.load(domain.context.language)
        about = " ".join(
            [
                *(f"{t.name} {t.description} {t.parameters}" for t in domain.tools),
                *(s.action for s in domain.shots if s.call),
            ]
        ).lower()
        self._composer, self._chinese = composer, domain.context.language == "zh"
        self._everyday = [o.say for o in lex.out_of_scope if not any(_about(k, about) for k in o.about)] or ["?"]
        self._reject = domain.reject
        self._shots = [
            s for s in domain.shots if (s.call is None and not s.ask) or (s.call and s.call.name == self._reject)
        ]
        used = {c.concept for name, t in tongues.items() if name != self._reject for c in t.clusters}
        self._foreign = [v for v in lex.verbs if v.concept not in used and not any(_about(k, about) for k in v.keys)]
        self._nouns = [n for name, t in tongues.items() if name != self._reject for n in t.nouns]
        self._tools: list[ToolSlots] = [s for n, s in composer.slots.items() if s.slots and n != self._reject]

    def draw(self, rng: random.Random) -> Sentence:
        """One request, sometimes with values in it, so that a value alone does not mean a call."""
        roll = rng.random()
        shots: tuple[str, ...] = ()
        if self._shots and roll < 0.3:
            shot = rng.choice(self._shots)
            text, wording, shots = shot.action, f"shot:{shot.id}", (shot.id,)
        elif self._nouns and self._foreign and roll < 0.55:
            text = self._foreign_verb(rng)
            wording = f"foreign:{text}"
        elif self._nouns and roll < 0.68 and lexicon.load(self._composer.domain.context.language).unsupported_verbs:
            pattern = rng.choice(lexicon.load(self._composer.domain.context.language).unsupported_verbs)
            text, wording = pattern.replace("{n}", rng.choice(self._nouns)), f"unsupported:{pattern}"
        else:
            text = rng.choice(self._everyday)
            wording = f"everyday:{text}"
        clauses: list[list[Piece]] = [[text.rstrip("。.")]]
        if rng.random() < 0.3:
            value = self._some_value(rng)
            if value:
                clauses.insert(rng.randint(0, 1), value)
        done = self._composer.finish(clauses, wording, shots, rng)
        return Sentence(done.text, {}, wording, shots)

    def _foreign_verb(self, rng: random.Random) -> str:
        verb, noun = rng.choice(self._foreign), rng.choice(self._nouns)
        if verb.patterns and rng.random() < 0.4:
            return rng.choice(verb.patterns).replace("{n}", noun)
        frame = rng.choice(self._composer.lexicon.frames)
        return frame.replace("{v}", rng.choice(verb.say or verb.keys)).replace("{n}", noun)

    def _some_value(self, rng: random.Random) -> list[Piece] | None:
        if not self._tools:
            return None
        tool = rng.choice(self._tools)
        slot = rng.choice(tool.slots)
        if slot.field.kind in (Kind.BOOLEAN, Kind.ENUM, Kind.ARRAY, Kind.PROBLEM, Kind.TEXT):
            return None
        carried = self._composer.carry(tool, slot, self._composer.draw(tool, slot), rng)
        return [p.text if isinstance(p, Said) else p for p in carried] if carried else None


def _about(key: str, text: str) -> bool:
    key = key.lower()
    return key in text if not key.isascii() else re.search(rf"(?<![a-z]){re.escape(key)}", text) is not None
