"""Passes of whole dialogues: any beginning covers the paths evenly, and the same seed gives the same passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.train.dialogues import PASS_TOKENS, passes
from manyshot.train.tree import Branch, Pass
from manyshot.transcript import Thought, render, turns_of
from manyshot.types import Trajectory, Turn

PREFIX = [1, 2, 3]


def dialogue(number: int, path: str, words: int = 20) -> Trajectory:
    turns = (Turn(role="user", text=f"{path} {number} {'x' * words}"), *turns_of(Thought("t", "a", "end", "bye")))
    return Trajectory(id=f"{path}-{number}", turns=turns, path=path)


def many(count: int) -> list[Trajectory]:
    """Path a has ten times as many as b and c."""
    return [
        dialogue(n, path, 200)
        for path, n_of in (("a", count), ("b", count // 10), ("c", count // 10))
        for n in range(n_of)
    ]


def branches(made: Iterator[Pass]) -> list[Branch]:
    return [branch for one in made for branch in one.branches]


def path_of(branch: Branch) -> str:
    return bytes(branch.ids).decode().removeprefix("User: ")[0]


def test_every_dialogue_is_seen_once_an_epoch_with_its_mask() -> None:
    found, tokenizer = many(40), ByteTokenizer()
    wanted = sorted((tuple(r.ids), tuple(r.loss)) for r in (render(tokenizer, one.turns) for one in found))
    for epochs in (1, 2):
        made = list(passes(found, PREFIX, tokenizer, seed=0, epochs=epochs))
        assert all(one.prefix == PREFIX for one in made)
        seen = sorted((tuple(b.ids), tuple(b.loss_mask or ())) for one in made for b in one.branches)
        assert seen == sorted(wanted * epochs)


def test_a_pass_has_about_so_many_tokens_and_a_long_dialogue_one_of_its_own() -> None:
    short = dialogue(0, "d")
    found = [*many(40), short.model_copy(update={"turns": short.turns * (2 * PASS_TOKENS // 40)})]
    sizes = [[len(b.ids) for b in one.branches] for one in passes(found, PREFIX, ByteTokenizer(), seed=0)]
    assert all(sum(size) <= PASS_TOKENS or len(size) == 1 for size in sizes)
    assert [len(size) for size in sizes if sum(size) > PASS_TOKENS] == [1]
    assert sum(map(sum, sizes)) / len(sizes) > 0.6 * PASS_TOKENS


def test_any_beginning_covers_the_paths_evenly() -> None:
    order = [path_of(branch) for branch in branches(passes(many(100), PREFIX, ByteTokenizer(), seed=3))]
    assert Counter(order[:30]) == {"a": 10, "b": 10, "c": 10}
    assert all(set(order[n : n + 3]) == {"a", "b", "c"} for n in range(0, 30, 3))


def test_the_seed_decides_the_order() -> None:
    def ids(seed: int) -> list[tuple[int, ...]]:
        return [tuple(b.ids) for b in branches(passes(many(40), PREFIX, ByteTokenizer(), seed=seed))]

    assert ids(1) == ids(1)
    assert ids(1) != ids(2)
    assert sorted(ids(1)) == sorted(ids(2))


def test_what_has_no_thought_is_left_out() -> None:
    silent = Trajectory(id="s", turns=(Turn(role="user", text="hello?"),), path="a")
    assert list(passes([silent], PREFIX, ByteTokenizer(), seed=0)) == []
    assert len(branches(passes([silent, dialogue(1, "a")], PREFIX, ByteTokenizer(), seed=0))) == 1
