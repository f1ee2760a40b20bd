"""`manyshot demo`: a whole run on a shipped domain, small enough to watch. One rule: nothing in it is special or faked.

It is `manyshot run DOMAIN --minutes 10 --sample 40 --no-thinking` with a few words before and after.
"""

from __future__ import annotations

from pathlib import Path

from manyshot.errors import DataError
from manyshot.pipeline import RunConfig
from manyshot.runfolder import RunFolder

#: The demo of a run without --domain.
DOMAIN = "ticket_desk"

#: Minutes leave room for starting up.
DEMO = RunConfig(minutes=10.0, sample=40, checks=10, tries=4, thinking=False)

INTRO = """\
manyshot demo: the service desk "{domain}", from a few approved examples to an assistant.
  1. the shots are multiplied: every value varied, recombined, written anew, checked
  2. a small model (270 million parameters) learns them on this CPU
  3. base, few-shot prompting and the tuned model answer the same 40 tests that people wrote
Everything lands in {out}. Ctrl-C stops; the same command goes on.
"""

AGAIN = "{out} holds a finished demo; this is what it found (manyshot demo --force makes it again)"

NEXT = """
What next
  manyshot chat --run {out}          type what a customer says, see the call
  manyshot preview {domain} -n 3     what the model was trained on
  manyshot init my_desk              a domain of your own to edit, then:
  manyshot check my_desk && manyshot run my_desk --out runs/my_desk"""


def folder(domain: Path) -> Path:
    """Where the demo of a domain goes without --out: a folder of its own, so that none shows another's result."""
    return Path("runs/demo") if domain.name == DOMAIN else Path(f"runs/demo-{domain.name}")


def refuse_other(run: RunFolder, domain: Path) -> None:
    """A finished run of another domain is not shown as this one's. Raises DataError."""
    if (other := Path(run.read()["from"]).name) != domain.name:
        raise DataError(
            f"{run.path}: holds a finished demo of {other}, not of {domain.name}; "
            f"choose another --out, --domain {other} to see it, or --force to replace it"
        )
