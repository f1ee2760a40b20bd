"""A trained adapter in the forms that serve it: the `export` command, and the check that each form reads what training
read.

The one rule: a form is whole when it is there, says what it was made from, and is refused when its ids are others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from manyshot.errors import DataError, ModelError
from manyshot.parts import CONTEXT_TOKENS, Parts
from manyshot.plugs.bases import Base, check_tokenizer, file_sha256
from manyshot.plugs.gguf_lora import Dtype
from manyshot.plugs.trainers.course import Course, Sample
from manyshot.protocols import Model
from manyshot.records import read_manifest, write_aside
from manyshot.runfolder import RUN, RunFolder
from manyshot.spec.load import load_domain
from manyshot.train.stage import CARD, LORA, refuse_other_base
from manyshot.trainers import course_of
from manyshot.types import Json

Form = Literal["merged", "gguf", "ollama", "vllm", "gguf-lora"]
#: Says what an export was made from; written last.
RECORD = "export.json"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
TRANSFORMERS = "transformers"
#: Tokens of a greedy answer.
MOST = 64


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished adapter: its folder, what its card says, the base that it was made for."""

    folder: Path
    card: Json
    base: Base

    @property
    def name(self) -> str:
        return f"{self.card['domain']}-{self.card['role']}"


def open_trained(place: Path, role: Literal["acting", "thinking"], parts: Parts) -> Trained:
    """The adapter of a run, or in a folder that `manyshot train` wrote. Raises DataError, ModelError."""
    folder = place
    if (place / RUN).exists():
        run = RunFolder(place)
        folder = run.train if role == "acting" else run.think
    if read_manifest(folder) is None:
        raise DataError(f"{folder}: wanted a finished adapter, there is no manifest.json; train it first")
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        name = str(card["base"]["name"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{folder / CARD}: wanted the adapter's card ({error}); train it again") from None
    if card.get("model"):
        raise DataError(f"{folder}: its weights stay with the service as {card['model']}; there is nothing to export")
    base = (parts.find_weights or parts.find_base)(name)
    refuse_other_base(folder, card, base)
    return Trained(folder, card, base)


def export(trained: Trained, form: Form, out: Path, dtype: Dtype) -> list[str]:
    """Write the adapter in a form into the new folder `out`; returns lines that say how it is served.

    Raises ModelError, DataError.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise DataError(f"{out}: wanted a new or empty folder; choose another --out")
    check_tokenizer(trained.base.folder)
    told = _FORMS[form](trained, out, dtype)
    files = {path.name: file_sha256(path) for path in sorted(out.iterdir()) if path.is_file()}
    made_from = {"adapter": trained.card["id"], "base": trained.card["base"]}
    record = {"as": form, **made_from, "quantisation": dtype, "files": files}
    with write_aside(out / RECORD) as stream:
        stream.write(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return told


def _merged(trained: Trained, out: Path, dtype: Dtype) -> list[str]:  # noqa: ARG001
    from manyshot.plugs.merge import merge

    merge(trained.base.folder, trained.folder, out)
    return [f"vllm serve {out}", f"transformers: AutoModelForCausalLM.from_pretrained({str(out)!r})"]


def _gguf(trained: Trained, out: Path, dtype: Dtype) -> list[str]:
    from manyshot.plugs.gguf_lora import build_gguf

    made = build_gguf(_needs_gguf(trained), trained.folder, out / f"{trained.name}-{dtype}.gguf", dtype)
    return [f"llama-server -m {made} -c {CONTEXT_TOKENS}"]


def _gguf_lora(trained: Trained, out: Path, dtype: Dtype) -> list[str]:  # noqa: ARG001
    made = _lora(trained, out / f"{trained.name}.gguf")
    return [f"llama-server -m {_needs_gguf(trained)} --lora {made} -c {CONTEXT_TOKENS}"]


def _ollama(trained: Trained, out: Path, dtype: Dtype) -> list[str]:  # noqa: ARG001
    _lora(trained, out / "adapter.gguf")
    _link(_needs_gguf(trained), out / "base.gguf")
    with write_aside(out / "Modelfile") as stream:
        stream.write(
            f"# {trained.name}, adapter {trained.card['id']}. The prompt is sent whole: no template stands around it.\n"
            'FROM ./base.gguf\nADAPTER ./adapter.gguf\nTEMPLATE """{{ .Prompt }}"""\n'
            f"PARAMETER temperature 0\nPARAMETER num_ctx {CONTEXT_TOKENS}\n"
        )
    return [f"cd {out} && ollama create {trained.name} -f Modelfile"]


def _vllm(trained: Trained, out: Path, dtype: Dtype) -> list[str]:  # noqa: ARG001
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CONFIG):
        if not (trained.folder / name).is_file():
            raise DataError(f"{trained.folder / name}: wanted the adapter in PEFT's form; train it again")
        shutil.copyfile(trained.folder / name, out / name)
    rank = json.loads((out / CONFIG).read_text("utf-8"))["r"]
    fits = next(size for size in (8, 16, 32, 64, 128, 256, 320, 512, rank) if size >= rank)
    serve = f"--enable-lora --max-lora-rank {fits} --lora-modules {trained.name}={out}"
    with write_aside(out / "README.md") as stream:
        stream.write(
            f"# {trained.name}\n\n```\nvllm serve BASE {serve}\n```\n\nBASE: the Hugging Face folder of "
            f"{trained.base.name}. Send `prompt` as a list of ids (/v1/completions): a text is read as other ids "
            "where its parts meet.\n"
        )
    return [f"vllm serve {trained.base.folder} {serve}"]


_FORMS: Mapping[Form, Callable[[Trained, Path, Dtype], list[str]]] = {
    "merged": _merged,
    "gguf": _gguf,
    "ollama": _ollama,
    "vllm": _vllm,
    "gguf-lora": _gguf_lora,
}


def _needs_gguf(trained: Trained) -> Path:
    if trained.base.gguf is None:
        raise ModelError(
            f"base {trained.base.name!r}: wanted a GGUF of it beside its weights, there is none; convert it with "
            "llama.cpp's convert_hf_to_gguf.py, or export --as merged or vllm"
        )
    return trained.base.gguf


def _lora(trained: Trained, out: Path) -> Path:
    from manyshot.plugs.gguf_lora import write_lora

    return write_lora(_needs_gguf(trained), trained.folder, out)


def _link(source: Path, target: Path) -> None:
    """The file under another name too, or a copy of it where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


# the check


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as training has it: its pieces, and their ids with those of the beginning in front."""

    id: str
    pieces: tuple[str, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parity:
    """What one form read: how many prompts as other ids, piece by piece and as one text, and the first of them."""

    form: str
    prompts: int
    differ: int
    differ_as_text: int
    first: str


def prompts_of(course: Course, most: int) -> list[Prompt]:
    """Prompts of the first samples of a course: all that stands before a sample's last answer."""
    return [_prompt(course, one) for one in course.samples[:most]]


def _prompt(course: Course, one: Sample) -> Prompt:
    before = len(one.loss)
    while before and one.loss[before - 1]:  # the last answer, and the end-of-text id behind it
        before -= 1
    pieces = tuple(piece.text for piece in one.pieces[:-1])
    return Prompt(one.record.id, (course.prefix, *pieces), (*course.prefix_ids, *one.ids[:before]))


def data_course(trained: Trained, domain: Path, data: Path, parts: Parts) -> Course:
    """The samples that an adapter was trained on, or others of its domain."""
    source = read_manifest(data)
    if source is None:
        raise DataError(
            f"{data}: wanted the data that it was trained on, there is no manifest.json; name it with --data"
        )
    return course_of(load_domain(domain), trained.base, parts.tokenizer(trained.base), data, source)


def parity(
    form: str, prompts: Sequence[Prompt], tokenize: Callable[[str], list[int]], read: Callable[[str], list[int]]
) -> Parity:
    """Compare what an engine reads with what training read. tokenize: a piece of plain text; read: a whole prompt."""
    differ, as_text, first = 0, 0, ""
    for one in prompts:
        ids = [i for piece in one.pieces for i in tokenize(piece)]
        begin = list(one.ids[: len(one.ids) - len(ids)])  # the begin-of-text id, which our service puts there by id
        if tuple(begin + ids) != one.ids or len(begin) > 1:
            differ += 1
            first = first or one.id
        as_text += read("".join(one.pieces)) != list(one.ids)
    return Parity(form, len(prompts), differ, as_text, first)


def refuse_differing(found: Sequence[Parity], *, as_text: bool) -> None:
    """Raise ModelError for a form that reads other ids. as_text: llama.cpp will only be sent text, as by Ollama."""
    for one in found:
        if one.differ:
            raise ModelError(
                f"{one.form}: reads {one.differ} of {one.prompts} prompts as other ids than training did (first: "
                f"{one.first}); its tokenizer is not the base's: make it again from that base"
            )
        if as_text and one.differ_as_text and one.form != TRANSFORMERS:
            raise ModelError(
                f"{one.form}: reads {one.differ_as_text} of {one.prompts} prompts as other ids when they are sent as "
                "text, as Ollama takes them; serve with llama.cpp or vLLM, which take ids"
            )


def checked(
    trained: Trained, form: Form | None, dtype: Dtype, prompts: Sequence[Prompt], parts: Parts, *, answers: int
) -> Iterator[Parity | str]:
    """As `check`, with merged forms made for it in a folder that goes away: those that are to be written, or all."""
    from manyshot.plugs.gguf_lora import build_gguf
    from manyshot.plugs.merge import merge

    with TemporaryDirectory(prefix="manyshot-export-") as there:
        wanted = form is None or answers > 0
        merged = merge(trained.base.folder, trained.folder, Path(there) / "merged") if wanted else None
        gguf = None
        if trained.base.gguf is not None and (wanted or form == "gguf"):
            gguf = build_gguf(trained.base.gguf, trained.folder, Path(there) / "merged.gguf", dtype)
        yield from check(trained, merged, gguf, prompts, parts, answers=answers)


def check(
    trained: Trained, merged: Path | None, gguf: Path | None, prompts: Sequence[Prompt], parts: Parts, *, answers: int
) -> Iterator[Parity | str]:
    """Compare all forms that run here: transformers, llama.cpp with the adapter, llama.cpp with a merged GGUF.

    merged: a merged folder; gguf: a merged GGUF; each left out where it is None. answers: prompts that all of them
    answer greedily; how many answers agree is told, not judged, since quantised bases turn over near ties.
    """
    from manyshot.plugs.reference import Reference

    said: dict[str, list[str]] = {}
    reference = Reference(merged or trained.base.folder)
    yield parity(TRANSFORMERS, prompts, reference.tokenize, reference.read)
    if merged is not None:
        said[TRANSFORMERS] = [reference.answer(one.ids, MOST) for one in prompts[:answers]]
    if trained.base.gguf is not None:
        for name, file, adapter in (("llama.cpp + adapter", trained.base.gguf, True), ("merged GGUF", gguf, False)):
            if file is None:
                continue
            base = Base(trained.base.name, trained.base.folder, file, trained.base.sha256)
            model = parts.open_model(base, {"it": trained.folder / LORA} if adapter else {})
            try:
                # How an engine reads a whole prompt, its own begin-of-text id included; a model need not tell.
                read: Callable[[str], list[int]] = getattr(model, "read", model.tokenize)
                yield parity(name, prompts, model.tokenize, read)
                said[name] = [_answer(model, one, adapter) for one in prompts[:answers]]
            finally:
                model.close()
    yield from _agreement(said, answers)


def _answer(model: Model, one: Prompt, adapter: bool) -> str:
    return model.complete(one.ids, grammar=None, max_tokens=MOST, adapter="it" if adapter else None).text


def _agreement(said: Mapping[str, Sequence[str]], answers: int) -> Iterator[str]:
    names = list(said)
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            same = sum(a.strip() == b.strip() for a, b in zip(said[one], said[other], strict=True))
            yield f"greedy answers of {one} and {other}: {same} of {answers} the same"
