"""Scenarios through an assistant: one conversation each, and again with other seeds.

The one rule: an assistant and a world are made anew for each conversation; one that breaks counts as failed, with why.
One that the customer spoils (a customer that a model plays may err) counts neither way: it is played again, at most as
often as the stage says, and then marked.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from manyshot.dialogue.changes import snapshot
from manyshot.errors import WorldError
from manyshot.flow.steps import Flow
from manyshot.oneline import storable
from manyshot.protocols import Assistant, World
from manyshot.scenario.acted import Casting, CustomerError
from manyshot.scenario.customer import Customer, Talker, asked_together, moments_of, words_of_keys
from manyshot.scenario.grade import Verdict, grade
from manyshot.scenario.spoil import Spoil, SpoiltWorld
from manyshot.types import Json, Language, Scenario, Setup, Tool

#: A fresh assistant for one conversation in a world; the seed tells trials apart.
Opener = Callable[[World, int], Assistant]
#: Messages of a customer after which a conversation is broken off.
TURNS = 14


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scenarios of one domain are played."""

    language: Language
    flows: Sequence[Flow]
    tools: Sequence[Tool]
    open_world: Callable[[Setup], World]
    #: Tools that talk rubbish, and how conversations with them are judged; None for tools that answer.
    spoil: Spoil | None = None
    #: Who plays the customer, None for the script alone; how often a conversation that it spoils is played again.
    casting: Casting | None = None
    again: int = 0


def play(scenario: Scenario, stage: Stage, open_assistant: Opener, trial: int = 0) -> Json:
    """One conversation as a row: {id, trial, pass, final_state, violations, handoff, turns, dialogue}, with the number
    of `spoilt` calls where the stage spoils some.

    Where a model plays the customer the row has `slips` too, {kind, why, said} of each try that the customer spoilt,
    and `customer_error`: the kind of the last one's when no try was good ("pass" is null then), else null.

    Raises ModelError where a model is gone; nothing for what an assistant does.
    """
    if stage.casting is None:
        return _played(scenario, stage, open_assistant, trial, None)
    script, slips = _script(scenario, stage), list[Json]()
    for attempt in range(stage.again + 1):
        try:
            row = _played(scenario, stage, open_assistant, trial, stage.casting(scenario, script, trial, attempt))
        except _Spoilt as error:
            row = error.row
            slips.append({"kind": error.kind, "why": row["violations"][0], "said": error.said})
        else:
            return {**row, "slips": slips, "customer_error": None}
    return {**row, "pass": None, "violations": [], "slips": slips, "customer_error": slips[-1]["kind"]}


class _Spoilt(Exception):
    """A conversation that its customer spoilt: the row so far, whose one violation is the customer's."""

    def __init__(self, row: Json, error: CustomerError) -> None:
        super().__init__(str(error))
        self.row, self.kind, self.said = row, error.slip.kind, storable(error.said)


def _script(scenario: Scenario, stage: Stage) -> Customer:
    words = words_of_keys(scenario, stage.flows, stage.tools)
    together = asked_together(scenario, stage.flows)
    return Customer(scenario, stage.language, words, together, moments_of(stage.tools))


def _played(scenario: Scenario, stage: Stage, open_assistant: Opener, trial: int, acted: Talker | None) -> Json:
    """One conversation as a row. Raises _Spoilt."""
    try:
        world = stage.open_world(scenario.setup)
    except WorldError as error:
        return _row(
            scenario, trial, Verdict(passed=False, final_state={}, violations=(str(error),), handoff=False, turns=0), []
        )
    before = snapshot(world)
    spoilt = None if stage.spoil is None else SpoiltWorld(world, stage.spoil.share, f"{scenario.id} {trial}")
    world = spoilt or world
    assistant = open_assistant(world, trial)
    customer = acted or _script(scenario, stage)
    said: str | None = customer.open()
    handoff = False
    for _ in range(TURNS):
        if said is None:
            break
        new = assistant.hear(said)
        if assistant.over == "handoff":
            handoff = True
            break
        reply = " ".join(turn.text for turn in new if turn.role == "reply")
        try:
            said = customer.answer(reply, over=assistant.over == "ended")
        except CustomerError as error:
            graded = grade(scenario, assistant.turns, before, world.state(), handoff=False)
            verdict = graded.model_copy(update={"passed": False, "violations": (storable(error.slip.why),)})
            raise _Spoilt(_row(scenario, trial, verdict, _told(assistant)), error) from None
    verdict = grade(scenario, assistant.turns, before, world.state(), handoff=handoff)
    if stage.spoil is not None and spoilt is not None:
        verdict = stage.spoil.judge(verdict, assistant.turns, spoilt)
    row = _row(scenario, trial, verdict, _told(assistant))
    return row if spoilt is None else {**row, "spoilt": len(spoilt.said)}


def _told(assistant: Assistant) -> list[Json]:
    return [turn.model_dump(mode="json", exclude={"line"}, exclude_none=True) for turn in assistant.turns]


def _row(scenario: Scenario, trial: int, verdict: Verdict, dialogue: list[Json]) -> Json:
    told = verdict.model_dump(mode="json", exclude={"passed"})
    return {"id": scenario.id, "trial": trial, "pass": verdict.passed, **told, "dialogue": dialogue}


def plays(
    scenarios: Iterable[Scenario], trials: int, done: Mapping[tuple[str, int], Json]
) -> Iterator[tuple[Scenario, int]]:
    """(scenario, trial) that are still to be played: every scenario once before any twice."""
    found = list(scenarios)
    for trial in range(trials):
        yield from ((one, trial) for one in found if (one.id, trial) not in done)


def pass_power(rows: Iterable[Json], trials: int) -> dict[int, tuple[float, int]]:
    """k -> (pass^k, number of scenarios it is from): the chance that k trials of a scenario all pass, unbiased, over
    the scenarios of which all trials were played and judged (Yao et al. 2024, tau-bench)."""
    by_id: defaultdict[str, list[bool]] = defaultdict(list)
    for row in rows:
        if row["pass"] is not None:
            by_id[row["id"]].append(row["pass"])
    whole = [outcomes for outcomes in by_id.values() if len(outcomes) == trials]
    return {
        k: (sum(math.comb(sum(o), k) / math.comb(trials, k) for o in whole) / len(whole), len(whole))
        for k in range(1, trials + 1)
        if whole
    }
