"""Coverage-guided fuzzing of what reads and judges model text; bench/fuzz_score.py has mutants of a known verdict.

    pip install atheris
    python bench/fuzz_atheris.py -max_total_time=600 -max_len=4096 -timeout=10

Every input is read in one of the forms, with or without repairs, and judged under both rule sets; it also stands as a
value in each type of Java and JavaScript, and as the line of a file. Nothing may be raised but what is meant, nothing
may take long, and a text is valid only where its calls are, by a comparison of its own, the one call that is right.
"""

from __future__ import annotations

import json
import sys
import tempfile
import unicodedata
from pathlib import Path
from typing import Any, get_args

import atheris

with atheris.instrument_imports(include=["manyshot"]):
    from manyshot.formats import Format, read_calls
    from manyshot.scoring.entries import Entry, Fault, read_entries
    from manyshot.scoring.judges import RULES

FORMS: tuple[Format, ...] = get_args(Format)
PARAMETERS = {
    "type": "dict",
    "properties": {
        "s": {"type": "string"},
        "i": {"type": "integer"},
        "n": {"type": "float"},
        "b": {"type": "boolean"},
        "a": {"type": "array", "items": {"type": "string"}},
        "d": {"type": "dict", "properties": {"k": {"type": "string"}}},
    },
    "required": ["s", "i"],
}
RIGHT = {"s": "cat", "i": 7, "n": 1.5, "b": True, "a": ["x", "y"], "d": {"k": "z"}}
ANSWER = {"s": ["cat"], "i": [7], "n": [1.5], "b": [True], "a": [["x", "y"]], "d": [{"k": ["z"]}]}
TEXTS = {
    "json": '{"name": "f", "arguments": %s}',
    "name": "f%s",
    "python": 'f(s="cat", i=7, n=1.5, b=True, a=["x", "y"], d={"k": "z"})',
    "hermes": '<tool_call>{"name": "f", "arguments": %s}</tool_call>',
    "llama": '<|python_tag|>{"name": "f", "parameters": %s}',
    "mistral": "[TOOL_CALLS]f[ARGS]%s",
    "gemma": "<start_function_call>call:f{s:<escape>cat<escape>,i:7,n:1.5,b:true,"
    "a:[<escape>x<escape>,<escape>y<escape>],d:{k:<escape>z<escape>}}<end_function_call>",
}
JAVA = ("byte", "short", "integer", "long", "float", "double", "boolean", "char", "String", "any", "HashMap")
SCRIPT = ("String", "integer", "float", "Bigint", "Boolean", "dict", "any")
LISTS = {"simple_java": ("Array", "ArrayList"), "simple_javascript": ("array",)}


def entry(output: Any, category: str = "simple_python") -> Entry:
    functions = [{"name": "f", "parameters": PARAMETERS}]
    return Entry("1", category, functions, [{"f": ANSWER}], output, "fuzz:1")


def plain(value: Any) -> Any:
    """A value in a form that tells what both rule sets may take as the same: the looser one's texts."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFKC", value).strip().lower().replace("'", '"')
        return "".join(c for c in text if c not in " ,./-_*^")
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def as_calls(text: str, form: Format, *, repair: bool) -> None:
    try:
        calls = read_calls(text, form, repair=repair).calls
    except ValueError:
        return
    json.dumps([call.arguments for call in calls], allow_nan=False).encode()
    read = [{call.name: call.arguments} for call in calls]
    for name, judge in RULES.items():
        got = judge(entry(read))
        got.message.encode()
        if got.valid and (len(calls) != 1 or calls[0].name != "f" or plain(calls[0].arguments) != plain(RIGHT)):
            raise AssertionError(f"{name} called {read} valid")
        judge(entry(read, "irrelevance"))
        judge(entry(read * 2, "parallel"))


def as_value(text: str) -> None:
    """A text that no answer lists, in every type of the languages whose values are texts."""
    for category, kinds in (("simple_java", JAVA), ("simple_javascript", SCRIPT)):
        listed = [{"type": kind, "items": {"type": inner}} for kind in LISTS[category] for inner in kinds]
        for schema in [*({"type": kind} for kind in kinds), *listed]:
            parameters = {"type": "dict", "properties": {"x": schema}, "required": ["x"]}
            one = Entry(
                "1", category, [{"name": "f", "parameters": parameters}], [{"f": {"x": ["\N{SNOWMAN}"]}}],
                [{"f": {"x": text}}], "fuzz:1",
            )  # fmt: skip
            for name, judge in RULES.items():
                if judge(one).valid and "\N{SNOWMAN}" not in text:
                    raise AssertionError(f"{name} called {text!r} valid as {schema}")


def as_line(data: bytes, file: Path) -> None:
    file.write_bytes(data)
    for one in read_entries(file):
        if isinstance(one, Fault):
            one.message.encode("utf-8", "replace")
        else:
            for judge in RULES.values():
                judge(one)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus, file = Path(folder) / "corpus", Path(folder) / "line.jsonl"
        corpus.mkdir()
        for number, form in enumerate(FORMS):
            text = TEXTS[form].replace("%s", json.dumps(RIGHT))
            as_calls(text, form, repair=False)
            (corpus / form).write_bytes(bytes([number]) + text.encode())
        row = {"id": "1", "category": "simple_python", "functions": [{"name": "f", "parameters": PARAMETERS}]}
        line = {**row, "possible_answer": [{"f": ANSWER}], "output": [{"f": RIGHT}]}
        (corpus / "line").write_bytes(bytes([len(FORMS)]) + json.dumps(line).encode())

        def one_input(data: bytes) -> None:
            kind, rest = data[0] if data else 0, data[1:]
            text = rest.decode("utf-8", "surrogateescape")
            which = kind % (len(FORMS) + 2)
            if which < len(FORMS):
                as_calls(text, FORMS[which], repair=kind >= 128)
            elif which == len(FORMS):
                as_line(rest, file)
            else:
                as_value(text)

        atheris.Setup([sys.argv[0], *sys.argv[1:], str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
