"""Names that nobody has heard: in the manner of the shots', and never where values are no names."""

import random

import pytest

from manyshot.data import coin


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (["阿莫西林胶囊", "布洛芬缓释胶囊"], True),
        (["湖滨路店", "东门店"], True),
        (["Kingfisher Blue", "Dora May"], True),
        (["ibuprofen"], True),
        (["一直拉肚子", "皮肤起水泡了"], False),
        (["the lamp next to the gate has gone"], False),
        (["A-117", "B-220"], False),
        (["阿莫西林", "Panadol"], False),
        ([], False),
        ([3, 4], False),
    ],
)
def test_what_is_a_name(values, named):
    assert bool(coin.names(values)) is named


def test_they_are_written_as_the_others_and_seldom_twice():
    rng = random.Random(1)
    chinese = [coin.coined(["阿莫西林胶囊", "布洛芬缓释胶囊"], rng) for _ in range(200)]
    assert len(set(chinese)) > 190
    assert all("\u4e00" <= char <= "\u9fff" for name in chinese for char in name)
    assert 0.5 < sum(name.endswith("胶囊") for name in chinese) / 200 < 0.9
    english = [coin.coined(["Kingfisher Blue", "Dora May"], rng) for _ in range(200)]
    assert len(set(english)) > 150
    assert all(word[0].isupper() for name in english for word in name.split())
