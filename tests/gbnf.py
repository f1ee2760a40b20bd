"""llama.cpp's own grammar engine, called by its symbols in xllamacpp's library: does a GBNF accept a text?

The one rule: no model is loaded. The symbols are internal to llama.cpp (src/llama-grammar.h) and may change with a new
xllamacpp; `Grammar` is then unavailable and the tests that need it are skipped with that reason.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import pytest

_INIT = "_Z23llama_grammar_init_implPK11llama_vocabPKcS3_bPS3_mPKim"
_ACCEPT = "_Z20llama_grammar_acceptP13llama_grammarj"
_STACKS = "_Z24llama_grammar_get_stacksP13llama_grammar"
_FREE = "_Z23llama_grammar_free_implP13llama_grammar"
_POINTER = ctypes.sizeof(ctypes.c_void_p)


@cache
def _library() -> Any:
    import xllamacpp.xllamacpp as built

    handle, text = ctypes.c_void_p, ctypes.c_char_p
    try:
        library = ctypes.CDLL(built.__file__)
        for name, result, arguments in (
            (_INIT, handle, [handle, text, text, ctypes.c_bool, handle, ctypes.c_size_t, handle, ctypes.c_size_t]),
            (_ACCEPT, None, [handle, ctypes.c_uint32]),
            (_STACKS, handle, [handle]),
            (_FREE, None, [handle]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        pytest.skip(f"xllamacpp does not show llama.cpp's grammar engine: {error}")
    return library


def _span(address: int) -> tuple[int, int]:
    """begin and end of the std::vector at an address."""
    begin, end = (ctypes.c_void_p * 2).from_address(address)
    return begin or 0, end or 0


def states(grammar: str, text: str) -> tuple[int, bool]:
    """Read `text` character by character: how many parse states are left at its end, and whether it may end there.

    0 states: refused. Raises ValueError when the grammar itself cannot be read.
    """
    library = _library()
    handle = getattr(library, _INIT)(None, grammar.encode(), b"root", False, None, 0, None, 0)
    if not handle:
        raise ValueError(f"llama.cpp cannot read the grammar:\n{grammar}")
    try:
        for char in text:
            getattr(library, _ACCEPT)(handle, ord(char))
        begin, end = _span(getattr(library, _STACKS)(handle))
        stacks = [_span(at) for at in range(begin, end, 3 * _POINTER)]
        return len(stacks), any(first == last for first, last in stacks)
    finally:
        getattr(library, _FREE)(handle)


def accepts(grammar: str, text: str) -> bool:
    """Whether `text` is a whole sentence of the grammar."""
    return states(grammar, text)[1]
