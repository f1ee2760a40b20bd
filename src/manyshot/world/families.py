"""What a set of tools keeps: which of them make, find, change and close the rows of one table.

One rule: a required id tells what a tool works on. Tools that need the same id work on one table. One that makes
something else about it (a repair for a house number) adds a row to the table of what it makes, and the id refers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from manyshot.data.slots import Slot, ToolSlots
from manyshot.types import Json
from manyshot.values import Kind
from manyshot.world.verbs import Verb, nouns_of, verb_of, verb_word, words_of

#: Endings of an id's name that say nothing of what it is the id of.
_ID_ENDINGS = frozenset(
    {"id", "ids", "no", "nr", "number", "num", "code", "ref", "reference", "key", "hao", "bianhao", "danhao"}
)
_NUMBER_ENDINGS = frozenset({"id", "no", "nr"})
#: What is not made by asking a desk for something; a tool without an id makes no rows of these by guess.
_THINGS = frozenset(
    {"account", "card", "client", "customer", "device", "employee", "equipment", "flight", "house", "item", "location"}
    | {"machine", "member", "membership", "meter", "number", "patient", "phone", "product", "resident", "robot", "room"}
    | {"seat", "sku", "student", "user", "vehicle", "zone"}
)
#: Words of tools that ask how far something is.
_FOLLOWS = frozenset({"track", "trace", "status", "progress", "follow"})
#: Words that more than half of the names have (a prefix, say) tell nothing, where there are more tools than this.
_FEW = 4
#: Letters that a verb and the thing made by it have in common: book, booking; reserve, reservation; apply, application.
_AKIN = 4


@dataclass(frozen=True, slots=True)
class Family:
    """One table. `key`: the column of the id; `schema` of its values, {} where no tool takes it."""

    table: str
    key: str
    schema: Json = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Role:
    """What one tool does. `key`: the argument with the id of the row it works on, "" where there is none.

    `refers`: arguments that must be ids of rows of other families.
    """

    verb: Verb
    family: Family | None = None
    key: str = ""
    refers: tuple[tuple[str, Family], ...] = ()


@dataclass(slots=True)
class _Group:
    """A family in the making. `stem`: the word for what its ids are the ids of; "" where nothing says it."""

    name: str
    key: str
    schema: Json
    stem: str = ""
    #: Words of the tools that change, close or follow its rows: where CancelPickup takes orders, BookPickup makes one.
    words: set[str] = field(default_factory=set)
    #: Tools that take the id.
    owners: list[str] = field(default_factory=list)
    #: Tools that make a row without one.
    makers: list[str] = field(default_factory=list)


def roles(tools: Sequence[ToolSlots]) -> dict[str, Role]:
    """The role of every tool, by name."""
    verbs = {tool.tool.name: verb_of(tool.tool) for tool in tools}
    keys = {tool.tool.name: key for tool in tools if (key := _key(tool)) is not None}
    groups = _kept(tools, verbs, keys)
    for tool in tools:
        if verbs[tool.tool.name] not in ("find", "decline") and all(tool.tool.name not in g.owners for g in groups):
            _join(tool, verbs[tool.tool.name], keys.get(tool.tool.name), groups)
    families = [*zip(groups, _named(groups), strict=True)]
    out: dict[str, Role] = {}
    for tool in tools:
        name, verb = tool.tool.name, verbs[tool.tool.name]
        own = next(((group, family) for group, family in families if name in (*group.owners, *group.makers)), None)
        if own is None:
            out[name] = Role(verb, _listed(tool, families) if verb == "find" else None)
        else:
            mine = keys[name].name if name in own[0].owners else ""
            out[name] = Role(verb, own[1], mine, tuple(_refers(tool, mine, families)))
    return out


def _kept(tools: Sequence[ToolSlots], verbs: Mapping[str, Verb], keys: Mapping[str, Slot]) -> list[_Group]:
    """Families of the ids that some tool finds, changes or closes something by."""
    found: dict[tuple[str, ...], _Group] = {}
    for tool in tools:
        name, key = tool.tool.name, keys.get(tool.tool.name)
        if key is None or verbs[name] in ("make", "decline"):
            continue
        schema, stem, noun = key.field.schema, _stem(key), "".join(_singular(tool)[-1:])
        place = (key.name,) if stem else (key.name, noun, str(schema.get("pattern")))
        about = stem or noun or _about(key)
        group = found.setdefault(place, _Group(about or key.name, key.name, schema, about))
        group.owners.append(name)
        if verbs[name] in ("change", "close") or not _FOLLOWS.isdisjoint(words_of(name)):
            group.words.update(_singular(tool))
    counts = Counter(word for tool in tools for word in set(_singular(tool)))
    common = {word for word, count in counts.items() if 2 * count > len(tools) > _FEW}
    for group in found.values():
        group.words -= {other.stem for other in found.values()} | common
    return list(found.values())


def _join(tool: ToolSlots, verb: Verb, key: Slot | None, groups: list[_Group]) -> None:
    """Add a tool to the family of what it makes; to one of its own where there is none."""
    words, name = _singular(tool), tool.tool.name
    taken = [group for group in groups if group.owners]
    same = next((group for group in taken if key is not None and group.key == key.name), None)
    made = _made(tool, [group for group in taken if group is not same]) if verb == "make" else None
    if made is None and same is not None and (not words or same.stem in words):
        same.owners.append(name)
        return
    if made is None:
        noun = "".join(words[-1:]) or name.lower()
        made = next((group for group in groups if not group.owners and group.name == noun), None)
    if made is None:
        made = _Group(noun, "id", {})
        groups.append(made)
    made.makers.append(name)


def _made(tool: ToolSlots, groups: Sequence[_Group]) -> _Group | None:
    """The family of what a tool makes, if there is one.

    It is named by the tool, or by other tools of the family in the same words, or by a word akin to the tool's verb
    (BookTable makes a booking). A lone family of bare ids takes what nothing else says.
    """
    words, verb = set(_singular(tool)), verb_word(tool.tool)
    named = [group for group in groups if group.stem in words]
    asked = [group for group in groups if group.stem not in _THINGS]
    alike = sorted((g for g in asked if g.words & words), key=lambda g: -len(g.words & words))
    akin = [group for group in asked if len(verb) >= _AKIN and group.stem[:_AKIN] == verb[:_AKIN]]
    bare = [group for group in asked if not group.stem and len(groups) == 1]
    return next(iter([*named, *alike, *akin, *bare]), None)


def _listed(tool: ToolSlots, families: Sequence[tuple[_Group, Family]]) -> Family | None:
    """The family that a tool's name names, for one that finds without an id."""
    last = "".join(_singular(tool)[-1:])
    return next((family for group, family in families if group.owners and last and last == group.stem), None)


