"""Is an answer right? Pure checks in five stages: function, required, extra, type, value; the first to fail is named.

One rule: the answer is judged as the API would receive it. No lower-casing, no repair, no partial credit. What a test
allows is in `Expected.arguments`: for every parameter the allowed values, "" among them for "may be left out" and [""]
for "must be left out". Beyond that:

* A parameter that the expected call does not list must be left out, also where it would equal the schema's default.
  Only a *required* parameter with a default may then be left out or be exactly that default.
* An explicit empty string is never the same as leaving out.
* Types are JSON Schema Draft 2020-12 on the arguments as given (5.0 is an integer, a boolean is no number).
* Values are equal after NFKC (full-width forms) and without surrounding white space; 1 equals 1.0; a boolean equals no
  number. What else may be written in several ways is named by parameter in `Expected.alike`. Arrays keep their order,
  unless their items are objects or the schema says `uniqueItems`: then any order is the same list, each item counted.
* Several expected calls may come in any order; the assignment is optimal, so one that can be right is right.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from manyshot.alike import read
from manyshot.oneline import show
from manyshot.schema_fit import Misfit, misfit
from manyshot.types import Call, Expected, Json, Prediction, Score, Stage, TestCase, Tool

#: The order of the stages of one call; a report's funnel follows it.
CALL_STAGES: tuple[Stage, ...] = ("function", "required", "extra", "type", "value")

#: parameter -> its allowed values
Allowed = Mapping[str, Sequence[Any]]
#: Faults of the arguments as a whole that the stages `required` and `extra` have judged already.
_JUDGED_BEFORE = frozenset({"required", "additionalProperties", "unevaluatedProperties"})
#: As tuples: `int | float` would be made anew at every comparison.
_NUMBER, _NESTED = (int, float), (list, dict)
_RIGHT = Score(right=True)
_NO_SCHEMA: Json = {"type": "object", "properties": {}}


class _Failure(NamedTuple):
    """A stage, and what makes the words: they cost more than the check, and most pairings of calls need none."""

    stage: Stage
    words: Callable[[], str]


def score(
    prediction_calls: Sequence[Call], prediction_ask: Sequence[str] | None, case: TestCase, tools: Mapping[str, Tool]
) -> Score:
    """Judge one answer.

    Args:
        prediction_calls: the calls made; empty when no tool fits or when the assistant asks back.
        prediction_ask: the names of the fields asked for; None or empty when it does not ask.
        case: the test. Without `expected` and `ask` no tool fits.
        tools: name -> tool. An expected tool that is not among them is judged without a schema.

    Returns:
        right, or the first stage that failed with a one-line difference.
    """
    expected, ask = case.expected, prediction_ask or ()
    if case.ask:
        return _score_ask(prediction_calls, ask, case.ask)
    if not expected:
        return _score_no_tool(prediction_calls, ask)
    if ask or not prediction_calls:
        wanted = ", ".join(e.name for e in expected)
        if ask:
            return _wrong("required", f"wanted {wanted}, asked back for {', '.join(ask)}")
        return _wrong("function", f"wanted {wanted}, called nothing")
    if len(expected) == 1 and len(prediction_calls) == 1:
        return score_call(prediction_calls[0], expected[0], tools.get(expected[0].name))
    return _score_several(prediction_calls, expected, tools)


def score_prediction(prediction: Prediction, case: TestCase, tools: Mapping[str, Tool]) -> Score:
    """`score` of a whole prediction: what could not be read is wrong, also where nothing was to be called."""
    if prediction.fault:
        return _wrong("parse", prediction.fault)
    return score(prediction.calls, prediction.ask, case, tools)


def score_call(call: Call, expected: Expected, tool: Tool | None) -> Score:
    """Judge one call against one expected call, stage by stage. Without a tool there is no schema to hold it to."""
    failed = _failure(call, expected, tool)
    return _RIGHT if failed is None else _wrong(failed.stage, failed.words())


def same_value(wanted: Any, got: Any, schema: Json | None = None) -> bool:
    """Deep, strict equality after this module's harmless normalisations. `schema` matters for `uniqueItems` alone."""
    if isinstance(wanted, str) and isinstance(got, str):
        return wanted == got or _plain(wanted) == _plain(got)
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if isinstance(wanted, _NUMBER) and isinstance(got, _NUMBER):
        return wanted == got
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and _same_list(wanted, got, schema)
    if isinstance(wanted, dict) and isinstance(got, dict):
        inner = schema.get("properties") or {}
        return wanted.keys() == got.keys() and all(same_value(v, got[k], inner.get(k)) for k, v in wanted.items())
    return wanted is None and got is None


