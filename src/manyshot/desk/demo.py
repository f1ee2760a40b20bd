"""Rows to try the desk with. One rule: they are those of the shipped domain ticket_desk, as of today.

So its assistant finds the customers, calendars and tickets that it knows from its simulated company.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from manyshot.desk.search import add_article
from manyshot.desk.states import State
from manyshot.desk.tables import Booking, Client, Customer, DayOff, Shift, Technician, Ticket
from manyshot.desk.words import state_of
from manyshot.desk.work import MOMENT
from manyshot.types import Setup
from manyshot.world.functions import FILE, FunctionCompany

_DOMAIN = Path(__file__).resolve().parent.parent / "domains" / "ticket_desk"
_ENGLISH = {
    "The charger trips the breaker": "Switch the charger off, wait three minutes, close the breaker, plug in again.",
    "The charging gun is stuck in the socket": "Unlock the car, hold the button on the gun for three seconds, pull.",
    "The charger shows offline": "Restart the router at home, then hold the charger's reset key for five seconds.",
    "The app does not find the charger": "Allow Bluetooth and location, delete the device, add it again.",
    "Charging stops half way": "Push the gun in until it clicks, then start with the card again.",
    "Charging has become slow": "Look in the app whether a limit is set; in great heat it is normal.",
    "The centre screen is frozen": "Hold both wheels on the steering wheel for ten seconds until it restarts.",
    "The reversing camera stays black": "Wipe the camera clean, then restart the car's computer.",
}


def seed(session: Session, now: datetime) -> bool:
    """Fill an empty desk; False, and nothing is done, where there are customers already."""
    if session.scalar(select(Customer.id).limit(1)) is not None:
        return False
    company = FunctionCompany(_DOMAIN / FILE, (), now)
    rows = company.open(Setup()).state()
    for row in rows["solutions"]:
        add_article(session, row["problem"], row["steps"])
    for problem, steps in _ENGLISH.items():
        add_article(session, problem, steps)
    technicians = {row["name"]: Technician(name=row["name"], area=row["area"]) for row in rows["technicians"]}
    customers = {
        row["phone"]: Customer(
            phone=row["phone"],
            name=row["userName"],
            vip=bool(row["isVIP"]),
            car=row["car"],
            charger=row["charger"],
            warranty=date.fromisoformat(row["warranty"]),
        )
        for row in rows["customers"]
    }
    session.add_all([*technicians.values(), *customers.values()])
    session.flush()
    hours = [hour for part in company.module.HOURS.values() for hour in part]
    session.add_all(
        Shift(technician_id=who.id, weekday=weekday, hour=hour)
        for who in technicians.values()
        for weekday in range(7)
        for hour in hours
        if weekday < 6 or hour < "12:00"  # Sundays end at noon
    )
    session.add_all(
        DayOff(technician_id=technicians[row["technician"]].id, day=date.fromisoformat(row["date"]))
        for row in rows["days_off"]
    )
    for row in rows["tickets"]:
        technician = technicians.get(row["technician"])
        ticket = Ticket(
            number=row["ticketId"],
            customer_id=customers[row["phone"]].id,
            user_name=row["userName"],
            phone=row["phone"],
            vip=bool(row["isVIP"]),
            problem=row["problem"],
            address=row["address"],
            serve_time=datetime.strptime(row["serveTime"], MOMENT),
            quantity=row["quantity"],
            state=state_of(row["status"]),
            technician_id=technician.id if technician else None,
            made_at=now,
        )
        session.add(ticket)
        session.flush()
        if technician and ticket.state != State.CANCELLED:
            session.add(Booking(ticket_id=ticket.id, technician_id=technician.id, starts=ticket.serve_time))
    return True


def people(session: Session) -> list[tuple[int, str]]:
    """Customers by number, for the header X-Customer."""
    return [
        (number, name) for number, name in session.execute(select(Customer.id, Customer.name).order_by(Customer.id))
    ]


def has_client(session: Session, name: str) -> bool:
    return session.scalar(select(Client.id).where(Client.name == name)) is not None
