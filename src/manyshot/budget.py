"""Minutes -> how many pairs, how long to train, how many tests for the untuned modes. Pure arithmetic, no clock.

One rule: the tuned model is judged on every test before the untuned ones get a share of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyshot.types import Record

#: Bytes of a line of tests/calls.jsonl; the number of tests is guessed from the file's size, which is not reading it.
TEST_BYTES = 190
#: Training samples a second that are planned for: measured with the embedded base on two cores.
SAMPLES_PER_SECOND = 3.5
#: At most this share of the whole time goes to the untuned modes.
BASE_SHARE = 0.15
#: At least this share of what can be divided goes to training; less where a sample must be answered whole.
TRAIN_SHARE, TRAIN_SHARE_WHOLE = 0.5, 0.15
#: Pairs generated a second, and the fewest and the most that are worth it.
PAIRS_PER_SECOND, FEWEST, MOST = 400.0, 400, 40_000
#: Seconds that training takes beside its steps (torch, the base, the last step, the adapter's conversion), and those
#: from the last answer to the end (verdicts, report); together at most this share of a short run.
SETUP, CLOSING, FIXED_SHARE = 30.0, 12.0, 0.2


#: Share of the whole time that a desk with flows gives to its thinking model.
THINKING_SHARE = 0.5
#: Dialogues seen in training and generated a second, measured as above, and the fewest and the most that are made. More
#: than are seen do no harm: what is seen covers the paths evenly.
DIALOGUES_SEEN, DIALOGUES_MADE, FEWEST_DIALOGUES, MOST_DIALOGUES = 0.75, 50.0, 200, 2400
#: At most this share of thinking's time, and so many seconds, go to its evaluation.
THINKING_TRIED, LONGEST_TRIED = 0.15, 120.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured seconds of one call: of the base without and with examples before it, and of a tuned model."""

    plain: float
    fewshot: float
    tuned: float


class Plan(Record):
    """What a run does with its time. Seconds are None when there is no limit."""

    pairs: int
    epochs: int
    train_seconds: float | None
    evaluate_seconds: float | None


def guess_tests(size: int, sample: int | None) -> int:
    """Number of tests in a file of `size` bytes, at most `sample`."""
    count = -(-size // TEST_BYTES)
    return count if sample is None else min(count, sample)


def plan(
    left: float | None, tests: int, costs: Costs, *, checks: int, tries: int, pairs: int | None, whole: bool = False
) -> Plan:
    """Divide `left` seconds.

    tests: how many; checks: training sentences and held-back pairs that are asked as well; tries: calls made to choose
    the number of examples; pairs: fixed by the user, else it follows from the time; whole: the untuned answer all.
    Without tests the untuned modes are not asked at all.
    """
    if left is None:
        return Plan(pairs=pairs or 8000, epochs=1, train_seconds=None, evaluate_seconds=None)
    spare = max(0.0, left) - min(SETUP + CLOSING, FIXED_SHARE * max(0.0, left))
    untuned = tests * (costs.plain + costs.fewshot) + tries * costs.fewshot if tests else 0.0
    if not whole:
        untuned = min(BASE_SHARE * spare, untuned)
    share = TRAIN_SHARE_WHOLE if whole and tests else TRAIN_SHARE
    evaluate = min((2 * tests + checks) * costs.tuned + untuned, (1 - share) * spare)
    free = spare - evaluate
    # p pairs take p / PAIRS_PER_SECOND to make and p / SAMPLES_PER_SECOND to see once.
    wanted = int(free / (1 / PAIRS_PER_SECOND + 1 / SAMPLES_PER_SECOND))
    made = pairs or min(MOST, max(FEWEST, wanted))
    train = max(free - made / PAIRS_PER_SECOND, 0.5 * free)
    # A faster machine than planned for sees the pairs again rather than stopping early.
    return Plan(pairs=made, epochs=2, train_seconds=round(train, 1), evaluate_seconds=round(evaluate, 1))


class ThinkingPlan(Record):
    """What a run does with the time for its thinking model. Seconds are None when there is no limit."""

    dialogues: int
    train_seconds: float | None
    evaluate_seconds: float | None

    @property
    def seconds(self) -> float:
        """All of it that can be told beforehand."""
        return (self.train_seconds or 0.0) + (self.evaluate_seconds or 0.0) + self.dialogues / DIALOGUES_MADE + SETUP


def thinking_plan(left: float | None, dialogues: int | None) -> ThinkingPlan:
    """Divide THINKING_SHARE of `left` seconds. dialogues: fixed by the user, else it follows from the time."""
    if left is None:
        return ThinkingPlan(dialogues=dialogues or MOST_DIALOGUES, train_seconds=None, evaluate_seconds=None)
    free = THINKING_SHARE * max(0.0, left)
    evaluate = min(LONGEST_TRIED, THINKING_TRIED * free)
    free -= evaluate + min(SETUP, FIXED_SHARE * free)
    seen = int(2 * DIALOGUES_SEEN * free)
    made = dialogues or min(MOST_DIALOGUES, max(FEWEST_DIALOGUES, seen))
    train = max(free - made / DIALOGUES_MADE, 0.5 * free)
    return ThinkingPlan(dialogues=made, train_seconds=round(train, 1), evaluate_seconds=round(evaluate, 1))
