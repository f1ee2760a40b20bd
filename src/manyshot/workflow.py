"""A fixed workflow: the flows run as rules, without a model. An honest opponent for the trained assistant.

The one rule: everything it knows about people's words stands in the desk's `workflow.toml`, written by hand:

    [flows]                      # the first flow whose pattern is found in the first message; else the first flow
    complaint = "投诉|人工"
    [slots.solved]               # a slot with values: value -> pattern; the first that is found counts
    "否" = "没|不行"
    [texts]                      # a slot of free text -> pattern of its piece of an answer to several questions
    address = "[市区路号]"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from manyshot.dialogue.company import field_of_answer, written_out
from manyshot.dialogue.exact import write_observation
from manyshot.errors import SpecError, at
from manyshot.flow.conditions import holds, parse
from manyshot.flow.steps import PLACE, Ask, Branch, CallTool, End, Flow, Handoff, Say
from manyshot.protocols import World
from manyshot.types import Call, Context, Json, Tool, Turn
from manyshot.values.fields import Field, field_for
from manyshot.values.kinds import Kind

FILE = "workflow.toml"
#: Steps between two messages of the customer, and times one question is asked, before a person takes over.
STEPS, ASKED = 40, 2
_TYPED = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.INTEGER, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Rules:
    """The words of one desk."""

    flows: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def read_rules(folder: Path) -> Rules:
    """The rules of a domain folder. Raises SpecError where there are none, or they cannot be read."""
    path = folder / FILE
    try:
        rules = Rules(**tomllib.loads(path.read_text("utf-8")))
        for pattern in (
            *rules.flows.values(),
            *rules.texts.values(),
            *(p for s in rules.slots.values() for p in s.values()),
        ):
            re.compile(pattern)
    except OSError:
        raise SpecError(
            f"{path}: there is none; write the words of the flows and slots as docs/dialogues.md shows"
        ) from None
    except (ValueError, TypeError, AttributeError, re.error) as error:
        raise SpecError(f"{at(path)}: {error}; wanted [flows], [slots.NAME] and [texts] with patterns") from None
    return rules


@dataclass(slots=True)
class Workflow:
    """One conversation; fits protocols.Assistant."""

    flows: Sequence[Flow]
    tools: Sequence[Tool]
    context: Context
    rules: Rules
    world: World
    turns: list[Turn] = field(default_factory=list)
    over: Literal["", "ended", "handoff"] = ""
    _flow: Flow | None = None
    _at: str = ""
    _values: Json = field(default_factory=dict)
    _since: dict[str, int] = field(default_factory=dict)
    _visits: dict[str, int] = field(default_factory=dict)
    _heard: int = 0

    def hear(self, said: str) -> Sequence[Turn]:
        """See protocols.Assistant."""
        first = len(self.turns)
        self.turns.append(Turn(role="user", text=said))
        self._heard += 1
        if self._flow is None or self.over == "ended":
            self._begin(said)
        else:
            step = self._flow.by_id[self._at]
            self._take(said, step.slots if isinstance(step, Ask) else ())
        self.over = ""
        self._run()
        return self.turns[first:]

    def _begin(self, said: str) -> None:
        named = (f for name, p in self.rules.flows.items() if re.search(p, said) for f in self.flows if f.name == name)
        flow = next(named, self.flows[0])
        self._flow, self._at = flow, flow.start
        self._values, self._since, self._visits = {}, {}, {}
        start = flow.by_id[flow.start]
        free = [
            s
            for s in (start.slots if isinstance(start, Ask) else ())
            if not flow.slots[s].values and not self._typed(s)
        ]
        self._take(said, free[:1])
        judged = [name for name, slot in flow.slots.items() if slot.judged]
        self._choose(said, judged)

    def _take(self, said: str, asked: Sequence[str]) -> None:
        """Fill slots: those asked for, and ids, days and wishes wherever they are said."""
        assert self._flow is not None
        rest = said
        for name in self._flow.slots:
            typed = self._typed(name)
            value = self._read(typed, said) if typed else None
            if value is not None:
                self._put(name, value)
        open_choices = [n for n, s in self._flow.slots.items() if s.values and n in asked]
        self._choose(said, [*open_choices, *(n for n in ("wish",) if n in self._flow.slots and n not in self._values)])
        free = [n for n in asked if n not in open_choices and not self._typed(n)]
        pieces = [p for p in re.split(r"[，,；;。]\s*", rest) if p.strip()]
        for name in free:
            alone = len(asked) == 1
            wanted = self.rules.texts.get(name, "")
            fit = said if alone else next((p for p in pieces if re.search(wanted, p)), None)
            if fit is not None:
                self._put(name, fit.strip())
                pieces = [p for p in pieces if p != fit]

    def _choose(self, said: str, names: Sequence[str]) -> None:
        assert self._flow is not None
        for name in names:
            found = next((v for v, p in self.rules.slots.get(name, {}).items() if re.search(p, said)), None)
            if found is not None:
                self._put(name, found)

    def _put(self, name: str, value: Any) -> None:
        self._values[name], self._since[name] = value, self._heard

    def _typed(self, slot: str) -> Field | None:
        """The field that a slot goes into, where its values have a form that can be told from other words."""
        assert self._flow is not None
        for step in (step for step in self._flow.steps if isinstance(step, CallTool)):
            for name, template in step.arguments.items():
                if isinstance(template, str) and (whole := PLACE.fullmatch(template)) and whole[1] == slot:
                    tool = next(t for t in self.tools if t.name == step.tool)
                    made = field_for(name, tool.properties[name], self.context)
                    return made if made.kind in _TYPED or made.pattern else None
        return None

    def _read(self, typed: Field, said: str) -> Any:
        if typed.kind is Kind.DATETIME:
            return self._moment(said)
        for span in typed.spot(said):
            try:
                return typed.resolve(span.surface)
            except ValueError:
                continue
        return None

    def _moment(self, said: str) -> Any:
        """One of the times that were offered, by the hour that is said; half a day later where that is meant."""
        clock = field_for("time", {"type": "string", "format": "time"}, self.context)
        hours = [clock.resolve(span.surface)[:5] for span in clock.spot(said)]
        free = [t for t in self._values.get("free") or () if isinstance(t, str)]
        for hour in hours:
            later = f"{(int(hour[:2]) + 12) % 24:02}{hour[2:]}"
            for wanted in (hour, later):
                if found := next((t for t in free if t.endswith(wanted)), None):
                    return found
        return None

    def _run(self) -> None:
        """Step by step until the customer is to speak."""
        assert self._flow is not None
        words: list[str] = []
        for _ in range(STEPS):
            step = self._flow.by_id[self._at]
            match step:
                case Say():
                    words.append(self._text(step.text))
                    self._at = step.next
                case Ask():
                    if self._answered(step):
                        self._at = step.next
                        continue
                    if self._visits[step.id] > ASKED:
                        return self._end("handoff", [*words, "为您转接人工客服。"])
                    return self._end("", [*words, self._text(step.text)])
                case CallTool():
                    self._call(step)
                case Branch():
                    self._at = next(a.go for a in step.arms if a.when is None or holds(parse(a.when), self._values))
                case Handoff():
                    return self._end("handoff", [*words, step.reason])
                case End():
                    return self._end("ended", [*words, step.outcome])
        return self._end("handoff", [*words, "转人工"])

    def _answered(self, step: Ask) -> bool:
        """Whether nothing is left to ask; a question that is come to again wants a newer answer."""
        visits = self._visits.get(step.id, 0)
        if all(slot in self._values and (not visits or self._since[slot] == self._heard) for slot in step.slots):
            self._visits[step.id] = 1
            return True
        self._visits[step.id] = visits + 1
        return False

    def _call(self, step: CallTool) -> None:
        given = written_out(step.arguments, self._values)
        call = Call(name=step.tool, arguments={k: v for k, v in given.items() if v is not None})
        answered = self.world.call(call)
        self.turns += [
            Turn(role="action", text=step.tool, call=call),
            Turn(role="observation", text=write_observation(answered), answered=answered),
        ]
        if answered.ok:
            for slot, path in step.fills.items():
                self._put(slot, field_of_answer(answered.body, path))
        self._at = step.next if answered.ok else step.failed

    def _text(self, text: str) -> str:
        shown = {k: "、".join(map(str, v)) if isinstance(v, list) else v for k, v in self._values.items()}
        return str(written_out(f"{text} ", shown)).strip()

    def _end(self, over: Literal["", "ended", "handoff"], words: Sequence[str]) -> None:
        self.over = over
        self.turns.append(Turn(role="reply", text=" ".join(words)))
