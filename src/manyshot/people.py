"""Names of people: made up ones to learn from, and those that a message announces.

The one rule: what is taken for a name begins as names of the language do: "I am in a hurry" names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from manyshot.types import Language

_ANNOUNCED: Mapping[Language, re.Pattern[str]] = {
    "zh": re.compile(
        r"(?:我叫|我是|姓名|名字|联系人|称呼|[叫写找填])(?:[是叫写填为:：\s]|就写)*([\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]+)?)(?=$|[\s，。,；;!！?？])"
    ),
    "en": re.compile(
        r"\b(?i:my name is|name(?:'s| is)?:?|this is|i am|i'm|under|for)\s+([A-Z][\w'-]+(?:\s+[A-Z][\w'-]+){0,2})"
    ),
}


@cache
def made_up(language: Language, count: int) -> tuple[str, ...]:
    """Names by Faker: common family and given names, no titles. The same ones each time."""
    from faker import Faker

    fake = Faker("zh_CN" if language == "zh" else "en_US")
    fake.seed_instance(0)
    if language == "zh":
        return tuple(fake.name() for _ in range(count))
    return tuple(f"{fake.first_name()} {fake.last_name()}" for _ in range(count))


@cache
def _families() -> frozenset[str]:
    """Chinese family names."""
    from faker.providers.person.zh_CN import Provider

    return frozenset(Provider.last_names)


def named(text: str, language: Language) -> str | None:
    """The name that words such as "my name is" announce, the last one; None without."""
    found = [one[1] for one in _ANNOUNCED[language].finditer(text)]
    if language == "zh":
        found = [name for name in found if name[:1] in _families() or name[:2] in _families()]
    return found[-1] if found else None
