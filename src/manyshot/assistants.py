"""A trained run -> assistants that talk: its two adapters on one base, each conversation with a world of its own.

One rule: chat, simulate and evaluation open assistants here, so that all of them talk alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

from manyshot.acting import Answer
from manyshot.agent import Agent
from manyshot.answering import THINKING, TUNED, answering_of
from manyshot.data.dialogues.detours import EARLY, words
from manyshot.data.dialogues.places import Places
from manyshot.data.slots import domain_slots
from manyshot.dialogue.approval import approved
from manyshot.errors import DataError
from manyshot.flow.paths import paths
from manyshot.flow.steps import CallTool, Flow
from manyshot.guide import Guide
from manyshot.guided import Guidance, Guided, Weigh
from manyshot.leaving import Leaving
from manyshot.multiply import builder_of
from manyshot.parts import CONTEXT_TOKENS, Parts, embedded
from manyshot.people import made_up
from manyshot.pipeline import settings_of
from manyshot.protocols import World
from manyshot.records import read_jsonl
from manyshot.runfolder import RunFolder
from manyshot.scenario.play import Opener, Stage
from manyshot.serve.predictor import Mode, Predictor
from manyshot.shotbook import GENERATED, open_book
from manyshot.single import chosen_shots
from manyshot.spec.load import load_dialogues, load_domain, load_flows, load_sayings
from manyshot.thinker import MAX_TOKENS, Thinker
from manyshot.transcript import Thought, prefix_text
from manyshot.types import Domain, Refusal, Trajectory, Turn
from manyshot.understanding import Heard, Reading, heard_in, heard_of, slot_values, understanding
from manyshot.values import Kind
from manyshot.workflow import Workflow, read_rules
from manyshot.world.opening import opener

AssistantMode = Literal["base", "fewshot", "tuned", "workflow"]
#: Whole dialogues before a conversation in mode fewshot; more do not fit beside a long one.
EXAMPLES = 3
#: Names that a desk's assistants know the look of, beside those of its customers.
PEOPLE = 120
#: Tries of one thought lie this far apart in different trials.
_APART = 100


@contextmanager
def assistants(
    place: RunFolder,
    mode: AssistantMode,
    *,
    guided: bool = True,
    weigh: bool = False,
    trust: bool = False,
    clock: Callable[[], datetime] | None = None,
    parts: Parts | None = None,
) -> Iterator[tuple[Stage, Opener]]:
    """Where a run's scenarios are played, and a function that opens an assistant. The model is closed at the end.

    mode: tuned with what the run learnt; base and fewshot without; workflow runs the flows by rules. guided: a tuned
    one keeps its place in the flows and speaks in experts' words (manyshot.guided), an untuned one is held to the calls
    that the flows leave open. weigh: a guided one asks the thinking model where words leave open what is meant; else no
    model is needed. clock: the moment that it is, by which days and hours are read; None for that of the domain's data.
    Raises DataError for a run that did not learn to think, SpecError for a workflow without rules,
    WorldError for a world that may not be run.
    """
    domain, flows = load_domain(place.domain), load_flows(place.domain)
    stage = Stage(domain.context.language, flows, domain.tools, opener(domain, flows, trust=trust))
    if mode == "workflow":
        yield stage, workflow_of(place.domain, trust=trust)
        return
    if mode == "tuned" and not (place.trained and place.thought):
        raise DataError(
            f"{place.path}: has no thinking adapter; a run makes one when the domain has flows and approved dialogues "
            "(manyshot shots list), and --no-thinking was not given"
        )
    if mode == "tuned" and guided and not weigh:
        yield stage, _guided(guidance_of(place.domain, place.dialogues, None, trust=trust), domain, clock)
        return
    config = settings_of(place)
    parts = parts or embedded(config.weights)
    answering = answering_of(domain, config.copy_spans, config.held_out)
    base = parts.find_base(domain.base)
    adapters = {TUNED: place.adapter, THINKING: place.thinking} if mode == "tuned" else {}
    model, tokenizer = parts.open_model(base, adapters), parts.tokenizer(base)
    try:
        thinker = Thinker(
            model,
            tokenizer,
            prefix_text(domain.tools, flows, domain.context),
            adapter=THINKING if mode == "tuned" else None,
            examples=approved(*load_dialogues(place.domain)) if mode == "fewshot" else (),
            shots=EXAMPLES if mode == "fewshot" else 0,
            room=CONTEXT_TOKENS - MAX_TOKENS,
        )
        if mode == "tuned" and guided:
            yield stage, _guided(guidance_of(place.domain, place.dialogues, thinker.weigh, trust=trust), domain, clock)
            return
        guide = Guide(path for flow in flows for path in paths(flow)) if guided else None
        how = answering.mode(mode, grammar=True, shots=chosen_shots(place))

        @lru_cache(maxsize=1)
        def made(day: datetime | None) -> tuple[Thinker, Predictor]:
            if day is None:
                return thinker, answering.predictor(model, tokenizer)
            there = on(domain, day)
            own = answering_of(there, config.copy_spans, config.held_out)
            prefix = prefix_text(domain.tools, flows, there.context)
            return replace(thinker, prefix=prefix), own.predictor(model, tokenizer)

        def open_assistant(world: World, trial: int) -> Agent:
            day = clock and clock().replace(hour=0, minute=0, second=0, microsecond=0)
            thinking, predictor = made(day)
            act = partial(_act, predictor, how)
            return Agent(partial(_think, thinking, trial), act, world, domain.context.language, guide=guide)

        yield stage, open_assistant
    finally:
        model.close()


def on(domain: Domain, moment: datetime) -> Domain:
    """The same desk at another moment."""
    return domain.model_copy(update={"context": domain.context.model_copy(update={"today": moment})})


def guidance_on(guidance: Guidance, domain: Domain) -> Guidance:
    """What guided assistants share, at the moment of this domain. What customers mean was learnt, and stays."""
    desk = replace(guidance.company, context=domain.context, tools=domain_slots(domain))
    places = {name: Places(flow, desk) for name, flow in desk.flows.items()}
    return replace(guidance, company=desk, mixer=replace(guidance.mixer, company=desk, places=places))


def _guided(guidance: Guidance, domain: Domain, clock: Callable[[], datetime] | None) -> Opener:
    if clock is None:
        return partial(Guided, guidance)
    made = lru_cache(maxsize=1)(lambda moment: guidance_on(guidance, on(domain, moment)))
    return lambda world, trial: Guided(made(clock().replace(minute=0, second=0, microsecond=0)), world, trial)


def workflow_of(domain: Path, *, trust: bool = False) -> Opener:
    """Opens the flows of a desk as fixed rules. Raises SpecError where it has none."""
    rules, desk = read_rules(domain), open_book(domain, partial(opener, trust=trust)).company
    return lambda world, _: Workflow(desk, rules, world)


def guidance_of(domain: Path, dialogues: Path, weigh: Weigh | None, *, trust: bool = False) -> Guidance:
    """What a desk's guided assistants share: flows, experts' words, and what generated dialogues show of customers'.

    weigh: the thinking model's opinion of thoughts that may come next; None leaves it to the words.
    """
    book = open_book(domain, partial(opener, trust=trust))
    builder = builder_of(book, 0)
    desk, flows = book.company, tuple(book.company.flows.values())
    made = list(read_jsonl(dialogues / GENERATED, Trajectory))
    heard = [one for row in made for one in heard_in(row, desk, [desk.paths[row.flow][row.path]])]
    # What experts wrote counts as it stands, too.
    heard += [one for shot in book.usable for one in heard_in(shot, desk)]
    values = slot_values(flows, builder.pools, made)
    people = made_up(desk.context.language, PEOPLE)
    for slot, texts in values.items():
        if any(form.kind is Kind.PERSON for flow in flows if (form := desk.field_of(flow, slot)) is not None):
            texts += people
    said = load_sayings(domain, flows)
    heard += heard_of(said, values)
    heard += [Heard(flow.name, "", flow.about, Reading(flow=flow.name)) for flow in flows if flow.about]
    # Who opens with something that belongs nowhere begins no flow.
    strays = words(desk.context.language).detours
    heard += [Heard("", "", text, Reading(strays=kind)) for kind in EARLY for text in strays[kind].says]
    leaving = Leaving.fit(
        heard, _own_words(domain, flows), [text for one in strays.values() for text in one.says], desk.context.language
    )
    return Guidance(desk, builder.mixer, understanding(heard, desk.context.language, values, said), leaving, weigh)


def _own_words(domain: Path, flows: Sequence[Flow]) -> dict[str, list[str]]:
    """Flow -> what is said of the tools that it alone calls, and the Actions of experts' calls of them."""
    read = load_domain(domain)
    calls = {flow.name: {step.tool for step in flow.steps if isinstance(step, CallTool)} for flow in flows}
    often = Counter(name for names in calls.values() for name in names)
    own = {flow: {name for name in names if often[name] == 1} for flow, names in calls.items()}
    return {
        flow: [tool.description for tool in read.tools if tool.name in names]
        + [shot.action for shot in read.shots if shot.call is not None and shot.call.name in names]
        for flow, names in own.items()
        if names
    }


def _think(thinker: Thinker, trial: int, turns: Sequence[Turn], attempt: int) -> Thought:
    return thinker(turns, attempt + _APART * trial)


def _act(predictor: Predictor, mode: Mode, action: str, refused: Sequence[Refusal]) -> Answer:
    done = predictor.predict("act", action, mode, refused)
    return Answer(done.calls, done.ask, done.fault)
