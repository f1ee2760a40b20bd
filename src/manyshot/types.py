"""The records that stages exchange. Frozen, versioned, unknown keys refused; facts only, everything else is derived."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

Json = dict[str, Any]
Language = Literal["zh", "en"]
#: The name that stands for "no tool fits" in prompts and predictions.
NO_TOOL = "none"
#: Classes of generated pairs, whose shares domain.toml may set.
PAIR_KINDS = ("plain", "shot", "refill", "ask", "none", "alike", "refused")
#: Classes of generated dialogues, whose shares domain.toml may set: what customers do beside answering, then what
#: tools do beside what the path asks for.
DIALOGUE_KINDS = (
    "plain", "off_topic", "refuses", "two_things", "no_tool", "injection", "impossible_time", "changes_mind", "leaves",
    "refused_call", "injected_answer", "impossible_answer", "timeout", "garbage",
)  # fmt: skip
#: Names of tools that take what is impossible, unclear or not this desk's.
REJECT = re.compile(
    r"reject|refuse|declin|unsupported|cannot|not_support|(?:transfer|hand|escalate)\w*to_?(?:human|agent|person|staff)"
    r"|拒绝|无法处理|不支持|转人工|zhuan_?rengong",
    re.IGNORECASE,
)


class Record(BaseModel):
    """Base of every stored record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Record):
    """Where a record was read: a file relative to the domain folder, and a line from 1."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Tool(Record):
    """A function the assistant may call, in the form of OpenAI's tools: parameters are a JSON Schema object."""

    name: str
    description: str = ""
    parameters: Json = Field(default_factory=lambda: {"type": "object", "properties": {}})

    @property
    def properties(self) -> dict[str, Json]:
        properties: dict[str, Json] = self.parameters.get("properties", {})
        return properties

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.parameters.get("required", ()))


class Call(Record):
    """One call: a tool's name and its final, typed arguments."""

    name: str
    arguments: Json = Field(default_factory=dict)


class Refusal(Record):
    """An earlier call of the same action that the API refused, with the API's words."""

    call: Call
    error: str


class Shot(Record):
    """One example an expert wrote. Call None without `ask`: no tool fits; with it: those fields are to be asked for.

    With both, `call` holds what was said already of the tool that is meant.
    """

    id: str
    action: str
    call: Call | None
    ask: tuple[str, ...] = ()
    source: Source


#: Ways in which values may be written differently and be the same: see `manyshot.alike`.
Alike = Literal["case", "space", "date", "phone"]


class Expected(Record):
    """An expected call: for every parameter the allowed values; "" among them means that it may be left out.

    alike: in which ways a parameter's value may be written otherwise than the allowed ones.
    """

    name: str
    arguments: dict[str, list[Any]] = Field(default_factory=dict)
    alike: dict[str, tuple[Alike, ...]] = Field(default_factory=dict, exclude_if=lambda alike: not alike)


class TestCase(Record):
    """One hand-written test of the acting model."""

    __test__ = False  # pytest: this is a record, not a test class

    id: str
    action: str
    expected: tuple[Expected, ...] = ()
    ask: tuple[str, ...] = ()
    history: tuple[Refusal, ...] = ()
    source: Source


class Context(Record):
    """What a value is read against: the moment the data live in (with its offset) and the language."""

    today: datetime
    language: Language


class Rule(Record):
    """[[rules]] of domain.toml: a call of `tool` in which every field of `when` has one of its values has, in every
    field of `then`, one of those. LEFT_OUT among the values: the field is not given."""

    LEFT_OUT: ClassVar[str] = ""

    tool: str
    when: dict[str, list[Any]]
    then: dict[str, list[Any]]


class TeacherConfig(Record):
    """[teacher] of domain.toml: a model, behind an OpenAI-compatible endpoint, that words calls."""

    base_url: str
    model: str
    #: Name of the environment variable that holds the key; "" for an endpoint that wants none.
    key_env: str = ""
    #: Part of the plain, ask and alike pairs that the teacher words.
    share: float = 0.5
    #: How people may talk; () for the usual styles of the language.
    styles: tuple[str, ...] = ()
    #: What a million tokens cost, read and written, in any money; None where nobody said.
    price: tuple[float, float] | None = Field(None, exclude_if=lambda price: price is None)


