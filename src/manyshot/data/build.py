"""A domain -> the stream of call pairs that training reads: classes with shares, checked, without repeats.

Every pair is checked before it counts: each value must be read back from the words it was said with. What fails is
kept as a reject with its reason.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rapidfuzz import fuzz

from manyshot.data.asks import meant
from manyshot.data.combine import Coverage
from manyshot.data.compose import Composer, Sentence
from manyshot.data.delex import locate
from manyshot.data.negatives import Negatives
from manyshot.data.plan import Plan
from manyshot.data.pools import Pools
from manyshot.data.readback import reads_back, spoken
from manyshot.data.refill import refill
from manyshot.data.slots import Path, ToolSlots, domain_slots, get, nest, resolve
from manyshot.data.teach import Classroom
from manyshot.data.tongue import tongues_of
from manyshot.errors import DataError
from manyshot.evidence import leaves
from manyshot.protocols import Teacher
from manyshot.render import signature
from manyshot.types import Call, CallPair, Domain, Refusal, Shot
from manyshot.values import Kind

#: Shares of the classes; `domain.toml` may set its own.
SHARES = {"plain": 0.38, "shot": 0.12, "refill": 0.20, "ask": 0.12, "none": 0.13, "alike": 0.03, "refused": 0.02}
#: Rows of a tool's full product up to which it is taken whole; the lesson's 10 x 8 x 6 x 2 fits.
BUDGET = 1000
#: Times that a class is tried before another may have its turn.
TRIES = 8
#: Turns in a row without a new pair, after which there is nothing more to say.
EXHAUSTED = 300
#: Classes that a teacher words, when there is one.
TAUGHT = ("plain", "ask", "alike")
#: What can be wrong with a field of a refused call.
FAULTS: tuple[Literal["blank", "missing", "bad"], ...] = ("blank", "missing", "bad", "bad", "bad")


@dataclass(slots=True)
class Rejects:
    """Why pairs were thrown away, counted, with a few examples of each reason."""

    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, text: str) -> None:
        self.reasons[reason] += 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < 5:
            kept.append(text)


class Builder:
    """Makes pairs for one domain; the same seed makes the same pairs, as long as the teacher says the same."""

    def __init__(
        self,
        domain: Domain,
        seed: int,
        held_out: frozenset[str] = frozenset(),
        teacher: Teacher | None = None,
        teacher_seconds: float | None = None,
    ) -> None:
        self.domain, self.rng = domain, random.Random(seed)
        self.slots = domain_slots(domain)
        self.tongues = tongues_of(domain)
        self.pools = Pools(domain, seed)
        self.composer = Composer(domain, self.slots, self.tongues, self.pools.draw)
        self.negatives = Negatives(domain, self.composer, self.tongues)
        self.reject = domain.reject
        self.rejects = Rejects()
        self.callable = [t for n, t in self.slots.items() if n != self.reject and n not in held_out]
        self.defaults = {name: self._defaults(t) for name, t in self.slots.items()}
        taught = [s for s in domain.shots if not (s.call and s.call.name in held_out)]
        self.shot_pairs = [p for s in taught if (p := self._shot_pair(s))]
        self._calling = [p for p in self.shot_pairs if p.call and p.call.arguments]
        self.plans = {
            t.tool.name: Plan(
                t,
                self.pools,
                self.rng,
                BUDGET,
                strength=domain.strength,
                rules=[rule for rule in domain.rules if rule.tool == t.tool.name],
            )
            for t in self.callable
        }
        self.classroom: Classroom | None = None
        if teacher is not None:
            self.classroom = Classroom(teacher, domain, self.composer, self.rejects, seed, teacher_seconds)
            self.classroom.fill(self.pools, self.callable)

    # -- public -----------------------------------------------------------------------------------

    def pairs(self, count: int) -> Iterator[CallPair]:
        """`count` distinct pairs, classes by share; fewer when the domain has no more. Raises DataError."""
        if not self.callable:
            raise DataError(f"{self.domain.name}: there is no tool to be called; its shots can teach nothing")
        shares = {**SHARES, **self.domain.shares}
        seen: set[str] = set()
        made = misses = row = 0
        while made < count and misses < 20 * count + 1000 and row < EXHAUSTED:
            kind = self.rng.choices(list(shares), list(shares.values()))[0]
            # A class that often fails (few shots have a value to refill) is tried again, or it would lose its share.
            tries = (self._make(kind) for _ in range(TRIES))
            pair = next((p for p in tries if p is not None and p.id not in seen), None)
            if pair is None:
                misses, row = misses + 1, row + 1
                continue
            seen.add(pair.id)
            made, row = made + 1, 0
            yield pair

    def coverage(self) -> dict[str, Coverage]:
        """Pairs of listed values and presences that the kept pairs hold, by tool."""
        return {name: plan.coverage() for name, plan in self.plans.items()}

    # -- classes ----------------------------------------------------------------------------------

    def _make(self, kind: str) -> CallPair | None:
        if kind == "none":
            return self._none()
        if kind == "shot":
            return self._dressed_shot()
        if kind == "refill":
            return self._refilled_shot()
        if kind in TAUGHT and (taught := self._taught(kind)) is not None:
            return taught
        tool, row, values = self._call(kind)
        pair = self.pair_of(kind, tool, values)
        if pair is not None:
            self.plans[tool.tool.name].kept(row)
        return pair

    def _call(self, kind: str) -> tuple[ToolSlots, int, dict[Path, Any]]:
        """The next call to be worded: its tool, its row of the plan, its values."""
        tool = self._tool(ask=kind == "ask")
        row, values = self.plans[tool.tool.name].next()
        return tool, row, self._left_out(tool, values, ask=kind == "ask")

    def _taught(self, kind: str) -> CallPair | None:
        """A pair in a teacher's words; None when it is the recombiner's turn."""
        if self.classroom is None or self.rng.random() >= self.classroom.share:
            return None
        said = self.classroom.sentence("ask" if kind == "ask" else "plain", lambda: self._call(kind))
        if said is None:
            return None
        task, sentence = said
        if kind == "alike":
            sentence = self._contrast(task.tool, sentence)
        pair = self._checked(kind, task.tool, task.values, sentence)
        if pair is not None:
            self.plans[task.tool.tool.name].kept(task.row)
        return pair

    def pair_of(self, kind: str, tool: ToolSlots, values: dict[Path, Any]) -> CallPair | None:
        """A pair for these values, or None and a counted reject."""
        sentence = self.composer.compose(tool.tool.name, values, self.rng)
        if sentence is None:
            self.rejects.add("no words for a value", tool.tool.name)
            return None
        if kind == "alike":
            sentence = self._contrast(tool, sentence)
        return self._checked(kind, tool, values, sentence)

    def _tool(self, *, ask: bool) -> ToolSlots:
        """A tool by its weight; to be asked back, one that needs something."""
        tools = [t for t in self.callable if not ask or self._needed(t)] or self.callable
        weights = [self.domain.weights.get(t.tool.name, 1.0) * (0.5 + 0.25 * len(t.slots)) ** 0.5 for t in tools]
        return self.rng.choices(tools, weights if any(weights) else None)[0]

    def _needed(self, tool: ToolSlots) -> list[Path]:
        """Fields that are asked for when nobody mentions them."""
        return [s.path for s in tool.required if s.path not in self.defaults[tool.tool.name]]

    def _left_out(self, tool: ToolSlots, values: dict[Path, Any], *, ask: bool) -> dict[Path, Any]:
        """Leave out what people leave out: some fields with a default and, to be asked back, required ones."""
        rng, defaults = self.rng, self.defaults[tool.tool.name]
        gone = {p for p in values if p in defaults and rng.random() < 0.5}
        needed = self._needed(tool)
        if ask and needed:
            gone.update(rng.sample(needed, rng.choice([1, 1, 1, min(2, len(needed)), len(needed)])))
        return {p: v for p, v in values.items() if p not in gone}

    def _contrast(self, tool: ToolSlots, sentence: Sentence) -> Sentence:
        """Name what is not wanted first: another tool's verb and noun, most often of the tool most like this one."""
        others = [
            t
            for t in self.callable
            if t is not tool and self.tongues[t.tool.name].clusters and self.tongues[t.tool.name].nouns
        ]
        if not others:
            return sentence
        weights = [fuzz.token_sort_ratio(signature(t.tool), signature(tool.tool)) ** 3 for t in others]
        tongue = self.tongues[self.rng.choices(others, weights)[0].tool.name]
        verb, noun = self.rng.choice(tongue.clusters[0].say or tongue.clusters[0].keys), self.rng.choice(tongue.nouns)
        lead = self.rng.choice(self.composer.lexicon.not_but).replace(
            "{b}", verb + ("" if self.composer.chinese else " ") + noun
        )
        return replace(sentence, text=lead + sentence.text)

    def _none(self) -> CallPair:
        sentence = self.negatives.draw(self.rng)
        call = Call(name=self.reject) if self.reject else None
        return self._pair("none", sentence, call, {}, ())

    def _dressed_shot(self) -> CallPair | None:
        """A shot as it stands, with an opener, a closer or a change of case: what the expert wrote must be learned."""
        if not self.shot_pairs:
            return None
        pair = self.rng.choice(self.shot_pairs)
        if self.rng.random() < 0.3:
            return pair
        lex = self.composer.lexicon
        space = "" if self.composer.chinese else " "
        before = self.rng.choice(lex.openers) + space if self.rng.random() < 0.6 else ""
        after = self.rng.choice(lex.closers) if self.rng.random() < 0.5 else ""
        text = (
            before
            + _undotted(pair)
            + (after if after[:1] in ",,.。" or not after else "," + after if space == "" else " " + after)
        )
        return pair.model_copy(update={"action": text, "id": _id(text)})

    def _refilled_shot(self) -> CallPair | None:
        """A shot with other values in their places: a person's sentence that cannot be learned by heart."""
        if not self._calling:
            return None
        pair = self.rng.choice(self._calling)
        assert pair.call is not None
        tool = self.slots[pair.call.name]
        examples = {s.path: self.pools.given(tool, s) for s in tool.slots}
        made = refill(pair, tool, examples, self.pools.draw, self.composer.sayer, self.rng)
        if made is None:
            return None
        text, values, surfaces = made
        unsaid = self.defaults[tool.tool.name]
        values = {p: v for p, v in values.items() if p in surfaces or p not in unsaid}
        return self._checked("refill", tool, values, Sentence(text, surfaces, f"shot:{pair.shots[0]}", pair.shots))

    def _checked(self, kind: str, tool: ToolSlots, values: dict[Path, Any], sentence: Sentence) -> CallPair | None:
        for path, value in values.items():
            slot = tool.slot(path)
            if path not in sentence.surfaces:
                self.rejects.add("a value was not said", sentence.text)
                return None
            if not reads_back(slot, sentence.surfaces[path], value):
                self.rejects.add("a value reads back as another", f"{sentence.text} [{slot.name}={value!r}]")
                return None
        call = Call(name=tool.tool.name, arguments=nest(values, tool.slots))
        surfaces = nest(sentence.surfaces, tool.slots)
        missing = tuple(
            s.name for s in tool.required if s.path not in values and s.path not in self.defaults[tool.tool.name]
        )
        history: tuple[Refusal, ...] = ()
        if kind == "refused" and values:
            history = (self._refusal(tool, values),)
        if len(sentence.text) > 400:
            self.rejects.add("too long", sentence.text)
            return None
        kind = "ask" if missing else "plain" if kind == "ask" else kind
        return self._pair(kind, sentence, call, surfaces, missing, history)

    def _refusal(self, tool: ToolSlots, values: dict[Path, Any]) -> Refusal:
        """An earlier call with one field blank, missing or bad, and what the API said of it."""
        path = self.rng.choice(list(values))
        fault = self.rng.choice(FAULTS)
        broken = dict(values)
        if fault == "missing":
            del broken[path]
        else:
            others = (self.pools.draw(tool, tool.slot(path)) for _ in range(8))
            broken[path] = "" if fault == "blank" else next((v for v in others if v != values[path]), "?")
        error = self.rng.choice(self.composer.lexicon.refusals[fault]).replace("{f}", path[-1])
        return Refusal(call=Call(name=tool.tool.name, arguments=nest(broken, tool.slots)), error=error)

    def _pair(
        self,
        kind: str,
        sentence: Sentence,
        call: Call | None,
        surfaces: dict[str, Any],
        ask: tuple[str, ...],
        history: tuple[Refusal, ...] = (),
    ) -> CallPair:
        return CallPair(
            id=_id(sentence.text + json.dumps([h.model_dump() for h in history], ensure_ascii=False, default=str)),
            kind=kind, action=sentence.text, call=call, surfaces=surfaces, ask=ask, history=history,
            group=sentence.wording if call is None else f"{call.name}/{sentence.wording}", shots=sentence.shots,
        )  # fmt: skip

    # -- shots ------------------------------------------------------------------------------------

    def _defaults(self, tool: ToolSlots) -> dict[Path, Any]:
        """Values that fill a field nobody mentioned: stated in the schema, or shown by the shots."""
        out = {s.path: s.field.schema["default"] for s in tool.slots if "default" in s.field.schema and s.required}
        unsaid: dict[Path, Counter[str]] = {}
        for shot in self.domain.shots:
            if not shot.call or shot.call.name != tool.tool.name:
                continue
            for path, value in locate(shot.action, shot.call.arguments, tool)[1].items():
                kind = tool.slot(path).field.kind
                if tool.slot(path).required and kind not in (Kind.BOOLEAN, Kind.ENUM, Kind.ARRAY):
                    unsaid.setdefault(path, Counter())[json.dumps(value, ensure_ascii=False)] += 1
        for path, counts in unsaid.items():
            value, times = counts.most_common(1)[0]
            if times >= 2 and times == sum(counts.values()):
                out.setdefault(path, json.loads(value))
        return out

    def _shot_pair(self, shot: Shot) -> CallPair | None:
        """A shot with the surfaces of its values, as a pair of its own; None when a value stands nowhere in it."""
        if shot.call is None and shot.ask:
            return self._bare_ask(shot)
        if shot.call is None or not shot.call.arguments:
            return self._of_shot(shot, shot.call, {})
        tool = self.slots[shot.call.name]
        surfaces, loose = spoken(shot.action, shot.call.arguments, tool)
        for path, value in loose.items():
            if tool.slot(path).chosen:
                surfaces[path] = value
            elif self.defaults[tool.tool.name].get(path) != value:
                self.rejects.add("a shot's value stands nowhere in it", f"{shot.source}: {path[-1]}={value!r}")
                return None
        return self._of_shot(shot, shot.call, nest(surfaces, tool.slots))

    def _bare_ask(self, shot: Shot) -> CallPair | None:
        """An ask-back shot without a call, with the call that it is about as far as its words tell."""
        found = meant(shot, self.callable, self.domain.shots)
        if found is None:
            self.rejects.add("an ask-back does not tell which call it is about", f"{shot.source}: {shot.action}")
            return None
        tool, surfaces = found
        values = {
            s.path: v if s.chosen else resolve(s, v) for s in tool.slots if (v := get(surfaces, s.path)) is not None
        }
        return self._of_shot(shot, Call(name=tool.tool.name, arguments=nest(values, tool.slots)), surfaces)

    def _of_shot(self, shot: Shot, call: Call | None, surfaces: dict[str, Any]) -> CallPair:
        return CallPair(
            id=_id(shot.action), kind="shot", action=shot.action, call=call, surfaces=surfaces, ask=shot.ask,
            group=f"{call.name if call else 'none'}/shot:{shot.id}", shots=(shot.id,),
        )  # fmt: skip


def _undotted(pair: CallPair) -> str:
    """A pair's action without its full stop, unless that belongs to a value ("half past five p.m.")."""
    text = pair.action.rstrip("。.")
    cut = pair.action[len(text) :]
    return pair.action if cut and any(words.endswith(cut) for words in leaves(pair.surfaces)) else text


def _id(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
