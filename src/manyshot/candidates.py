"""Candidates of a comparison, as a person names them: in words, or in tables of a file.

One rule: what is wrong with one is found before anything is asked of another.

A word is MODE@WHERE, with NAME= before it if it should be called otherwise:

    runs/my  tuned@runs/my        a run, as it is served (free@: without grammar and guidance)
    base@runs/my  fewshot@runs/my its base alone, and with examples
    base  fewshot  base@FOLDER    the domain's base, or another one
    tuned@FOLDER                  an adapter that manyshot train wrote
    generalist                    the adapter that comes with the package, before any training on the domain
    workflow                      the flows by fixed rules, in scenarios
    MODEL@https://host/v1         a model behind an OpenAI-compatible endpoint
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from manyshot.errors import SpecError, at
from manyshot.runfolder import RUN
from manyshot.train.stage import CARD
from manyshot.types import Record

Mode = Literal["tuned", "free", "fewshot", "base"]
MODES: tuple[Mode, ...] = ("tuned", "free", "fewshot", "base")
WORKFLOW, GENERALIST = "workflow", "generalist"
_NAME = re.compile(r"[\w.+@-]{1,60}")
_NAMED = re.compile(r"([\w.+@-]{1,60})=(.+)")
_URL = re.compile(r"https?://")


class Candidate(Record):
    """What a person says of one candidate; a table [[candidate]] of a file has these keys."""

    name: str
    mode: Mode | None = Field(None, description="tuned, free, fewshot or base; a run's is tuned")
    run: Path | None = Field(None, description="folder of a run")
    adapter: Path | None = Field(None, description="folder that manyshot train wrote")
    base: str | None = Field(None, description="name or folder of a base; the domain's without it")
    workflow: bool = False
    generalist: bool = Field(False, description="the adapter that every domain starts from, as it is shipped")
    base_url: str | None = Field(None, description="an OpenAI-compatible endpoint")
    model: str | None = Field(None, description="the model's name at the endpoint")
    key_env: str = Field("", description="environment variable with the endpoint's key")
    shots: int = Field(0, ge=0, description="examples in the prompt; of fewshot and endpoints")
    price_in: float | None = Field(None, ge=0, description="price of a million tokens read")
    price_out: float | None = Field(None, ge=0, description="price of a million tokens written")
    price_hour: float | None = Field(None, ge=0, description="price of an hour of the machine")

    @model_validator(mode="after")
    def _one_kind(self) -> Candidate:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} has other signs than letters, digits and . + - @ _, or is long")
        places = [self.run, self.adapter, self.base_url, self.workflow or None, self.generalist or None]
        if sum(place is not None for place in places) > 1:
            raise ValueError("wanted one of run, adapter, base_url, workflow, generalist")
        if (self.base_url is None) != (self.model is None):
            raise ValueError("an endpoint has both base_url and model")
        if self.base_url and not _URL.match(self.base_url):
            raise ValueError(f"base_url is {self.base_url!r}; wanted http:// or https://")
        if not any((*places, self.mode, self.base)):
            raise ValueError("wanted run, adapter, base_url and model, workflow or generalist = true, or a mode")
        if self._alone and self.mode in ("base", "fewshot"):
            raise ValueError("an adapter's mode is tuned or free")
        if not self.run and not self._alone and self.mode in ("tuned", "free"):
            raise ValueError(f"mode {self.mode} needs a run or an adapter")
        return self

    @property
    def how(self) -> Mode:
        """Its mode, where that was not said the usual one."""
        return self.mode or ("tuned" if self.run or self._alone else "base")

    @property
    def _alone(self) -> bool:
        """Whether it is an adapter without a run."""
        return self.adapter is not None or self.generalist

    @property
    def talks(self) -> bool:
        """Whether it can be played scenarios with: a base or an acting adapter alone cannot think."""
        return bool(self.run or self.base_url or self.workflow)

    @property
    def calls(self) -> bool:
        """Whether it turns Actions into calls: a workflow has no use for them."""
        return not self.workflow

    def cost(self, tokens_in: int, tokens_out: int, ms: float) -> float | None:
        """Of so many tokens and so much time, None without any price."""
        if self.base_url:
            if self.price_in is None and self.price_out is None:
                return None
            return (tokens_in * (self.price_in or 0.0) + tokens_out * (self.price_out or 0.0)) / 1e6
        return None if self.price_hour is None else self.price_hour * ms / 3.6e6


def candidates(
    words: Sequence[str], file: Path | None, key_env: str = "", price_hour: float | None = None
) -> list[Candidate]:
    """Those of the command line, then those of a file. Raises SpecError."""
    found = [read_word(word, key_env) for word in words] + (read_file(file) if file else [])
    if not found:
        raise SpecError(
            "wanted candidates: a run, generalist, base, fewshot, workflow, MODEL@URL, or --candidates FILE"
        )
    for one in found:
        if sum(other.name == one.name for other in found) > 1:
            raise SpecError(f"two candidates are called {one.name!r}; put another NAME= before one of them")
    if price_hour is None:
        return found
    return [one if one.price_hour is not None else one.model_copy(update={"price_hour": price_hour}) for one in found]


def read_word(word: str, key_env: str = "") -> Candidate:
    """A candidate from a word of the command line. Raises SpecError."""
    named = _NAMED.fullmatch(word)
    name, rest = (named[1], named[2]) if named and "://" not in named[1] else ("", word)
    mode, there, where = rest.partition("@")
    try:
        if there and _URL.match(where):
            shown = name or re.sub(r"[^\w.+-]+", "-", mode)[:60]
            return Candidate(name=shown, model=mode, base_url=where, key_env=key_env)
        if rest == WORKFLOW:
            return Candidate(name=name or rest, workflow=True)
        if rest == GENERALIST:
            return Candidate(name=name or rest, generalist=True)
        if rest in ("base", "fewshot"):
            return Candidate(name=name or rest, mode=rest)
        if not there or mode not in MODES:
            mode, where = "", rest
        return _placed(name, mode, where, word)
    except ValidationError as error:
        raise SpecError(f"candidate {word!r}: {_first(error)}") from None


def _placed(name: str, mode: str, where: str, word: str) -> Candidate:
    folder = Path(where).expanduser()
    end = re.sub(r"[^\w.+-]+", "-", folder.resolve().name)[:40]
    shown = name or (f"{mode}@{end}" if mode else end)
    chosen: Mode | None = mode or None  # type: ignore[assignment]
    if (folder / RUN).is_file():
        return Candidate(name=shown, mode=chosen, run=folder)
    if (folder / CARD).is_file():
        return Candidate(name=shown, mode=chosen, adapter=folder)
    if mode in ("base", "fewshot"):
        return Candidate(name=shown, mode=chosen, base=where)
    raise SpecError(
        f"candidate {word!r}: {where} is no finished run and no trained adapter; wanted [MODE@]RUN, generalist, base, "
        "fewshot, base@BASE, workflow or MODEL@URL"
    )


def read_file(file: Path) -> list[Candidate]:
    """Candidates of a TOML file, a table [[candidate]] each. Raises SpecError with file and line."""
    try:
        text = file.read_text("utf-8")
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{file}: bad TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: cannot be read ({error}); name a TOML file with [[candidate]] tables") from None
    rows = table.get("candidate")
    if not isinstance(rows, list) or set(table) != {"candidate"} or not all(isinstance(row, dict) for row in rows):
        raise SpecError(f"{file}: wanted [[candidate]] tables and nothing else, found {', '.join(table) or 'nothing'}")
    starts = [n for n, row in enumerate(text.splitlines(), 1) if re.match(r"\s*\[\[\s*candidate\s*\]\]", row)]
    lines = starts if len(starts) == len(rows) else [0] * len(rows)
    found = []
    for number, row in zip(lines, rows, strict=True):
        try:
            found.append(Candidate.model_validate(_beside(row, file.parent)))
        except ValidationError as error:
            raise SpecError(f"{at(file, number)}: {_first(error)}") from None
    return found


def _beside(row: dict[str, object], folder: Path) -> dict[str, object]:
    """A table with its folders as they lie beside the file."""
    return {k: str(folder / v) if k in ("run", "adapter") and isinstance(v, str) else v for k, v in row.items()}


def _first(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"there is no key {key!r}; known: {', '.join(Candidate.model_fields)}"
    return f"{key}: {fault['msg'].lower()}" if key else fault["msg"].removeprefix("Value error, ")
