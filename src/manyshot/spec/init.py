"""`manyshot init FOLDER`: a small domain that is valid, explains itself and trains.

The one rule: the folder appears whole or not at all: it is written aside and then renamed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import date, timedelta
from pathlib import Path

from manyshot.errors import SpecError
from manyshot.spec.faults import near
from manyshot.spec.settings import LANGUAGES

#: The files of the starter, one folder a language; {{name}}, {{language}}, {{today}}, {{today+N}} are filled in.
STARTER = Path(__file__).parent / "starter"


def init(folder: Path, name: str | None = None, language: str = "en", today: date | None = None) -> Path:
    """Write a starter domain into `folder`, which must not exist or be empty; returns it.

    `name` is the folder's by default, `today` the real one. SpecError when it cannot be done; nothing is left behind.
    """
    folder = Path(folder)
    name = folder.resolve().name if name is None else name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SpecError(f'wanted a name of letters, digits and _ . -, found "{name}"; pass another name')
    if language not in LANGUAGES:
        raise SpecError(f'wanted a language of {", ".join(LANGUAGES)}, found "{language}"; {near(language, LANGUAGES)}')
    words = {"name": name, "language": language}
    try:
        _refuse_taken(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _write(STARTER / LANGUAGES[language], aside, words, today or date.today())
            aside.chmod(0o755)
            aside.replace(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise SpecError(f"{folder} cannot be written: {error.strerror or error}; choose another folder") from error
    return folder


def _refuse_taken(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SpecError(f"wanted a new folder, {folder} is a file or a link; choose another name")
    if folder.is_dir() and any(folder.iterdir()):
        raise SpecError(f"wanted a new or empty folder, {folder} holds files; choose another, nothing was changed")


def _write(source: Path, target: Path, words: dict[str, str], today: date) -> None:
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        out = target / path.relative_to(source)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(_filled(path.read_text(encoding="utf-8"), words, today), encoding="utf-8", newline="\n")


def _filled(text: str, words: dict[str, str], today: date) -> str:
    for word, value in words.items():
        text = text.replace("{{" + word + "}}", value)
    return re.sub(r"\{\{today(?:\+(\d+))?\}\}", lambda m: (today + timedelta(days=int(m[1] or 0))).isoformat(), text)
