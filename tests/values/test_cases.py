"""What people say, written down before the readers were: every line reads as expected, or is refused."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from manyshot.types import Context
from manyshot.values import field_for

HERE = Path(__file__).parent
CASES = [
    pytest.param(language, json.loads(line), id=f"{language}-{n}")
    for language in ("zh", "en")
    for n, line in enumerate((HERE / f"cases_{language}.jsonl").read_text("utf-8").splitlines(), 1)
]


@pytest.mark.parametrize(("language", "case"), CASES)
def test_reads_as_expected(language, case):
    context = Context(today=datetime.fromisoformat(case["today"]), language=language)
    field = field_for(case["name"], case["schema"], context)
    if case.get("error"):
        with pytest.raises(ValueError, match=field.name):
            field.resolve(case["surface"])
    else:
        value = field.resolve(case["surface"])
        assert value == case["expected"]
        assert isinstance(value, bool) == isinstance(case["expected"], bool)
