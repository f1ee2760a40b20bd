"""domain.toml: every fault has its line and says what to write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from manyshot.errors import SpecError
from manyshot.spec.load import load_domain, read_domain
from manyshot.types import PAIR_KINDS, TeacherConfig
from tests.spec.desk import TOML, Desk

Said = Callable[[], list[str]]
TEACHER = '[teacher]\nbase_url = "http://x/v1"\nmodel = "m"\n'


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        (TOML + "timezoen = 1\n", 'domain.toml:4: unknown key "timezoen" in domain.toml; did you mean "timezone"?'),
        ('name = "d"\nlanguage = "en"\n', 'domain.toml:1: domain.toml has no "today"; add it'),
        ('name = "d"\nlanguage = "fr"\ntoday = 2024-10-10\n', "domain.toml:2: wanted one of zh, zh-CN, en, en-US"),
        ('name = "d"\nlanguage = "en"\ntoday = "soon"\n', "domain.toml:3: wanted a date as 2024-10-10"),
        ('name = "d"\nlanguage = "en"\ntoday = 09:00:00\n', "domain.toml:3: wanted a date as 2024-10-10"),
        ('name = "d"\nlanguage = "en"\ntoday = 7\n', "domain.toml:3: wanted a date as 2024-10-10"),
        ("name = desk\n", "domain.toml:1: bad TOML"),
        ('name = ""\nlanguage = "en"\ntoday = 2024-10-10\n', "domain.toml:1: wanted a name of letters"),
        (TOML + 'timezone = "east"\n', 'domain.toml:4: wanted an offset as "+08:00"'),
        (TOML + "base = 3\n", "domain.toml:4: wanted the name or the path of a model"),
        (TOML + 'require_approval = "yes"\n', "domain.toml:4: wanted true or false"),
        (TOML + "\n[shares]\nask = -1\n", "domain.toml:6: wanted a number from 0 for ask in [shares], found -1"),
        (TOML + "shares = 3\n", "domain.toml:4: wanted a table [shares]"),
        (
            TOML + "[shares]\nplaid = 1\n",
            'domain.toml:5: [shares] names "plaid", which is no class of pairs; did you mean',
        ),
        (
            TOML + "[shares]\n" + "".join(f"{kind} = 0\n" for kind in PAIR_KINDS),
            "domain.toml:4: all numbers in [shares] are 0",
        ),
        (TOML + "[weights]\nBok = 2\n", 'domain.toml:5: [weights] names "Bok", which is no tool; did you mean "Book"?'),
        (TOML + "[weights]\nBook = nan\n", "domain.toml:5: wanted a number from 0 for Book"),
        (
            TOML + '[weights]\nfile = "a.csv"\nBook = 1\n',
            "domain.toml:6: wanted file or tool = weight in [weights], found both",
        ),
        (TOML + "teacher = 3\n", "domain.toml:4: wanted a table [teacher] with base_url and model, found 3"),
        (TOML + '[teacher]\nmodel = "m"\n', 'domain.toml:4: [teacher] has no "base_url"; add it'),
        (TOML + TEACHER + 'key = "sk"\n', 'domain.toml:7: unknown key "key" in [teacher]; did you mean "key_env"?'),
        (TOML + TEACHER + 'key_env = "sk-s3cret"\n', "domain.toml:7: wanted the name of an environment variable as"),
        (TOML + TEACHER + "share = 2\n", "domain.toml:7: wanted a number from 0 to 1 for share in [teacher], found 2"),
        (TOML + TEACHER + 'styles = "terse"\n', 'domain.toml:7: wanted styles as ["terse", "polite"], found "terse"'),
        (TOML + '[teacher]\nbase_url = "x"\nmodel = "m"\n', "domain.toml:5: wanted the address of an endpoint"),
        (
            TOML + '[teacher]\nbase_url = "http://x"\nmodel = 1\n',
            "domain.toml:6: wanted the endpoint's name of a model",
        ),
    ],
)
def test_faults(desk: Desk, said: Said, toml: str, expected: str) -> None:
    desk.write("domain.toml", toml)
    assert any(line.startswith(expected) for line in said()), said()


def test_a_key_written_where_its_name_belongs_is_not_shown(desk: Desk, said: Said) -> None:
    desk.write("domain.toml", TOML + TEACHER + 'key_env = "sk-s3cret"\n')
    assert said()
    assert "s3cret" not in "".join(said())


def test_a_teacher_is_read(desk: Desk) -> None:
    desk.write("domain.toml", TOML + TEACHER + 'key_env = "A_KEY"\nshare = 1\nstyles = ["terse"]\n')
    teacher = TeacherConfig(base_url="http://x/v1", model="m", key_env="A_KEY", share=1.0, styles=("terse",))
    assert load_domain(desk.folder).teacher == teacher


def test_every_fault_at_once(desk: Desk) -> None:
    desk.write("domain.toml", 'nam = "d"\nlanguage = "fr"\ntoday = 1\n')
    desk.shots([{"action": "", "call": None}])
    domain, faults = read_domain(desk.folder)
    assert domain is None
    assert [(f.file, f.line) for f in faults] == [
        ("domain.toml", 1), ("domain.toml", 1), ("domain.toml", 2), ("domain.toml", 3), ("shots/calls.jsonl", 1),
    ]  # fmt: skip
    with pytest.raises(SpecError, match=r"desk/domain.toml:1: .* \(and 4 more: manyshot check .*desk\)"):
        load_domain(desk.folder)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2024-10-10", "2024-10-10T09:00:00+08:00"),
        ('"2024-10-10"', "2024-10-10T09:00:00+08:00"),
        ("2024-10-10T14:30:00", "2024-10-10T14:30:00+08:00"),
        ('"2024-10-10 14:30"', "2024-10-10T14:30:00+08:00"),
        ("2024-10-10T14:30:00+02:00", "2024-10-10T14:30:00+02:00"),
        ('"2024-10-10T14:30:00Z"', "2024-10-10T14:30:00+00:00"),
    ],
)
def test_today(desk: Desk, today: str, expected: str) -> None:
    desk.write("domain.toml", f'name = "d"\nlanguage = "zh-CN"\ntoday = {today}\n')
    context = load_domain(desk.folder).context
    assert (context.today.isoformat(), context.language) == (expected, "zh")


@pytest.mark.parametrize(
    ("zone", "offset"), [("-05:30", "-05:30"), ("Z", "+00:00"), ("Asia/Shanghai", "+08:00"), ("+0930", "+09:30")]
)
def test_timezone(desk: Desk, zone: str, offset: str) -> None:
    desk.write("domain.toml", f'{TOML}timezone = "{zone}"\n')
    assert load_domain(desk.folder).context.today.isoformat().endswith(offset)


def test_all_keys_are_read(desk: Desk) -> None:
    desk.write("domain.toml", TOML + 'base = "/m"\nrequire_approval = true\n[shares]\nask = 0.2\n[weights]\nBook = 3\n')
    domain = load_domain(desk.folder)
    assert (domain.base, domain.require_approval, domain.shares, domain.weights) == (
        "/m",
        True,
        {"ask": 0.2},
        {"Book": 3.0},
    )
