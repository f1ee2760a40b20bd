"""Search in the knowledge base, Chinese and English. One rule: both databases find the same, by an index of terms.

Terms are pairs of neighbouring signs in Chinese, and word stems in English. An article is found when it shares more
than half of its own terms, or of the question's: half a problem in common is another problem.
"""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from manyshot.desk.tables import Article, ArticleTerm

_RUN = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an and are at be but by can cannot do does for from has have how i in is it its me my not "
        "of on or our so that the there this to was we what when why will with you your",
    )
)
_ENDINGS = ("ing", "ed", "es", "s")
_MOST = 200  # terms of one question


def terms(text: str) -> frozenset[str]:
    out: set[str] = set()
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run.isascii():
            out.update({_stem(run)} - _SMALL)
        else:
            out.update({run} if len(run) == 1 else (run[n : n + 2] for n in range(len(run) - 1)))
    return frozenset(sorted(term for term in out if len(term) <= 100)[:_MOST])


def _stem(word: str) -> str:
    if word in _SMALL:
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word.removesuffix(ending)
            # tripping and trips: the doubled letter belongs to the ending
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and ending in ("ing", "ed") else stem
    return word


def add_article(session: Session, problem: str, steps: str) -> None:
    found = terms(problem)
    article = Article(problem=problem, steps=steps, size=len(found))
    session.add(article)
    session.flush()
    session.add_all(ArticleTerm(term=term, article_id=article.id) for term in found)


def find(session: Session, problem: str, limit: int) -> list[str]:
    """The steps of the articles that fit best, none twice."""
    wanted = terms(problem)
    if not wanted:
        return []
    shared = func.count()
    rows = session.execute(
        select(Article.steps, Article.problem, Article.size, shared)
        .join(ArticleTerm, ArticleTerm.article_id == Article.id)
        .where(ArticleTerm.term.in_(wanted))
        .group_by(Article.id, Article.steps, Article.problem, Article.size)
        .having((shared * 2 > len(wanted)) | (shared * 2 > Article.size))
    ).all()
    best = sorted(rows, key=lambda row: (-row[3] / len(wanted) - row[3] / row[2], row[1]))
    return list(dict.fromkeys(row[0] for row in best))[:limit]