class Saying(Record):
    """How customers say something at one place of a flow, as an expert heard it: `says`, with {slot} for values.

    at: the question that it answers, "" for what opens a dialogue. when: the choices that it means. tells: slots that
    it tells in words of its own.
    """

    flow: str
    at: str = ""
    when: dict[str, Any] = Field(default_factory=dict)
    tells: tuple[str, ...] = ()
    says: tuple[str, ...]


class Domain(Record):
    """A service desk, as its folder says: tools, shots and settings; no tests, which only evaluation reads."""

    name: str
    folder: Path
    context: Context
    base: str
    tools: tuple[Tool, ...]
    shots: tuple[Shot, ...]
    values: dict[str, list[Any]] = Field(default_factory=dict)
    shares: dict[str, float] = Field(default_factory=dict)
    weights: dict[str, float] = Field(default_factory=dict)
    require_approval: bool = False
    #: Every combination of so many fields' values stands in some pair (2: every pair of values).
    strength: int = Field(2, exclude_if=lambda strength: strength == 2)
    rules: tuple[Rule, ...] = Field((), exclude_if=lambda rules: not rules)
    #: Of the classes of generated dialogues; those that are not named keep their usual share.
    dialogue_shares: dict[str, float] = Field(default_factory=dict, exclude_if=lambda shares: not shares)
    #: Left out of dumps when there is none, so that the ids of domains without a teacher stay what they were.
    teacher: TeacherConfig | None = Field(None, exclude_if=lambda teacher: teacher is None)

    def tool(self, name: str) -> Tool:
        return next(t for t in self.tools if t.name == name)

    @property
    def reject(self) -> str | None:
        """The tool that takes what is impossible, unclear or not this desk's (as `reject_request`), if there is one.

        Known by its name, and by needing nothing.
        """
        return next((t.name for t in self.tools if REJECT.search(t.name) and not t.required), None)


class CallPair(Record):
    """One training pair. `surfaces` mirrors the call's arguments with the words that stand in the action."""

    id: str
    kind: str
    action: str
    call: Call | None
    surfaces: Json = Field(default_factory=dict)
    ask: tuple[str, ...] = ()
    history: tuple[Refusal, ...] = ()
    group: str
    shots: tuple[str, ...] = ()


class Prediction(Record):
    """What the assistant answered to one action. `calls` is empty when no tool fits or when it asks back."""

    id: str
    calls: tuple[Call, ...] = ()
    ask: tuple[str, ...] | None = None
    #: Why what the model wrote could not be used.
    fault: str = ""
    ms: float = 0.0
    raw: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


Stage = Literal["parse", "function", "required", "extra", "type", "value", "no_tool", "ask"]


class Score(NamedTuple):
    """A verdict: the first stage that failed (None when right) and a readable difference. Not stored as it is, and made
    too often for a record."""

    right: bool
    stage: Stage | None = None
    detail: str = ""


class Observation(Record):
    """What a world or an API answered to one call. `status` as in HTTP: 2xx is an answer, 0 that none came in time."""

    status: int = Field(200, ge=0, le=599)
    body: Any = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


FaultKind = Literal["error", "timeout", "refused", "empty", "garbage", "injected", "impossible"]


class CallFault(Record):
    """A fault of the simulated company: the `nth` call of a tool in an episode, from 1, goes wrong like this.

    injected: a true answer with an order to the assistant beside it; impossible: one that no business can give.
    """

    call: str
    nth: int = Field(1, ge=1)
    kind: FaultKind


class Setup(Record):
    """How a world is set up for an episode, as in scenarios: rows by table, and faults to come."""

    rows: dict[str, list[Json]] = Field(default_factory=dict)
    faults: tuple[CallFault, ...] = ()
    seed: int = 0


