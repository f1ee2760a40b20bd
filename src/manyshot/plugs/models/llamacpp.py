"""A local model in this process: llama.cpp through xllamacpp, with LoRA adapters by name and a prompt cache.

The one rule: each adapter (and the base without one) has slots of its own, because a slot that changes its adapter
reads its whole prompt again; within a slot, the beginning shared with the last prompt is never read twice. Prompts go
in as token ids; a text is turned into ids here, with the begin-of-text id in front where the GGUF asks for one.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit

from manyshot.errors import ModelError
from manyshot.grammar import literal
from manyshot.likelihood import nats, undecided
from manyshot.protocols import Completion, Place

#: Tokens that are looked at in each place.
TOP_TOKENS = 40
#: Nats below the likeliest option from which on it does not matter which of several that begin alike is meant.
NEAR = 7.0

_LOCALHOST = "127.0.0.1"


class LlamaCpp:
    """Fits manyshot.protocols.Model."""

    def __init__(
        self,
        gguf: Path,
        *,
        adapters: Mapping[str, Path] | None = None,
        context_tokens: int = 4096,
        threads: int | None = None,
        slots: int = 1,
    ) -> None:
        """Load `gguf` and the adapters (GGUF LoRA files, see plugs.gguf_lora).

        context_tokens: room for prompt and answer together, for each slot. threads: default, the cores this process
        may use. slots: how many prompts an adapter can work on at once; each fills its own cache. Raises ModelError.
        """
        adapters = dict(adapters or {})
        for file in (gguf, *adapters.values()):
            if not file.is_file():
                raise ModelError(f"{file}: wanted a GGUF file, found none; check the path or build it")
        self._gguf = gguf
        self._context_tokens = context_tokens
        self._adapters = {name: number for number, name in enumerate(adapters)}
        roles: list[str | None] = [None, *adapters]
        self._free: dict[str | None, SimpleQueue[int]] = {role: SimpleQueue() for role in roles}
        for number in range(len(roles) * slots):
            self._free[roles[number // slots]].put(number)
        self._key = secrets.token_hex(16)
        self._server: Any = self._start(list(adapters.values()), len(roles) * slots, threads)
        self._bos = self._ids("", add_special=True)

    def _start(self, adapters: list[Path], slots: int, threads: int | None) -> Any:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(self._gguf)
        params.n_ctx = self._context_tokens * slots
        params.n_parallel = slots
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(path), 0.0) for path in adapters]
        params.lora_init_without_apply = True
        # Keep the whole context of sliding-window layers: a branch can then start anywhere in the shared prefix.
        params.swa_full = True
        params.n_ctx_checkpoints = 0
        params.cache_ram_mib = 0
        params.cache_idle_slots = False
        params.fit_params = False
        params.warmup = True
        params.verbosity = -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or len(os.sched_getaffinity(0))
        params.hostnames = [_LOCALHOST]
        params.api_keys = [self._key]
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelError(f"{self._gguf}: llama.cpp could not load it with adapters {adapters}: {error}") from None

    def complete(
        self,
        prompt: str | Sequence[int],
        *,
        grammar: str | None,
        max_tokens: int,
        temperature: float = 0.0,
        adapter: str | None = None,
        stop: Sequence[str] = (),
        seed: int = 0,
        places: bool = False,
    ) -> Completion:
        """See protocols.Model. `grammar` is GBNF; `ms` is the time from call to answer, waiting for a slot included."""
        if max_tokens < 1:
            raise ModelError(f"wanted max_tokens of one token or more, got {max_tokens}")
        began = time.perf_counter()
        answer = self._answer(
            self._prompt(prompt),
            adapter,
            grammar=grammar,
            max_tokens=max_tokens,
            temperature=temperature,
            stop=stop,
            seed=seed,
            logprobs=TOP_TOKENS if places else None,
        )
        return _completion(answer, (time.perf_counter() - began) * 1000)

    def read(self, text: str) -> list[int]:
        """Ids of a whole prompt that is given as text, with the begin-of-text id where the GGUF asks for one."""
        return self._prompt(text)

    def _prompt(self, prompt: str | Sequence[int]) -> list[int]:
        ids = [*self._bos, *self.tokenize(prompt)] if isinstance(prompt, str) else list(prompt)
        if not ids:
            raise ModelError("wanted a prompt of one token or more, got none")
        return ids

    def _answer(self, ids: list[int], adapter: str | None, **settings: Any) -> dict[str, Any]:
        """The server's answer, on a free slot of the adapter."""
        if adapter not in self._free:
            raise ModelError(f"{self._gguf}: wanted one of the adapters {sorted(self._adapters)}, got {adapter!r}")
        slot = self._free[adapter].get()
        try:
            request = self._request(ids, adapter, slot, **settings)
            return cast("dict[str, Any]", self._checked(self._running().handle_completions(request)))
        finally:
            self._free[adapter].put(slot)

    def _request(
        self,
        ids: list[int],
        adapter: str | None,
        slot: int,
        *,
        grammar: str | None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        seed: int = 0,
        logprobs: int | None = None,
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "prompt": ids,
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            # The model's own distribution: llama.cpp would cut it by default.
            "top_k": 0 if temperature > 0 else 1,
            "top_p": 1.0,
            "min_p": 0.0,
            "stop": list(stop),
            "cache_prompt": True,
            "id_slot": slot,
            "lora": [{"id": n, "scale": 1.0 if name == adapter else 0.0} for name, n in self._adapters.items()],
        }
        given = {"grammar": grammar, "logprobs": logprobs}
        return request | {key: value for key, value in given.items() if value is not None}

    def weigh(
        self, prompt: str | Sequence[int], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[float, ...]:
        """See protocols.Model. A greedy walk through the options, and another through those that left it together: what
        is likely of TicketCreate{ and TicketCancel{ after "Ticket" is not seen on the way to another tool."""
        ids, told = self._prompt(prompt), dict.fromkeys(options, 0.0)
        longest = max(len(option.encode()) for option in options)
        groups = [list(told)]
        while groups:
            group = groups.pop()
            grammar = f"root ::= {' | '.join(map(literal, group))}\n"
            answer = self._answer(ids, adapter, grammar=grammar, max_tokens=longest, logprobs=TOP_TOKENS)
            places = _places(answer)
            told |= {option: nats(option, places) for option in group}
            near = max(told.values()) - NEAR
            groups += [alike for alike in undecided(group, places) if told[alike[0]] > near]
        return tuple(told[option] for option in options)

    def warm(self, prompt: str | Sequence[int], *, grammar: str | None, adapter: str | None = None) -> None:
        """Read `prompt` into the cache of every slot of `adapter` and let `grammar` choose one token, so that the first
        question is as fast as the others."""
        for _ in range(self._free[adapter].qsize() if adapter in self._free else 1):
            self.complete(prompt, grammar=grammar, max_tokens=1, adapter=adapter)  # slots are handed out in turn

    def tokenize(self, text: str) -> list[int]:
        """See protocols.Model; the same ids as the base's Hugging Face tokenizer with add_special_tokens=False."""
        return self._ids(text, add_special=False)

    def _ids(self, text: str, *, add_special: bool) -> list[int]:
        # The only way xllamacpp gives to the tokenizer is the server's own HTTP page, bound to this machine with a key.
        address = urlsplit(self._running().listening_address)
        connection = http.client.HTTPConnection(address.hostname or _LOCALHOST, address.port, timeout=60)
        try:
            body = json.dumps({"content": text, "add_special": add_special, "parse_special": False})
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
            connection.request("POST", "/tokenize", body.encode(), headers)
            answer = self._checked(json.load(connection.getresponse()))
        finally:
            connection.close()
        return [int(i) for i in answer["tokens"]]

    def _running(self) -> Any:
        if self._server is None:
            raise ModelError(f"{self._gguf}: the model is closed")
        return self._server

    def _checked(self, answer: Any) -> Any:
        if isinstance(answer, dict) and "error" in answer:
            error = answer["error"]
            raise ModelError(f"{self._gguf}: llama.cpp refused: {error.get('message', error)}")
        return answer

    def close(self) -> None:
        """Free the model and its port."""
        self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _places(answer: Mapping[str, Any]) -> tuple[Place, ...]:
    told = answer["choices"][0].get("logprobs") or {"content": ()}
    return tuple(
        Place(bytes(s["bytes"]), {bytes(t["bytes"]): t["logprob"] for t in (*s["top_logprobs"], s)})
        for s in told["content"]
    )


def _completion(answer: dict[str, Any], ms: float) -> Completion:
    choice, usage = answer["choices"][0], answer["usage"]
    reason: Literal["stop", "length"] = "length" if choice["finish_reason"] == "length" else "stop"
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return Completion(
        choice["text"], usage["prompt_tokens"], cached, usage["completion_tokens"], ms, reason, _places(answer)
    )
