"""A candidate of a comparison, opened: to answer calls, and to talk.

One rule: its `id` is the hash of what it answers with (adapter, base, prompt), so kept answers are never another's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from manyshot import generalist
from manyshot.answering import SHOTS, TUNED, answering_of
from manyshot.assistants import assistants, workflow_of
from manyshot.candidates import Candidate
from manyshot.chat_agent import ChatAgent
from manyshot.chat_calls import ChatCalls
from manyshot.config import secret
from manyshot.errors import DataError, ModelError
from manyshot.parts import Parts, embedded
from manyshot.pipeline import settings_of
from manyshot.plugs.bases import Base, file_sha256
from manyshot.protocols import Chat, Completion, Model
from manyshot.records import digest, read_manifest
from manyshot.runfolder import RunFolder, domain_id, files_id
from manyshot.scenario.play import Opener
from manyshot.single import assistant
from manyshot.spec.load import load_domain, load_flows
from manyshot.train.stage import CARD, LORA, refuse_other_base
from manyshot.types import Domain, Json, Prediction, TestCase
from manyshot.workflow import FILE as RULES
from manyshot.workflow import read_rules

#: Answers one test.
Answering = Callable[[TestCase], Prediction]


@dataclass(slots=True)
class Meter:
    """Tokens of the local models that were opened with it."""

    tokens_in: int = 0
    tokens_out: int = 0

    def over(self, parts: Parts) -> Parts:
        """The same parts, whose models count here."""

        def open_model(base: Base, adapters: Mapping[str, Path]) -> Model:
            return _Metered(parts.open_model(base, adapters), self)

        return replace(parts, open_model=open_model)


class _Metered:
    """A model that counts what it reads and writes; fits protocols.Model."""

    def __init__(self, model: Model, meter: Meter) -> None:
        self._model, self._meter = model, meter
        self.weigh, self.tokenize, self.close = model.weigh, model.tokenize, model.close

    def complete(self, prompt: str | Sequence[int], **how: object) -> Completion:
        done = self._model.complete(prompt, **how)  # type: ignore[arg-type]
        self._meter.tokens_in += done.tokens_in
        self._meter.tokens_out += done.tokens_out
        return done


@dataclass(slots=True)
class Opened:
    """How one candidate of a domain is opened. `parts`: the real ones without it."""

    one: Candidate
    domain: Domain
    parts: Parts | None = None
    trust: bool = False
    meter: Meter = field(default_factory=Meter)

    def check(self) -> None:
        """Raise what would stop it, before anything is asked: no key, no adapter, a run of another desk."""
        if self.one.base_url and self.one.key_env:
            key_of(self.one)
        if self.one.workflow:
            read_rules(self.domain.folder)
        if self.one.run:
            place = RunFolder(self.one.run)
            place.read()
            if not place.trained and self.one.how in ("tuned", "free"):
                raise DataError(f"{place.path}: its training is not finished; go on with manyshot run")
            if (name := load_domain(place.domain).name) != self.domain.name:
                raise DataError(f"{place.path}: is a run of {name}, not of {self.domain.name}")
        if self.one.adapter and not (self.one.adapter / LORA).is_file():
            raise ModelError(f"{self.one.adapter / LORA}: wanted the adapter, it is not there; train it again")

    @property
    def talks(self) -> bool:
        """Whether it can be played scenarios with: what was trained must have learnt to think."""
        if self.one.run is None or self.one.how not in ("tuned", "free"):
            return self.one.talks
        place = RunFolder(self.one.run)
        return place.thought and read_manifest(place.dialogues) is not None

    @property
    def id(self) -> str:
        """Hash of what it answers with."""
        one = self.one
        says = one.model_dump(mode="json", exclude={"name", "price_in", "price_out", "price_hour", "run", "adapter"})
        says |= {"mode": one.how, "shots": self._shots}
        if one.run:
            place = RunFolder(one.run)
            made = [m.id for folder in (place.train, place.think, place.dialogues) if (m := read_manifest(folder))]
            chosen = read_manifest(place.eval) if one.how == "fewshot" else None
            settings = settings_of(place)
            return digest(
                [says, made, files_id(place.domain), chosen and chosen.numbers.get("fewshot"), settings.weights]
            )
        adapter = file_sha256(one.adapter / LORA) if one.adapter else ""
        if one.generalist:
            start = generalist.shipped((self.parts or embedded()).find_base(base_of(one, self.domain.base)))
            adapter = start.id if start else ""
        rules = (self.domain.folder / RULES).read_text("utf-8") if one.workflow else ""
        flows = [flow.model_dump(mode="json") for flow in load_flows(self.domain.folder)] if one.talks else []
        return digest([says, domain_id(self.domain), adapter, rules, flows])

    @contextmanager
    def answering(self) -> Iterator[Answering]:
        """A function that answers tests. Raises ManyshotError; the model is closed at the end."""
        one = self.one
        if one.base_url:
            with chat_of(one) as chat:
                answering = answering_of(self.domain, values="final")
                asked = ChatCalls(
                    chat, self.domain.tools, self.domain.context, answering.reader, answering.examples, self._shots
                )
                yield lambda case: asked.predict(case.id, case.action, case.history)
        elif one.run:
            mode = "tuned" if one.how == "free" else one.how
            with assistant(RunFolder(one.run), mode, grammar=one.how != "free", parts=self.parts) as (predictor, how):
                yield lambda case: predictor.predict(case.id, case.action, how, case.history)
        else:
            yield from self._alone()

    def _alone(self) -> Iterator[Answering]:
        """A base, or an adapter on its base, beside the domain's shots."""
        one, answering = self.one, answering_of(self.domain)
        parts = self.parts or embedded()
        base = parts.find_base(base_of(one, self.domain.base))
        adapter = generalist.served(base, parts) if one.generalist else one.adapter and one.adapter / LORA
        if one.adapter and (card := _card(one.adapter)):
            refuse_other_base(one.adapter, card, base)
        model = parts.open_model(base, {TUNED: adapter} if adapter else {})
        try:
            tokenizer = parts.tokenizer(base)
            predictor, room = answering.predictor(model, tokenizer), answering.room(tokenizer)
            how = answering.mode(
                "tuned" if adapter else one.how, grammar=one.how != "free", shots=self._shots,
                room=2 * room if adapter else room,
            )  # fmt: skip
            predictor.predict("warm", "", how)  # reads the tools into the cache, as for a run
            yield lambda case: predictor.predict(case.id, case.action, how, case.history)
        finally:
            model.close()

    @property
    def _shots(self) -> int:
        return self.one.shots or (SHOTS if self.one.how == "fewshot" else 0)

    @contextmanager
    def talking(self) -> Iterator[Opener]:
        """A function that opens its assistant in a world. Raises ManyshotError; the model is closed at the end."""
        one, domain = self.one, self.domain
        if one.run:
            place = RunFolder(one.run)
            mode = "tuned" if one.how == "free" else one.how
            parts = self.meter.over(self.parts or embedded(settings_of(place).weights))
            with assistants(place, mode, guided=one.how != "free", trust=self.trust, parts=parts) as (_, opener):
                yield opener
            return
        if one.workflow:
            yield workflow_of(domain.folder, trust=self.trust)
            return
        flows = load_flows(domain.folder)
        with chat_of(one) as chat:
            yield lambda world, _: ChatAgent(chat, flows, domain.tools, domain.context, world)


