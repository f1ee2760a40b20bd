"""Dialogues of all shapes, for properties: any order of turns, texts that look like labels, answers of any kind."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from manyshot.dialogue.exact import write_observation
from manyshot.types import Call, CallFault, CallPair, Observation, Refusal, Setup, Source, Tool, Trajectory, Turn

TOOLS = (
    Tool(
        name="Book",
        description="Book a room.",
        parameters={
            "type": "object", "properties": {"guest": {"type": "string"}, "nights": {"type": "integer"}},
            "required": ["guest"],
        },
    ),
    Tool(name="Find"),
)  # fmt: skip
#: Words that a form could take for its own marks.
_TRAPS = (
    "Thought: x", "Action:", "Action: find[a]", "Call: Book{}", "Reply: ", "\\Reply: y", "\\\\Action:", "Answer: -",
    "Observation: {}", "find[a]", "\\find[a]", "{\"a\": 1}", "404 {}", "timeout", "<think>", "</think>\n\n", "[", "\\",
    "User: z", "Call", "none{}", "Ask: a", "\nRefused: Book{} no", "\r", " ", "\ufeff", "\u2028",
)  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.lists(st.sampled_from(_TRAPS), max_size=3).map("\n".join),
    st.lists(st.sampled_from(_TRAPS), max_size=3).map("".join),
)
_leaves: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | texts | st.floats(
    allow_nan=False, allow_infinity=False
).filter(lambda x: x == 0 or 1e-300 < math.fabs(x) < 1e300)  # fmt: skip
values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
                      max_leaves=4)  # fmt: skip
calls = st.builds(Call, name=st.sampled_from(["Book", "Find", "find"]), arguments=st.dictionaries(texts, values,
                                                                                               max_size=2))  # fmt: skip
calls |= st.just(Call(name="find", arguments={"input": "a"}))
answers = st.builds(Observation, status=st.sampled_from([200, 201, 404, 500]), body=values) | st.just(
    Observation(status=0)
)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    role = draw(st.sampled_from(["user", "think", "action", "observation", "reply"]))
    text = draw(texts)
    call = draw(st.none() | calls) if role == "action" else None
    answered = draw(st.none() | answers) if role == "observation" else None
    if answered is not None and draw(st.booleans()):
        text = write_observation(answered)
    return Turn(role=role, text=text, call=call, answered=answered, line=draw(st.integers(0, 9)))


trajectories = st.builds(
    Trajectory,
    id=st.text("abc-1", min_size=1, max_size=5),
    turns=st.lists(turns(), min_size=1, max_size=9).map(tuple),
    flow=texts,
    author=texts,
    setup=st.builds(
        Setup,
        rows=st.dictionaries(texts, st.lists(st.dictionaries(texts, values, max_size=2), max_size=1), max_size=1),
        faults=st.lists(st.builds(CallFault, call=texts, nth=st.just(2), kind=st.just("empty")), max_size=1).map(tuple),
        seed=st.integers(0, 5),
    ),
    expected=st.dictionaries(texts, values, max_size=1),
    kind=st.sampled_from(["", "leaves"]),
    source=st.none() | st.builds(Source, file=texts, line=st.integers(0, 5)),
)
pairs = st.builds(
    CallPair,
    id=st.text("ab1", min_size=1, max_size=4),
    kind=st.sampled_from(["plain", "none"]),
    action=texts,
    call=st.none() | calls,
    surfaces=st.dictionaries(texts, values, max_size=1),
    ask=st.lists(st.sampled_from(["guest", "nights", "a, b", " x"]), max_size=2).map(tuple),
    history=st.lists(st.builds(Refusal, call=calls, error=texts), max_size=2).map(tuple),
    group=texts,
    shots=st.lists(texts, max_size=1).map(tuple),
)
