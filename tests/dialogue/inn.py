"""An inn: a small domain with a flow, and a world of its own that really keeps bookings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyshot.data.slots import domain_slots
from manyshot.dialogue.company import Company, company
from manyshot.flow.steps import Flow
from manyshot.records import digest
from manyshot.spec.load import load_domain, load_flows
from manyshot.types import Call, Domain, Json, Observation, Setup
from tests.spec.desk import Desk

TOOLS: list[dict[str, Any]] = [
    {
        "name": "FreeTables",
        "description": "Looks up the times at which a table is free on a day. Books nothing.",
        "parameters": {
            "type": "object",
            "properties": {"day": {"type": "string", "format": "date", "description": "day"}},
            "required": ["day"],
            "additionalProperties": False,
        },
    },
    {
        "name": "Book",
        "description": "Books a table.",
        "parameters": {
            "type": "object",
            "properties": {
                "guest": {"type": "string", "description": "name of the guest"},
                "day": {"type": "string", "format": "date", "description": "day"},
                "guests": {"type": "integer", "minimum": 1, "maximum": 20, "description": "number of guests"},
            },
            "required": ["guest", "day", "guests"],
            "additionalProperties": False,
        },
    },
    {
        "name": "Cancel",
        "description": "Cancels a booking.",
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "string", "pattern": "^B\\d{6}$", "description": "number of the booking"}},
            "required": ["id"],
            "additionalProperties": False,
        },
    },
]
SHOTS = [
    {"action": "See what is free on 2024-10-12.", "call": {"name": "FreeTables", "arguments": {"day": "2024-10-12"}}},
    {
        "action": "Book a table for Ann Lee, 2 guests, on 2024-10-12.",
        "call": {"name": "Book", "arguments": {"guest": "Ann Lee", "day": "2024-10-12", "guests": 2}},
    },
    {"action": "Cancel the booking B100001.", "call": {"name": "Cancel", "arguments": {"id": "B100001"}}},
]
TABLE = """about: a table for the evening
slots:
  day: day of the visit
  free: times that are free
  agreed: {about: whether another day will do, values: [yes, no]}
  guest: name of the guest
  guests: number of guests
  id: number of the booking
steps:
  ask_day: {ask: day, text: For which day?, next: look}
  look: {call: FreeTables, with: {day: "{day}"}, fills: {free: times}, next: any, failed: down}
  any:
    branch:
      - if: free is filled
        go: ask_who
      - else: ask_other
  ask_other: {ask: agreed, text: "{day} is full. Would another day do?", next: other}
  other:
    branch:
      - if: agreed == yes
        go: ask_day
      - else: full
  full: {end: no table}
  ask_who: {ask: [guest, guests], text: "What name, and how many?", next: book}
  book:
    call: Book
    with: {guest: "{guest}", day: "{day}", guests: "{guests}"}
    fills: {id: id}
    next: tell
    failed: down
  tell: {say: "Your table is booked: {id}.", next: booked}
  booked: {end: booked}
  down: {handoff: the system is down}
"""
CANCEL = """about: to cancel a booking
slots: {id: number of the booking}
steps:
  ask_id: {ask: id, text: What is the number?, next: cancel}
  cancel: {call: Cancel, with: {id: "{id}"}, next: gone, failed: unknown}
  gone: {end: cancelled}
  unknown: {handoff: no such booking}
"""
BOOKINGS = [{"id": "B100001", "guest": "Ann Lee", "day": "2024-10-12", "state": "open"}]
FULL = ("2024-10-13", "2024-10-14")


class Inn:
    """The world of the inn."""

    def __init__(self, setup: Setup) -> None:
        rows = setup.rows.get("bookings", BOOKINGS)
        self.bookings = {row["id"]: dict(row) for row in rows}
        self.faults, self.made = setup.faults, dict[str, int]()

    def call(self, call: Call) -> Observation:
        self.made[call.name] = nth = self.made.get(call.name, 0) + 1
        kind = next((fault.kind for fault in self.faults if (fault.call, fault.nth) == (call.name, nth)), None)
        if kind == "timeout":
            return Observation(status=0)
        if kind == "error":
            return Observation(status=503, body={"error": "try again later"})
        if call.name == "FreeTables":
            full = kind == "empty" or call.arguments["day"] in FULL
            return Observation(body={"times": [] if full else ["18:00", "20:30"]})
        if call.name == "Book":
            row = {"id": f"B{100001 + len(self.bookings)}", **call.arguments, "state": "open"}
            self.bookings[row["id"]] = row
            return Observation(body={"id": row["id"]})
        if call.name != "Cancel" or call.arguments["id"] not in self.bookings:
            return Observation(status=404, body={"error": "no such booking"})
        self.bookings[call.arguments["id"]]["state"] = "cancelled"
        return Observation(body={"done": True})

    def state(self) -> Mapping[str, Sequence[Json]]:
        return {"bookings": list(self.bookings.values())}

    def digest(self) -> str:
        return digest(self.state())


def inn_folder(folder: Path) -> Desk:
    """The domain folder, without dialogues."""
    desk = Desk(folder)
    desk.tools(TOOLS)
    desk.shots(SHOTS)
    desk.write("flows/table.yaml", TABLE)
    desk.write("flows/cancel.yaml", CANCEL)
    desk.write("values.yaml", "guest: [Bo Hart, Ida Moss]\nguests: [2, 3, 5]\n")
    return desk


def open_inn(_: Domain, __: Sequence[Flow]) -> Callable[[Setup], Inn]:
    return Inn


def inn(folder: Path) -> Company:
    """The inn as dialogues meet it."""
    inn_folder(folder)
    domain = load_domain(folder)
    return company(domain.context, load_flows(folder), domain_slots(domain), Inn)
