"""Items of a list that an action names in words of its own."""

from __future__ import annotations

from datetime import datetime

import pytest

from manyshot.data.slots import slots_of
from manyshot.listed import Listed
from manyshot.types import Context, Json, Language, Tool

EXTRAS = ("hull_photos", "pressure_wash", "anode_check", "propeller_polish")
ABOUT_ZH = "要用的设备,可多项:projector 投影,whiteboard 白板,camera 视频会议摄像头,sound 音响;没说就不填"


def listed(language: Language, about: str, *values: str) -> Listed:
    parameters: Json = {
        "type": "object",
        "properties": {
            "extras": {"type": "array", "items": {"type": "string", "enum": list(values)}, "description": about},
            "note": {"type": "string"},
        },
    }
    tool = Tool(name="lift", description="", parameters=parameters)
    context = Context(today=datetime.fromisoformat("2026-06-09T09:00:00+01:00"), language=language)
    return Listed({"lift": slots_of(tool, context)}, language)


BOAT = listed("en", "Work to do while the boat is out.", *EXTRAS)
ROOM = listed("zh", ABOUT_ZH, "projector", "whiteboard", "camera", "sound")


@pytest.mark.parametrize(
    ("desk", "action", "named"),
    [
        (BOAT, "and take some photos of the hull while you're at it", ["hull_photos"]),
        (BOAT, "polish the prop, check the anodes", ["propeller_polish", "anode_check"]),
        (BOAT, "the hull needs a wash", []),
        (BOAT, "no hull photos please, only the anodes checked", ["anode_check"]),
        (BOAT, "", []),
        (ROOM, "投影和白板都要", ["projector", "whiteboard"]),
        (ROOM, "话筒要，投影不要", []),
        (ROOM, "可多项目的会议", []),
    ],
)
def test_an_item_is_named_by_all_its_words_in_any_order(desk: Listed, action: str, named: list[str]) -> None:
    found = desk.named("lift", ("extras",), action)
    assert sorted(found, key=found.__getitem__) == named


@pytest.mark.parametrize(
    ("written", "given", "whole"),
    [
        (' lift{"extras":["anode_check"]}', {}, ["hull_photos"]),  # of which nothing is said
        (' lift{"extras":["pressure_wash"]}', {}, ["hull_photos", "pressure_wash"]),  # a wash is
        (' lift{"extras":["hull_photos","anode_check"]}', {}, None),
        (" lift{}", {("extras",): True}, ["hull_photos"]),
        (" lift{}", {}, None),
        (' lift{"extras":"hull_photos"}', {}, ["hull_photos"]),
        (" none{}", {}, None),
        (' lift{"extras":[', {}, None),
    ],
)
def test_what_is_named_takes_the_place_of_what_nothing_speaks_for(
    written: str, given: dict[tuple[str, ...], bool], whole: list[str] | None
) -> None:
    said = "photos of the hull, and a good wash"
    assert BOAT.decide("lift", said, written, given) == ({("extras",): whole} if whole else {})
    assert BOAT.decide("other", said, written, given) == {}