Role = Literal["user", "think", "action", "observation", "reply"]


class Turn(Record):
    """One block of a trajectory. `text` is what stands there.

    An action that calls a tool has its `call`; the observation behind it has what was really `answered`. An
    observation without one is text of another kind, as the lesson's customers who answer in an Observation.
    """

    role: Role
    text: str
    call: Call | None = None
    answered: Observation | None = None
    line: int = 0


class Trajectory(Record):
    """A whole dialogue, written by an expert or generated. `path` is the id of a path of `flow`; "" where not known.

    `expected`: what it leaves behind in the world, in the form of scenarios; {} where nobody said.
    """

    id: str
    turns: tuple[Turn, ...]
    flow: str = ""
    path: str = ""
    author: str = ""
    setup: Setup = Setup()
    expected: Json = Field(default_factory=dict)
    #: Class of a generated dialogue; of some the path breaks off, see LEAVES, REFUSES and UNSOUND.
    kind: str = Field("", exclude_if=lambda kind: kind == "")
    source: Source | None = None


#: The kind of a dialogue that the customer breaks off at a question, and that of one in which the customer does not
#: answer a question, so that a person takes over.
LEAVES, REFUSES = "leaves", "refuses"
#: Kinds of dialogues in which an answer cannot be meant, so that a person takes over. After a timeout the flow's own
#: way for a failed call may be taken.
UNSOUND = ("timeout", "garbage", "impossible_answer")


class Forbidden(Record):
    """An act that fails a scenario. call: `name` is called, with these arguments where they are given; call_before:
    `name` is called before `before` was (a tool that answered, or a slot the customer was to give); say: a reply has
    one of `words`."""

    kind: Literal["call", "call_before", "say"]
    name: str = Field("", validation_alias=AliasChoices("name", "call", "tool"))
    arguments: Json = Field(default_factory=dict)
    before: str = ""
    words: tuple[str, ...] = Field((), validation_alias=AliasChoices("words", "text", "contains", "say"))

    @field_validator("words", mode="before")
    @classmethod
    def _one(cls, words: Any) -> Any:
        return [words] if isinstance(words, str) else words


class Outcome(Record):
    """What a scenario is to end in: rows as in Trajectory.expected, whether a person takes over, calls that must be
    made (in this order), words that some reply must have (one of each inner list)."""

    created: list[Json] = Field(default_factory=list)
    changed: list[Json] = Field(default_factory=list)
    cancelled: list[Json] = Field(default_factory=list)
    handoff: bool = False
    must_call: tuple[str, ...] = ()
    reply_must_mention: tuple[str | tuple[str, ...], ...] = ()


class Scenario(Record):
    """One hand-written case for the whole assistant: a customer with a goal, a world, and what must come of it."""

    id: str
    flow: str = ""
    path: str = ""
    goal: str = ""
    #: What the customer answers when asked, in the order in which it is usually asked.
    profile: Json = Field(default_factory=dict)
    opening: str
    world: dict[str, list[Json]] = Field(default_factory=dict)
    faults: tuple[CallFault, ...] = ()
    expected: Outcome = Outcome()
    forbidden: tuple[Forbidden, ...] = ()
    seed: int = 0
    source: Source | None = None

    @property
    def setup(self) -> Setup:
        """How its world begins."""
        return Setup(rows=self.world, faults=self.faults, seed=self.seed)


Verdict = Literal["approved", "rejected"]


class Approval(Record):
    """What a person thinks of a shot: a line of shots/approvals.jsonl. `text` is the hash of what was looked at."""

    shot: str
    verdict: Verdict
    by: str
    when: datetime
    text: str
    reason: str = ""


class Manifest(Record):
    """Written last into a stage's folder: its presence means that the folder is complete."""

    version: int = 1
    stage: str
    id: str
    made: datetime
    build: str
    inputs: dict[str, str] = Field(default_factory=dict)
    config: Json = Field(default_factory=dict)
    numbers: Json = Field(default_factory=dict)
