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
    return tuple(_unique([v for _, v in best]))[:3]


def _belongs(verb: Verb, named: list[str], phrase: str, described: str) -> float:
    """How surely a cluster names what a tool does: a name's first or last word, more of its words, the description."""
    score = 0.0
    if named and named[0] in verb.keys:
        score += 2
    elif named and named[-1] in verb.keys:
        score += 1.5
    score += sum(w in verb.keys for w in named[1:]) + 2 * any(" " in k and k in phrase for k in verb.keys)
    stands = [len(k) for k in verb.keys if _stands(k, described)]
    return score + (2 + max(stands) / 10 if stands else 0)


def _unique(verbs: list[Verb]) -> list[Verb]:
    seen: dict[str, Verb] = {}
    for verb in verbs:
        seen.setdefault(verb.concept, verb)
    return list(seen.values())


def _stands(key: str, text: str) -> bool:
    if key.isascii():
        return re.match(rf"(?:\w+\s+)?{re.escape(key)}", text) is not None
    return key in text[: len(key) + 4]


def nouns_of(tool: Tool, clusters: tuple[Verb, ...], language: Language) -> tuple[str, ...]:
    """What the tool is about: its description's object, and its name without the verb."""
    first = _END.split(_first(tool.description), maxsplit=1)[0].strip()
    keys = sorted({k for c in clusters for k in c.keys}, key=len, reverse=True)
    out: list[str] = []
    if language == "zh":
        noun = first
        for key in keys:
            if not key.isascii() and key in noun:
                noun = noun.split(key, 1)[1] or noun
                break
        noun = re.sub(r"^(?:一个|一张|一条|一次|新的|已有的|指定的|某个|的|客户的|用户的)+", "", noun)
        noun = re.sub(r"^(?:给|为|向|到|在)\w{1,4}?(?=送|办|开|派)", "", noun)
        if 1 < len(noun) <= 10 and re.search(r"[\u4e00-\u9fff]", noun):
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


def tongues_of(domain: Domain) -> dict[str, Tongue]:
    """Each tool's verbs and nouns; a concept that is another tool's first is not lent to a second one."""
    language = domain.context.language
    clusters = {t.name: clusters_of(t, language) for t in domain.tools}
    first = {c[0].concept for c in clusters.values() if c}
    out = {}
    for tool in domain.tools:
        own = clusters[tool.name]
        kept = own[:1] + tuple(c for c in own[1:] if c.concept not in first)
        out[tool.name] = Tongue(kept, nouns_of(tool, kept, language))
    return out
