"""What nobody means (numbers of hundreds of digits, moments beyond the calendar) is refused and breaks nothing."""

import pytest

from manyshot.values import field_for
from tests.values.test_fields import EN, ZH

MOMENT = {"type": "string", "format": "date-time"}
MONTH = {"type": "string", "description": "YYYY-MM"}
COUNT = {"type": "integer"}
MINUTES = {"type": "integer", "description": "in minutes"}


@pytest.mark.parametrize(
    ("context", "schema", "text"),
    [
        (ZH, MOMENT, "99999999999小时后"),
        (EN, MOMENT, "in 99999999999 hours"),
        (EN, MOMENT, "in " + "9" * 400 + " hours"),
        (EN, MOMENT, "9999-12-31 24:00"),
        (EN, MONTH, "99999 months ago"),
        (ZH, COUNT, "9" * 400),
        (EN, COUNT, "9" * 5000),
        (ZH, COUNT, "一" + "亿" * 60),
        (EN, COUNT, "one " + "hundred " * 200),
        (ZH, COUNT, "-" * 1500 + "5"),
        (EN, MINUTES, "minus " * 1500 + "5"),
        (EN, MINUTES, "9" * 320 + " hours"),
    ],
    ids=lambda x: x[:12] if isinstance(x, str) else "",
)
def test_no_words_break_the_readers(context, schema, text):
    field = field_for("value", schema, context)
    with pytest.raises(ValueError, match="value: "):
        field.resolve(text)
    for span in field.spot(text):
        field.resolve(span.surface)


@pytest.mark.parametrize("context", [ZH, EN])
@pytest.mark.parametrize("value", [9007199254740993, 20241010123456789])
def test_long_whole_numbers_keep_every_digit(context, value):
    assert field_for("count", COUNT, context).resolve(str(value)) == value
