"""A corpus of domains -> one adapter that knows how desks work, from which every domain's training starts ahead.

One rule: it is trained as a domain is, by the same stages; only the tools change from pass to pass, so that it learns
to read a list of tools instead of knowing one.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manyshot.data.build import Builder
from manyshot.errors import DataError, ModelError, TrainError
from manyshot.guard import Known, guarded, known_of
from manyshot.parts import Parts
from manyshot.progress import Screen
from manyshot.records import digest, read_manifest, write_manifest
from manyshot.runfolder import domain_id
from manyshot.train.settings import TrainConfig
from manyshot.train.stage import Start
from manyshot.types import Domain, Json, Language, Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from manyshot.plugs.bases import Base
    from manyshot.render import Tokenizer
    from manyshot.train.loop import Step
    from manyshot.train.tree import Pass

#: Classes of pairs: people's own sentences count for more than in a single domain, where there are few of them.
SHARES = {"shot": 0.44, "refill": 0.30, "plain": 0.10, "ask": 0.05, "none": 0.05, "alike": 0.03, "refused": 0.03}
#: Classes of a domain whose training begins from the generalist: it knows how people talk, so their sentences with
#: fresh values count for more than recombined ones.
DOMAIN_SHARES = {"shot": 0.20, "refill": 0.36, "plain": 0.17, "ask": 0.10, "none": 0.09, "alike": 0.06, "refused": 0.02}
#: Kinds of lists: seldom the domain's own as it stands.
LISTS: Mapping[str, float] = {"own": 0.25, "shuffled": 0.30, "cut": 0.20, "foreign": 0.25}
#: How it is trained unless it is told otherwise.
#: A rate of 1.2e-3 does not get below half a nat a token on so many tools (docs/log.md).
TRAINING = TrainConfig(rank=32, alpha=64, lr=4e-4, final_lr=0.03, warmup=0.02, head="seen", checkpoint_every=50)


#: The one that comes with the package, by the name of its base.
SHIPPED = Path(__file__).parent / "adapters"


def shipped(base: Base) -> Start | None:
    """The shipped generalist of `base`, if there is one for just these weights."""
    folder = SHIPPED / base.name
    made = read_manifest(folder)
    return Start(folder, made.id) if made is not None and made.inputs.get("base") == base.sha256 else None


def served(base: Base, parts: Parts) -> Path:
    """The shipped generalist of `base` as a GGUF LoRA, made once beside it. Raises ModelError where none is shipped."""
    from filelock import FileLock

    start = shipped(base)
    if start is None:
        raise ModelError(f"base {base.name!r}: wanted a generalist for it, none is shipped; make one (docs/train.md)")
    made = base.folder / f"generalist-{start.id}.gguf"
    with FileLock(base.folder / ".generalist.lock"):
        return made if made.exists() else parts.convert(base, start.folder, made)


def install(folder: Path, shipped: Path | None = None) -> Path:
    """Make the finished adapter in `folder` the one that runs begin from, in half precision; returns where it lies.

    `shipped`: the folder of the shipped ones. Raises TrainError when `folder` holds no finished generalist.
    """
    from safetensors.torch import load_file, save_file

    made = read_manifest(folder)
    if made is None or made.stage != "generalist":
        raise TrainError(f"{folder}: wanted a finished generalist, found none; make it with manyshot generalist")
    settings = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    name: str = settings["base_model_name_or_path"]
    if Path(name).name != name:
        raise TrainError(f"{folder}: made for the base {name!r}; only one for a packaged base can be shipped")
    target = (shipped or SHIPPED) / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    whole: dict[str, Tensor] = load_file(folder / "adapter_model.safetensors")
    save_file(
        {key: tensor.half() for key, tensor in whole.items()},
        target / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    for file in ("adapter_config.json", "README.md", "manifest.json"):  # the manifest last: it says that all is there
        shutil.copyfile(folder / file, target / file)
    return target


#: Where the corpus lies, and desks of it that are replayed beside one that is trained.
CORPUS, DESKS_REPLAYED = Path(__file__).parents[2] / "corpus", 24


@dataclass(frozen=True, slots=True)
class Corpus:
    """The domains of a corpus folder, in the order of their names."""

    domains: tuple[Domain, ...]

    @property
    def id(self) -> str:
        return digest([domain_id(d) for d in self.domains])

    def strangers(self, domain: Domain) -> list[Domain]:
        """The other domains of its language."""
        return [d for d in self.domains if d.name != domain.name and d.context.language == domain.context.language]


def read_corpus(folders: Sequence[Path]) -> Corpus:
    """All domains below the folders. Raises SpecError (file and line) for an unsound one, DataError for none."""
    from manyshot.spec.load import load_domain

    found = sorted({path.parent for folder in folders for path in folder.rglob("domain.toml")}, key=lambda p: p.name)
    if not found:
        raise DataError(f"{', '.join(map(str, folders))}: wanted domain folders below, found no domain.toml")
    names: dict[str, Path] = {}
    for path in found:
        if path.name in names:
            raise DataError(f"{path} and {names[path.name]}: two domains of one name; rename one")
        names[path.name] = path
    return Corpus(tuple(load_domain(path) for path in found))


def held_out_tests(folders: Sequence[Path]) -> Known | None:
    """The tests of the domains below the folders: nothing that is trained on may equal one. Raises as `read_corpus`."""
    from manyshot.spec.load import load_tests

    if not folders:
        return None
    domains = read_corpus(folders).domains
    tests = [(f"{d.name}/{test.id}", test.action) for d in domains for test in load_tests(d.folder)]
    return known_of(tests, "the held-out test")


def corpus_passes(
    corpus: Corpus, tokenizer: Tokenizer, config: TrainConfig, screen: Screen, held_out: Known | None = None
) -> list[Pass]:
    """`config.steps` passes, as many of each domain, in a seeded order. Raises DataError for one that is held out."""
    from manyshot.train.passes import Lists, passes

    share = -(-config.steps // len(corpus.domains))
    made: list[Pass] = []
    with screen.bar("pairs") as bar:
        for number, domain in enumerate(corpus.domains):
            builder = Builder(domain.model_copy(update={"shares": SHARES}), config.seed)
            made_here = builder.pairs(share * config.batch)
            pairs = list(guarded(((f"{domain.folder}: pair {p.id}", p) for p in made_here), held_out))
            foreign = tuple(t for d in corpus.strangers(domain) for t in d.tools)
            lists = Lists(domain.tools, foreign, builder.reject, domain.context.language)
            # Common sentences repeat in small domains: what was made is gone over again until the share is full.
            epochs = -(-share * config.batch // max(1, len(pairs)))
            stream = passes(
                pairs, lists, tokenizer, batch=config.batch, values="span", seed=config.seed, epochs=epochs, kinds=LISTS
            )
            made += list(stream)[:share]
            bar.update((number + 1) / len(corpus.domains), domain.name)
    random.Random(config.seed).shuffle(made)
    return made[: config.steps]


def replayed(
    own: Sequence[Pass], language: Language, tokenizer: Tokenizer, config: TrainConfig, screen: Screen
) -> list[Pass]:
    """A desk's passes with those of other desks evenly between them, `config.replay` of all: a desk learns its own and
    does not forget the rest. Raises DataError where the corpus is not there."""
    count = round(len(own) * config.replay / (1 - config.replay))
    if not count:
        return list(own)
    if not CORPUS.is_dir():
        raise DataError(f"replay={config.replay}: wanted the corpus in {CORPUS}, there is none; set replay=0")
    folders = sorted(path.parent for path in (CORPUS / language).glob("*/domain.toml"))
    some = random.Random(config.seed).sample(folders, min(DESKS_REPLAYED, len(folders)))
    others = corpus_passes(read_corpus(some), tokenizer, config.model_copy(update={"steps": count}), screen)
    places = [(n / len(made), who, one) for who, made in enumerate((own, others)) for n, one in enumerate(made)]
    return [one for _, _, one in sorted(places, key=lambda place: place[:2])]


def build(
    corpus: Corpus,
    base: Base,
    config: TrainConfig,
    out: Path,
    parts: Parts,
    screen: Screen,
    *,
    start: Path | None = None,
    seconds: float | None = None,
    held_out: Known | None = None,
) -> Manifest:
    """Train the adapter into `out`; a stopped one of the same settings is gone on with. Raises TrainError, and
    DataError for a sentence that is one of `held_out`."""
    from manyshot import facts
    from manyshot.train.stage import LORA

    if read_manifest(out) is not None:
        raise TrainError(f"{out}: holds a finished adapter; choose another --out")
    batches = corpus_passes(corpus, parts.tokenizer(base), config, screen, held_out)
    with screen.bar("training") as bar:

        def tell(step: Step) -> None:
            bar.update(
                step.progress, f"step {step.step}, loss {step.loss_sample:.3f}, {step.samples_per_second:.1f} samples/s"
            )

        result = parts.train(base, batches, config, out, progress=tell, deadline=seconds, start=start)
    parts.convert(base, out, out / LORA)
    numbers = {
        "domains": len(corpus.domains),
        "tools": sum(len(d.tools) for d in corpus.domains),
        "shots": sum(len(d.shots) for d in corpus.domains),
        "steps": result.steps,
        "samples": result.samples,
        "seconds": round(result.seconds, 1),
        "loss_sample": result.last.loss_sample if result.last else None,
    }
    screen.say(f"{numbers['domains']} domains, {numbers['tools']} tools, {numbers['samples']} samples")
    inputs = {"base": base.sha256, "corpus": corpus.id, **({"start": _weights(start)} if start else {})}
    settings = config.model_dump(mode="json")
    (out / "README.md").write_text(_card(base, corpus, inputs, numbers, settings), "utf-8")
    return write_manifest(out, "generalist", inputs, settings, {**numbers, **facts.machine()})


def _weights(adapter: Path) -> str:
    """What tells an adapter's weights from others."""
    from manyshot.plugs.bases import file_sha256

    return file_sha256(adapter / "adapter_model.safetensors")[:16]


def _card(base: Base, corpus: Corpus, inputs: Json, numbers: Json, settings: Json) -> str:
    """What the adapter is and how it is made again, for people."""
    start = f"an adapter (sha256 of its weights {inputs['start']}...)" if "start" in inputs else "the base alone"
    rows = {"base": f"{base.name} (sha256 {base.sha256})", "corpus": corpus.id, "start": start, **numbers}
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    chosen = " ".join(f"--set {k}={settings[k]}" for k in ("rank", "alpha", "lr", "final_lr", "batch", "seed"))
    chosen += " --start ADAPTER" if "start" in inputs else ""
    return (
        f"---\nlibrary_name: peft\nbase_model: {base.name}\ntags: [lora, function-calling, manyshot]\n---\n"
        "# The generalist: an adapter from which every domain starts\n\n"
        "Turns what a customer says into one call of the tools that stand before it; trained on the domains of "
        "`corpus/`, whose sentences were written one by one (see its card). `manyshot run` begins from it.\n\n"
        f"| | |\n|---|---|\n{table}\n\nMade again by:\n\n"
        f"    manyshot generalist corpus --out DIR --steps {settings['steps']} {chosen}\n"
        "    manyshot generalist corpus --out DIR --install\n"
    )
