"""Mutants with a known verdict: nothing wrong is called valid, nothing right is refused, nothing breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.formats import Format, read_calls
from manyshot.scoring.entries import Entry, Judged
from manyshot.scoring.judges import judge_as_bfcl
from manyshot.scoring.strictly import judge_strictly
from tests.mutants import as_text, damaged, mutant

JUDGES = [judge_as_bfcl, judge_strictly]


@settings(max_examples=400)
@given(st.integers(0, 2**32))
@pytest.mark.parametrize("judge", JUDGES)
def test_the_verdict_is_the_one_known(judge: Callable[[Entry], Judged], seed: int) -> None:
    made = mutant(random.Random(seed))
    got = judge(made.entry)
    assert (got.valid is True) == made.right, (made, got)
    got.message.encode()


@settings(max_examples=300)
@given(st.integers(0, 2**32), st.sampled_from(get_args(Format)))
def test_texts_get_the_verdict_of_their_calls(seed: int, form: Format) -> None:
    rng = random.Random(seed)
    made = mutant(rng)
    text = as_text(made.entry.output, form)
    if text is None:
        return
    for tried in (text, damaged(text, rng)):
        try:
            calls = read_calls(tried, form).calls
        except ValueError:
            assert not (made.right and tried == text)
            continue
        read = replace(made.entry, output=[{call.name: call.arguments} for call in calls])
        for judge in JUDGES:
            got = judge(read).valid is True
            assert tried != text or got == made.right, (made, tried)
