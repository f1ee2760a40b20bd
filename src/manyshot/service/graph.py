"""One conversation as a LangGraph graph around an assistant that is put away between any two steps.

    think -> check -> (consent) -> call -> think -> ... -> tell

The one rule: what the assistant does is decided by `manyshot.agent` or `manyshot.guided` alone; here it is only made
durable. A step's outcome is in the checkpointer before the next step begins. So a call's intent, with its key, is on
disk before the call is made, and what is told was on disk before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from sqlalchemy.exc import SQLAlchemyError

from manyshot.errors import ModelError
from manyshot.protocols import Stepwise
from manyshot.service.cards import cards, facts
from manyshot.service.hands import Hands, key_of
from manyshot.service.saver import Saver, forget_the_way
from manyshot.service.store import Message, News, Store
from manyshot.service.telemetry import Telemetry
from manyshot.service.words import said_yes, say
from manyshot.service.work import Room
from manyshot.types import Call, Json, Language, Observation, Turn

#: Opens an assistant for a conversation, by a seed; it may be loaded with what another one saved.
Opener = Callable[[int], Stepwise]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a person takes over from the assistant, whatever it would do next."""

    #: Seconds for one message of the customer, looked at between two steps; while the service was down none go by.
    seconds: float = 120.0
    #: Calls in one conversation.
    calls: int = 60
    #: Turns of one conversation, thoughts and answers too.
    turns: int = 600


class State(TypedDict, total=False):
    """What is checkpointed. `row`: what is taken in; `assistant`: as saved; `call`: to be made, as the `step`th;
    `intent`: which invocation is to make it. `people`: turns that a person said; `told`: turns that are events."""

    row: Json | None
    heard: int
    assistant: Json
    who: Literal["assistant", "queue", "person", "closed"]
    by: str
    why: str
    call: Json | None
    step: int
    intent: str
    answered: Json | None
    people: list[int]
    told: int


