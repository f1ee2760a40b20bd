"""Whether a field is given: evidence counts, the model is heard, and what code is sure of is not asked about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from manyshot.acting import Reader
from manyshot.choice import ToolChoice
from manyshot.data.slots import slots_of
from manyshot.plugs.models.scripted import ByteTokenizer
from manyshot.presence import SUREST, WEIGHTS, Presence, Signs
from manyshot.protocols import Completion, Place
from manyshot.serve.predictor import Mode, Predictor
from manyshot.types import Call, Context, Json, Shot, Source, Tool

CONTEXT = Context(today=datetime(2024, 10, 10, tzinfo=UTC), language="en")
HIRE = Tool(
    name="HireCar",
    parameters={
        "properties": {
            "day": {"type": "string", "format": "date"},
            "driver": {"type": "string", "description": "name of who drives"},
            "size": {"enum": ["small", "large"]},
            "seats": {"type": "integer", "description": "number of seats"},
            "back": {"type": "string", "format": "date", "description": "day of return"},
            "snow": {"type": "boolean", "description": "whether winter tyres are wanted"},
        },
        "required": ["day", "driver"],
    },
)
SLOTS = {"HireCar": slots_of(HIRE, CONTEXT)}


def shot(action: str, **arguments: object) -> Shot:
    return Shot(
        id=action, action=action, call=Call(name="HireCar", arguments=arguments), source=Source(file="shots", line=1)
    )


SHOTS = [
    shot("a car on Friday for Ann Lee", day="2024-10-11", driver="Ann Lee"),
    shot("car for Bo Berg tomorrow", day="2024-10-11", driver="Bo Berg"),
    shot("car today for Cy Dunn, we are going into the mountains", day="2024-10-10", driver="Cy Dunn", snow=True),
    shot("Di Moss needs a car tomorrow, into the mountains", day="2024-10-11", driver="Di Moss", snow=True),
]


@pytest.fixture(scope="module")
def presence() -> Presence:
    return Presence(SLOTS, SHOTS, "en")


def test_every_group_has_a_weight_for_each_sign() -> None:
    assert {len(weights) for weights in WEIGHTS.values()} == {1 + len(Signs._fields)}


@pytest.mark.parametrize(
    ("key", "said", "unsaid"),
    [
        ("snow", "car for Ed Fox today with winter tyres", "car for Ed Fox today with much room"),
        ("seats", "car for Ed Fox today, 7 seats", "car for Ed Fox of 7 Mill Lane today"),
        ("back", "car for Ed Fox today, to be returned on Sunday", "car for Ed Fox on Sunday"),
        ("driver", "car for Ed Fox today", "car today"),
    ],
)
def test_wording_names_units_and_unclaimed_values_speak_for_a_field(
    presence: Presence, key: str, said: str, unsaid: str
) -> None:
    given, not_given = presence.odds("HireCar", said)[key], presence.odds("HireCar", unsaid)[key]
    assert given > 0
    assert given > not_given + 0.5
    assert key == "driver" or not_given < 0


def test_what_shots_that_give_a_field_say_beside_it_speaks_for_it(presence: Presence) -> None:
    up, down = (
        presence.odds("HireCar", f"car for Ed Fox today, {way}")["snow"]
        for way in ("up the mountains", "down the coast")
    )
    assert up > down + 0.3


def test_words_that_no_shot_has_beside_its_values_speak_for_free_text() -> None:
    """A note is what nobody needs to say to hire a car."""
    note = {"type": "string", "description": "remark"}
    tool = HIRE.model_copy(update={"parameters": {**HIRE.parameters, "properties": {**HIRE.properties, "note": note}}})
    found = Presence({"HireCar": slots_of(tool, CONTEXT)}, SHOTS, "en")
    plain, more = (
        found.odds("HireCar", f"a car for Ed Fox tomorrow{rest}")["note"]
        for rest in ("", ", leave keys under flowerpot")
    )
    assert more > plain + 1


def test_few_shots_say_nothing_and_many_not_everything() -> None:
    few, many = Presence(SLOTS, SHOTS[:2], "en"), Presence(SLOTS, SHOTS * 20, "en")
    signs = few.signs("HireCar", "into the mountains")["snow"]
    assert signs.worded == 0.0
    assert abs(many.signs("HireCar", "into the mountains, the mountains")["snow"].worded) <= SUREST


def test_what_code_is_sure_of_is_left_to_it(presence: Presence) -> None:
    can = {("day",): ("today",), ("back",): (), ("size",): ("large",)}
    assert presence.open_to("HireCar", can, {("size",)}) == ["day", "driver", "seats", "snow"]


class Writing:
    """A model that writes a call with or without its yes-no, as the grammar says, and finds both as likely."""

    def __init__(self, text: str, *, tells: bool) -> None:
        self.text, self.tells, self.grammars = text, tells, list[str | None]()

    def complete(self, _prompt: object, *, grammar: str | None, **_rest: object) -> Completion:
        self.grammars.append(grammar)
        text = self.text
        if len(self.grammars) > 1:
            text = text.replace(',"snow":true', "") if '\\"snow\\"' not in str(grammar) else text
        even = {b",": -0.7, b"}": -0.7}
        told = tuple(Place(bytes([b]), even if b == ord(",") else {bytes([b]): 0.0}) for b in text.encode())
        return Completion(text, 1, 0, len(text), 0.0, "stop", told if self.tells else ())

    def weigh(self, _prompt: object, options: list[str], **_rest: object) -> tuple[float, ...]:
        return tuple(0.0 if option.startswith(" HireCar") else -9.0 for option in options)

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("tells", "action", "wanted"),
    [
        (True, "Ed Fox today, down the coast", {"day": "2024-10-10", "driver": "Ed Fox"}),
        (True, "Ed Fox today, winter tyres", {"day": "2024-10-10", "driver": "Ed Fox", "snow": True}),
        (False, "Ed Fox today, down the coast", {"day": "2024-10-10", "driver": "Ed Fox", "snow": True}),
    ],
)
def test_an_invented_yes_is_written_again_without(tells: bool, action: str, wanted: Mapping[str, Json]) -> None:
    """Only a model that tells how sure it was is corrected."""
    model = Writing(' HireCar{"day":"today","driver":"Ed Fox","snow":true}', tells=tells)
    reader, choice = Reader(SLOTS, {}, None, "span"), ToolChoice(SLOTS, SHOTS, "en", None)
    predictor = Predictor(model, ByteTokenizer(), [HIRE], "en", reader, choice, Presence(SLOTS, SHOTS, "en"))
    (call,) = predictor.predict("1", action, Mode("tuned", copy=True)).calls
    assert call.arguments == wanted


def test_the_same_words_are_not_two_fields() -> None:
    """A name that was not said is asked for; the model had copied the place once more."""
    move = Tool(
        name="Move",
        parameters={
            "properties": {
                "person": {"type": "string", "description": "name of the customer"},
                "address": {"type": "string", "description": "address"},
            },
            "required": ["person", "address"],
        },
    )
    slots = {"Move": slots_of(move, CONTEXT)}
    text = ' Move{"person":"Mill Lane 14","address":"Mill Lane 14, Hull"}'
    places = tuple(Place(bytes([b]), {bytes([b]): 0.0}) for b in text.encode())
    done = Completion(text, 1, 0, len(text), 0.0, "stop", places)
    found = Presence(slots, (), "en").decide("Move", "to the address Mill Lane 14, Hull", done, {}, ())
    assert found == {("person",): False, ("address",): True}


def test_a_model_that_is_held_to_a_field_and_finds_another_ones_words_found_nothing(presence: Presence) -> None:
    free, held = (
        Completion(f" HireCar{text}", 1, 0, 9, 0.0, "stop")
        for text in ('{"day":"today"}', '{"day":"today","driver":"down the coast"}')
    )
    assert presence.borrowed("HireCar", free, held) == frozenset()
    move = Tool(name="Move", parameters={"properties": {key: {"type": "string"} for key in ("fault", "address")}})
    slots = {"Move": slots_of(move, CONTEXT)}
    free, held, own = (
        Completion(f" Move{text}", 1, 0, 9, 0.0, "stop")
        for text in (
            '{"address":"Mill Lane 14"}',
            '{"fault":"Mill Lane 14","address":"Mill Lane 14"}',
            '{"fault":"no heating","address":"Mill Lane 14"}',
        )
    )
    kept = Presence(slots, (), "en")
    assert kept.borrowed("Move", free, held) == {("fault",)}
    assert kept.borrowed("Move", free, own) == kept.borrowed("Move", held, held) == frozenset()


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ("BK123 stays until Friday", "check_out"),
        ("check-out of BK123 is to be Friday", "check_out"),
        ("BK123 comes on Friday", "check_in"),
    ],
)
def test_one_day_alone_is_the_last_only_where_words_say_so(action: str, wanted: str) -> None:
    """The model had put the first of both fields."""
    day = {"type": "string", "format": "date"}
    change = Tool(name="ChangeStay", parameters={"properties": {"check_in": day, "check_out": day}})
    text = ' ChangeStay{"check_in":"Friday"}'
    done = Completion(text, 1, 0, 9, 0.0, "stop", tuple(Place(bytes([b]), {bytes([b]): 0.0}) for b in text.encode()))
    can = {("check_in",): ("Friday",), ("check_out",): ("Friday",)}
    found = Presence({"ChangeStay": slots_of(change, CONTEXT)}, (), "en").decide("ChangeStay", action, done, can, ())
    assert [key for (key,), is_given in found.items() if is_given] == ([wanted] if found else [])
    assert found or wanted == "check_in"


def test_the_one_port_that_is_named_is_not_where_it_goes_and_where_it_comes_from() -> None:
    port = {"enum": ["dover", "calais"]}
    sail = Tool(name="Sail", parameters={"properties": {"start": port, "goal": port}, "required": ["start", "goal"]})
    slots = {"Sail": slots_of(sail, CONTEXT)}
    text = ' Sail{"start":"calais","goal":"calais"}'
    places = tuple(Place(bytes([b]), {bytes([b]): 0.0}) for b in text.encode())
    can = {("start",): ("calais",), ("goal",): ("calais",)}
    decided = Presence(slots, (), "en").decide("Sail", "boats to Calais", _written(text, places), can, ())
    assert sorted(decided.values()) == [False, True]


def test_the_one_number_that_is_said_is_not_two_fields() -> None:
    angle = {"type": "number", "description": "degrees"}
    look = Tool(name="Look", parameters={"properties": {"tilt": angle, "pan": angle}})
    slots = {"Look": slots_of(look, CONTEXT)}
    text = ' Look{"tilt":"thirty degrees","pan":"thirty degrees"}'
    places = tuple(Place(bytes([b]), {bytes([b]): 0.0}) for b in text.encode())
    for action, kept in (("look thirty degrees to the right", 1), ("thirty degrees up and thirty degrees right", 2)):
        decided = Presence(slots, (), "en").decide("Look", action, _written(text, places), {}, ())
        assert sum(decided.get(key, True) for key in (("tilt",), ("pan",))) == kept


@pytest.mark.parametrize("text", [' Stay{"start":"Friday","end":"Friday"}', ' Stay{"end":"Friday"}'])
def test_the_one_day_that_is_said_is_not_two_fields(text: str) -> None:
    """Also where the model wrote it for one, and evidence alone would have it for the other, too."""
    day = {"type": "string", "format": "date"}
    stay = Tool(name="Stay", parameters={"properties": {"start": day, "end": day}})
    presence = Presence({"Stay": slots_of(stay, CONTEXT)}, (), "en")
    can = {("start",): ("Friday",), ("end",): ("Friday",)}
    done = _written(text, tuple(Place(bytes([b]), {bytes([b]): -0.7, b"s": -0.7, b"}": -0.7}) for b in text.encode()))
    assert min(presence.odds("Stay", "they leave on Friday").values()) > 2
    decided = presence.decide("Stay", "they leave on Friday", done, can, ())
    assert sum(decided.get((key,), f'"{key}"' in text) for key in ("start", "end")) == 1


def _written(text: str, places: tuple[Place, ...]) -> Completion:
    return Completion(text, 1, 0, len(text), 0.0, "stop", places)
