"""A desk for tests of the service: an assistant on scripted thoughts, and tools that say what was called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

from manyshot.acting import Answer
from manyshot.agent import Agent
from manyshot.errors import WorldError
from manyshot.parse import read_call
from manyshot.service.door import Door, OpenDoor
from manyshot.service.graph import Graph, Limits
from manyshot.service.hands import LiveHands
from manyshot.service.run import Nowhere
from manyshot.service.saver import open_saver
from manyshot.service.sessions import Service
from manyshot.service.store import open_store
from manyshot.service.talks import Talks
from manyshot.service.telemetry import Telemetry
from manyshot.transcript import Thought
from manyshot.types import Call, Observation, Refusal, Turn


def think(turns: Sequence[Turn], attempt: int) -> Thought:
    """A customer's words -> a thought: `NAME{...}` is called, what came of it is told; "person" hands over, "bye"
    ends, "model" finds no model."""
    _ = attempt
    last = turns[-1]
    if last.role == "observation":
        assert last.answered is not None
        how = "It is done" if last.answered.ok else "It did not work"
        return Thought("SECRET THOUGHT", "tell", "reply", f"{how}: {last.text}")
    if last.text == "person":
        return Thought("SECRET THOUGHT", "the customer wants a person", "handoff", "A colleague takes over.")
    if last.text == "bye":
        return Thought("SECRET THOUGHT", "end", "end", "Goodbye.")
    if last.text == "broken":
        raise RuntimeError("a fault of ours")
    if "{" in last.text:
        return Thought("SECRET THOUGHT", last.text, "call")
    return Thought("SECRET THOUGHT", "answer", "reply", f"You said: {last.text}")


def act(action: str, refused: Sequence[Refusal]) -> Answer:
    _ = refused
    name, arguments = read_call(action)
    return Answer(calls=(Call(name=name, arguments=arguments),))


def opener(seed: int) -> Agent:
    _ = seed
    return Agent(think, act, Nowhere(), "en")  # type: ignore[arg-type]


@dataclass
class Tools:
    """Fits protocols.LiveTools. Make{} makes a ticket once a key; Once{} may not be repeated; Ask{} wants a yes."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)
    made: dict[str, str] = field(default_factory=dict)
    lock: Any = field(default_factory=Lock)

    def call(self, call: Call, *, customer: str, key: str) -> Observation:
        with self.lock:
            self.calls.append((call.name, customer, key))
            if call.name == "Down":
                raise WorldError("nothing answers")
            number = self.made.setdefault(key, f"T{20241000 + len(self.made)}")
        return Observation(body={"ticketId": number, "status": "open"})

    def repeatable(self, call: Call) -> bool:
        return call.name != "Once"

    def consent(self, call: Call) -> Literal["", "customer", "person"]:
        return {"Ask": "customer", "Risky": "person"}.get(call.name, "")  # type: ignore[return-value]

    def close(self) -> None: ...


@dataclass
class House:
    talks: Talks
    tools: Tools
    service: Service
    graph: Graph

    def say(self, name: str, *texts: str) -> None:
        """Each message, when the one before was answered."""
        for text in texts:
            number = self.talks.say(name, text)
            self.until(name, number)

    def until(self, name: str, number: int = 0) -> None:
        """Wait until a conversation rests."""
        import time

        for _ in range(2000):
            about = self.talks.store.find(name)
            assert about is not None
            if about.rests(number or about.messages):
                return
            time.sleep(0.005)
        raise AssertionError(f"not answered: {about}")

    def told(self, name: str, kind: str = "reply") -> list[str]:
        return [event.text for event in self.talks.store.events(name) if event.kind == kind]


@contextmanager
def house(db: str, tools: Tools | None = None, door: Door | None = None, **limits: Any) -> Iterator[House]:
    tools, telemetry = tools or Tools(), Telemetry(_Silent())  # type: ignore[arg-type]
    store = open_store(db)
    with open_saver(db) as saver:
        graph = Graph(store, saver, opener, LiveHands(tools), telemetry, Limits(**limits))
        talks = Talks(store, graph, telemetry, 4)
        talks.start()
        service = Service(talks, door or OpenDoor(), "hotel", "en", {"Make": "make a ticket"}, {"a": "A number"})
        try:
            yield House(talks, tools, service, graph)
        finally:
            talks.close()
            store.close()


class _Silent:
    def write(self, event: str, **facts: Any) -> None:
        json.dumps([event, facts])
