"""An independent checker of generated dialogues: it shares no code with what makes them.

It reads the flows' YAML and tools.json itself, and meets the company only through the World protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from manyshot.protocols import World
from manyshot.types import Call, Setup

Row = dict[str, Any]
_PERSON = re.compile(r"人工|转接|专员|专人|person|human|agent")


class Checker:
    """Fitted to one domain folder."""

    def __init__(self, folder: Path, open_world: Callable[[Setup], World]) -> None:
        self.open_world = open_world
        self.schemas = {t["name"]: t["parameters"] for t in _tools(folder)}
        self.flows = {f.stem: yaml.load(f.read_text("utf-8"), yaml.CBaseLoader) for f in folder.glob("flows/*.yaml")}

    def faults(self, one: Row) -> list[str]:
        """Everything that is wrong with a dialogue; [] for one that is true."""
        turns = one["turns"]
        found = [*_order(turns)]
        if one.get("flow") not in self.flows:
            return [*found, "there is no such flow"]
        found += self._schemas(turns)
        found += self._replayed(one)
        found += _sources(turns)
        found += self._walk(one)
        found += _of_its_kind(one)
        return found

    def _schemas(self, turns: Sequence[Row]) -> Iterator[str]:
        for n, turn in enumerate(turns):
            if not (call := turn.get("call")) or _wrong_field(turns, n):
                continue
            if call["name"] not in self.schemas:
                yield f"no tool {call['name']}"
                continue
            try:
                jsonschema.validate(call["arguments"], {"additionalProperties": False, **self.schemas[call["name"]]})
            except jsonschema.ValidationError as error:
                yield f"{call['name']}: {error.message}"

    def _replayed(self, one: Row) -> Iterator[str]:
        """Calls are made again: answers and changes must be those that stand there."""
        world = self.open_world(Setup.model_validate(one.get("setup") or {}))
        before = json.loads(json.dumps({k: list(map(dict, v)) for k, v in world.state().items()}))
        turns = one["turns"]
        for n, turn in enumerate(turns):
            if not (call := turn.get("call")):
                continue
            answer = world.call(Call.model_validate(call)).model_dump(mode="json")
            then = turns[n + 1] if n + 1 < len(turns) else {}
            if then.get("answered") != answer:
                yield f"turn {n + 1}: the world answers otherwise"
            elif (
                then["text"] != "timeout" if answer["status"] == 0 else str(answer["status"]) not in then["text"]
            ) and json.dumps(answer["body"], ensure_ascii=False) not in then["text"]:
                yield f"turn {n + 1}: the words are not the answer"
        after = {k: list(map(dict, v)) for k, v in world.state().items()}
        yield from _final(one.get("expected") or {}, before, after)

    def _walk(self, one: Row) -> Iterator[str]:
        """Some way through the flow makes these calls, with these outcomes, and ends as the dialogue does."""
        flow = self.flows[one["flow"]]
        made, turns = [], one["turns"]
        for n, turn in enumerate(turns):
            if turn.get("call") and not _wrong_field(turns, n):
                made.append((turn["call"], turns[n + 1].get("answered") or {"status": 0, "body": None}))
        first = next(iter(flow["steps"]))
        ends = set(_ends(flow, first, tuple(range(len(made))), made, {}, 0))
        handed = bool(
            _PERSON.search(next((t["text"] for t in reversed(turns) if t["role"] == "action"), turns[-1]["text"]))
        )
        wanted = {"handoff"} if handed else {"end"}
        if one.get("kind") in ("leaves", "refuses"):
            wanted = {"asked"}
        elif one.get("kind") in _BROKEN and handed:
            wanted = {"broken", "handoff"} if one["kind"] == "timeout" else {"broken"}
        if (one.get("kind") in ("refuses", "garbage", "impossible_answer")) and not handed:
            yield f"{one['kind']}, and no person takes over"
        if not wanted & ends:
            yield f"no way through {one['flow']} makes these calls and comes to {wanted}"


_NONE: Row = {"status": 500, "body": None}
#: Kinds that may end where an answer cannot be meant.
_BROKEN = ("timeout", "garbage", "impossible_answer")


def _wrong_field(turns: Sequence[Row], at: int) -> str:
    """The field that was refused in a call which is made anew at once with another value of it; "" for other calls."""
    answer = (turns[at + 1].get("answered") or {}) if at + 1 < len(turns) else {}
    again = turns[at + 3].get("call") if at + 3 < len(turns) and turns[at + 2]["role"] == "think" else None
    field = answer["body"].get("field") if isinstance(answer.get("body"), dict) else None
    if not again or not field or answer["status"] not in range(400, 500) or again["name"] != turns[at]["call"]["name"]:
        return ""
    before, after = ({**one["arguments"], field: 0} for one in (turns[at]["call"], again))
    changed = turns[at]["call"]["arguments"].get(field) != again["arguments"].get(field)
    return field if before == after and changed else ""


def _senseless(call: Row, answer: Row) -> bool:
    """Whether no business can give an answer."""
    body = answer["body"]
    if answer["status"] != 200:
        return bool(answer["status"] == 0)
    if not isinstance(body, dict):
        return isinstance(body, str)
    other = any(k in body and body[k] != v for k, v in call["arguments"].items() if re.search(r"\d", str(v)))
    return other or body.get("count", 0) < 0 or bool(re.search(r"\d{4}-(?:1[3-9]|[2-9]\d)-\d\d", json.dumps(body)))


def _of_its_kind(one: Row) -> Iterator[str]:
    """A dialogue is what its class says."""
    turns, kind = one["turns"], one.get("kind")
    calls = [n for n, turn in enumerate(turns) if turn.get("call")]
    odd = [n for n in calls if _senseless(turns[n]["call"], turns[n + 1].get("answered") or _NONE)]
    if (kind in _BROKEN) != bool(odd):
        yield f"of the kind {kind}, and senseless answers at {odd}"
    if kind in ("garbage", "impossible_answer") and odd and odd[-1] != calls[-1]:
        yield "a call after an answer that cannot be meant"
    wrong = [n for n in calls if _wrong_field(turns, n)]
    if (kind == "refused_call") != bool(wrong):
        yield f"of the kind {kind}, and wrong calls at {wrong}"
    orders = [n for n in calls if "remark" in ((turns[n + 1].get("answered") or {}).get("body") or {})]
    if (kind == "injected_answer") != bool(orders):
        yield f"of the kind {kind}, and orders in the answers at {orders}"


def _tools(folder: Path) -> list[Row]:
    rows = json.loads((folder / "tools.json").read_text("utf-8"))
    return [row.get("function", row) for row in rows]


def _order(turns: Sequence[Row]) -> Iterator[str]:
    roles = [t["role"] for t in turns]
    if not roles or roles[0] != "user" or roles[-1] != "reply":
        yield "a dialogue goes from the customer to a reply"
    for n, turn in enumerate(turns):
        after = roles[n + 1] if n + 1 < len(roles) else ""
        if turn.get("call") and after != "observation":
            yield f"turn {n}: a call without an answer"
        if turn["role"] == "observation" and not (n and turns[n - 1].get("call")):
            yield f"turn {n}: an answer without a call"
        if turn["role"] == "action" and not turn.get("call") and after != "reply":
            yield f"turn {n}: an Action without call and without reply"
        if turn["role"] == "think" and after not in ("action", "reply"):
            yield f"turn {n}: a thought that leads to nothing"
        if not turn["text"].strip():
            yield f"turn {n}: no words"


_SPOKEN = str.maketrans("幺零一二三四五六七八九", "10123456789")


def _plain(text: str) -> str:
    return re.sub(r"[\s\-+，,]", "", text).lower().translate(_SPOKEN)


def _sources(turns: Sequence[Row]) -> Iterator[str]:
    """Ids, phones and names come from the customer or a tool, and an Action names those of its call."""
    heard = ""
    for n, turn in enumerate(turns):
        if turn["role"] in ("reply", "action"):
            for number in re.findall(r"\d{6,}", turn["text"]):
                if number not in heard:
                    yield f"turn {n}: {number} came from nowhere"
        wrong = _wrong_field(turns, n) if turn.get("call") else ""
        for name, value in ((turn.get("call") or {}).get("arguments") or {}).items():
            if name == wrong or not isinstance(value, str) or re.match(r"\d{4}-\d\d-\d\d", value):
                continue
            if _plain(value) not in heard and _plain(value).lstrip("86") not in heard:
                yield f"turn {n}: {name} came from nowhere"
            if _plain(value) not in _plain(turn["text"]):
                yield f"turn {n}: the Action does not name {name}"
        if turn["role"] in ("user", "observation"):
            heard += _plain(turn["text"]) + "\n"


def _final(expected: Row, before: Mapping[str, list[Row]], after: Mapping[str, list[Row]]) -> Iterator[str]:
    changed = [(table, row) for table in after for row in after[table] if row not in before.get(table, [])]
    wanted = [row for sort in ("created", "changed", "cancelled") for row in expected.get(sort, [])]
    if len(changed) != len(wanted):
        yield f"{len(changed)} rows changed, {len(wanted)} are expected to"
        return
    for row in wanted:
        if not any(
            table == row["table"] and all(there.get(k) in v for k, v in row.items() if k != "table")
            for table, there in changed
        ):
            yield f"nothing that changed is {row}"


def _ends(flow: Row, at: str, _: Any, made: Sequence[Any], known: Row, depth: int) -> Iterator[str]:
    """How ways from a step can end that make just these calls: end, handoff, or asked (stopping at a question)."""
    if depth > 60:
        return
    step = flow["steps"][at]
    if "end" in step or "handoff" in step:
        if not made:
            yield "end" if "end" in step else "handoff"
    elif "call" in step:
        if not made or made[0][0]["name"] != step["call"]:
            return
        call, answer = made[0]
        if len(made) == 1 and _senseless(call, answer):
            yield "broken"
        for name, template in (step.get("with") or {}).items():
            slot = re.fullmatch(r"\{(\w+)\}", template)
            if (
                slot
                and slot[1] in known
                and known[slot[1]] is not None
                and known[slot[1]] != call["arguments"].get(name)
            ):
                return
            if slot:
                known = {**known, slot[1]: call["arguments"].get(name)}
        if 200 <= answer["status"] < 300:
            body = answer["body"] if isinstance(answer["body"], dict) else {}
            fills = {s: body.get(path) for s, path in (step.get("fills") or {}).items()}
            yield from _ends(flow, step["next"], None, made[1:], {**known, **fills}, depth + 1)
        else:
            yield from _ends(flow, step["failed"], None, made[1:], known, depth + 1)
    elif "branch" in step:
        for arm in step["branch"]:
            holds = True if "else" in arm else _holds(arm["if"], known)
            if holds is not False:
                yield from _ends(flow, arm.get("go") or arm["else"], None, made, known, depth + 1)
            if holds is True:
                return
    else:
        asked = step.get("ask")
        if asked is not None:
            if not made:
                yield "asked"
            for slot in [asked] if isinstance(asked, str) else asked:
                known = {k: v for k, v in known.items() if k != slot}
        yield from _ends(flow, step["next"], None, made, known, depth + 1)


def _holds(condition: str, known: Row) -> bool | None:
    """None where the slot is not known."""
    for pattern, test in (
        (r"(\w+) is filled", lambda have, _: bool(have)),
        (r"(\w+) in \[(.*)\]", lambda have, want: str(have) in [w.strip() for w in want.split(",")]),
        (r"(\w+) == (.*)", lambda have, want: str(have).lower() == want.strip().lower()),
    ):
        if found := re.fullmatch(pattern, condition):
            slot, want = found[1], found[2] if found.re.groups > 1 else ""
            return None if slot not in known else test(known[slot], want)
    raise ValueError(condition)
