"""A typed value against its alternatives: what the three languages share. The name of the error, or None when right.

Comparisons are Python's own (True == 1 == 1.0), as the reference's are. Where it indexes what cannot be indexed, so do
these functions: the caller turns what is raised into "crashes".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyshot.bfcl import verdict as names

_ABSENT = object()


def plain(text: str) -> str:
    """A text as the leaderboard compares it: 3.14 and 314, "New York" and new-york are the same."""
    # half the time of str.translate or of a pattern, on texts as short as arguments are
    text = text.lower().replace(" ", "").replace(",", "").replace(".", "").replace("-", "").replace("/", "")
    return text.replace("_", "").replace("*", "").replace("^", "").replace("'", '"')


def judge(value: Any, allowed: Any, wanted: type, inner: type | None) -> str | None:
    """Judge a value.

    Args:
        value: the value, converted where the language or the schema asks for it.
        allowed: the alternatives.
        wanted: the Python type that the schema's type stands for.
        inner: that of the items of a list, one level deep; None where the schema's type has none.
    """
    kind = type(value)
    for first in allowed:
        if first != "":
            break
    else:
        first = _ABSENT
    first_kind = type(first)
    variable = first is not _ABSENT and first_kind is not wanted
    if kind is wanted:
        if inner is not None and not _items_fit(value, allowed, inner):
            return names.TYPE_NESTED if first_kind is kind else names.TYPE
    elif first is not _ABSENT and first_kind is kind:
        variable = True
    else:
        return names.TYPE
    if not variable:
        if wanted is str:
            return None if _text_fits(value, allowed) else names.VALUE_TEXT
        if wanted is dict:
            return _dict_fault(value, allowed)
        if wanted is list:
            return _list_of_dicts_fault(value, allowed) if inner is dict else _list_fault(value, allowed)
    return None if value in allowed else names.VALUE_OTHER


def _items_fit(value: list[Any], allowed: Any, inner: type) -> bool:
    """Some alternative is no list, or has a first item whose type, like `inner`, every item may have."""
    for alternative in allowed:
        if type(alternative) is not list:
            return True
        first = next((a for a in alternative if a != ""), _ABSENT)
        other = inner if first is _ABSENT else type(first)
        if all(type(item) is inner or type(item) is other for item in value):
            return True
    return False


def _indexed(items: Any) -> Sequence[Any]:
    """What the reference sees when it goes through len() and [i]."""
    if not isinstance(items, list | str | tuple):
        return [items[i] for i in range(len(items))]
    return items


def _text_fits(value: str, allowed: Any) -> bool:
    return plain(value) in [plain(alternative) for alternative in _indexed(allowed) if type(alternative) is str]


def _plain_items(items: Any) -> list[Any]:
    return [plain(item) if type(item) is str else item for item in _indexed(items)]


def _list_fault(value: list[Any], allowed: Any) -> str | None:
    # all are normalised before any is compared: one that cannot be is a crash, also behind one that fits
    alternatives = [_plain_items(alternative) for alternative in _indexed(allowed)]
    return None if _plain_items(value) in alternatives else names.VALUE_LIST


def _dict_fault(value: Any, allowed: Any) -> str | None:
    error: str | None = names.UNCLEAR_DICT
    for alternative in _indexed(allowed):
        if alternative == "":
            continue
        error = _one_dict_fault(value, alternative)
        if error is None:
            return None
    return error


def _one_dict_fault(value: Any, alternative: Any) -> str | None:
    error = None
    for key, given in value.items():
        if key not in alternative:
            error = names.VALUE_KEY
            break
        if type(given) is str:
            given = plain(given)
        if given not in _plain_items(alternative[key]):
            error = names.VALUE_IN_DICT
            break
    for key, values in alternative.items():
        if key not in value and "" not in values:
            return names.VALUE_KEY
    return error


def _list_of_dicts_fault(value: list[Any], allowed: Any) -> str | None:
    error: str | None = names.UNCLEAR_LIST
    for alternative in _indexed(allowed):
        if len(value) != len(alternative):
            error = names.VALUE_LIST_COUNT
            continue
        for i, item in enumerate(value):
            error = _dict_fault(item, [alternative[i]])
            if error is not None:
                break
        else:
            return None
    return error
