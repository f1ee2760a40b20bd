"""Stage: predictions against hand-written tests -> rows, a table and a report. It alone may read test files."""

from manyshot.evaluate.judge import run
from manyshot.evaluate.records import CurvePoint, Evaluation, LossPoint, Row, RunInfo
from manyshot.evaluate.report import write_report
from manyshot.evaluate.summary import ModeSummary, Tally, compare, numbers, summarise
from manyshot.evaluate.table import render_tables

__all__ = [
    "CurvePoint",
    "Evaluation",
    "LossPoint",
    "ModeSummary",
    "Row",
    "RunInfo",
    "Tally",
    "compare",
    "numbers",
    "render_tables",
    "run",
    "summarise",
    "write_report",
]
