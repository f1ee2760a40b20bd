"""An OpenAPI 3.x or Swagger 2.0 file -> operations, each with the Tool that calls it.

The one rule: references are followed inside the domain folder only; nothing is ever fetched. Path, query and body
parameters become the parameters of one function. Headers and cookies do not: they carry tokens and identity, which are
bound at run time and must never stand in a prompt.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from manyshot.errors import SpecError
from manyshot.spec.documents import Document, Key, read_json
from manyshot.spec.faults import Findings, show
from manyshot.spec.operations import Operation, build, follow
from manyshot.spec.yamldoc import read_yaml

if TYPE_CHECKING:
    from referencing._core import Resolver

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
#: Files are named by this scheme while references are followed, so that a relative one stays in the folder.
_ROOT = "file:///domain/"
#: Parts of a description that no tool is made from: what is wrong there is only a hint.
_UNUSED = ("info", "servers", "tags", "externalDocs", "security", "securityDefinitions", "responses", "callbacks")


@dataclass(slots=True)
class Api:
    """A description with the files that it refers to."""

    folder: Path
    file: str
    document: Document
    resolver: Resolver[Any]

    @property
    def old(self) -> bool:
        return "swagger" in self.document.value


def read_openapi(folder: Path, file: str, findings: Findings) -> list[Operation]:
    """The operations of a description that is sound; faults and hints go into `findings`."""
    document = _read(folder, file, findings)
    if document is None or not _known_version(document, findings):
        return []
    before = len(findings.faults)
    others = _Files(folder, file, document, findings)
    _check_references(others, findings)
    if len(findings.faults) == before:
        _validate(others, findings)
    if len(findings.faults) > before:
        return []
    operations = list(_operations(Api(folder, file, document, others.resolver()), findings))
    if not operations and len(findings.faults) == before:
        findings.fault(file, document.line("paths"), "the API has no operations; add one under paths")
    return operations if len(findings.faults) == before else []


def _read(folder: Path, file: str, findings: Findings) -> Document | None:
    document = (read_json if file.endswith(".json") else read_yaml)(folder, file, findings)
    if document is not None and not isinstance(document.value, dict | list):
        findings.fault(file, 1, f"wanted an API description, found {show(document.value)}")
        return None
    return document


def _known_version(document: Document, findings: Findings) -> bool:
    value = document.value if isinstance(document.value, dict) else {}
    version = value.get("swagger", value.get("openapi"))
    if (str(version) == "2.0" and "swagger" in value) or re.match(r"3\.[012](\.|$)", str(version)):
        return True
    line = document.line("swagger" if "swagger" in value else "openapi")
    findings.fault(document.file, line, f'wanted openapi: "3.0.x" to "3.2.x" or swagger: "2.0", found {show(version)}')
    return False


# -- files -------------------------------------------------------------------------------------------------------------


class _Files:
    """The description and what it refers to, read once, only from inside the folder."""

    def __init__(self, folder: Path, file: str, document: Document, findings: Findings) -> None:
        self.folder, self.file, self.findings = folder, file, findings
        self.documents: dict[str, Document | None] = {file: document}

    def get(self, file: str) -> Document | None:
        if file not in self.documents:
            self.documents[file] = _read(self.folder, file, self.findings)
        return self.documents[file]

    def target(self, base: str, reference: str) -> str:
        """The file in the folder that a reference made in the file `base` points into; SpecError when outside."""
        parts = urlsplit(reference)
        if parts.scheme or parts.netloc:
            raise SpecError(f'the reference "{reference}" leaves the domain folder; copy that file into it')
        if not parts.path:
            return base
        path = PurePosixPath(base).parent / unquote(parts.path)
        inside = (self.folder / path).resolve()
        if path.is_absolute() or not inside.is_relative_to(self.folder.resolve()):
            raise SpecError(f'the reference "{reference}" leaves the domain folder; copy that file into it')
        return inside.relative_to(self.folder.resolve()).as_posix()

    def resolver(self) -> Resolver[Any]:
        from referencing import Registry, Resource

        found = {_ROOT + n: Resource.opaque(d.value) for n, d in self.documents.items() if d is not None}
        registry: Any = Registry().with_resources(found.items())
        resolver: Resolver[Any] = registry.resolver(_ROOT + self.file)
        return resolver


def _references(value: Any, path: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], str]]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield (*path, "$ref"), value["$ref"]
        for key, part in value.items():
            # Samples are data: a "$ref" in them points nowhere.
            if key not in ("example", "examples", "default", "enum", "const") or path[-1:] == ("properties",):
                yield from _references(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _references(part, (*path, index))


def _check_references(files: _Files, findings: Findings) -> None:
    """Reads every file that is referred to, and says which references leave the folder or lead nowhere."""
    waiting, done = [files.file], set[str]()
    seen: list[tuple[str, int, str]] = []
    while waiting:
        name = waiting.pop()
        document = files.get(name) if name not in done else None
        done.add(name)
        if document is None:
            continue
        for path, reference in _references(document.value):
            line = document.line(*path)
            try:
                target = files.target(name, reference)
            except (SpecError, ValueError, OSError) as error:
                findings.fault(name, line, str(error))
                continue
            if not (files.folder / target).is_file():
                findings.fault(name, line, f'the reference "{reference}" leads to no file; correct it')
            else:
                seen.append((name, line, reference))
                waiting.append(target)
    if not findings.faults:
        _check_targets(files, seen, findings)


def _check_targets(files: _Files, seen: list[tuple[str, int, str]], findings: Findings) -> None:
    from referencing.exceptions import Unresolvable

    resolver = files.resolver()
    for name, line, reference in seen:
        try:
            resolver.lookup(f"{_ROOT}{name}").resolver.lookup(reference)
        except (Unresolvable, ValueError, TypeError):
            findings.fault(name, line, f'the reference "{reference}" leads nowhere; correct it')


# -- validity ----------------------------------------------------------------------------------------------------------


def _validate(files: _Files, findings: Findings) -> None:
    """The rules of the standard, by openapi-spec-validator."""
    from jsonschema_path import SchemaPath

    document = files.get(files.file)
    assert document is not None
    path = SchemaPath.from_dict(document.value, base_uri=_ROOT + files.file, handlers={"file": _Handler(files)})
    try:
        errors = list(_standard(document.value)(path).iter_errors())
    except Exception as error:  # the validator walks unchecked input and raises many kinds of error on it
        findings.fault(files.file, 1, f"no valid API description: {type(error).__name__}: {show(str(error), 120)}")
        return
    for found in errors:
        where = tuple(found.absolute_path)
        line = document.line(*where)
        place = "/".join(str(p) for p in where)
        message = f"no valid API description{f' at {place}' if place else ''}: {found.message[:160]}"
        if any(p in _UNUSED for p in where[:1] + where[3:]) or _misses_unused(found):
            findings.hint(files.file, line, message)
        else:
            findings.fault(files.file, line, message)


def _misses_unused(error: Any) -> bool:
    """A description without responses or info is no standard one, but says all that a tool needs."""
    return error.validator == "required" and any(f"'{name}' is a required" in error.message for name in _UNUSED)


def _standard(value: Any) -> Any:
    # Where jsonschema-rs is installed the validator would take it, whose errors do not say which rule was broken.
    os.environ.setdefault("OPENAPI_SPEC_VALIDATOR_SCHEMA_VALIDATOR_BACKEND", "jsonschema")
    import openapi_spec_validator as standard

    by_version = {
        "3.0": standard.OpenAPIV30SpecValidator,
        "3.1": standard.OpenAPIV31SpecValidator,
        "3.2": standard.OpenAPIV32SpecValidator,
    }
    return standard.OpenAPIV2SpecValidator if "swagger" in value else by_version[str(value["openapi"])[:3]]


@dataclass(slots=True)
class _Handler:
    """Gives the validator files that are already read, and no others."""

    files: _Files

    def __call__(self, uri: str) -> Any:
        document = self.files.documents.get(uri.removeprefix(_ROOT))
        if document is None:
            raise SpecError(f"{uri} is not part of the domain folder")
        return document.value


# -- operations --------------------------------------------------------------------------------------------------------


def _operations(api: Api, findings: Findings) -> Iterator[Operation]:
    names: set[str] = set()
    for path, item in api.document.value.get("paths", {}).items():
        if not isinstance(item, dict):
            continue
        item, resolver = follow(item, api.resolver)
        for method in METHODS:
            if not isinstance(item.get(method), dict):
                continue
            line = api.document.line("paths", path, method)
            try:
                operation, hints = build(method, path, item, api.old, resolver, names)
            except SpecError as error:
                findings.fault(api.file, line, f"{method.upper()} {path}: {error}")
                continue
            for hint in hints:
                findings.hint(api.file, line, f"{operation.tool.name}: {hint}")
            names.add(operation.tool.name)
            yield operation