def _card(adapter: Path) -> Json:
    """What an adapter's card says; {} where it says nothing."""
    try:
        found = json.loads((adapter / CARD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def base_of(one: Candidate, usual: str) -> str:
    """The base of a candidate that is no run: the one it names, else its adapter's, else `usual`. Raises DataError."""
    if one.adapter is None or one.base:
        return one.base or usual
    try:
        return str(_card(one.adapter)["base"]["name"])
    except (LookupError, TypeError):
        raise DataError(f"{one.adapter / CARD}: does not name its base; train the adapter again") from None


@contextmanager
def chat_of(one: Candidate, *, temperature: float = 0.0, seconds: float = 120.0) -> Iterator[Chat]:
    """The chat model behind a candidate's endpoint. Raises ModelError, SpecError without its key.

    seconds: that one answer may take.
    """
    assert one.base_url is not None
    assert one.model is not None
    try:
        from manyshot.plugs.models.openai import OpenAIChat
    except ImportError as error:
        raise ModelError(
            f"candidate {one.name!r} needs the package {error.name}, which is not installed: "
            "pip install 'manyshot[teacher]'"
        ) from None
    chat = OpenAIChat(
        one.base_url, one.model, key_of(one), one.key_env, f"candidate {one.name!r}",
        temperature=temperature, seconds=seconds,
    )  # fmt: skip
    try:
        yield chat
    finally:
        chat.close()


def key_of(one: Candidate) -> str:
    """The key of a candidate's endpoint, "" where it needs none. Raises SpecError when its variable is not set."""
    return secret(one.key_env, f"candidate {one.name!r}") if one.key_env else ""
