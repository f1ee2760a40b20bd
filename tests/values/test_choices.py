"""What a description says of an enum's values."""

import pytest

from manyshot.values.choices import from_description, glosses, in_order


@pytest.mark.parametrize(
    ("values", "description", "said"),
    [
        (["piano", "drum", "band"], "钢琴房、鼓房、排练房", ["钢琴房", "鼓房", "排练房"]),
        (["s", "w"], "类别：弦乐（提琴、吉他等）、管乐；没有说就不填", ["弦乐（提琴、吉他等）", "管乐"]),
        (["A", "B", "C"], "Which hall: red, green or blue hall.", ["red", "green", "blue hall"]),
        (["A", "B"], "Kind of delivery, if any", []),
        (["red", "green"], "red、green", []),
        (["a", "b", "c"], "上午、下午", []),
    ],
)
def test_choices_that_are_listed_in_their_order(values, description, said):
    assert list(in_order(values, description).values()) == said


def test_a_list_in_order_explains_where_nothing_names_the_values():
    assert glosses(["am", "pm"], "上午、下午") == {"am": "上午", "pm": "下午"}
    assert glosses(["am", "pm"], "am 早上，pm 下午") == {"am": "早上", "pm": "下午"}
    assert from_description(["s", "w"], "弦乐（提琴等）、管乐") == {"s": ["弦乐"], "w": ["管乐"]}
