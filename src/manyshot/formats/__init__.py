"""What models write -> calls, form by form.

One rule: strict and bounded, as `manyshot.parse`: what is not exactly the form is a ValueError that says where and what
was wanted. Repairs are made only when asked for, and each is named. Nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from manyshot.formats.gemma import read_gemma
from manyshot.formats.json_calls import read_hermes, read_json_calls, read_llama, read_mistral, read_named
from manyshot.formats.python_calls import read_python
from manyshot.formats.scanner import Reading, Scanner, strip_fence
from manyshot.parse import MAX_CHARS

__all__ = ["FORMATS", "Format", "Reading", "read_calls"]

Format = Literal["json", "name", "python", "hermes", "llama", "mistral", "gemma"]
#: Where a form has marks for calls, a text without any is no call. The others are nothing but calls.
FORMATS: dict[Format, Callable[[Scanner], None]] = {
    "json": read_json_calls,  # {"name": ..., "arguments": {...}} or a list of them
    "name": read_named,  # Name{...}, a call a line
    "python": read_python,  # f(a=1) or [f(a=1), g(b="x")]
    "hermes": read_hermes,  # <tool_call>{"name": ..., "arguments": {...}}</tool_call>; Qwen's too
    "llama": read_llama,  # <|python_tag|>{"name": ..., "parameters": {...}}, <function=f>{...}</function>, or Python
    "mistral": read_mistral,  # [TOOL_CALLS][{"name": ..., "arguments": {...}}] or [TOOL_CALLS]f[ARGS]{...}
    "gemma": read_gemma,  # FunctionGemma's and Gemma 4's marks; Python or JSON, as Gemma 3 is prompted
}


def read_calls(text: str, form: Format, *, repair: bool = False) -> Reading:
    """Read the calls of one answer.

    Args:
        text: what the model wrote, special tokens included.
        form: one of FORMATS.
        repair: allow a code fence around, prose around marked calls, a missing last mark, arguments that are JSON
            within a JSON string.

    Returns:
        the calls in their order, and the names of the repairs made.

    Raises:
        ValueError: the text is not of that form, or the form is unknown.
    """
    if form not in FORMATS:
        raise ValueError(f"wanted a form among {', '.join(FORMATS)}, got {form!r}")
    if len(text) > MAX_CHARS:
        raise ValueError(f"at {MAX_CHARS}: wanted at most {MAX_CHARS} characters, got {len(text)}")
    scanner = Scanner(text, repair=repair)
    if repair:
        strip_fence(scanner)
    FORMATS[form](scanner)
    return Reading(tuple(scanner.calls), tuple(scanner.repairs))
