"""One entry: are the calls those that the possible answers allow? Stops at the first fault, as the reference does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from manyshot.bfcl import verdict as names
from manyshot.bfcl.java import java_fault
from manyshot.bfcl.javascript import javascript_fault
from manyshot.bfcl.python import python_fault
from manyshot.bfcl.verdict import VALID, Verdict

Shape = Literal["simple", "multiple", "parallel", "relevance", "irrelevance"]
#: (parameter's schema, value, alternatives) -> the name of the error, None when right.
Fault = Callable[[dict[str, Any], Any, Any], str | None]


class Category(NamedTuple):
    """How the entries of a category are judged."""

    shape: Shape
    fault: Fault = python_fault


CATEGORIES: dict[str, Category] = {
    "simple_python": Category("simple"),
    "simple_java": Category("simple", java_fault),
    "simple_javascript": Category("simple", javascript_fault),
    "multiple": Category("multiple"),
    "parallel": Category("parallel"),
    "parallel_multiple": Category("parallel"),
    "irrelevance": Category("irrelevance"),
    "live_simple": Category("simple"),
    "live_multiple": Category("multiple"),
    "live_parallel": Category("parallel"),
    "live_parallel_multiple": Category("parallel"),
    "live_irrelevance": Category("irrelevance"),
    "live_relevance": Category("relevance"),
}
#: What a schema, an answer or a value that the reference did not think of makes it raise.
_CRASHES = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, NotImplementedError, RecursionError)


def check(
    functions: list[dict[str, Any]],
    calls: Any,
    answers: list[dict[str, Any]],
    category: str,
    *,
    dots_to_underscores: bool = False,
) -> Verdict:
    """Judge the calls of one entry.

    Args:
        functions: the descriptions offered, [{"name", "parameters": {"properties", "required"}}].
        calls: what was decoded, [{name: {parameter: value}}]; anything else is wrong in form. Under Java and JavaScript
            every value is the text of the source.
        answers: [{name: {parameter: [alternative, ...]}}]; "" among the alternatives: may be left out. Relevance and
            irrelevance do not look at them.
        category: one of CATEGORIES.
        dots_to_underscores: the model was shown names without dots, and has to answer with those.

    Returns:
        the reference's verdict.

    Raises:
        ValueError: an unknown category.
    """
    if category not in CATEGORIES:
        raise ValueError(f"wanted a category among {', '.join(CATEGORIES)}, got {category!r}")
    shape, fault = CATEGORIES[category]
    good = well_formed(calls)
    if shape == "relevance" or shape == "irrelevance":
        return _check_relevance(shape, calls, made=good and bool(calls))
    if not good:
        return Verdict(False, names.WRONG_FORM, got=calls, wanted="a list of {name: {parameter: value}}")
    try:
        if shape == "parallel":
            return _check_parallel(functions, calls, answers, fault, dots_to_underscores)
        if shape == "multiple":
            return _check_multiple(functions, calls, answers, fault, dots_to_underscores)
        if len(calls) != 1:
            return Verdict(False, names.WRONG_COUNT_SIMPLE, got=calls, wanted="1 call")
        return _check_call(functions[0], calls[0], answers[0], fault, dots_to_underscores)
    except _CRASHES as error:
        return Verdict(None, names.CRASH + type(error).__name__, got=str(error), wanted="an entry the rules cover")


def well_formed(calls: Any) -> bool:
    """Is it [{name: {parameter: value}}], a name to each call? [] is."""
    if type(calls) is not list:
        return False
    for call in calls:
        if type(call) is not dict or len(call) != 1:
            return False
        for arguments in call.values():
            if type(arguments) is not dict:
                return False
    return True


def _check_relevance(shape: Shape, calls: Any, *, made: bool) -> Verdict:
    if made == (shape == "relevance"):
        return VALID
    if made:
        return Verdict(False, names.CALL_MADE, got=calls, wanted="no call")
    return Verdict(False, names.NO_CALL_MADE, got=calls, wanted="any call")


def _check_multiple(
    functions: list[dict[str, Any]], calls: list[Any], answers: list[dict[str, Any]], fault: Fault, underscores: bool
) -> Verdict:
    if len(calls) != len(answers):
        return Verdict(False, names.WRONG_COUNT_MULTIPLE, got=calls, wanted=f"{len(answers)} calls")
    function = _function(functions, _only_key(answers[0]))
    return _check_call(function, calls[0], answers[0], fault, underscores)


def _check_parallel(
    functions: list[dict[str, Any]], calls: list[Any], answers: list[dict[str, Any]], fault: Fault, underscores: bool
) -> Verdict:
    """Each answer takes the first call left that fits it. No way back: overlapping answers may miss a match."""
    if len(calls) != len(answers):
        return Verdict(False, names.WRONG_COUNT_PARALLEL, got=calls, wanted=f"{len(answers)} calls")
    left = list(calls)
    for answer in answers:
        function = _function(functions, _only_key(answer))
        causes = []
        for place, call in enumerate(left):
            found = _check_call(function, call, answer, fault, underscores)
            if found.valid:
                del left[place]
                break
            causes.append(found)
        else:
            return Verdict(False, names.NO_MATCH, got=left, wanted=answer, causes=tuple(causes))
    return VALID


def _only_key(answer: dict[str, Any]) -> str:
    return list(answer)[0]  # noqa: RUF015  an empty answer is to be an IndexError, which is caught


def _function(functions: list[dict[str, Any]], name: str) -> Any:
    for function in functions:
        if function["name"] == name:
            return function
    return None  # taking anything from it is the reference's TypeError


def _check_call(
    function: dict[str, Any], call: dict[str, Any], answer: dict[str, Any], fault: Fault, underscores: bool
) -> Verdict:
    allowed_by_name = list(answer.values())[0]  # noqa: RUF015  see _only_key
    name, parameters = function["name"], function["parameters"]
    properties, required = parameters["properties"], parameters["required"]
    if underscores:
        name = name.replace(".", "_")
    if name not in call:
        return Verdict(False, names.WRONG_NAME, got=", ".join(call), wanted=name)
    given = call[name]
    for parameter in required:
        if parameter not in given:
            return Verdict(False, names.MISSING_REQUIRED, parameter, "nothing", "a value, it is required")
    for parameter, value in given.items():
        if parameter not in properties or parameter not in allowed_by_name:
            return Verdict(False, names.UNEXPECTED, parameter, value, "it left out")
        allowed = allowed_by_name[parameter]
        error = fault(properties[parameter], value, allowed)
        if error is not None:
            return Verdict(False, error, parameter, value, allowed)
    if len(given) < len(allowed_by_name):  # all that is given is among the answer's
        for parameter, allowed in allowed_by_name.items():
            if parameter not in given and "" not in allowed:
                return Verdict(False, names.MISSING_OPTIONAL, parameter, "nothing", allowed)
    return VALID
