"""Import directions, read from the sources: lower never imports higher, stages never import each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import manyshot

ROOT = Path(manyshot.__file__).parent
STAGES = ("spec", "shots", "data", "train", "evaluate", "serve")
#: From low to high. A module may import from its own layer and from those below; stages only from below.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("", "types", "errors", "config"),
    (
        "parse",
        "stats",
        "records",
        "journal",
        "alike",
        "guard",
        "protocols",
        "progress",
        "values",
        "budget",
        "data.lexicon",
        "oneline",
        "sizing",
        "templating",
        "schema_fit",
        "words",
        "people",
        "data.variety",
        "registry.form",
        "registry.routes",
        "registry.toml_lines",
    ),
    ("render", "grammar", "likelihood", "score", "bfcl", "formats", "flow", "data.slots"),
    (
        "copying",
        "evidence",
        "listed",
        "options",
        "scoring",
        "likeness",
        "dialogue",
        "scenario",
        "transcript",
        "world",
        "dataset",
        "registry.answers",
        "registry.request",
    ),
    (
        "acting",
        "agent",
        "chat_agent",
        "chat_calls",
        "caller",
        "rubric",
        "workflow",
        "guide",
        "choice",
        "presence",
        "thinker",
        "understanding",
        "listening",
        "leaving",
        "guided_words",
        "plugs",
    ),
    STAGES,
    ("answering", "desk", "parts", "runfolder", "shotbook", "datasource", "curate", "registry"),
    ("access", "approving", "promoting", "trial", "examine", "multiply", "planning"),
    ("guided",),
    ("facts",),
    ("generalist", "training"),
    ("thinking",),
    ("pipeline",),
    ("single", "demo", "curve", "simulate"),
    ("assistants", "trainers"),
    ("candidates", "exporting"),
    ("opened", "service"),
    ("compare", "benchmark"),
    (
        "cli",
        "cli_access",
        "cli_audit",
        "cli_bench",
        "cli_compare",
        "cli_dataset",
        "cli_desk",
        "cli_dialogues",
        "cli_export",
        "cli_judge",
        "cli_plan",
        "cli_promote",
        "cli_registry",
        "cli_serve",
        "cli_shots",
        "cli_simulate",
        "cli_world",
    ),
    ("__main__",),
)
#: `import manyshot` and the command line's help must not load these.
HEAVY = (
    "torch",
    "transformers",
    "peft",
    "xllamacpp",
    "gguf",
    "scipy",
    "sklearn",
    "rjieba",
    "faker",
    "ray",
    "fastapi",
    "sqlalchemy",
    "alembic",
    "httpx",
    "jwt",
    "argon2",
    "httpx2",
    "mcp",
    "openai",
    "langgraph",
    "langchain_core",
    "prometheus_client",
    "pydantic",
)


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _layer(module: str) -> tuple[int, str]:
    """(layer, the entry of LAYERS that names the module), the longest entry that fits."""
    found = [
        (len(name), number, name)
        for number, names in enumerate(LAYERS)
        for name in names
        if module == name or (name and module.startswith(f"{name}."))
    ]
    assert found, f"{module} stands in no layer; add it to LAYERS"
    _, number, name = max(found)
    return number, name


def _imports(path: Path) -> list[tuple[int, str]]:
    """(line, module of this package) for every import anywhere in a file, those for type checking left out."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    out: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "manyshot":
            inside = node.module.removeprefix("manyshot").lstrip(".")
            for alias in node.names:
                name = f"{inside}.{alias.name}".lstrip(".")
                target = ROOT.joinpath(*name.split("."))
                out.append((node.lineno, name if target.is_dir() or target.with_suffix(".py").exists() else inside))
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names if a.name.split(".")[0] == "manyshot"]
            out += [(node.lineno, name.removeprefix("manyshot").lstrip(".")) for name in names]
    return out


def _faults(path: Path) -> list[str]:
    module = _module(path)
    layer, entry = _layer(module)
    faults = []
    for line, target in _imports(path):
        above, other = _layer(target)
        if above > layer:
            faults.append(f"{path.name}:{line}: {module} imports {target}, which is higher")
        elif above == layer and entry in STAGES and other != entry:
            faults.append(f"{path.name}:{line}: stage {entry} imports stage {other}")
    return faults


def test_lower_never_imports_higher_and_stages_never_each_other() -> None:
    files = [p for p in ROOT.rglob("*.py") if "domains" not in p.relative_to(ROOT).parts]
    faults = [fault for path in sorted(files) for fault in _faults(path)]
    assert not faults, "\n".join(faults)


def test_the_check_sees_a_wrong_import(tmp_path: Path) -> None:
    source = tmp_path / "bad.py"
    source.write_text("def f():\n    from manyshot.pipeline import run\n")
    assert _imports(source) == [(2, "pipeline")]
    assert _layer("pipeline")[0] > _layer("train.loop")[0]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)


def test_importing_the_package_is_light_and_silent() -> None:
    done = _python(f"import manyshot, sys; bad = [m for m in {HEAVY!r} if m in sys.modules]; assert not bad, bad")
    assert done.stdout == done.stderr == ""


def test_the_leaderboards_rules_need_the_standard_library_alone() -> None:
    _python(f"import manyshot.bfcl, sys; bad = [m for m in {HEAVY!r} if m in sys.modules]; assert not bad, bad")


def test_help_loads_no_engine() -> None:
    heavy = tuple(m for m in HEAVY if m != "pydantic")
    code = (
        "import sys\nfrom manyshot.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"bad = [m for m in {heavy!r} if m in sys.modules]\nassert not bad, bad"
    )
    assert "Commands" in _python(code).stdout