class Graph:
    """All conversations of a service. Safe to use from several threads, one conversation in one at a time."""

    def __init__(
        self,
        store: Store,
        saver: Saver,
        opener: Opener,
        hands: Hands,
        telemetry: Telemetry,
        limits: Limits = Limits(),
    ) -> None:
        self.store, self.opener, self.hands, self.telemetry, self.limits = store, opener, hands, telemetry, limits
        graph = StateGraph(State)
        for name, node in (
            ("think", self._think), ("check", self._check), ("consent", self._consent), ("call", self._call),
            ("join", self._join), ("tell", self._tell),
        ):  # fmt: skip
            graph.add_node(name, self._timed(name, node))
        graph.add_conditional_edges(START, _begins, ["think", "join"])
        graph.add_conditional_edges("think", lambda state: "check" if state.get("call") else "tell", ["check", "tell"])
        graph.add_conditional_edges(
            "check", lambda state: "call" if state.get("intent") else "consent", ["call", "consent"]
        )
        graph.add_conditional_edges(
            "consent", lambda state: "call" if state.get("intent") else "think", ["call", "think"]
        )
        graph.add_edge("call", "think")
        graph.add_edge("join", "tell")
        graph.add_edge("tell", END)
        self._graph = graph.compile(checkpointer=saver)
        self._saver, self._room = saver, Room()
        #: A conversation's customer and language never change, so they are looked up once.
        self._about = lru_cache(4096)(self._found)

    # from outside

    def go_on(self, name: str) -> bool:
        """Do what is next in a conversation: finish what was begun, or take in one row of its inbox. Whether there may
        be more to do. Raises what store and checkpointer raise; then the same again goes on from the last step."""
        with self._room.inside():
            return self._go_on(name, time.perf_counter())

    def _go_on(self, name: str, began: float) -> bool:
        config: RunnableConfig = {
            "configurable": {"thread_id": name, "token": uuid4().hex, "began": time.time()},
            "recursion_limit": 400,
        }
        found = self._graph.get_state(config)
        if found.interrupts:
            return self._answered(name, config, found.values, began)
        if found.tasks:  # not `next`: that leaves out a step whose outcome is written and was not taken over
            self._run(None, config, began)
            return True
        row = self.store.next(name, found.values.get("heard", 0))
        if row is None:
            return False
        waits = self._run({"row": _written(row), "heard": row.number}, config, began)
        forget_the_way(self._saver, name)
        return waits or self.store.next(name, row.number) is not None

    def _run(self, given: Any, config: RunnableConfig, began: float) -> bool:
        """Whether it waits for a yes now. began: on the clock of time.perf_counter."""
        came = self._graph.invoke(given, config, durability="sync")
        self.telemetry.answered(time.perf_counter() - began)
        return "__interrupt__" in came

    def _answered(self, name: str, config: RunnableConfig, state: Json, began: float) -> bool:
        """Go on with a call that waits for a yes, when there is one or a no."""
        about = self.store.find(name)
        if about is not None and about.given is not None and about.given["step"] == state["step"]:
            self._run(Command(resume=about.given), config, began)
            return True
        if about is None or about.waits != "customer":
            return False
        row = self.store.next(name, state["heard"])
        if row is None or row.kind != "user":
            return False
        self._run(Command(resume={"yes": said_yes(row.text), "by": "customer", "heard": row.number}), config, began)
        return True

    # nodes

    def _timed(self, name: str, node: Callable[[State, RunnableConfig], State]) -> Any:
        def timed(state: State, config: RunnableConfig) -> State:
            with self.telemetry.step(name, config["configurable"]["thread_id"]):
                return node(state, config)

        return timed

    def _one(self, state: State, name: str) -> tuple[Stepwise, str]:
        """The assistant where it was; and, when that cannot be gone on with (it was saved by another manyshot, or for
        other flows), why: then it only knows what was said."""
        one, saved = self.opener(seed_of(name)), state.get("assistant")
        if not saved:
            return one, ""
        try:
            one.load(saved)
        except (ValueError, LookupError, TypeError) as error:
            one = self.opener(seed_of(name))
            one.turns.extend(map(_kept, saved["turns"]))
            return one, f"{say(self._language(name), 'why_changed')} ({error})"
        return one, ""

    def _think(self, state: State, config: RunnableConfig) -> State:
        name = config["configurable"]["thread_id"]
        language = self._language(name)
        row, call = state.get("row"), None
        one, why = self._one(state, name)
        try:
            if why:
                one.join(row["text"] if row else "", "")
            elif row is not None:
                with self._room.elsewhere():
                    call = one.listen(row["text"])
            else:
                answered = state.get("answered")
                with self._room.elsewhere():
                    call = one.observe(Observation.model_validate(answered) if answered else None)
        except SQLAlchemyError:
            raise
        except Exception as error:  # a person helps the customer, whatever broke
            self.telemetry.fault("think", error)
            why = say(language, "why_model" if isinstance(error, ModelError) else "why_broken")
        if call is not None:
            why = self._too_much(state, one, language, config["configurable"]["began"])
        if why:
            one.stop(why)
            call = None
        over = one.over == "handoff"
        if over:
            self.telemetry.handed_over()
        return {
            "assistant": one.save(),
            "row": None,
            "answered": None,
            "call": call.model_dump(mode="json") if call else None,
            "step": state.get("step", 0) + (call is not None),
            "intent": "",
            "who": "queue" if over else "assistant",
            "why": (why or _reason(one.turns)) if over else "",
        }

    def _too_much(self, state: State, one: Stepwise, language: Language, began: float) -> str:
        if time.time() - began > self.limits.seconds:
            return say(language, "why_time")
        if state.get("step", 0) >= self.limits.calls or len(one.turns) >= self.limits.turns:
            return say(language, "why_long")
        return ""

    def _check(self, state: State, config: RunnableConfig) -> State:
        """Say what is about to be done. A call that needs nobody's yes is intended by this invocation."""
        name, call = config["configurable"]["thread_id"], _call_of(state)
        whose = self.hands.consent(call)
        news, told = _news(state), len(state["assistant"]["turns"])
        if not whose:
            self.store.tell(name, news)
            return {"intent": config["configurable"]["token"], "told": told}
        asked = News(f"c{state['step']}", "consent", "", {"whose": whose, "step": state["step"], "call": state["call"]})
        self.store.tell(name, [*news, asked], waits=whose, step=state["step"], asked=state["heard"], given=None)
        return {"intent": "", "told": told}

    def _consent(self, state: State, config: RunnableConfig) -> State:
        name, heard = config["configurable"]["thread_id"], state["heard"]
        got = interrupt({"step": state["step"]})
        heard = got.get("heard", heard)
        language = self._language(name)
        yes = bool(got["yes"])
        told = News(f"g{state['step']}", "consented", "", {"step": state["step"], "yes": yes, "by": got["by"]})
        self.store.tell(name, [told])  # that it waits is taken back later: the yes must still be there after a crash
        new: State = {"heard": heard}
        if yes:
            return {**new, "intent": config["configurable"]["token"]}
        refused = Observation(status=403, body={"error": say(language, "not_agreed")})
        return {**new, "intent": "", "answered": refused.model_dump(mode="json")}

    def _call(self, state: State, config: RunnableConfig) -> State:
        name, call = config["configurable"]["thread_id"], _call_of(state)
        if state["intent"] != config["configurable"]["token"] and not self.hands.repeatable(call):
            return {"answered": None}  # it may have been made before the process ended: a person has to look
        turns = _turns(state)
        key = key_of(name, state["step"])
        with self.telemetry.calling(call.name) as tell:
            try:
                answered = self.hands.call(call, conversation=name, customer=self._about(name)[0], key=key, turns=turns)
            except Exception as error:  # whatever broke, nobody knows whether the call was carried out
                self.telemetry.fault("call", error)
                return {"answered": None}
            tell(answered.status)
        return {"answered": answered.model_dump(mode="json")}

    def _join(self, state: State, config: RunnableConfig) -> State:
        """What is said and done while a person has the conversation."""
        name, row = config["configurable"]["thread_id"], state["row"]
        assert row is not None
        one, _ = self._one(state, name)
        new: State = {"row": None}
        match row["kind"]:
            case "user":
                one.join(row["text"], "")
            case "staff":
                new["people"] = [*state.get("people", []), len(one.turns)]
                one.join("", row["text"])
            case "take":
                new["who"], new["by"] = "person", row["by"]
            case "back":
                one.join("", "")
                new["who"], new["by"], new["why"] = "assistant", "", ""
            case "close":
                new["who"] = "closed"
        new["assistant"] = one.save()
        return new

    def _tell(self, state: State, config: RunnableConfig) -> State:
        name, saved = config["configurable"]["thread_id"], state["assistant"]
        turns = _turns(state)
        who = state.get("who", "assistant")
        now = {"state": "open" if who == "assistant" else who, "by": state.get("by", ""), "why": state.get("why", "")}
        ended = who == "assistant" and saved.get("over") == "ended"
        mark = f"w{state['heard']}"
        news = [*_news(state), News(mark, "state", "", {**now, "ended": ended})]
        self.store.tell(
            name,
            news,
            **now,
            ended=ended,
            waits="",
            given=None,
            heard=state["heard"],
            tickets=cards(turns),
            facts=facts(saved, turns),
        )
        return {"row": None, "told": len(turns)}

    def _language(self, name: str) -> Language:
        return self._about(name)[1]

    def _found(self, name: str) -> tuple[str, Language]:
        about = self.store.find(name)
        assert about is not None
        return about.customer, about.language


