"""The folder of one run: where everything lies, what it was started with, and whether it may be gone on with.

One rule: a run folder is self-contained (a copy of the domain without its tests, data, adapter, answers, report), and
run.json, written first, holds what decides the result: other settings never continue it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manyshot.errors import DataError
from manyshot.records import digest, read_manifest, write_aside
from manyshot.types import Domain, Json

#: The file that makes a folder that of a run.
RUN = "run.json"


class RunFolder:
    """Paths and bookkeeping of a run. Nothing is read or written before a method is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.domain, self.data, self.train, self.eval = (path / n for n in ("domain", "data", "train", "eval"))
        self.dialogues, self.think, self.likeness = (path / n for n in ("dialogues", "think", "likeness"))
        self.adapter, self.thinking = self.train / "adapter.gguf", self.think / "adapter.gguf"
        self.report = path / "report.html"
        self._settings = path / RUN

    @property
    def finished(self) -> bool:
        return read_manifest(self.path) is not None

    @property
    def trained(self) -> bool:
        return read_manifest(self.train) is not None

    @property
    def thought(self) -> bool:
        """Whether a thinking adapter is there."""
        return read_manifest(self.think) is not None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes out of the folder; a killed one leaves no trace. Raises DataError."""
        from filelock import FileLock, Timeout

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", timeout=0)
            lock.acquire()
        except Timeout:
            raise DataError(f"{self.path}: another manyshot works in this folder; wait or choose another") from None
        except OSError as error:
            raise DataError(f"{self.path}: cannot be used ({error.strerror}); choose another folder") from None
        try:
            yield
        finally:
            lock.release()

    def begin(self, settings: Json, domain: Domain, *, force: bool) -> bool:
        """Start, or go on with a killed run of the same settings; returns whether it goes on. Raises DataError."""
        settings = {**settings, "domain": domain_id(domain)}
        begun = self._settings.exists()
        if not begun:
            self._refuse_strange()  # only what run.json marks as ours is ever removed
        elif force:
            self._clear()
        elif self.finished:
            raise DataError(f"{self.path}: holds a finished run; choose another --out, or --force to make it again")
        else:
            self._refuse_other(settings)
        if force or not begun:
            self._write({"settings": settings, "from": str(domain.folder.resolve())})
        if not self.domain.exists():
            copy_domain(domain.folder, self.domain, self.path)
        return begun and not force

    def _refuse_other(self, settings: Json) -> None:
        before = self.read()["settings"]
        if other := sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k)):
            key = other[0]
            there = f"{key} was {_short(before.get(key))}, is {_short(settings.get(key))}"
            raise DataError(f"{self.path}: holds a run with other settings ({there}); choose another --out, or --force")

    def _refuse_strange(self) -> None:
        strange = sorted(p.name for p in self.path.iterdir() if p.name != ".lock")
        if strange:
            raise DataError(f"{self.path}: wanted a new or empty folder, found {strange[0]}; choose another --out")

    def reopen(self) -> None:
        """Remove the evaluation, so that it is made anew; stopped before it is, the run can be gone on with."""
        (self.path / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(self.eval, ignore_errors=True)

    def _clear(self) -> None:
        (self.path / "manifest.json").unlink(missing_ok=True)  # first: what is half removed must not look whole
        for path in self.path.iterdir():
            if path.name not in (".lock", "run.json"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def read(self) -> Json:
        """What run.json holds. Raises DataError when this is no run."""
        try:
            found: Json = json.loads(self._settings.read_text("utf-8"))
        except FileNotFoundError:
            raise DataError(
                f"{self.path}: wanted the folder of a run, there is no run.json; make one: manyshot run"
            ) from None
        except (OSError, ValueError) as error:
            raise DataError(f"{self._settings}: damaged ({error}); make the run again with --force") from None
        if not isinstance(found, dict) or not isinstance(found.get("settings"), dict) or "from" not in found:
            raise DataError(f"{self._settings}: wanted settings and from in it; make the run again with --force")
        return found

    def note(self, **facts: float | str | Json) -> None:
        """Keep facts that a resumed run must use again, such as the plan made from measured speed."""
        self._write({**self.read(), **facts})

    def _write(self, content: Json) -> None:
        with write_aside(self._settings) as stream:
            stream.write(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:60]


def domain_id(domain: Domain) -> str:
    """Id of what a domain says; where its folder lies does not matter, and tests are not part of it."""
    return digest(domain.model_dump(mode="json", exclude={"folder"}))


def files_id(folder: Path) -> str:
    """Hash of all files of a domain: flows, words and the company decide what an assistant says as well."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return digest([[str(path.relative_to(folder)), path.read_bytes().hex()] for path in files])


def copy_domain(folder: Path, out: Path, run: Path) -> None:
    """Copy a domain without tests, runs and hidden files; it appears under its name when it is whole."""
    aside = out.with_name(f".{out.name}.{os.getpid()}.part")

    def left_out(here: str, names: Iterable[str]) -> set[str]:
        top = Path(here) == folder
        inside = {n for n in names if (Path(here) / n).resolve() == run.resolve() or (Path(here) / n / RUN).exists()}
        return {n for n in names if n.startswith(".") or n == "__pycache__" or (top and n == "tests")} | inside

    try:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder, aside, ignore=left_out)
        aside.replace(out)
    except (OSError, shutil.Error) as error:
        raise DataError(f"{out}: the domain cannot be copied there ({error})") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
