"""The command line. One rule: it parses and calls; what a person did wrong is one line on stderr and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from manyshot import __version__
from manyshot.cli_access import app as access
from manyshot.cli_audit import app as audit
from manyshot.cli_bench import app as bench
from manyshot.cli_compare import EPILOG, compare, gate
from manyshot.cli_dataset import app as dataset
from manyshot.cli_desk import desk
from manyshot.cli_dialogues import dialogues
from manyshot.cli_export import export
from manyshot.cli_judge import judge
from manyshot.cli_plan import plan
from manyshot.cli_promote import promote
from manyshot.cli_registry import app as registry
from manyshot.cli_serve import serve
from manyshot.cli_shots import Trust
from manyshot.cli_shots import app as shots
from manyshot.cli_simulate import simulate
from manyshot.cli_world import world
from manyshot.config import find_domain, override, stay_offline_and_quiet
from manyshot.errors import ManyshotError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

    from manyshot.examine import Examined
    from manyshot.flow.steps import Flow
    from manyshot.pipeline import RunConfig
    from manyshot.runfolder import RunFolder

app = typer.Typer(
    name="manyshot",
    help="From a few approved examples to an assistant that calls your APIs reliably.",
    epilog="Start with: manyshot demo. Your own: manyshot init my_desk, then manyshot run my_desk --out runs/my.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)

flow = typer.Typer(name="flow", help="Look at the flows of a domain.", no_args_is_help=True)
app.add_typer(flow)
app.add_typer(shots)
app.add_typer(dataset)
app.add_typer(bench)
app.add_typer(registry)
app.add_typer(access)
app.add_typer(audit)

DomainName = Annotated[str, typer.Argument(metavar="DOMAIN", help="Domain folder, or a shipped domain's name.")]
RunPath = Annotated[Path, typer.Option("--run", metavar="RUN", help="Folder of a run.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides data, training and samples.")]
Settings = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Training settings, such as rank=32 lr=1e-3.")
]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file of training settings.")]
Force = Annotated[bool, typer.Option("--force", help="Remove what --out holds and begin again.")]
FlowName = Annotated[str, typer.Option("--flow", metavar="FLOW", help="Only this flow.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Exit code after Ctrl-C, as shells have it: 128 + SIGINT.
INTERRUPTED = 130
#: Exit code when some lines could not be judged; the others were.
INCOMPLETE = 3
#: Points of a learning curve: the 86 pairs of the lesson that this project began with, and steps of four.
SIZES = "86,344,1376"
FormatName = Literal["json", "name", "python", "hermes", "llama", "mistral", "gemma"]
RulesName = Literal["bfcl", "strict"]
ModeName = Literal["base", "fewshot", "tuned"]
Switch = Literal["on", "off"]
WeightsName = Annotated[
    Literal["own", "q8_0", "bf16"], typer.Option(help="Form of the base at inference; own: as it is packaged.")
]

TrainerOption = Annotated[
    Literal["peft", "llamafactory", "trl", "openai"],
    typer.Option(help="Who trains: our own step, or another trainer from the same data, with its own settings."),
]
StartOption = Annotated[
    Literal["generalist", "base"], typer.Option(help="Begin from the shipped generalist, or from the base alone.")
]


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"manyshot {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder; its name becomes the domain's.")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "en",
) -> None:
    """Write a small domain to edit."""
    from manyshot.spec.init import init as write

    write(folder, language=language)
    typer.echo(f"{folder}: edit tools.json and shots/calls.jsonl, then: manyshot check {folder}")


@app.command()
def check(domain: DomainName, trust: Trust = False) -> None:
    """Check a domain folder; print every fault with file and line."""
    from functools import partial

    from manyshot.spec.check import check as examine
    from manyshot.spec.check import format_report
    from manyshot.world.opening import opener

    report = examine(find_domain(domain), partial(opener, trust=trust))
    typer.echo(format_report(report, _console().width))
    if not report.ok:
        raise typer.Exit(2)


@app.command(name="import")
def import_chart(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Mermaid chart (.mmd) or Dify workflow (.yml).")],
    into: Annotated[str, typer.Option(metavar="DOMAIN", help="Domain that gets the flow.")],
    name: Annotated[str, typer.Option(metavar="FLOW", help="Name of the flow; the file's without it.")] = "",
) -> None:
    """Make a flow of a chart: Mermaid, or a Dify workflow."""
    from manyshot.spec.imports.run import import_flow

    made = import_flow(file, find_domain(into), name)
    for note in (*made.notes, *made.left):
        typer.echo(str(note))
    more = f"; to correct: {len(made.left)}, see manyshot flow check {into}" if made.left else ""
    typer.echo(f"{made.path}: flow written{more}")


@flow.command("check")
def check_flows(domain: DomainName, json: AsJson = False) -> None:
    """Check the flows; print every fault with file and line."""
    from manyshot.spec.check import check_flows as examine
    from manyshot.spec.check import format_report, row

    report = examine(find_domain(domain))
    typer.echo(_json(row(report)) if json else format_report(report, _console().width))
    if not report.ok:
        raise typer.Exit(2)


@flow.command("paths")
def list_paths(domain: DomainName, flow: FlowName = "", json: AsJson = False) -> None:
    """List all paths with their ids; loops are gone round at most once."""
    from manyshot.flow.listing import listing
    from manyshot.flow.paths import paths

    found = [path for one in _flows(domain, flow) for path in paths(one)]
    typer.echo(_json([path.row for path in found]) if json else listing(found))


@flow.command("show")
def show_flows(domain: DomainName, flow: FlowName = "", json: AsJson = False) -> None:
    """Draw the flows as Mermaid charts."""
    from manyshot.flow.mermaid import draw

    found = _flows(domain, flow)
    rows = [one.model_dump(mode="json") for one in found]
    typer.echo(_json(rows) if json else "\n".join(map(draw, found)).rstrip())


def _flows(domain: str, name: str) -> list[Flow]:
    from manyshot.spec.faults import near
    from manyshot.spec.load import load_flows

    folder = find_domain(domain)
    flows = {flow.name: flow for flow in load_flows(folder)}
    if name and name not in flows:
        raise SpecError(f"{folder}: there is no flow {name!r}; {near(name, flows)}")
    return [flows[name]] if name else list(flows.values())


def _json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=1)


@app.command()
def data(
    domain: DomainName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder for pairs.jsonl and rejects.jsonl.")],
    count: Annotated[int, typer.Option(min=1, help="How many pairs.")] = 8000,
    seed: Seed = 0,
    held_out: Annotated[str, typer.Option(metavar="TOOL,...", help="Tools to leave out.")] = "",
    force: Force = False,
) -> None:
    """Multiply the shots into training pairs."""
    from manyshot import facts, single

    made = single.data_folder(find_domain(domain), out, count, seed, _names(held_out), force=force)
    typer.echo(f"{out}: {facts.data_line(made)}")


@app.command()
def train(
    domain: DomainName,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder that manyshot data or dialogues wrote.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the adapter.")],
    settings: Settings = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Train no longer than this.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Times that all pairs are seen.")] = 1,
    config: ConfigFile = None,
    start: StartOption = "generalist",
    trainer: TrainerOption = "peft",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
) -> None:
    """Train an adapter on generated pairs, or on dialogues to think."""
    from manyshot import facts
    from manyshot.parts import embedded
    from manyshot.progress import Terminal
    from manyshot.trainers import Terms, open_trainer

    terms = Terms(
        find_domain(domain), embedded(), Terminal(_console()), epochs, minutes * 60 if minutes else None, start, resume
    )
    made = open_trainer(trainer, settings or [], config, terms).train(data, out)
    if trainer != "peft":
        typer.echo(f"training: {facts.train_line(made)}")
    typer.echo(f"{out}: adapter written; its card is {out / 'README.md'}")


@app.command()
def run(
    domain: DomainName,
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder of the run; a stopped one is gone on with.")],
    settings: Settings = None,
    minutes: Annotated[float, typer.Option(min=0.5, help="Time for everything.")] = 20,
    held_out: Annotated[str, typer.Option(metavar="TOOL,...", help="Tools to keep out of data and training.")] = "",
    seed: Seed = 0,
    sample: Annotated[int | None, typer.Option(min=1, help="Tests a mode; all without it.")] = None,
    pairs: Annotated[int | None, typer.Option(min=1, help="Training pairs; by the time without it.")] = None,
    weights: WeightsName = "own",
    copy_spans: Annotated[
        bool, typer.Option("--copy-spans/--free-spans", help="Free text is only copied from the action, or not.")
    ] = True,
    start: StartOption = "generalist",
    thinking: Annotated[
        bool, typer.Option("--thinking/--no-thinking", help="Train a thinking adapter too, where there are flows.")
    ] = True,
    dialogues: Annotated[
        int | None, typer.Option(min=1, help="Dialogues to learn thinking from; by the time without it.")
    ] = None,
    held_out_paths: Annotated[
        str, typer.Option(metavar="PATH,...", help="Paths whose dialogues are not learnt, only thought anew.")
    ] = "",
    trust: Trust = False,
    config: ConfigFile = None,
    force: Force = False,
) -> None:
    """Do it all: data, training, evaluation, report."""
    from manyshot import pipeline

    chosen = pipeline.RunConfig(
        minutes=minutes, seed=seed, sample=sample, pairs=pairs, held_out=_names(held_out), weights=weights,
        copy_spans=copy_spans, start=start, thinking=thinking, dialogues=dialogues,
        held_out_paths=_names(held_out_paths),
        train=override(pipeline.TRAINING, settings or [], config),
    )  # fmt: skip
    _run(chosen, find_domain(domain), out, force=force, trust=trust)


@app.command(name="eval")
def evaluate(
    run: RunPath,
    domain: Annotated[
        Path | None, typer.Option(metavar="DOMAIN", help="Take the tests of this folder instead of the run's domain.")
    ] = None,
) -> None:
    """Evaluate a trained run again and write its report."""
    from manyshot import pipeline
    from manyshot.progress import Terminal
    from manyshot.runfolder import RunFolder

    console, place = _console(), RunFolder(run)
    _show(console, pipeline.again(place, Terminal(console), find_domain(str(domain)) if domain else None), place.path)


@app.command()
def curve(
    run: RunPath,
    sizes: Annotated[str, typer.Option(metavar="N,...", help="Numbers of training pairs.")] = SIZES,
) -> None:
    """Add a learning curve to a finished run's report.

    An adapter is trained on the first N pairs of the run, for each N; each answers the run's tests.
    """
    from manyshot import curve as room
    from manyshot.parts import embedded
    from manyshot.progress import Terminal
    from manyshot.runfolder import RunFolder

    numbers = _names(sizes)
    if not numbers or not all(n.isdecimal() and int(n) for n in numbers):
        raise SpecError(f"--sizes {sizes!r}: wanted whole numbers with commas between, as 86,344")
    place = RunFolder(run)
    room.curve(place, [int(n) for n in numbers], embedded(), Terminal(_console()))
    typer.echo(f"report: {place.report}")


@app.command()
def predict(
    run: RunPath,
    actions: Annotated[Path, typer.Option(metavar="FILE", help='JSONL: {"id", "action", "history"?} a line.')],
    out: Annotated[Path, typer.Option(metavar="OUT", help='JSONL: {"id", "calls", "ask", "ms"} a line.')],
    mode: Annotated[ModeName, typer.Option(help="Who answers.")] = "tuned",
    grammar: Annotated[Switch, typer.Option(help="Hold answers to the tools' schemas.")] = "on",
) -> None:
    """Answer a file of actions."""
    from manyshot import single
    from manyshot.progress import Terminal
    from manyshot.runfolder import RunFolder
    from manyshot.serve.predict import predict_file, read_questions

    read_questions(actions)  # before the model is loaded: a bad line should not cost a minute
    screen = Terminal(_console())
    with (
        single.assistant(RunFolder(run), mode, grammar=grammar == "on") as (predictor, how),
        screen.bar("answers") as bar,
    ):
        count = predict_file(predictor, actions, out, how, bar.update)
    typer.echo(f"{out}: {count} answers")


@app.command()
def score(
    outputs: Annotated[Path, typer.Argument(metavar="IN", help="JSONL, also gzip: see docs/evaluate.md.")],
    out: Annotated[Path, typer.Option(metavar="OUT", help="JSONL of verdicts.")],
    rules: Annotated[RulesName, typer.Option(help="The leaderboard's, or ours.")] = "strict",
    form: Annotated[FormatName | None, typer.Option("--format", help="How outputs that are text are written.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Forgive fences, prose around, a missing last mark.")
    ] = False,
) -> None:
    """Judge a file of calls that any model made."""
    from manyshot.scoring import score_file
    from manyshot.stats import wilson

    scored = score_file(outputs, out, rules, _tell, form=form, repair=repair)
    low, high = wilson(scored.right, scored.judged)
    typer.echo(f"{out}: {scored.right} of {scored.judged} right ({low:.1%} to {high:.1%})")
    if scored.stages:
        typer.echo("wrong by stage: " + ", ".join(f"{stage} {n}" for stage, n in scored.stages.most_common()))
    if not scored.whole:
        _tell(f"{scored.undecided} outputs without verdict, {scored.faults} lines that could not be read")
        raise typer.Exit(INCOMPLETE)


@app.command()
def likeness(
    pairs: Annotated[Path, typer.Argument(metavar="IN", help='JSONL: {"prediction", "reference"} a line.')],
    language: Annotated[Literal["zh", "en"], typer.Option(help="Language of the texts.")],
) -> None:
    """Compare texts: BLEU and ROUGE, named by tokeniser."""
    from manyshot import likeness as room

    for name, figure in room.likeness(room.read_pairs(pairs), language).items():
        typer.echo(f"{name:<36} {figure:6.2f}")


@app.command()
def chat(
    run: RunPath,
    mode: Annotated[ModeName, typer.Option(help="Who answers.")] = "tuned",
    grammar: Annotated[Switch, typer.Option(help="Hold answers to the tools' schemas (--actions).")] = "on",
    actions: Annotated[bool, typer.Option("--actions", help="Type Actions, also where the run can think.")] = False,
    registry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Call the live company that this registry reaches.")
    ] = None,
    customer: Annotated[str, typer.Option(metavar="ID", help="With --registry: the customer who is signed in.")] = "",
    trust: Trust = False,
) -> None:
    """Talk with a run; Ctrl-D ends.

    Where it has a thinking adapter you are the customer: it thinks, calls the simulated company, or with --registry the
    live one, looks, replies. Else, and with --actions, type Actions and see the calls; nothing is called.
    """
    from manyshot.runfolder import RunFolder

    place = RunFolder(run)
    if customer and registry is None:
        raise SpecError(f"--customer {customer}: wanted --registry FILE with it; a simulated company signs nobody in")
    if place.thought and not actions:
        _talk(place, mode, registry, customer, trust=trust)
        return
    if registry is not None:
        place.read()
        raise SpecError(f"--registry {registry}: wanted a run that thinks, without --actions; here nothing is called")
    from manyshot import single
    from manyshot.serve.chat import chat as talk
    from manyshot.serve.chat import typed

    with single.assistant(place, mode, grammar=grammar == "on") as (predictor, how):
        if sys.stdin.isatty():
            typer.echo("Type what the customer says; Ctrl-D ends.")
        talk(predictor, how, typed(sys.stdin), typer.echo)


def _talk(place: RunFolder, mode: ModeName, registry: Path | None, customer: str, *, trust: bool) -> None:
    from contextlib import ExitStack, closing
    from datetime import datetime
    from functools import partial

    from rich.text import Text

    from manyshot.assistants import assistants
    from manyshot.cli_registry import live_world, open_tools
    from manyshot.serve.chat import typed
    from manyshot.serve.talk import AGAIN, PROMPT, talk
    from manyshot.types import Setup

    console = _console()
    with ExitStack() as ends:
        tools = clock = None
        if registry is not None:
            from manyshot.spec.load import load_domain

            domain = load_domain(place.domain)
            tools = ends.enter_context(closing(open_tools(registry, domain.tools, customer)))
            clock = partial(datetime.now, domain.context.today.tzinfo)
        stage, open_assistant = ends.enter_context(assistants(place, mode, trust=trust, clock=clock))
        world = stage.open_world(Setup()) if tools is None else live_world(tools, customer)
        if sys.stdin.isatty():
            typer.echo(f"You are the customer; {AGAIN} begins anew, Ctrl-D ends.")
        talk(
            lambda: open_assistant(world, 0),
            typed(sys.stdin, PROMPT),
            lambda text, style: console.print(Text(text, style=style), soft_wrap=True),
        )


app.command()(world)
app.command()(dialogues)
app.command()(simulate)
app.command(epilog=EPILOG)(compare)
app.command()(gate)
app.command()(judge)
app.command()(promote)
app.command()(plan)
app.command()(export)
app.command()(desk)
app.command()(serve)


@app.command()
def preview(
    domain: DomainName,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Show pairs of this folder; else fresh ones.")
    ] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 3,
    seed: Seed = 0,
) -> None:
    """Show training samples as the model sees them."""
    from manyshot import single

    console = _console()
    for part in single.preview(find_domain(domain), data, number, seed):
        console.print(part, soft_wrap=True)


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder of the run: runs/demo, of another domain runs/demo-DOMAIN."),
    ] = None,
    domain: Annotated[str, typer.Option(metavar="DOMAIN", help="A shipped domain.")] = "ticket_desk",
    force: Force = False,
) -> None:
    """See the whole line at work, in some twelve minutes."""
    from manyshot import demo as script
    from manyshot.runfolder import RunFolder

    where = find_domain(domain)
    out = out or script.folder(where)
    if (run := RunFolder(out)).finished and not force:
        script.refuse_other(run, where)
        typer.echo(script.AGAIN.format(out=out))
        _show_stored(out)
    else:
        typer.echo(script.INTRO.format(domain=domain, out=out))
        _run(script.DEMO, where, out, force=force)
    typer.echo(script.NEXT.format(out=out, domain=domain))


@app.command()
def generalist(
    corpus: Annotated[list[Path], typer.Argument(metavar="CORPUS...", help="Folders with domains below.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the adapter; a stopped one is gone on with.")],
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps, at most.")] = 1000,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Train no longer than this.")] = None,
    start: Annotated[Path | None, typer.Option(metavar="DIR", help="An adapter to start from.")] = None,
    base: Annotated[str, typer.Option(metavar="BASE", help="The base model.")] = "gemma-3-270m",
    held_out: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Domains below: stop where a sentence is their test.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Training setting.")] = None,
    install: Annotated[bool, typer.Option("--install", help="Let runs begin from the finished one in DIR.")] = False,
) -> None:
    """Train the adapter from which every domain starts."""
    from manyshot import generalist as room
    from manyshot.parts import embedded
    from manyshot.progress import Terminal

    if install:
        typer.echo(f"{room.install(out)}: runs begin from it")
        return
    parts = embedded()
    config = override(room.TRAINING.model_copy(update={"steps": steps}), setting or [])
    room.build(
        room.read_corpus(corpus), parts.find_base(base), config, out, parts, Terminal(_console()),
        start=start, seconds=minutes * 60 if minutes else None, held_out=room.held_out_tests(held_out or []),
    )  # fmt: skip
    typer.echo(f"{out}: adapter written")


def _run(config: RunConfig, folder: Path, out: Path, *, force: bool, trust: bool = False) -> None:
    from manyshot import pipeline
    from manyshot.parts import embedded
    from manyshot.progress import Terminal

    console = _console()
    examined = pipeline.run(config, folder, out, embedded(config.weights), Terminal(console), force=force, trust=trust)
    _show(console, examined, out)


def _show_stored(out: Path) -> None:
    from manyshot.examine import stored
    from manyshot.runfolder import RunFolder

    _show(_console(), stored(RunFolder(out)), out)


def _show(console: Console, examined: Examined, out: Path) -> None:
    from manyshot import facts
    from manyshot.evaluate import render_tables

    console.print()
    console.print(render_tables(examined.evaluation))
    for text in facts.check_lines(examined):
        console.print(text, markup=False)
    console.print(f"\nreport: {out / 'report.html'}\n   try: manyshot chat --run {out}", markup=False, soft_wrap=True)


def _tell(message: str) -> None:
    print(message, file=sys.stderr)  # noqa: T201


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def main(words: list[str] | None = None) -> None:
    """Entry point: runs a command and turns a person's faults into exit code 2."""
    stay_offline_and_quiet()
    try:
        code = app(args=words, standalone_mode=False) or 0
        if code == INTERRUPTED:  # typer's own answer to Ctrl-C
            _interrupted()
        sys.exit(code)
    except ManyshotError as error:
        _stop(str(error))
    except typer.Abort:
        _interrupted()
    except KeyboardInterrupt:
        _interrupted()
    except OSError as error:
        _stop(
            str(
                SpecError(
                    f"{error.filename or 'file system'}: {error.strerror or error}; free space or choose another place"
                )
            )
        )
    except Exception as error:
        if (show := getattr(error, "show", None)) is None:
            raise
        show()  # a usage error of the command line
        sys.exit(2)


def _stop(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    sys.exit(2)


def _interrupted() -> None:
    print("\nstopped; the same command goes on from here (train: with --resume)", file=sys.stderr)  # noqa: T201
    sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
