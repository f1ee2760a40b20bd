"""The conversations of a service: what customers and people may do with them, whoever asks and over which interface.

The one rule: a message is accepted when it is in the store. All else may fail, and is made up for.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from manyshot.service.graph import Graph
from manyshot.service.store import Conversation, Event, Kind, Store
from manyshot.service.telemetry import Telemetry
from manyshot.service.work import Workers
from manyshot.types import Json, Language

#: Longest message in characters, messages of one conversation, and characters of a sender's own id of a message.
LONGEST, MOST, MARK = 4000, 500, 100
#: Characters of what a customer says of a reply.
WORD = 500
_WHITE = "\n\t"


class UnfitError(ValueError):
    """A message that is none: empty, too long, or not text."""


class FullError(ValueError):
    """A conversation takes no more messages."""


def fit(text: str, longest: int = LONGEST) -> str:
    """A message as it is kept: line ends alike, without control characters. Raises UnfitError."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in _WHITE or unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if not kept:
        raise UnfitError("the message is empty")
    if len(kept) > longest:
        raise UnfitError(f"the message has {len(kept)} characters; at most {longest} are taken")
    return kept


class Talks:
    """Safe to use from several threads."""

    def __init__(self, store: Store, graph: Graph, telemetry: Telemetry, workers: int = 8) -> None:
        self.store, self.telemetry = store, telemetry
        self._workers = Workers(graph.go_on, telemetry, workers)

    def start(self) -> int:
        """Go on with everything that was left when the service stopped; how many conversations that are."""
        left = self.store.unheard()
        for name in left:
            self._workers.submit(name)
        return len(left)

    # what customers do

    def begin(self, customer: str, language: Language, client: str = "") -> str:
        return self.store.begin(customer, language, client)

    def of(self, customer: str, name: str) -> Conversation:
        """A customer's own conversation. KeyError for any other."""
        found = self.store.find(name)
        if found is None or found.customer != customer:
            raise KeyError(name)
        return found

    def say(self, name: str, text: str, mark: str = "") -> int:
        """Accept a customer's message; its number. Raises UnfitError, FullError."""
        return self._put(name, "user", fit(text), mark=mark)

    def agree(self, name: str, step: int, *, yes: bool, by: str) -> bool:
        """Say whether a call may be made; False when that is not asked."""
        given = self.store.give(name, step, yes=yes, by=by)
        self._workers.submit(name)
        return given

    def rate(self, name: str, reply: int, *, up: bool, word: str = "") -> None:
        """Keep what the customer thinks of a reply, by its event's number. Raises KeyError, UnfitError."""
        self.store.rate(name, reply, up=up, word=fit(word, WORD) if word.strip() else "")

    # what people do

    def staff(self, name: str, kind: Kind, by: str, text: str = "") -> int:
        """Take over, answer, give back or close. Raises UnfitError."""
        return self._put(name, kind, fit(text) if kind == "staff" else "", by=by)

    def _put(self, name: str, kind: Kind, text: str, by: str = "", mark: str = "") -> int:
        about = self.store.find(name)
        if about is None:
            raise KeyError(name)
        if about.state == "closed":
            raise FullError("this conversation is closed")
        if kind == "user" and about.messages >= MOST:
            raise FullError("this conversation has too many messages; begin another one")
        number = self.store.put(name, kind, text, by, f"{kind} {mark[:MARK]}" if mark else "")
        self._workers.submit(name)
        return number

    def close(self) -> None:
        self._workers.close()


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as somebody may see it."""

    number: int
    kind: str
    data: Json


def for_customer(event: Event) -> Seen | None:
    """An event as the customer sees it; None for what the customer does not: thoughts, arguments, answers."""
    at: Json = {"at": round(event.at, 3)}
    match event.kind:
        case "user" | "reply" | "staff":
            return Seen(event.number, event.kind, {"text": event.text, **at})
        case "action" if "call" in event.data:
            return Seen(event.number, "progress", {"tool": event.data["call"]["name"], "status": "doing", **at})
        case "observation" if "answered" in event.data:
            ok = 200 <= event.data["answered"]["status"] < 300
            return Seen(event.number, "progress", {"status": "done" if ok else "failed", **at})
        case "ticket":
            return Seen(event.number, "ticket", {key: event.data[key] for key in ("id", "fields")} | at)
        case "consent":
            return Seen(event.number, "consent", {**event.data, **at})
        case "consented":
            return Seen(event.number, "consented", {key: event.data[key] for key in ("step", "yes")} | at)
        case "thumb":
            return Seen(event.number, "thumb", {"text": event.text, **event.data, **at})
        case "state":
            return Seen(event.number, "state", {key: event.data[key] for key in ("state", "ended")} | at)
    return None


def for_staff(event: Event) -> Seen:
    """An event as people of the desk see it: all of it."""
    return Seen(event.number, event.kind, {"text": event.text, **event.data, "at": round(event.at, 3)})
