"""What is installed is what pyproject.toml allows, and nothing of it is known to be bad; without network."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ADVISORIES = tomllib.loads((ROOT / "tests/advisories.toml").read_text("utf-8"))["advisory"]


def declared() -> list[Requirement]:
    """What pyproject.toml asks for, with all extras."""
    rows = [*PROJECT["dependencies"], *(row for rows in PROJECT["optional-dependencies"].values() for row in rows)]
    return [one for one in map(Requirement, rows) if one.name != PROJECT["name"]]


def wanted() -> Iterator[tuple[str, Requirement]]:
    """(who asks, requirement) of all that is installed for us, down to the last."""
    left, seen = [(PROJECT["name"], one) for one in declared()], set[tuple[str, frozenset[str]]]()
    while left:
        who, one = left.pop()
        if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
            continue
        yield who, one
        key = canonicalize_name(one.name), frozenset(one.extras)
        if key in seen or (version(one.name) is None):
            continue
        seen.add(key)
        for row in distribution(one.name).requires or ():
            inner = Requirement(row)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                inner.marker = None
                left.append((one.name, inner))


def version(name: str) -> Version | None:
    try:
        return Version(distribution(name).version)
    except PackageNotFoundError:
        return None


def bad(name: str, found: Version) -> list[str]:
    """The advisories for a version of a package."""
    return [
        f"{name} {found}: {one['what']} ({one['id']}); wanted {one['fixed']} or newer"
        for one in ADVISORIES
        if canonicalize_name(one["package"]) == canonicalize_name(name) and found < Version(one["fixed"])
    ]


def test_what_is_installed_is_what_is_asked_for() -> None:
    """As `pip check`, for what is ours alone; a package of an extra that is not installed is passed over."""
    wrong = [
        f"{who} wants {one}, found {found}"
        for who, one in wanted()
        if (found := version(one.name)) is not None and not one.specifier.contains(found, prereleases=True)
    ]
    assert wrong == []


def test_nothing_that_is_installed_is_known_to_be_bad() -> None:
    names = {canonicalize_name(one.name) for _, one in wanted()}
    assert {"starlette", "h11"} <= names  # what we do not name ourselves is looked at too
    assert [line for name in sorted(names) if (found := version(name)) for line in bad(name, found)] == []


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)
def test_no_bound_lets_a_bad_version_in(one: Requirement) -> None:
    """The highest version with the hole is not known here; a lower bound at or above the repaired one is enough."""
    low = [Version(each.version) for each in one.specifier if each.operator in (">=", "==", "~=", ">")]
    fixed = [Version(each["fixed"]) for each in ADVISORIES if canonicalize_name(each["package"]) == one.name.lower()]
    assert not fixed or (low and max(low) >= max(fixed)), f"{one}: wanted at least {max(fixed)}"


def test_a_bad_version_is_named_with_its_advisory() -> None:
    assert bad("PyJWT", Version("2.11.0")) == [
        "PyJWT 2.11.0: tokens with an unknown crit header are accepted (CVE-2026-32597, GHSA-752w-5fwx-jx9f); "
        "wanted 2.12.0 or newer"
    ]
    assert bad("pyjwt", Version("2.12.0")) == []
