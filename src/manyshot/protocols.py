"""The plug points, each a Protocol of a few methods. The one rule: no third-party name appears here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from manyshot.types import Call, Json, Language, Manifest, Observation, Tool, Turn


@dataclass(frozen=True, slots=True)
class Place:
    """A token that a model wrote. `likely`: it and the likeliest others in its place -> log of their probability, in
    nats, before any grammar."""

    token: bytes
    likely: Mapping[bytes, float]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote. `tokens_in` counts the whole prompt, `tokens_cached` the part that was not read again."""

    text: str
    tokens_in: int
    tokens_cached: int
    tokens_out: int
    ms: float
    finish_reason: Literal["stop", "length"]
    #: Each token with the likeliest ones in its place, where that was asked for and the model tells.
    places: tuple[Place, ...] = ()


class Model(Protocol):
    """Continues a prompt. Safe to call from several threads."""

    def complete(
        self,
        prompt: str | Sequence[int],
        *,
        grammar: str | None,
        max_tokens: int,
        temperature: float = 0.0,
        adapter: str | None = None,
        stop: Sequence[str] = (),
        seed: int = 0,
        places: bool = False,
    ) -> Completion:
        """Write at most `max_tokens` after `prompt` (text, or ids with every special id in place), held to `grammar`.

        adapter: one of those the model was opened with, None for the base. places: tell also what else was likely; a
        model that cannot leaves them out. Raises ModelError.
        """
        ...

    def weigh(
        self, prompt: str | Sequence[int], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[float, ...]:
        """Log of the probability that each option is what follows `prompt`, in nats; below some floor, the floor.

        No option may be the beginning of another. Raises ModelError.
        """
        ...

    def tokenize(self, text: str) -> list[int]:
        """Ids of plain text: nothing is added in front, and special tokens' names in it are plain text too."""
        ...

    def close(self) -> None:
        """Free the model; completing afterwards is a ModelError."""
        ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """One call for a teacher to word: once in each style, with every value in one of its forms to the letter."""

    tool: Tool
    #: Field -> ways to say its value.
    forms: Mapping[str, tuple[str, ...]]
    #: Fields of which nothing may be said.
    without: tuple[str, ...]
    styles: tuple[str, ...]
    #: How an expert worded other calls of the tool.
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """A field of free text for which a teacher is to think of `count` values."""

    tool: Tool
    field: str
    examples: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody says or thinks in a dialogue. `keep`: pieces that have to stand in any other wording, too."""

    who: str
    text: str
    keep: tuple[str, ...] = ()
    #: Whether the teacher words it; the others say what happens in between.
    open: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """A dialogue that a teacher words anew, its customer in one style."""

    lines: tuple[Line, ...]
    style: str


@dataclass(slots=True)
class Usage:
    """What a teacher has cost so far. Tokens as the endpoint counts them, those of kept answers too; `retries`: calls
    made again."""

    calls: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    #: Answers that an earlier try had paid for.
    kept: int = 0
    #: Why calls were made again -> how often.
    again: dict[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


@dataclass(frozen=True, slots=True)
class Asked:
    """A function that a chat model wants called: `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatReply:
    """One answer of a chat model. `ms`: of the request that was answered, without those made before it."""

    text: str
    asked: tuple[Asked, ...]
    tokens_in: int
    tokens_out: int
    ms: float


class Chat(Protocol):
    """A model that is only reached by messages and functions, as behind an OpenAI-compatible endpoint."""

    def reply(self, messages: Sequence[Json], tools: Sequence[Tool], *, seed: int = 0) -> ChatReply:
        """The next message; another seed, another one, where the model draws at all.

        Raises RefusedError when this request is not answered, SlowError when not in time, ModelError when none will be.
        """
        ...

    def close(self) -> None: ...


class World(Protocol):
    """What answers calls: a simulated company, fresh for each episode, or the live one."""

    def call(self, call: Call) -> Observation:
        """Carry out one call. A wrong call is answered as an API answers it (4xx that names the field), not raised;
        WorldError where the world itself is broken."""
        ...

    def state(self) -> Mapping[str, Sequence[Json]]:
        """All rows by table, in an order that depends on nothing but the calls so far."""
        ...

    def digest(self) -> str:
        """A hash of `state`: equal states have equal digests, in every process."""
        ...


class LiveTools(Protocol):
    """The company's own APIs, reached for one customer at a time. Safe to call from several threads."""

    def call(self, call: Call, *, customer: str, key: str) -> Observation:
        """Carry out one call for `customer`, the id of who is signed in: fields bound to them take it, whatever the
        model wrote. A write carries `key` as its idempotency key: the same key again is answered as the first time.

        What the API refuses (also a host that may not be asked, an answer too long) is an Observation; WorldError where
        nothing answered, and nobody knows whether the call was carried out.
        """
        ...

    def repeatable(self, call: Call) -> bool:
        """Whether the call may be made again after a crash: it only reads, or its API keeps idempotency keys."""
        ...

    def consent(self, call: Call) -> Literal["", "customer", "person"]:
        """Whose yes the call needs before it is made."""
        ...

    def close(self) -> None: ...


class Assistant(Protocol):
    """One conversation with one customer, in one world. Made anew for each."""

    @property
    def turns(self) -> Sequence[Turn]:
        """The whole dialogue so far: what the customer said, thoughts, actions, observations, replies."""
        ...

    @property
    def over(self) -> Literal["", "ended", "handoff"]:
        """Whether the assistant has closed the conversation or handed it to a person; "" while it goes on."""
        ...

    def hear(self, said: str) -> Sequence[Turn]:
        """Take in what the customer said and act until the customer is to speak again; the new turns, `said` first.

        What goes wrong with model or calls ends in a reply or a hand-off; raises ModelError where the model is gone.
        """
        ...


class Stepwise(Assistant, Protocol):
    """An assistant that lets others make its calls: between two of them it can be put away, and taken up elsewhere."""

    @property
    def turns(self) -> list[Turn]:
        """As Assistant's; it may be added to before the conversation begins."""
        ...

    def listen(self, said: str) -> Call | None:
        """Take in what the customer said. The call that is to be made next; None when the customer is to speak."""
        ...

    def observe(self, answered: Observation | None) -> Call | None:
        """Take in what the call was answered; None where nothing answered, and nobody knows whether it was carried out.
        As `listen`."""
        ...

    def join(self, said: str, reply: str) -> None:
        """Take in what was said while a person had the conversation; "" for nothing. The assistant begins anew after
        it, with all that was said before."""
        ...

    def stop(self, reason: str) -> None:
        """Hand over to a person, with these words about why for them, and the usual ones for the customer."""
        ...

    def save(self) -> Json:
        """All that is known of the conversation, as JSON."""
        ...

    def load(self, saved: Json) -> None:
        """Be where the one was that saved this. ValueError for what no such assistant saved."""
        ...


class Teacher(Protocol):
    """Words calls and thinks of values. Nothing it writes is taken unchecked. Safe to call from several threads.

    Each method makes one request; they raise TeacherError when no usable answer came, and ModelError when none ever
    will (a wrong key, an unknown model).
    """

    @property
    def usage(self) -> Usage: ...

    def instructions(self, lessons: Sequence[Lesson], language: Language, seed: int) -> list[list[str]]:
        """For each lesson its instructions; fewer than its styles where some could not be read."""
        ...

    def values(self, wishes: Sequence[Wish], language: Language, seed: int) -> list[list[str]]:
        """For each wish its values, perhaps fewer than were wanted."""
        ...

    def dialogue(self, script: Script, language: Language, seed: int) -> list[str]:
        """The script's open lines in other words, in their order; "" for one that could not be read."""
        ...


class Trainer(Protocol):
    """Makes an adapter of training data. Settings, base and time are what it was opened with; how far it is, it tells
    the screen that it was opened with."""

    def train(self, data: Path, out: Path) -> Manifest:
        """Make an adapter with its card in `out` of the finished data folder `data`; the manifest is written last.

        A stopped training in `out` is gone on with where that was asked for. Samples that cannot be trained on are
        named in set_aside.jsonl, never cut. Raises TrainError (not installed, stopped, refused), DataError, ModelError.
        """
        ...
