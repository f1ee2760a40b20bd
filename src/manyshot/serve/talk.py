"""A terminal in which a person is the customer: thoughts, calls, what came of them, and the assistant's words.

One rule: it shows what the assistant did, in its order, and adds nothing. The company is a simulated one that lasts as
long as the talk.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from manyshot.protocols import Assistant
from manyshot.serve.predict import MAX_ACTION
from manyshot.types import Turn

#: Who speaks next, in a terminal.
PROMPT = "You> "
#: Begins a new conversation in the same company.
AGAIN = "/new"
#: How a line is shown: what nobody hears is dim.
Style = Literal["", "dim", "bold"]
_OVER = {"handoff": "a person takes over", "ended": "the conversation is closed"}


def talk(open_assistant: Callable[[], Assistant], lines: Iterable[str], say: Callable[[str, Style], None]) -> int:
    """Take in each line that is not blank; returns how many. Who was handed over, or typed AGAIN, begins anew.

    Raises ModelError.
    """
    count = 0
    assistant = open_assistant()
    for line in lines:
        said = line.encode("utf-8", "replace").decode("utf-8").strip()[:MAX_ACTION]
        if said == AGAIN:
            assistant = open_assistant()
            say("  a new conversation", "dim")
        elif said:
            count += 1
            began = time.perf_counter()
            new = assistant.hear(said)
            for text, style in shown(new):
                say(text, style)
            over = f", {_OVER[assistant.over]}" if assistant.over else ""
            say(f"  ({time.perf_counter() - began:.1f} s{over})", "dim")
            if assistant.over == "handoff":
                assistant = open_assistant()
    return count


def shown(turns: Sequence[Turn]) -> Iterator[tuple[str, Style]]:
    """The lines that tell a person what the assistant thought, did, saw and said."""
    for turn in turns:
        if turn.role == "think":
            yield f"  think    {turn.text}", "dim"
        elif turn.role == "action":
            yield f"  action   {turn.text}", ""
            if turn.call is not None:
                yield f"  call     {turn.call.name}", ""
                yield from ((f"    {name} = {_words(value)}", "") for name, value in turn.call.arguments.items())
        elif turn.role == "observation":
            yield f"  answer   {turn.text}", "dim"
        elif turn.role == "reply":
            yield turn.text, "bold"


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