def _begins(state: State) -> str:
    row = state["row"]
    assert row is not None
    return "think" if row["kind"] == "user" and state.get("who", "assistant") == "assistant" else "join"


def _written(row: Message) -> Json:
    return {"kind": row.kind, "text": row.text, "by": row.by}


def _call_of(state: State) -> Call:
    return Call.model_validate(state["call"])


def seed_of(name: str) -> int:
    """What a conversation's choices of words are drawn with."""
    return int(key_of(name, 0)[:8], 16)


def _kept(turn: Json) -> Turn:
    """A turn that was saved; one that cannot be read any more keeps its place."""
    try:
        return Turn.model_validate(turn)
    except ValueError:
        return Turn(role="think", text="?")


def _turns(state: State) -> list[Turn]:
    return [_kept(turn) for turn in state["assistant"]["turns"]]


def _news(state: State) -> list[News]:
    """Events of the turns that were not told yet; what the customer and a person said was told when it came."""
    turns, by_people = _turns(state), state.get("people", [])
    news: list[News] = []
    made = {card["turn"]: card for card in cards(turns)}
    for n, turn in enumerate(turns[state.get("told", 0) :], state.get("told", 0)):
        if turn.role == "user" or n in by_people:
            continue
        data: Json = {}
        if turn.call is not None:
            data["call"] = turn.call.model_dump(mode="json")
        if turn.answered is not None:
            data["answered"] = turn.answered.model_dump(mode="json")
        news.append(News(f"t{n}", turn.role, turn.text, data))
        if n in made:
            news.append(News(f"k{n}", "ticket", "", made[n]))
    return news


def _reason(turns: Sequence[Turn]) -> str:
    """Why the assistant handed over, in its own words."""
    return next((turn.text for turn in reversed(turns) if turn.role in ("action", "think")), "")
