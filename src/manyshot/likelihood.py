"""How likely a model found what it did not write: the probability of other words, from the tokens it looked at.

The one rule: texts are compared as bytes, because a token may end inside a character.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from manyshot.protocols import Place

#: Log of a probability that no token among the likeliest bears out, in nats.
UNLIKELY = -12.0


def nats(option: str | bytes, places: Sequence[Place]) -> float:
    """Log of the probability of `option`, from the places of a text that a model wrote.

    Where the text leaves the option, the probability of all tokens that go its way is taken for the rest of it.
    """
    wanted, walked, sure = option.encode() if isinstance(option, str) else option, b"", 0.0
    for place in places:
        if _goes_with(wanted, walked + place.token):
            walked, sure = walked + place.token, sure + place.likely[place.token]
            continue
        going = [
            value
            for token, value in place.likely.items()
            if token and (wanted.startswith(walked + token) or (walked + token).startswith(wanted))
        ]
        # What is not among the likeliest is below them all.
        floor = min(UNLIKELY, min(place.likely.values()) - 1)
        return sure + (max(floor, math.log(math.fsum(map(math.exp, going)) or 1e-300)) if going else floor)
    return sure + UNLIKELY


def undecided(options: Iterable[str], places: Sequence[Place]) -> list[list[str]]:
    """Options that a text left in one place and whose likeliest next token there is the same: `nats` gives each what
    they have together. Never all of them."""
    left: dict[tuple[int, bytes], list[str]] = {}
    for option in options:
        wanted, walked = option.encode(), b""
        for number, place in enumerate(places):
            if _goes_with(wanted, walked + place.token):
                walked += place.token
                continue
            going = [token for token in place.likely if token and _goes_with(wanted, walked + token)]
            if going and place.token not in going:
                left.setdefault((number, max(going, key=place.likely.__getitem__)), []).append(option)
            break
    return [alike for alike in left.values() if len(alike) > 1]


def _goes_with(wanted: bytes, walked: bytes) -> bool:
    """Whether a text is still on its way through an option, which does not end in it."""
    return len(walked) < len(wanted) and wanted.startswith(walked)


def key_odds(places: Sequence[Place], keys: Sequence[str]) -> dict[str, float]:
    """Key of a call's arguments -> log of the odds that it is written, given that the keys before it were decided as in
    the text: ``Name{"key":value,...}`` with its keys in the order of `keys`. Empty for any other text.
    """
    text = b"".join(place.token for place in places)
    ends = _ends(text, keys)
    out: dict[str, float] = {}
    left = list(keys)
    for end, quote, following in ends:
        comma = "" if text[:end].endswith(b"{") else ","
        begin, at = _place(places, end)
        cut = text[begin:end]
        # A value that is a string ends before its closing quote, which may be one token with what comes after it.
        weights = {key: nats(cut + f'{quote}{comma}"{key}":'.encode(), places[at:]) for key in left}
        weights[""] = nats(cut + f"{quote}}}".encode(), places[at:])
        while left:
            key = left[0]
            others = [weights[k] for k in (*left[1:], "")]
            out[key] = weights[key] - math.log(math.fsum(map(math.exp, others)))
            left.pop(0)
            if key == following:
                break
    return out


def value_nats(places: Sequence[Place], key: str, keys: Collection[str], values: Sequence[Any]) -> dict[Any, float]:
    """Choice -> log of the probability that it is written for a key of the call, of all choices; empty where the key
    was not written. `keys`: all keys of the call."""
    text = b"".join(place.token for place in places)
    for end, quote, following in _ends(text, keys):
        if following == key:
            comma = "" if text[:end].endswith(b"{") else ","
            colon = end + len(f'{quote}{comma}"{key}":'.encode())
            begin, at = _place(places, colon)
            cut = text[begin:colon]
            told = {value: _nats_of_value(cut, value, places[at:]) for value in values}
            whole = math.log(math.fsum(map(math.exp, told.values())))
            return {value: one - whole for value, one in told.items()}
    return {}


def _nats_of_value(before: bytes, value: Any, places: Sequence[Place]) -> float:
    """Of one choice; 3 is not the beginning of 30, so what may stand behind a bare word belongs to it."""
    written = before + json.dumps(value, ensure_ascii=False).encode()
    endings = ("",) if isinstance(value, str) else (",", "}")
    return math.log(math.fsum(math.exp(nats(written + end.encode(), places)) for end in endings))


def _ends(text: bytes, keys: Collection[str]) -> list[tuple[int, str, str | None]]:
    """Where each decision about the next key stands, the closing quote of a string before it, the key that follows."""
    try:
        said = text.decode()
    except UnicodeDecodeError:  # cut inside a character
        return []
    opened = said.find("{")
    out: list[tuple[int, str, str | None]] = []
    at = opened + 1
    decoder = json.JSONDecoder()
    while opened >= 0:
        following: Any = None
        start = at + (said[at : at + 1] == ",")
        if said[start : start + 1] == '"':
            try:
                following, colon = decoder.raw_decode(said, start)
                _, end = decoder.raw_decode(said, colon + 1)
            except ValueError:
                return []
            if following not in keys:
                return []
        quote = '"' if said[at - 1] == '"' else ""
        out.append((len(said[: at - len(quote)].encode()), quote, following))
        if following is None:
            return out if said[at : at + 1] == "}" else []
        at = end
    return []


def _place(places: Sequence[Place], byte: int) -> tuple[int, int]:
    """Where the token that holds a byte begins, and its number."""
    begin = 0
    for number, place in enumerate(places):
        if begin + len(place.token) > byte:
            return begin, number
        begin += len(place.token)
    return begin, len(places)
