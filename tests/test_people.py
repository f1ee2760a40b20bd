"""Names that a message announces, and words that look like it and name nobody."""

from __future__ import annotations

import pytest

from manyshot.people import made_up, named
from manyshot.types import Language


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("zh", "上午九点，我叫滕小满，地址稍后发", "滕小满"),
        ("zh", "姓名：欧阳倩；时间下午两点", "欧阳倩"),
        ("zh", "名字写柳青山就行，嗯", None),
        ("zh", "联系人是古丽·艾山", "古丽·艾山"),
        ("zh", "我是业主，家里没电", None),
        ("zh", "我叫了三遍没人应", None),
        ("zh", "先写王磊，不对，写孙建国", "孙建国"),
        ("en", "It's for Joan Pike, at nine", "Joan Pike"),
        ("en", "my name is Ida O'Neil", "Ida O'Neil"),
        ("en", "this is urgent, I am in a hurry", None),
    ],
)
def test_announced_names(language: Language, text: str, name: str | None) -> None:
    assert named(text, language) == name


def test_made_up_names_are_the_same_each_time_and_of_the_language() -> None:
    chinese, english = made_up("zh", 40), made_up("en", 40)
    assert all(2 <= len(name) <= 4 for name in chinese)
    assert all(" " in name for name in english)
    assert len(set(chinese)) > 30
    made_up.cache_clear()
    assert made_up("zh", 40) == chinese
