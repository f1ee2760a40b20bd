"""Settings from TOML files and key=value words, and the only reader of the environment.

One rule: an unknown key or a value of the wrong type stops before any work, and the message lists what is possible.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from manyshot.errors import SpecError, at

M = TypeVar("M", bound=BaseModel)
#: Where the shipped domains lie.
SHIPPED = Path(__file__).parent / "domains"


def override(settings: M, words: Sequence[str] = (), file: Path | None = None) -> M:
    """`settings` with what stands in a TOML file and then with `key=value` words. Raises SpecError."""
    given: dict[str, tuple[Any, str]] = {}
    if file is not None:
        given.update({key: (value, str(file)) for key, value in _toml(file).items()})
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise SpecError(f"wanted key=value, got {word!r}; known keys: {', '.join(type(settings).model_fields)}")
        given[key.strip()] = (_scalar(text.strip()), word)
    return _checked(settings, given)


def _checked(settings: M, given: dict[str, tuple[Any, str]]) -> M:
    known = list(type(settings).model_fields)
    for key, (_, where) in given.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
            raise SpecError(f"{where}: there is no setting {key!r}; {hint}")
    try:
        return type(settings).model_validate({**settings.model_dump(), **{k: v for k, (v, _) in given.items()}})
    except ValidationError as error:
        fault = error.errors()[0]
        key = str(fault["loc"][0]) if fault["loc"] else ""
        where = given[key][1] if key in given else "settings"
        about = type(settings).model_fields[key].description if key in known else ""
        raise SpecError(f"{where}: {fault['msg'].lower()}; {key} is: {about}") from None


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{file}: bad TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{file}: cannot be read ({error}); name a TOML file") from None


def _scalar(text: str) -> Any:
    """A TOML value where the text is one (numbers, true, "quoted", lists), else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def find_domain(word: str) -> Path:
    """A domain folder by path, or a shipped one by its name. Raises SpecError."""
    folder = Path(word).expanduser()
    if folder.is_dir():
        return folder
    if (SHIPPED / word).is_dir() and word == Path(word).name:
        return SHIPPED / word
    names = ", ".join(shipped_domains())
    raise SpecError(
        f"{at(word)}: wanted a domain folder or a shipped domain ({names}); there is neither; see manyshot init"
    )


def shipped_domains() -> list[str]:
    """Names of the domains that come with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/domain.toml"))


def cache_folder() -> Path | None:
    """Where converted bases are kept: MANYSHOT_CACHE, or None for the default in the home folder."""
    given = os.environ.get("MANYSHOT_CACHE", "")
    return Path(given).expanduser() if given else None


def desk_database(given: str) -> str:
    """Address of the desk's database: as given, else MANYSHOT_DESK_DB (a password does not belong into a command)."""
    return given or os.environ.get("MANYSHOT_DESK_DB", "").strip() or "sqlite:///desk.db"


def service_database(given: str, run: Path) -> str:
    """Address of the database of conversations: as given, else MANYSHOT_SERVE_DB, else a file in the run's folder."""
    return given or os.environ.get("MANYSHOT_SERVE_DB", "").strip() or f"sqlite:///{run / 'conversations.db'}"


def access_database(given: str) -> str:
    """Address of the database of logins and keys: MANYSHOT_ACCESS_DB (it may have a password), else as given."""
    return os.environ.get("MANYSHOT_ACCESS_DB", "").strip() or given


def secret(name: str, wanted_by: str) -> str:
    """What an environment variable holds, for `wanted_by`; never printed. Raises SpecError when it is not set."""
    if found := os.environ.get(name, "").strip():
        return found
    raise SpecError(f"{wanted_by}: wanted a key in the environment variable {name}, it is not set; export it")


def stay_offline_and_quiet() -> None:
    """Tell third-party libraries, before they are imported, to fetch nothing and to keep their notes to themselves."""
    for name, value in (
        ("HF_HUB_OFFLINE", "1"),
        ("TRANSFORMERS_VERBOSITY", "error"),
        ("HF_HUB_DISABLE_PROGRESS_BARS", "1"),
        ("TOKENIZERS_PARALLELISM", "false"),
    ):
        os.environ.setdefault(name, value)
