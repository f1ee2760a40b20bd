"""flows/*.yaml: what is read, and what each fault says with its line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyshot.errors import SpecError
from manyshot.flow.steps import Ask, Branch, CallTool
from manyshot.spec.check import check, check_flows, format_report
from manyshot.spec.load import load_flows
from tests.spec.desk import Desk

FILE = "flows/book.yaml"
GOOD = """\
about: Books a table.
given: [party]
slots:
  party: how many
  day: the day
  free: {about: is there room, values: [yes, no]}
  mood: {about: how the customer sounds, values: [calm, angry], judged: true}
steps:
  when:
    ask: day
    text: For {party} guests, on which day?
    next: book
  book:
    call: Book
    with: {day: "{day}", guests: "{party}", area: terrace}
    fills: {free: room}
    next: room
    failed: person
  room:
    branch:
      - if: free == yes
        go: told
      - if: mood == angry
        go: person
      - else: when
  told:
    say: See you on {day}.
    next: done
  done:
    end: booked
  person: {handoff: no table}
"""


def test_a_sound_flow(desk: Desk) -> None:
    desk.write(FILE, GOOD)
    (flow,) = load_flows(desk.folder)
    day, book, room, *_ = flow.steps
    assert (flow.name, flow.start, flow.given) == ("book", "when", ("party",))
    assert isinstance(day, Ask)
    assert (day.slots, day.text, day.next) == (("day",), "For {party} guests, on which day?", "book")
    assert isinstance(book, CallTool)
    assert book.arguments == {"day": "{day}", "guests": "{party}", "area": "terrace"}
    assert (book.fills, book.failed, book.source.line) == ({"free": "room"}, "person", 13)
    assert isinstance(room, Branch)
    assert [arm.when for arm in room.arms] == ["free == yes", "mood == angry", None]
    assert flow.slots["free"].values == ("yes", "no")  # the words, not booleans
    report = check(desk.folder)
    assert (report.faults, report.counts["flows"], report.counts["paths"]) == ((), 1, 6)
    assert "1 flow with 6 paths" in " ".join(format_report(report).split())


def test_a_call_without_with_takes_required_fields_from_slots_of_their_names(desk: Desk) -> None:
    desk.write(FILE, "slots: {day: d, guests: g}\nsteps:\n  a: {ask: [day, guests], next: b}\n"
                     "  b: {call: Book, next: c}\n  c: {end: booked}\n")  # fmt: skip
    call = load_flows(desk.folder)[0].steps[1]
    assert isinstance(call, CallTool)
    assert call.arguments == {"day": "{day}", "guests": "{guests}"}


def test_a_domain_without_flows_has_none(desk: Desk) -> None:
    assert load_flows(desk.folder) == ()
    assert "flows" not in check(desk.folder).counts


#: What is replaced in the sound flow, by what, the text on the line of the fault, and what the fault says.
BROKEN = [
    ("about: Books", "abut: Books", "abut:", 'unknown key "abut" in a flow; did you mean "about"?'),
    ("given: [party]", "given: [parti]", "given:", 'there is no slot "parti"; add it under slots'),
    ("party: how many", "2: how many", "2: how", 'wanted a slot name of letters, digits and _, found "2"'),
    ("values: [yes, no]", "value: [yes, no]", "free: {", 'unknown key "value" in a slot; did you mean "values"?'),
    ("values: [yes, no]", "values: yes", "free: {", 'wanted values as [value, ...], found "yes"'),
    ("judged: true", "judged: yes", "mood: {", 'wanted true or false, found "yes"'),
    ("ask: day", "ask: dya", "ask: dya", 'there is no slot "dya"; add it under slots; did you mean "day"?'),
    ("ask: day", "ask: mood", "ask: mood", '"mood" is judged, so nobody is asked for it'),
    ("{party} guests", "{guests} guests", "text:", 'there is no slot "guests"'),
    ("    next: book\n", "", "  when:", 'the dialogue stops at "when": add next: STEP'),
    ("next: book", "next: bok", "next: bok", 'there is no step "bok"; did you mean "book"?'),
    ("call: Book", "call: Bok", "call: Bok", 'there is no tool "Bok"; did you mean "Book"?'),
    ("guests:", "guest:", "with:", 'Book has no field "guest"; did you mean "guests"?'),
    ('guests: "{party}", ', "", "with:", 'Book needs "guests"; add it'),
    ("area: terrace", "area: roof", "with:", '"roof" does not fit area of Book; a slot is written "{slot}"'),
    ("fills: {free:", "fills: {fre:", "fills:", 'there is no slot "fre"'),
    ("failed: person", "failed: persn", "failed:", 'there is no step "persn"; did you mean "person"?'),
    ("free == yes", "free = yes", "if: free", "write == for is equal to"),
    ("free == yes", "fre == yes", "if: fre", 'there is no slot "fre"'),
    ("free == yes", "free == yess", "  room:", '"room" compares free with "yess", which is none of its values'),
    ("        go: told\n", "", "- if: free", 'an arm of a branch has no "go"; add it'),
    ("      - else: when\n", "", "  room:", 'no else and does not say where to go when free is no and mood is calm'),
    ("- else: when", "- {else: when, go: when}", "- {else", 'unknown key "go" in the else of a branch'),
    ("handoff: no table", "handof: no table", "  person:", 'did you mean "handoff"?'),
    ("end: booked", "end: booked\n    say: bye", "  done:", "found end and say; split it into steps"),
    ("end: booked", "end:", "    end:", "wanted text as end, found null"),
    ("  done:\n    end: booked", "  done: booked", "  done:", "wanted a step as say, ask, call, branch"),
    ("      - if: free == yes", "      - else: when\n      - if: free == yes", "- else: when", "else stands before"),
    ("  done:", "  gone: {end: gone}\n  done:", "  gone:", 'no way from the start leads to "gone"'),
    ("next: done", "next: talk\n  talk: {say: a, next: more}\n  more: {say: b, next: talk}", "  talk:",
     "a loop without an exit: from talk, more no end and no handoff can be reached"),
    ("- else: when", "- else: room", "  room:", "nothing is asked or called in the loop room"),
    ("given: [party]\n", "", "  when:", '"when" uses party before it is known on every way there'),
    ("steps:", "steps: {}\nrest:", "steps:", "wanted steps as id: step, found {}"),
    ("about: Books a table.", "start: wen", "start:", 'start names no step: "wen"; did you mean "when"?'),
    ("  day: the day\n", "  day: the day\n  day : again\n", "  day : again", 'the key "day" stands twice; keep one'),
    ("about: Books", "about: !!python/object:os.system Books", "about:", "is not known here; remove it"),
    ("about: Books a table.", "about: [", "slots:", "bad YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), BROKEN, ids=[f"{b[1]!r}"[:40] for b in BROKEN])
def test_each_fault_has_its_line_and_says_what_to_do(
    desk: Desk, said: Callable[[], list[str]], old: str, new: str, line: str, message: str
) -> None:
    assert old in GOOD
    desk.write(FILE, GOOD.replace(old, new, 1))
    at, faults = desk.line_of(FILE, line), said()
    assert any(fault.startswith(f"{FILE}:{at}: ") and message in fault for fault in faults), faults


def test_loading_stops_at_the_first_fault(desk: Desk) -> None:
    desk.write(FILE, GOOD.replace("call: Book", "call: Bok"))
    with pytest.raises(SpecError, match=r"flows/book\.yaml:14: there is no tool \"Bok\""):
        load_flows(desk.folder)


def test_what_can_never_happen_is_a_hint(desk: Desk) -> None:
    desk.write(FILE, GOOD.replace("mood == angry", "free == yes and mood == angry"))
    hints = [h.message for h in check_flows(desk.folder).hints]
    assert '"free == yes and mood == angry" in "room" can never be taken; correct or remove it' in hints
    desk.write(FILE, GOOD.replace("- else: when", "- if: free == no\n        go: when\n      - else: when"))
    hints = [h.message for h in check_flows(desk.folder).hints]
    assert 'the else of "room" can never be taken: its conditions cover every value' in hints


def test_conditions_that_cover_every_value_need_no_else(desk: Desk) -> None:
    desk.write(FILE, GOOD.replace("- else: when", "- if: free == no\n        go: when"))
    assert check_flows(desk.folder).faults == ()


def test_other_files_are_named_with_what_to_do(desk: Desk) -> None:
    desk.write("flows/chart.mmd", "flowchart TD\n")
    (hint,) = check_flows(desk.folder).hints
    assert "not read; convert it: manyshot import" in hint.message
    desk.write("flows/chart.yaml", "steps: {a: {end: done}}\n")
    assert check_flows(desk.folder).hints == ()


def test_a_flow_with_too_many_ways_is_a_fault(desk: Desk) -> None:
    steps = "".join(
        f"  a{n}: {{ask: x, next: b{n}}}\n  b{n}: {{branch: [{{if: x == 1, go: c{n}}}, {{else: a{n + 1}}}]}}\n"
        f"  c{n}: {{say: hi, next: a{n + 1}}}\n"
        for n in range(14)
    )
    desk.write(FILE, f"slots: {{x: x}}\nsteps:\n{steps}  a14: {{end: done}}\n")
    (fault,) = check_flows(desk.folder).faults
    assert (fault.line, "more than 5,000 ways through book; split it" in fault.message) == (2, True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=40) | st.text(alphabet="{}[]:-,\n ab1#&*!?|>\"'", max_size=60), at=st.integers(0, len(GOOD))
)
def test_any_text(desk: Desk, text: str, at: int) -> None:
    desk.write(FILE, (GOOD[:at] + text + GOOD[at:]).encode("utf-8", "replace"))
    assert format_report(check_flows(desk.folder)).encode()
