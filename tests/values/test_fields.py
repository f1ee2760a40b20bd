"""The kind, form and unit of a field from its schema; places of values in a text."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from manyshot.types import Context
from manyshot.values import Kind, field_for

ZH = Context(today=datetime(2024, 10, 10, tzinfo=timezone(timedelta(hours=8))), language="zh")
EN = Context(today=datetime(2025, 3, 18, tzinfo=UTC), language="en")


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("phone", {"type": "string"}, Kind.PHONE),
        ("contactPhone", {"type": "string"}, Kind.PHONE),
        ("phone_no", {"type": "string"}, Kind.PHONE),
        ("email_address", {"type": "string"}, Kind.EMAIL),
        ("x", {"type": "string", "description": "联系人电话"}, Kind.PHONE),
        ("contact_name", {"type": "string"}, Kind.PERSON),
        ("guest_name", {"type": "string", "description": "客人姓名"}, Kind.PERSON),
        ("plate_no", {"type": "string"}, Kind.PLATE),
        ("ticket_id", {"type": "string"}, Kind.ID),
        ("problem", {"type": "string"}, Kind.PROBLEM),
        ("name", {"type": "string", "description": "物品名称"}, Kind.PRODUCT),
        ("address", {"type": "string"}, Kind.ADDRESS),
        ("reason", {"type": "string"}, Kind.REASON),
        ("duration", {"type": "integer", "description": "in seconds"}, Kind.DURATION),
        ("quantity", {"type": "integer"}, Kind.INTEGER),
        ("mode", {"type": "string", "enum": ["a", "b"]}, Kind.ENUM),
        ("mode", {"const": "a"}, Kind.ENUM),
        ("items", {"type": "array", "items": {"type": "string"}}, Kind.ARRAY),
    ],
)
def test_kind(name, schema, kind):
    assert field_for(name, schema, ZH).kind is kind


@pytest.mark.parametrize(
    ("schema", "examples", "value"),
    [
        ({"description": "YYYY-MM-DD HH:MM"}, (), "2024-10-12 09:00"),
        ({"description": "预约时间，格式 YYYY/MM/DD HH:MM:SS"}, (), "2024/10/12 09:00:00"),
        ({"description": "如 2023-01-05 08:30"}, (), "2024-10-12 09:00"),
        ({"format": "date-time"}, (), "2024-10-12T09:00:00+08:00"),
        ({"format": "date-time"}, ("2024-10-01T10:00:00",), "2024-10-12T09:00:00"),
        ({"format": "date-time"}, ("2024-10-01T10:00:00Z",), "2024-10-12T01:00:00Z"),
        ({"examples": ["2024年1月5日 08:30"]}, (), "2024年10月12日 09:00"),
        ({}, ("2024-10-01 10:00", "2024-11-01 12:00"), "2024-10-12 09:00"),
        ({"pattern": r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$"}, (), "2024-10-12 09:00"),
    ],
)
def test_written_form(schema, examples, value):
    field = field_for("appointment_time", {"type": "string", **schema}, ZH, examples)
    assert field.resolve("这周六上午九点") == value


def test_nested_values():
    items = {"type": "array", "items": {"type": "object", "properties": {
        "name": {"type": "string", "description": "物品名称"}, "quantity": {"type": "integer"}}}}  # fmt: skip
    field = field_for("items", items, ZH)
    assert field.resolve([{"name": "毛巾", "quantity": "三条"}]) == [{"name": "毛巾", "quantity": 3}]
    tags = field_for("tags", {"type": "array", "items": {"type": "string"}}, EN)
    assert tags.resolve(["a", " b "]) == ["a", "b"]


def test_enum_synonyms():
    field = field_for("mode", {"enum": ["photo", "video"]}, EN, synonyms={"photo": ["a picture"], "video": ["film"]})
    assert field.resolve("Film") == "video"
    assert [s.surface for s in field.spot("please film it")] == ["film"]
    with pytest.raises(ValueError, match="one of photo, video"):
        field.resolve("panorama")


def test_an_id_takes_the_shape_of_examples():
    field = field_for("order", {"type": "string"}, ZH, ["RS20240001", "RS20240117"])
    assert field.resolve("rs 2024 0001") == "RS20240001"


def test_spots_do_not_mix_kinds():
    text = "我后天下午三点二十到，航班MU5137，电话13800001276，五个人，行李3件"
    count = field_for("passengers", {"type": "integer"}, ZH)
    assert {s.surface for s in count.spot(text)} == {"五", "3"}
    assert [s.surface for s in field_for("phone", {"type": "string"}, ZH).spot(text)] == ["13800001276"]
    moment = field_for("arrive", {"type": "string", "description": "YYYY-MM-DD HH:MM"}, ZH)
    assert [s.surface for s in moment.find(text, "2024-10-12 15:20")] == ["后天下午三点二十"]


def test_null_only_where_allowed():
    assert field_for("n", {"type": ["integer", "null"]}, EN).resolve(None) is None
    with pytest.raises(ValueError, match="null"):
        field_for("n", {"type": "integer"}, EN).resolve(None)


def test_import_is_light():
    code = (
        "import sys, manyshot.values; print(any(m in sys.modules for m in ('torch', 'transformers', 'cn2an', 'jieba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_smaller_units_behind_a_unit_and_plates_without_digits() -> None:
    tall = field_for("height_cm", {"type": "integer", "description": "Height in centimetres"}, EN)
    assert tall.resolve("3 metres 10") == 310
    assert [s.surface for s in tall.spot("it is 3 metres 10 tall, FB347728")] == ["3 metres 10"]
    assert [s.surface for s in tall.spot("2 metres 10 boxes")] == ["2 metres", "10 boxes"]
    plate = field_for("registration", {"type": "string", "description": "Number plate"}, EN)
    assert plate.resolve("yj70 lbe") == "YJ70LBE"
    with pytest.raises(ValueError, match="plate"):
        plate.resolve("bringing")
