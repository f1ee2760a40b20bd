"""[teacher] of domain.toml. The one rule: it names the variable that holds the key; a key itself is never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from manyshot.spec.documents import check_keys
from manyshot.spec.faults import Findings, show
from manyshot.types import TeacherConfig

_NEEDED = ("base_url", "model")
_OPTIONAL = ("key_env", "share", "styles", "price")
#: No @, ? or #: a password in the address would be copied into every run.
_ADDRESS = re.compile(r"https?://[^\s@?#]+")


def read_teacher(
    given: Any, file: str, lines: Mapping[tuple[str, ...], int], findings: Findings
) -> TeacherConfig | None:
    """The teacher; None after a fault."""
    before = len(findings.faults)

    def bad(key: str, message: str) -> None:
        findings.fault(file, lines.get(("teacher", key), lines.get(("teacher",), 1)), message)

    if not isinstance(given, dict):
        bad("", f"wanted a table [teacher] with base_url and model, found {show(given)}")
        return None
    for key, message in check_keys(given, _NEEDED, _OPTIONAL, "[teacher]"):
        bad(key, message)
    url, model = given.get("base_url", "http://x"), given.get("model", "x")
    if not isinstance(url, str) or not _ADDRESS.fullmatch(url):
        bad("base_url", 'wanted the address of an endpoint as "https://api.example.com/v1", nothing after it')
    if not isinstance(model, str) or not model.strip():
        bad("model", f"wanted the endpoint's name of a model in quotes, found {show(model)}")
    key_env = given.get("key_env", "")
    if "key_env" in given and (not isinstance(key_env, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]*", key_env)):
        bad("key_env", 'wanted the name of an environment variable as "TEACHER_KEY"; never write the key itself here')
    share, styles = given.get("share", 0.5), given.get("styles", [])
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        bad("share", f"wanted a number from 0 to 1 for share in [teacher], found {show(share)}")
    if not isinstance(styles, list) or not all(isinstance(s, str) and s.strip() for s in styles):
        bad("styles", f'wanted styles as ["terse", "polite"], found {show(styles)}; leave it out for the usual ones')
    price = given.get("price")
    if price is not None and not (isinstance(price, list) and len(price) == 2 and all(map(_is_price, price))):
        bad("price", f"wanted what a million tokens cost, read and written, as [0.15, 0.60], found {show(price)}")
    if len(findings.faults) > before:
        return None
    return TeacherConfig(
        base_url=url, model=model, key_env=key_env, share=share, styles=tuple(styles),
        price=tuple(price) if price else None,
    )  # fmt: skip


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