def _refers(tool: ToolSlots, mine: str, families: Sequence[tuple[_Group, Family]]) -> Iterator[tuple[str, Family]]:
    names = {slot.name for slot in tool.slots if slot.required and len(slot.path) == 1} - {mine}
    for group, family in families:
        if group.owners and family.key in names:
            yield family.key, family


def _key(tool: ToolSlots) -> Slot | None:
    """The required id that a tool works on: the one whose word stands in its name, else the first."""
    found = [slot for slot in tool.slots if slot.required and len(slot.path) == 1 and _is_id(slot)]
    words = _singular(tool)
    return next((slot for slot in found if _stem(slot) in words), found[0] if found else None)


def _is_id(slot: Slot) -> bool:
    """Ids of letters are told by their kind; whole numbers by the end of their name, for most are amounts."""
    if slot.field.kind is Kind.INTEGER:
        return not _NUMBER_ENDINGS.isdisjoint(words_of(slot.name)[-1:])
    return slot.field.kind is Kind.ID


def _stem(key: Slot) -> str:
    words = words_of(key.name)
    while words and words[-1] in _ID_ENDINGS:
        words.pop()
    return _one(words[-1]) if words else ""


def _about(key: Slot) -> str:
    """What a bare id is the id of, from its description: "number of the booking" -> booking."""
    words = [word for word in words_of(key.description) if word not in _ID_ENDINGS]
    return _one(words[-1]) if words and words[-1].isascii() and words[-1].isalpha() else ""


def _singular(tool: ToolSlots) -> list[str]:
    return [_one(word) for word in nouns_of(tool.tool)]


def _one(word: str) -> str:
    if word.endswith("ies") and len(word) > _AKIN:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def _many(word: str) -> str:
    if not word.isascii() or not word:
        return word
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"


def _named(groups: Sequence[_Group]) -> Iterator[Family]:
    """Tables named in the plural, with a number where a name comes again."""
    seen = Counter[str]()
    for group in groups:
        name = _many(group.name)
        seen[name] += 1
        yield Family(name if seen[name] == 1 else f"{name}{seen[name]}", group.key, group.schema)
