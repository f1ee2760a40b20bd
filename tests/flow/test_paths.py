"""Paths: all of them, each once, with ids that outlive edits elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.flow.paths import MAX_WALKS, VISITS, TooManyPaths, paths, walks
from manyshot.flow.steps import Flow, Say
from tests.flow.flows import ask, branch, call, end, flow, person, say

YES_NO = ("yes", "no")


def ids(made: Flow) -> list[str]:
    return [path.id for path in paths(made)]


def outcomes(made: Flow) -> list[str]:
    return [path.steps[-1].words for path in paths(made)]


def test_every_exit_makes_a_path() -> None:
    made = flow(
        ask("a", "ok", "b"), branch("b", ("ok == yes", "c"), ("", "person")), call("c", "end", "broken"),
        end(), person(), person("broken", "system down"), ok=YES_NO,
    )  # fmt: skip
    assert outcomes(made) == ["done", "system down", "wanted"]
    assert [[s.words for s in p.steps if s.kind == "call"] for p in paths(made)] == [["Book"], ["Book (failed)"], []]


def test_a_loop_is_gone_round_once() -> None:
    made = flow(
        ask("a", "ok", "c"), call("c", "b"), branch("b", ("ok == yes", "end"), ("", "a")), end(), ok=YES_NO
    )  # fmt: skip
    assert [len([s for s in p.steps if s.kind == "call"]) for p in paths(made)] == [1, 2]


def test_ways_that_contradict_themselves_do_not_exist() -> None:
    made = flow(
        ask("a", "ok", "b"), branch("b", ("ok == yes", "c"), ("", "d")), call("c", "e"), call("d", "e", tool="Cancel"),
        branch("e", ("ok == yes", "end"), ("", "person")), end(), person(), ok=YES_NO,
    )  # fmt: skip
    assert outcomes(made) == ["done", "wanted"]


def test_a_new_answer_forgets_what_was_true_of_the_old_one() -> None:
    made = flow(
        ask("a", "ok", "b"), branch("b", ("ok == yes", "end"), ("", "again")), ask("again", "ok", "c"),
        branch("c", ("ok == yes", "late"), ("", "person")), end(), end("late", "late"), person(), ok=YES_NO,
    )  # fmt: skip
    assert outcomes(made) == ["done", "late", "wanted"]


def test_ways_that_only_sound_different_are_one_path() -> None:
    made = flow(
        ask("a", "vip", "b"), branch("b", ("vip == yes", "long"), ("", "call")), say("long", "short"),
        say("short", "call"), call("call", "end"), end(), vip=YES_NO,
    )  # fmt: skip
    (path,) = paths(made)
    assert [len(walk.steps) for walk in path.walks] == [4, 6]
    assert [step.id for step in path.steps] == ["a", "b", "call", "end"]


def test_ids_stay_when_the_flow_is_edited_elsewhere() -> None:
    def made(text: str = "hello", extra: str = "person", last: str = "end") -> Flow:
        return flow(
            ask("a", "ok", "b"), branch("b", ("ok == yes", "s"), ("", extra)), say("s", "c", text), call("c", last),
            end(last), person(), call("x", "person", tool="Cancel"), ok=YES_NO,
        )  # fmt: skip

    first = ids(made())
    assert ids(made(text="other words")) == first
    assert ids(made(last="closed")) == first  # a step renamed
    edited = ids(made(extra="x"))
    assert edited[0] == first[0]
    assert edited[1] != first[1]
    assert len(set(first)) == len(first)


def test_values_of_calls_tell_paths_apart() -> None:
    made = flow(
        ask("a", "when", "b"), branch("b", ("when == am", "m"), ("", "p")), call("m", "end", period="morning"),
        call("p", "end", period="evening"), end(), when=("am", "pm"),
    )  # fmt: skip
    assert len(paths(made)) == 2


def test_too_many_paths_are_an_error_and_not_a_wait() -> None:
    wide = flow(
        *[
            step
            for n in range(14)
            for step in (
                ask(f"a{n}", "s", f"b{n}"), branch(f"b{n}", ("s == x", f"c{n}"), ("", f"a{n + 1}")),
                call(f"c{n}", f"a{n + 1}"),
            )
        ],
        end("a14"), s=("x", "y"),
    )  # fmt: skip
    with pytest.raises(TooManyPaths, match=f"more than {MAX_WALKS:,} ways through f; split it"):
        paths(wide)


def test_tangled_conditions_are_an_error_and_not_a_wait() -> None:
    slots = {f"s{n}": tuple(f"v{k}" for k in range(4)) for n in range(6)}
    asks = [ask(f"a{n}", f"s{n}", f"a{n + 1}" if n < 5 else "b0") for n in range(6)]
    tests = [
        step
        for n in range(30)
        for step in (
            branch(f"b{n}", (f"s{n % 6} == v{n % 4} or s{(n + 1) % 6} == v{(n + 1) % 4}", f"c{n}"), ("", f"b{n + 1}")),
            call(f"c{n}", f"b{n + 1}", n=n),
        )
    ]
    with pytest.raises(TooManyPaths, match="hang together in too many ways; ask fewer slots at once"):
        paths(flow(*asks, *tests, end("b30"), **slots))


@settings(max_examples=80)
@given(st.data())
def test_no_flow_hangs_and_every_walk_is_whole(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 7))
    names = [f"s{n}" for n in range(size)] + ["end"]
    made = flow(
        *[
            data.draw(
                st.one_of(
                    st.sampled_from(names).map(lambda go, n=n: ask(f"s{n}", "x", go)),
                    st.tuples(st.sampled_from(names), st.sampled_from(names)).map(
                        lambda go, n=n: branch(f"s{n}", ("x == 1", go[0]), ("", go[1]))
                    ),
                    st.tuples(st.sampled_from(names), st.sampled_from(names)).map(
                        lambda go, n=n: call(f"s{n}", go[0], go[1])
                    ),
                )
            )
            for n in range(size)
        ],
        end(), x=(),
    )  # fmt: skip
    try:
        found = list(walks(made))
    except TooManyPaths:
        return
    assert len({tuple(w.taken) for w in found}) == len(found)
    for walk in found:
        assert walk.steps[0].id == made.start
        assert walk.steps[-1].id == "end"
        assert max(sum(s.id == t.id for t in walk.steps) for s in walk.steps) <= VISITS
        for (_, label), step, after in zip(walk.taken, walk.steps, walk.steps[1:], strict=False):
            assert (label, after.id) in step.exits


def test_a_say_step_without_branches_is_one_path() -> None:
    made = flow(Say(id="a", text="hello", next="end"), end())
    assert [path.row for path in paths(made)] == [
        {
            "flow": "f",
            "path": ids(made)[0],
            "steps": [{"id": "a", "kind": "say", "words": "hello"}, {"id": "end", "kind": "end", "words": "done"}],
        }
    ]
