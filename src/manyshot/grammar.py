"""Tools -> a grammar (llama.cpp's GBNF) of exactly the calls that the acting model may write.

The one rule: the grammar accepts what manyshot.parse.write_call writes for these tools after " " (see manyshot.render),
and its size is linear in the schemas and in the action. Keys come in the order of the schema. It is a frame, not the
judge: lengths, patterns, ranges and formats are checked after reading.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from manyshot.errors import SpecError
from manyshot.render import Values
from manyshot.types import NO_TOOL, Json, Tool
from manyshot.words import edges

_STRING_TYPES = ("string", "number", "integer")

# Rules that do not depend on a tool. White space is what str.isspace() says of characters that JSON leaves bare.
_WS = r"[ \x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]"
_NOT_WS = r"[^ \"\\\x00-\x1F\x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]"
_COMMON = {
    "string": r'"\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" hex hex hex hex))* "\""',
    "hex": "[0-9a-fA-F]",
    "integer": r'"-"? ("0" | [1-9] [0-9]*)',
    "number": r'integer ("." [0-9]+)? ([eE] [-+]? [0-9]+)?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "value": "string | number | boolean | null | list | object",
    "list": '"[" (value ("," value)*)? "]"',
    "object": '"{" (string ":" value ("," string ":" value)*)? "}"',
    "ink": _NOT_WS + r' | "\\" ["\\]',
    "span": rf'"\"" ink ({_WS}* ink)* "\""',
    "spans": 'span | boolean | "[" (spans ("," spans)*)? "]" | "{" (string ":" spans ("," string ":" spans)*)? "}"',
}
_NEEDS = {
    "string": ("hex",),
    "number": ("integer",),
    "value": ("string", "number", "boolean", "null", "list", "object"),
    "list": ("value",),
    "object": ("value", "string"),
    "span": ("ink",),
    "spans": ("span", "boolean", "string"),
}


def for_tools(
    tools: Sequence[Tool],
    *,
    values: Values,
    none: bool = True,
    require: bool = False,
    spans_of: str | None = None,
    walls: Sequence[tuple[int, int]] = (),
    choices: Mapping[str, Mapping[tuple[str, ...], Sequence[Any]]] | None = None,
    stated: Mapping[str, Collection[tuple[str, ...]]] | None = None,
) -> str:
    """Write the GBNF of one call to any of `tools`, or ``none{}`` when `none`; the root starts with one space.

    values: "span" - every string, number or date is a JSON string of words; "final" - as the schema types it.
    require: required keys must be there. False by default: a missing one is a reason to ask back, not to invent.
    spans_of: with "span", each span must be a contiguous piece of this text (give it as it stands in the prompt)
    of whole words, non-empty, without white space at its ends.
    walls: stretches of `spans_of` (start, end) that no span reaches into.
    choices: by tool and path of property names, the only values (words, with "span") that a field may be given; with
    none of them it cannot be written at all.
    stated: by tool, paths of fields that must be written, as `require` does for required ones.
    Raises SpecError for schemas that cannot be read, ValueError for a blank `spans_of` or one given with "final".
    """
    if spans_of is not None and (values == "final" or not spans_of.strip()):
        raise ValueError(f"spans_of: wanted a text that is not blank, with values='span'; got {spans_of!r}, {values!r}")
    writer = _Writer(values, require, choices or {}, stated or {})
    if spans_of is not None:
        writer.rules.update(copy_rules(spans_of, walls))
    calls = [f"{literal(tool.name)} {writer.tool(tool)}" for tool in tools]
    if none:
        calls.append(literal(NO_TOOL + "{}"))
    if not calls:
        raise SpecError("wanted at least one tool for a grammar, got none")
    rules = {"root": f'" " ({" | ".join(calls)})', **writer.rules}
    return "".join(f"{name} ::= {body}\n" for name, body in rules.items())


def literal(text: str) -> str:
    """`text` as a GBNF string."""
    return f'"{"".join(_escape(c) for c in text)}"'


def copy_rules(text: str, walls: Sequence[tuple[int, int]] = (), *, whole: bool = True) -> dict[str, str]:
    """Rules whose `span` is any quoted, JSON-escaped piece of `text` made of whole words; one rule a character.

    A rule named `from-i` reads the piece from character i on, to a place where copied words may end (`words.edges`).
    Walls that leave no letter or digit do not count, nor, where nothing could be copied, whole words. Deterministic
    once the first character is chosen, so the engine keeps few states. `text` must not be blank.
    """
    walled = {i for start, end in walls for i in range(start, end)}
    begins, ends = edges(text, walls) if whole else (range(len(text)), range(1, len(text) + 1))
    rules: dict[str, str] = {}
    for i in range(len(text) - 1, -1, -1):
        if i in walled:
            continue
        here, after = literal(json.dumps(text[i], ensure_ascii=False)[1:-1]), f"from-{i + 1}"
        if i + 1 in ends:
            rules[f"from-{i}"] = f"{here} ({after})?" if after in rules else here
        elif after in rules:
            rules[f"from-{i}"] = f"{here} {after}"
    starts = [i for i in begins if f"from-{i}" in rules]
    if not starts or (walls and not any(text[i].isalnum() for i in starts)):
        return copy_rules(text, whole=bool(walls))
    # What stands before the first place to begin leads nowhere.
    rules = {f"from-{i}": rules[f"from-{i}"] for i in range(len(text) - 1, starts[0] - 1, -1) if f"from-{i}" in rules}
    rules["span"] = r'"\"" (' + " | ".join(f"from-{i}" for i in starts) + r') "\""'
    return rules


def _escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return char
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _is_plain_object(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object" and bool(schema.get("properties"))


def _json(value: Any) -> str:
    return literal(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


class _Writer:
    """Collects rules while schemas are walked; every object, list and reference gets a rule of its own."""

    def __init__(
        self,
        values: Values,
        require: bool,
        choices: Mapping[str, Mapping[tuple[str, ...], Sequence[Any]]],
        stated: Mapping[str, Collection[tuple[str, ...]]],
    ) -> None:
        self.rules: dict[str, str] = {}
        self._choices, self._all_stated = choices, stated
        self._stated: Collection[tuple[str, ...]] = ()
        self._chosen: Mapping[tuple[str, ...], Sequence[Any]] = {}
        self._final = values == "final"
        self._require = require
        self._root: Json = {}
        self._where = ""
        self._named: dict[str, str] = {}

    def tool(self, tool: Tool) -> str:
        """The rule name of a tool's arguments object, always an object at the top."""
        self._root, self._where, self._named = tool.parameters, f"tool {tool.name}", {}
        self._chosen, self._stated = self._choices.get(tool.name, {}), self._all_stated.get(tool.name, ())
        return self._object(tool.parameters, ()) if tool.properties else self._new('"{" "}"')

    def _new(self, body: str) -> str:
        name = f"r{len(self.rules)}"
        self.rules[name] = body
        return name

    def _common(self, name: str) -> str:
        if name not in self.rules:
            self.rules[name] = _COMMON[name]
            for other in _NEEDS.get(name, ()):
                self._common(other)
        return name

    def _value(self, schema: Any, path: tuple[str, ...] | None = None) -> str:
        """A GBNF expression for values of a schema; alternatives are in parentheses. `path`: None in lists and the
        like, where no field has choices of its own."""
        options = list(dict.fromkeys(self._options(schema, path)))
        return options[0] if len(options) == 1 else f"({' | '.join(options)})"

    def _options(self, schema: Any, path: tuple[str, ...] | None = None) -> list[str]:
        if path is not None and path in self._chosen:
            return [_json(v) for v in self._chosen[path]]
        if schema is True or schema == {}:
            return [self._common("value" if self._final else "spans")]
        if not isinstance(schema, dict):
            raise SpecError(f"{self._where}: wanted a JSON Schema object, got {schema!r}")
        if "$ref" in schema:
            return [self._reference(schema["$ref"])]
        if "enum" in schema:
            return [_json(v) for v in schema["enum"]]
        if "const" in schema:
            return [_json(schema["const"])]
        for union in ("anyOf", "oneOf"):
            if union in schema:
                kept = [s for s in schema[union] if self._final or not self._is_null(s)]
                return [o for s in kept or [{"type": "null"}] for o in self._options(s, path)]
        if "allOf" in schema:
            return self._options(self._merged(schema), path)
        kinds = schema.get("type", self._guess(schema))
        kinds = kinds if isinstance(kinds, list) else [kinds]
        return [self._kind(k, schema, path) for k in kinds if k != "null" or self._final or kinds == ["null"]]

    def _kind(self, kind: Any, schema: Json, path: tuple[str, ...] | None) -> str:
        if kind in _STRING_TYPES:
            return self._common(kind if self._final else "span")
        if kind in ("boolean", "null"):
            return self._common(kind)
        if kind == "array":
            return self._list(schema, path)
        if kind == "object":
            return self._object(schema, path)
        if kind == "any":
            return self._common("value" if self._final else "spans")
        raise SpecError(f"{self._where}: wanted a JSON Schema type, got {kind!r}")

    @staticmethod
    def _guess(schema: Json) -> str:
        if "properties" in schema or "additionalProperties" in schema:
            return "object"
        return "array" if "items" in schema or "prefixItems" in schema else "any"

    @staticmethod
    def _is_null(schema: Any) -> bool:
        return isinstance(schema, dict) and schema.get("type") == "null"

    def _list(self, schema: Json, path: tuple[str, ...] | None) -> str:
        items = schema.get("items", {})
        if schema.get("prefixItems"):
            items = {"anyOf": [*schema["prefixItems"], *([items] if items else [])]}
        # Fields of the items have choices under the list's path; the items themselves do not.
        item = self._object(items, path) if path and _is_plain_object(items) else self._value(items)
        body = f'{item} ("," {item})*'
        return self._new(f'"[" {body} "]"' if schema.get("minItems", 0) else f'"[" ({body})? "]"')

    def _object(self, schema: Json, path: tuple[str, ...] | None) -> str:
        properties = schema.get("properties") or {}
        if properties:
            required = set(schema.get("required", ())) if self._require else set()
            pairs = []
            for key, inner in properties.items():
                here = None if path is None else (*path, key)
                if here is None or self._chosen.get(here, True):
                    pairs.append(
                        (_json(key) + ' ":" ' + self._value(inner, here), key in required or here in self._stated)
                    )
            return self._keys(pairs) if pairs else self._new('"{" "}"')
        extra = schema.get("additionalProperties", True)
        if extra is False:
            return self._new('"{" "}"')
        pair = f'{self._common("string")} ":" {self._value(extra)}'
        return self._new(f'"{{" ({pair} ("," {pair})*)? "}}"')

    def _keys(self, pairs: list[tuple[str, bool]]) -> str:
        """An object of optional keys in order. Two rules a key: `head` before the first key, `tail` after it."""
        head, tail = '""', '""'
        for number, (pair, required) in reversed(list(enumerate(pairs))):
            named = self._new(pair)
            after = "" if number == len(pairs) - 1 else f" {tail}"
            head, tail = (
                self._new(f"{named}{after}" if required else f"{named}{after} | {head}"),
                self._new(f'"," {named}{after}' if required else f'("," {named})?{after}'),
            )
        return self._new(f'"{{" {head} "}}"')

    def _reference(self, pointer: str) -> str:
        if pointer not in self._named:
            name = self._named[pointer] = self._new("")  # named before it is walked: a schema may contain itself
            self.rules[name] = self._value(self._resolve(pointer))
        return self._named[pointer]

    def _resolve(self, pointer: str) -> Any:
        target: Any = self._root
        for part in str(pointer).split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            target = target.get(part) if isinstance(target, dict) else None
        if target is None or not str(pointer).startswith("#"):
            raise SpecError(f"{self._where}: wanted a $ref inside the tool's schema, got {pointer!r}")
        return target

    def _merged(self, schema: Json) -> Json:
        """allOf, read as one object: properties and required of all its parts together."""
        whole: Json = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            part = self._resolve(part["$ref"]) if "$ref" in part else part
            part = self._merged(part) if "allOf" in part else part
            for key, value in part.items():
                if key == "properties":
                    value = {**whole.get(key, {}), **value}
                elif key == "required":
                    value = [*whole.get(key, ()), *value]
                whole[key] = value
        return whole