def show_allowed(allowed: Sequence[Any]) -> str:
    """The allowed values on one line: `a | b | left out`."""
    return " | ".join(["left out" if value == "" else show(value) for value in allowed]) or "left out"


def show_call(call: Call) -> str:
    """A call on one line: `Name(a=1, b=two)`."""
    return f"{call.name}({', '.join(f'{k}={show(v)}' for k, v in call.arguments.items())})"


def match(fits: Callable[[int, int], bool], lefts: int, rights: int) -> list[int | None]:
    """Maximum bipartite matching by augmenting paths (Kuhn 1955).

    Args:
        fits: whether a left node may take a right one; asked once of a pair, and each left's own place first, since
            calls mostly come in the order in which they are expected.
        lefts: number of left nodes.
        rights: number of right nodes.

    Returns:
        for every right node its left node, or None.
    """
    owner: list[int | None] = [None] * rights
    known: dict[tuple[int, int], bool] = {}

    def place(left: int, seen: set[int]) -> bool:
        for right in range(rights):
            if right in seen:
                continue
            edge = known.get((left, right))
            if edge is None:
                edge = known[left, right] = fits(left, right)
            if not edge:
                continue
            seen.add(right)
            held = owner[right]
            if held is None or place(held, seen):
                owner[right] = left
                return True
        return False

    unplaced = []
    for left in range(lefts):
        if left < rights and fits(left, left):
            owner[left] = left
            known[left, left] = True
        else:
            known[left, left] = False
            unplaced.append(left)
    for left in unplaced:
        place(left, set())
    return owner


def _score_ask(calls: Sequence[Call], ask: Sequence[str], wanted: Sequence[str]) -> Score:
    want = f"wanted to ask for {', '.join(wanted)}"
    if calls:
        return _wrong("ask", f"{want}, called {', '.join(show_call(c) for c in calls)}")
    if set(ask) != set(wanted):
        return _wrong("ask", f"{want}, " + (f"asked for {', '.join(ask)}" if ask else "did nothing"))
    return _RIGHT


def _score_no_tool(calls: Sequence[Call], ask: Sequence[str]) -> Score:
    if calls:
        return _wrong("no_tool", f"wanted no call, called {', '.join(show_call(c) for c in calls)}")
    if ask:
        return _wrong("no_tool", f"wanted no call, asked back for {', '.join(ask)}")
    return _RIGHT


def _score_several(calls: Sequence[Call], expected: Sequence[Expected], tools: Mapping[str, Tool]) -> Score:
    """Several calls: right iff right pairs match perfectly; else the nearest pairing tells what is wrong."""
    if len(calls) != len(expected):
        got = ", ".join(c.name for c in calls)
        wanted = ", ".join(e.name for e in expected)
        return _wrong("function", f"wanted {len(expected)} calls ({wanted}), got {len(calls)} ({got})")
    size = len(calls)
    owner = match(lambda i, j: _fits(calls[j], expected[i], tools.get(expected[i].name)), size, size)
    open_expected = sorted(set(range(len(expected))) - {i for i in owner if i is not None})
    open_calls = [j for j, i in enumerate(owner) if i is None]
    worst = None
    for i in open_expected:  # each beside what comes closest; the earliest stage among them is named
        found = {j: _failure(calls[j], expected[i], tools.get(expected[i].name)) for j in open_calls}
        closest = max(open_calls, key=lambda j: _depth(found[j]))
        open_calls.remove(closest)
        if _depth(found[closest]) < _depth(worst):
            worst = found[closest]
    return _RIGHT if worst is None else _wrong(worst.stage, worst.words())


def _fits(call: Call, expected: Expected, tool: Tool | None) -> bool:
    """Is nothing wrong? As `_failure`, but values come first: of several calls most pairs differ in them."""
    if call.name != expected.name:
        return False
    schema = _NO_SCHEMA if tool is None else tool.parameters
    given, allowed = call.arguments, expected.arguments
    for name, value in given.items():
        if name in allowed and not _among(value, allowed[name], schema, name, expected):
            return False
    if given.keys() <= allowed.keys():  # then nothing is extra, and no value is left to compare
        return not (_missing(given, allowed, schema, expected.name) or _ill_typed(given, schema))
    return _failure(call, expected, tool) is None


def _depth(failed: _Failure | None) -> int:
    return len(CALL_STAGES) if failed is None else CALL_STAGES.index(failed.stage)


