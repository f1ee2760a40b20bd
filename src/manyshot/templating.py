"""Jinja templates of pages and reports, all read the same way: everything escaped, a name that is not there a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def templates(folder: Path, **filters: Callable[..., Any]) -> Environment:
    """The templates of a folder, with filters beside Jinja's own."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment


def speaker(words: Mapping[str, str]) -> Callable[..., str]:
    """`say` of the templates: a key of the words of one language, with what stands in its braces."""

    def say(key: str, /, **parts: object) -> str:
        return words[key].format(**parts)

    return say
