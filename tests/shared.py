"""Files that lie beside the repository, not in it: test data of others that must never be trained on."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

#: MANYSHOT_SHARED, or a folder `shared` beside the repository.
SHARED = Path(os.environ.get("MANYSHOT_SHARED") or Path(__file__).parents[2] / "shared")


def shared(name: str) -> Path:
    """A file there; the test is skipped where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is absent; set MANYSHOT_SHARED to the folder that holds {name}")
    return path


def shared_rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(shared(name), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
