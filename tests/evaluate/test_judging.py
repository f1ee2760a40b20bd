"""The judge's page shows a rate only where people agree, how far they do, and where they do not."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from manyshot.evaluate import judge_words
from manyshot.evaluate.judging import Judgement, render
from manyshot.rubric import Judged, Question, Score
from manyshot.stats import kappa, kappa_interval
from manyshot.types import Json, Language

HEADING = Judgement("glm", datetime(2026, 11, 27, 9, 30, tzinfo=UTC), 0.6, 20)
QUESTIONS = [Question("polite", "Is it <polite>?"), Question("short", "Is it short?"), Question("kind", "Kind?")]
JUDGE = [n % 3 > 0 for n in range(30)]
PEOPLE = [one if n != 4 else not one for n, one in enumerate(JUDGE)]
ROWS: list[Json] = [
    {
        "id": f"s{n}", "trial": 0,
        "dialogue": [{"role": "user", "text": f"<b>{n}</b>"}, {"role": "think", "text": "secret thought"},
                     {"role": "reply", "text": "yes"}],
    }
    for n in range(30)
]  # fmt: skip


def score(name: str, people: list[bool], *, shown: bool, why: str = "") -> Score:
    pairs = tuple(zip(JUDGE, people, strict=False))
    judge, said = ([pair[side] for pair in pairs] for side in (0, 1))
    return Score(name, sum(JUDGE), len(JUDGE), pairs, kappa(judge, said) if pairs else None, shown, why)


def page(language: Language = "en") -> str:
    coin = [n % 2 > 0 for n in range(30)]
    scores = (
        score("polite", PEOPLE, shown=True),
        score("short", coin, shown=False, why="kappa"),
        score("kind", [], shown=False, why="0 labels"),
    )
    answers = {(f"s{n}", 0): {"polite": one, "short": one, "kind": one} for n, one in enumerate(JUDGE)}
    labels = {(f"s{n}", 0): {"polite": one} for n, one in enumerate(PEOPLE)}
    return render(Judged(scores, 2, answers), ROWS, QUESTIONS, labels, HEADING, language)


def text(html: str) -> str:
    body = html[html.index("<body>") : html.index("<script>")]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&nbsp;", " ").split())


def test_a_rate_stands_there_for_checked_questions_alone() -> None:
    said = text(page())
    scores = said[said.index("Scores") : said.index("Does the judge agree")]
    assert "20/30" in scores
    assert "polite" in scores
    assert "short" not in scores
    assert said.count("score is not shown") == 2
    assert "score is not shown: kappa -0" in said or "score is not shown: kappa 0" in said
    assert "0 labels, wanted 20" in said
    assert "2 conversations could not be judged" in said


def test_agreement_and_reliability_are_counted_against_people() -> None:
    said = text(page())
    polite = said[said.index("score is shown") : said.index("score is not shown")]
    assert "good 19 1 bad 0 10" in polite
    assert "the same: 29 of 30 (96.7%)" in polite
    assert "judge: good 19/20" in polite
    assert "judge: bad 0/10" in polite
    assert f"kappa {cohen_kappa_score(JUDGE, PEOPLE):.2f}" in polite


def test_what_is_seen_differently_can_be_read() -> None:
    html = page()
    disputes = text(html)[text(html).index("Seen differently") :]
    assert "s4 polite: judge good, people bad" in disputes
    assert "s5" not in disputes
    assert "&lt;b&gt;4&lt;/b&gt;" in html
    assert "secret thought" not in html


def test_the_page_loads_nothing_and_speaks_both_languages() -> None:
    assert judge_words.EN.keys() == judge_words.ZH.keys()
    html = page("zh")
    assert 'lang="zh"' in html
    assert "评审与人一致吗" in html
    assert not re.search(r"(?:src|href)=\"(?!data:)", html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize("people", [PEOPLE, [n % 2 > 0 for n in range(30)], JUDGE])
def test_the_interval_of_kappa_holds_it_within_its_limits(people: list[bool]) -> None:
    found, middle = kappa_interval(JUDGE, people), kappa(JUDGE, people)
    assert found is not None
    assert middle is not None
    assert -1 <= found.low <= middle <= found.high <= 1
    table = [[sum((a, b) == (x, y) for a, b in zip(JUDGE, people, strict=True)) for y in (0, 1)] for x in (0, 1)]
    assert cohens_kappa(table).kappa == pytest.approx(middle)


def test_kappa_of_one_answer_for_all_has_no_interval() -> None:
    assert kappa_interval([True, True], [True, False]) is None