def _failure(call: Call, expected: Expected, tool: Tool | None) -> _Failure | None:
    """The first stage that fails."""
    if call.name != expected.name:
        return _Failure("function", partial("function: wanted {}, got {}".format, expected.name, call.name))
    schema = _NO_SCHEMA if tool is None else tool.parameters
    given, allowed = call.arguments, expected.arguments
    return (
        _missing(given, allowed, schema, expected.name)
        or _extra(given, allowed, schema)
        or _ill_typed(given, schema)
        or _unequal(given, expected, schema)
    )


def _missing(given: Json, allowed: Allowed, schema: Json, tool: str) -> _Failure | None:
    if not allowed.keys() <= given.keys():
        for name, values in allowed.items():
            if name not in given and "" not in values:
                return _Failure("required", partial(_left_out, name, values))
    for name in schema.get("required", ()):
        if name not in given and name not in allowed and "default" not in _schema(schema, name):
            return _Failure("required", partial("{}: required by {}, left out".format, name, tool))
    return None


def _extra(given: Json, allowed: Allowed, schema: Json) -> _Failure | None:
    for name, value in given.items():
        values = allowed.get(name)
        if values is None and name in schema.get("required", ()) and "default" in _schema(schema, name):
            continue
        if not values or (values[0] == "" and all(one == "" for one in values)):
            return _Failure("extra", partial(_not_wanted, name, value))
    return None


def _ill_typed(given: Json, schema: Json) -> _Failure | None:
    try:
        fault = misfit(given, schema, judged_before=_JUDGED_BEFORE)
    except (ArithmeticError, ValueError, RecursionError) as error:  # NaN in multipleOf, nesting without end: not valid
        return _Failure("type", partial("arguments cannot be checked ({})".format, type(error).__name__))
    return None if fault is None else _Failure("type", partial(_ill_fitting, fault))


def _unequal(given: Json, expected: Expected, schema: Json) -> _Failure | None:
    allowed: Allowed = expected.arguments
    for name, value in given.items():
        values = allowed.get(name)
        if values is None:  # only a required parameter with a default comes so far
            values = [_schema(schema, name)["default"]]
        if not _among(value, values, schema, name, expected):
            return _Failure("value", partial(_unlike, name, values, value))
    return None


def _among(value: Any, values: Sequence[Any], schema: Json, name: str, expected: Expected) -> bool:
    if type(value) is str and value and value in values:
        return True  # most values end here
    if type(value) is int or type(value) is float:
        for one in values:  # noqa: SIM110  half the time of any() on lists as short as these
            if (type(one) is int or type(one) is float) and one == value:
                return True
        return False
    inner = _schema(schema, name) if isinstance(value, _NESTED) else None
    for one in values:
        if one != "" and same_value(one, value, inner):
            return True
    if expected.alike and (rules := expected.alike.get(name)):
        value = read(value, rules)
        return any(one != "" and same_value(read(one, rules), value, inner) for one in values)
    return False


def _left_out(name: str, allowed: Sequence[Any]) -> str:
    return f"{name}: wanted {show_allowed(allowed)}, left out"


def _not_wanted(name: str, value: Any) -> str:
    return f"{name}: wanted it left out, got {show(value)}"


def _ill_fitting(fault: Misfit) -> str:
    where = ".".join(map(str, fault.path)) or "arguments"
    return f"{where}: wanted {fault.keyword} {show(fault.wanted)}, got {show(fault.got)}"


def _unlike(name: str, allowed: Sequence[Any], value: Any) -> str:
    return f"{name}: wanted {show_allowed([one for one in allowed if one != ''])}, got {show(value)}"


def _same_list(wanted: list[Any], got: list[Any], schema: Json) -> bool:
    items = schema.get("items")
    if not (schema.get("uniqueItems") is True or (wanted and all(isinstance(w, dict) for w in wanted))):
        return all(same_value(w, g, items) for w, g in zip(wanted, got, strict=True))
    left = list(got)
    for w in wanted:  # equality is transitive, so taking the first equal one cannot spoil a later match
        at = next((i for i, g in enumerate(left) if same_value(w, g, items)), None)
        if at is None:
            return False
        del left[at]
    return True


def _schema(parameters: Json, name: str) -> Json:
    schema = parameters.get("properties", {}).get(name)
    return schema if isinstance(schema, dict) else {}


def _plain(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).strip()


def _wrong(stage: Stage, detail: str) -> Score:
    return Score(False, stage, detail)
