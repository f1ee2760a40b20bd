"""Ids without the separators that their pattern wants, and ids that are read out."""

import re

import pytest

from manyshot.values import ids
from tests.values.said import a_field, seen


@pytest.mark.parametrize(
    ("said", "pattern", "value"),
    [
        ("HD20240917003", r"^HD-\d{8}-\d{3}$", "HD-20240917-003"),
        ("hd 2024 0917 003", r"^HD-\d{8}-\d{3}$", "HD-20240917-003"),
        ("HD二零二四零九一七零零三", r"^HD-\d{8}-\d{3}$", "HD-20240917-003"),
        ("5510924 7718", r"^\d{3}-\d{4}-\d{4}$", "551-0924-7718"),
        ("235/35r19", r"^\d{3}/\d{2} R\d{2}$", "235/35 R19"),
        ("BK dash 7 2 0 1 8", r"^BK-\d{5}$", "BK-72018"),
        ("B W three four eight, zero six one", r"^BW-\d{6}$", "BW-348061"),
        ("HD横杠0917杠003", r"^HD-\d{4}-\d{3}$", "HD-0917-003"),
    ],
)
def test_separators_come_from_the_pattern(said, pattern, value):
    assert ids.read_id(said, re.compile(pattern)) == value


@pytest.mark.parametrize(
    ("said", "pattern"),
    [("HD2024091700", r"^HD-\d{8}-\d{3}$"), ("20240917003", r"^HD-\d{8}-\d{3}$"), ("", r"^\d{3}-\d{4}$"),
     ("5510924", r"^(?=.*-)\d{3}\w\d{4}$")],
)  # fmt: skip
def test_nothing_is_made_up(said, pattern):
    with pytest.raises(ValueError, match="does not read as"):
        ids.read_id(said, re.compile(pattern))


ORDER = a_field("en", "2026-06-09", "order_no", "Order number", pattern=r"^SO-\d{5}$")
LONG = a_field("en", "2026-06-09", "ticket", "Ticket", pattern=r"^CHB\d{11}$")
SHORT = a_field("en", "2026-06-09", "seat_no", "Number", pattern=r"^S\d{4}$")


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        (ORDER, "where is order 44718?", {"order 44718": "SO-44718"}),
        (ORDER, "44718 please", {"44718": "SO-44718"}),
        (ORDER, "order SO-44718, I paid 12500", {"SO-44718": "SO-44718"}),
        (ORDER, "it cost 447 and 4471800", {}),
        (LONG, "ring me on 13800138000", {}),  # a phone
        (SHORT, "seat 4471", {}),  # might be a sum or a year
    ],
)
def test_letters_that_all_ids_begin_with_may_be_left_out(field, text, values):
    assert seen(field, text) == values
