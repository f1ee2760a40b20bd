"""How many written-down conversations a guided assistant brings to their end, beside the scenarios.

    python bench/guided_talks.py [--count N] [--show ID]

`talks/*.jsonl` hold what customers say, message by message, whatever the assistant replies: `calls` must be made in
their order, with these values (`name~`: a piece of it) and no other writing call; a person takes over where `handoff`
says so; `mentions` stand in replies. Those whose `desk` is `inn` are played at the tests' inn, which has nothing but
its flows and drafts; those named unseen were written before the code that they try. Scenarios are played as `manyshot
simulate` plays them. No model is asked; dialogues are made once and kept in --keep.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.dialogue.inn import Inn, inn_folder  # noqa: E402

from manyshot import multiply  # noqa: E402
from manyshot.assistants import guidance_of  # noqa: E402
from manyshot.cli import main as manyshot  # noqa: E402
from manyshot.config import find_domain  # noqa: E402
from manyshot.guided import Guidance, Guided  # noqa: E402
from manyshot.progress import Silent  # noqa: E402
from manyshot.scenario.play import Stage, play  # noqa: E402
from manyshot.spec.load import load_domain, load_flows, load_scenarios  # noqa: E402
from manyshot.types import Json, Setup  # noqa: E402
from manyshot.world.opening import opener  # noqa: E402

#: Calls that change something.
WRITES = re.compile(r"Create|Cancel|Reschedule|Rate$|Book$")
#: A day as machines write it.
ISO = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])", re.ASCII)


def guidance(domain: Path, keep: Path, count: int) -> Guidance:
    if not (keep / "manifest.json").is_file():
        multiply.run(domain, keep, Silent(), count=count)
    return guidance_of(domain, keep, None)


def inn_of(keep: Path) -> Path:
    """The inn with approved drafts."""
    folder = keep / "inn"
    if not folder.is_dir():
        inn_folder(folder)
        for words in (("draft", folder), ("approve", folder, "--all", "--by", "Ann")):
            with suppress(SystemExit):
                manyshot(["shots", *map(str, words)])
    return folder


def wrong(talk: Json, one: Guided) -> Iterator[str]:
    """What is not as it should be after a conversation."""
    made = [turn.call for turn in one.turns if turn.call is not None]
    left = list(made)
    for name, wanted in talk["calls"]:
        while left and not fits(left[0].name, left[0].arguments, name, wanted):
            left.pop(0)
        if not left:
            yield f"no {name} {wanted}"
            break
        left.pop(0)
    writes = [call.name for call in made if WRITES.search(call.name)]
    due = [name for name, _ in talk["calls"] if WRITES.search(name)]
    if writes != due:
        yield f"wrote {writes}, wanted {due}"
    if (one.over == "handoff") != talk["handoff"]:
        yield f"{'' if one.over == 'handoff' else 'not '}handed over"
    replies = " ".join(turn.text for turn in one.turns if turn.role == "reply")
    yield from (f"no reply mentions {words}" for words in talk.get("mentions", ()) if words not in replies)


def fits(name: str, given: Json, wanted: str, values: Json) -> bool:
    return name == wanted and all(
        value in str(given.get(key[:-1])) if key.endswith("~") else given.get(key) == value
        for key, value in values.items()
    )


def told(one: Guided) -> Iterator[str]:
    for turn in one.turns:
        yield f"    {turn.role:12} {turn.text}" + (f"  {turn.call.name} {turn.call.arguments}" if turn.call else "")


def main() -> None:
    read = argparse.ArgumentParser()
    read.add_argument("--count", type=int, default=2400)
    read.add_argument("--keep", type=Path)
    read.add_argument("--only", help="file of talks, without its folder and ending")
    read.add_argument("--show", help="ID, or all")
    args = read.parse_args()
    keep = args.keep or Path(tempfile.mkdtemp())
    desk = guidance(find_domain("ticket_desk"), keep / "ticket_desk", args.count)
    inn = guidance(inn_of(keep), keep / "inn_dialogues", 120)
    iso = replies = 0
    for path in sorted((HERE / "talks").glob("*.jsonl")):
        if args.only and path.stem != args.only:
            continue
        talks = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        passed = 0
        for talk in talks:
            with_ = inn if talk.get("desk") == "inn" else desk
            one = Guided(with_, Inn(Setup()) if with_ is inn else with_.company.open(Setup()))
            for said in talk["says"]:
                if one.over == "handoff":
                    break
                one.hear(said)
            faults = list(wrong(talk, one))
            passed += not faults
            if faults:
                print(f"  {talk['id']}: {'; '.join(faults)}")
            if args.show in (talk["id"], "all"):
                print(*told(one), sep="\n")
            found = [turn.text for turn in one.turns if turn.role == "reply"]
            replies, iso = replies + len(found), iso + sum(bool(ISO.search(text)) for text in found)
        print(f"{path.stem}: {passed} of {len(talks)}")
    domain = find_domain("ticket_desk")
    stage = Stage(
        "zh", load_flows(domain), load_domain(domain).tools, opener(load_domain(domain), load_flows(domain), trust=True)
    )
    for path in (domain / "tests" / "scenarios.jsonl", HERE / "scenarios" / "ticket_desk.jsonl"):
        if args.only not in (None, "scenarios"):
            continue
        rows = [play(one, stage, partial(Guided, desk)) for one in load_scenarios(path, domain)]
        for row in rows:
            found = [turn["text"] for turn in row["dialogue"] if turn["role"] == "reply"]
            replies, iso = replies + len(found), iso + sum(bool(ISO.search(text)) for text in found)
        failed = [row["id"] for row in rows if not row["pass"]]
        print(
            f"{path.parent.parent.name}/{path.name}: {len(rows) - len(failed)} of {len(rows)}; not {', '.join(failed)}"
        )
    print(f"{iso} of {replies} replies name a day as machines write it")


if __name__ == "__main__":
    main()
