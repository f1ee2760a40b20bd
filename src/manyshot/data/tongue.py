"""What a tool is called and what one does with it, in a person's words.

From a tool's name, its description and the lexicon's verb clusters: the verbs that ask for it, the object they take,
and the labels people use for a field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from manyshot.data import lexicon
from manyshot.data.lexicon import Verb
from manyshot.types import Domain, Language, Tool


@dataclass(frozen=True, slots=True)
class Tongue:
    """How people ask for one tool."""

    clusters: tuple[Verb, ...]
    nouns: tuple[str, ...]

    @property
    def verbs(self) -> list[str]:
        return list(dict.fromkeys(v.lower() for c in self.clusters for v in (*c.keys, *c.say) if len(v) > 1))


_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_WORD = re.compile(r"\w+\s+")
_END = re.compile(r"[,，。.;；(（:：、\n]|\b(?:by|with|for|given|using|if|when|so|which|that|in order)\b")


def words(name: str) -> list[str]:
    """camelCase or snake_case -> lower-case words."""
    return [w.lower() for w in _CAMEL.findall(name)]


def _first(text: str) -> str:
    return re.split(r"[。.;；\n]", text.strip(), maxsplit=1)[0]


def clusters_of(tool: Tool, language: Language) -> tuple[Verb, ...]:
    """The verb clusters a tool belongs to, the surest first: by the verb of its name, then of its description."""
    verbs = lexicon.load(language).verbs
    named, described = words(tool.name), _first(tool.description).lower()
    phrase = " ".join(named)
    scores = [(_belongs(v, named, phrase, described), v) for v in verbs]
    best = sorted((x for x in scores if x[0] >= 2), key=lambda x: -x[0])
    return tuple(_unique([v for _, v in best]))[:6]


def _belongs(verb: Verb, named: list[str], phrase: str, described: str) -> float:
    """How surely a cluster names what a tool does: a name's first or last word, more of its words, the description."""
    score = 0.0
    if named and named[0] in verb.keys:
        score += 2
    elif named and named[-1] in verb.keys:
        score += 1.5
    score += sum(w in verb.keys for w in named[1:]) + 2 * any(" " in k and k in phrase for k in verb.keys)
    # In the description the earliest and then the longest key is the verb.
    stands = [2 + len(k) / 10 - max(described.find(k), 0) / 10 for k in verb.keys if _stands(k, described)]
    return score + max(stands, default=0.0)


def _unique(verbs: list[Verb]) -> list[Verb]:
    seen: dict[str, Verb] = {}
    for verb in verbs:
        seen.setdefault(verb.concept, verb)
    return list(seen.values())


def _stands(key: str, text: str) -> bool:
    if key.isascii():
        first = _WORD.match(text)
        return text.startswith(key) or (first is not None and text.startswith(key, first.end()))
    return key in text[: len(key) + 4]


def nouns_of(tool: Tool, clusters: tuple[Verb, ...], language: Language) -> tuple[str, ...]:
    """What the tool is about: its description's object, and its name without the verb."""
    first = _END.split(_first(tool.description), maxsplit=1)[0].strip()
    # Among keys of one length the order is stated, too: a set's own differs from process to process.
    keys = sorted({k for c in clusters for k in c.keys}, key=lambda k: (-len(k), k))
    out: list[str] = []
    if language == "zh":
        noun = first
        for key in keys:
            if not key.isascii() and key in noun:
                noun = noun.split(key, 1)[1] or noun
                break
        noun = re.sub(
            r"^(?:一个|一张|一条|一次|新的|新|已有的|已有|指定的|指定|某个|的|客户的|用户的|客户|用户)+", "", noun
        )
        noun = re.sub(r"^(?:给|为|向|到|在)\w{1,4}?(?=送|办|开|派)", "", noun)
        if 1 < len(noun) <= 12 and re.search(r"[\u4e00-\u9fff]", noun):
            out.append(noun)
            if "的" in noun and len(noun.rsplit("的", 1)[1]) > 1:
                out.append(noun.rsplit("的", 1)[1])
    else:
        noun = first.lower()
        for key in keys:
            if match := re.match(rf"(?:\w+\s+)?{re.escape(key)}(?:s|es)?\s+(.+)", noun):
                noun = match.group(1)
                break
        bare = re.sub(r"^(?:an?|the|one|this|that|existing|new|all|your|customer'?s?)\s+", "", noun)
        bare = re.sub(r"^(?:existing|new|open)\s+", "", bare)
        if bare and len(bare.split()) <= 4:
            out += [f"the {bare}", f"my {bare}", _article(bare)]
        name = words(tool.name)
        verb = next((i for i, w in enumerate(name) if any(w in c.keys for c in clusters)), 0)
        rest = " ".join(w for i, w in enumerate(name) if i != verb)
        if rest:
            out += [f"the {rest}", f"my {rest}", rest]
    return tuple(dict.fromkeys(out))


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _support(verb: Verb, actions: list[str]) -> float:
    """Share of the actions in which one of the cluster's words stands."""
    said = [w.lower() for w in (*verb.keys, *verb.say) if len(w) > 1]
    if not actions or not said:
        return 0.0
    ascii_words = [re.escape(w) for w in said if w.isascii()]
    pattern = re.compile(rf"\b(?:{'|'.join(ascii_words)})") if ascii_words else None
    others = [w for w in said if not w.isascii()]
    return sum(bool(pattern and pattern.search(a)) or any(w in a for w in others) for a in actions) / len(actions)


def tongues_of(domain: Domain) -> dict[str, Tongue]:
    """Each tool's verbs and nouns.

    A cluster that a name or description suggests is only believed when the tool's shots use its words, and more than
    those of any other tool do: a wrong verb teaches the model a wrong tool.
    """
    language = domain.context.language
    actions = {
        t.name: [s.action.lower() for s in domain.shots if s.call and s.call.name == t.name] for t in domain.tools
    }
    out = {}
    for tool in domain.tools:
        kept: list[tuple[float, Verb]] = []
        for verb in clusters_of(tool, language):
            here = _support(verb, actions[tool.name])
            elsewhere = max((_support(verb, a) for n, a in actions.items() if n != tool.name and a), default=0.0)
            if here > 0.1 and here > 0.8 * elsewhere:
                kept.append((here - elsewhere, verb))
        kept.sort(key=lambda x: -x[0])
        clusters = tuple(v for _, v in kept)[:3]
        out[tool.name] = Tongue(clusters, nouns_of(tool, clusters or clusters_of(tool, language)[:1], language))
    return out
