"""What the desk does, each in a transaction of its caller. One rule: every ticket is looked up by its customer too.

A refusal leaves nothing behind: whoever calls rolls back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from manyshot.desk.search import find
from manyshot.desk.states import State, may
from manyshot.desk.tables import Booking, Counter, Customer, DayOff, Shift, Technician, Ticket
from manyshot.desk.words import Language, say, state_word

Period = Literal["morning", "afternoon", "evening"]
Json = dict[str, Any]
DAYS_AHEAD = 30
MOMENT = "%Y-%m-%d %H:%M"
_STARTS: dict[Period, tuple[str, str]] = {
    "morning": ("00:00", "12:00"),
    "afternoon": ("12:00", "18:00"),
    "evening": ("18:00", "24:00"),
}


class Refused(Exception):
    """The desk does not do what was asked. `status` as in HTTP, 4xx; `field`: the one that is to blame."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


@dataclass(frozen=True, slots=True)
class Wish:
    """A ticket that a customer wants."""

    userName: str
    problem: str
    address: str
    serveTime: str
    phone: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One customer at the counter: the session, who it is, what time it is, in which language to answer."""

    session: Session
    customer: Customer
    now: datetime
    language: Language

    def search(self, problem: str, limit: int) -> Json:
        return {"solutions": find(self.session, problem, limit)}

    def slots(self, day: str, area: str | None, period: Period | None) -> Json:
        wanted = self._day(day, "date")
        start, end = _STARTS[period] if period else ("00:00", "24:00")
        hours = {hour for hour, who in self._free(wanted) if start <= hour < end and area in (None, who.area)}
        free = [f"{day} {hour}" for hour in sorted(hours)]
        return {"date": day, "slots": [slot for slot in free if slot > f"{self.now:{MOMENT}}"]}

    def create(self, wish: Wish) -> Json:
        starts = self._moment(wish.serveTime, "serveTime")
        ticket = Ticket(
            number=self._number(),
            customer_id=self.customer.id,
            user_name=wish.userName,
            phone=wish.phone or self.customer.phone,
            vip=self.customer.vip,  # what the desk knows counts, not what the caller says
            problem=wish.problem,
            address=wish.address,
            serve_time=starts,
            quantity=wish.quantity,
            state=State.WAITING,
            made_at=self.now,
        )
        self.session.add(ticket)
        self.session.flush()
        self._book(ticket, starts, "serveTime")
        shown = self._shown(ticket)
        return {key: shown[key] for key in ("ticketId", "status", "serveTime", "technician")}

    def query(self, number: str) -> Json:
        return self._shown(self._ticket(number))

    def cancel(self, number: str, reason: str | None) -> Json:
        ticket = self._ticket(number, change=True)
        self._move(ticket, State.CANCELLED)
        ticket.reason = reason
        self.session.execute(delete(Booking).where(Booking.ticket_id == ticket.id))
        return {"ticketId": number, "status": state_word(self.language, State.CANCELLED)}

    def reschedule(self, number: str, time: str) -> Json:
        ticket = self._ticket(number, change=True)
        if not may(State(ticket.state), State.ASSIGNED):
            raise self._closed(ticket)
        starts = self._moment(time, "newTime")
        if starts != ticket.serve_time or ticket.technician_id is None:
            self._book(ticket, starts, "newTime")
        else:
            self._move(ticket, State.ASSIGNED)
        shown = self._shown(ticket)
        return {key: shown[key] for key in ("ticketId", "serveTime", "technician")}

    def profile(self, phone: str) -> Json:
        """Only the customer's own: another's phone is unknown, as one that nobody has."""
        who = self.customer
        if phone != who.phone:
            raise Refused(404, say(self.language, "unknown_customer"), "phone")
        warranty = who.warranty.isoformat() if who.warranty else None
        known = {"phone": who.phone, "userName": who.name, "isVIP": who.vip}
        return {**known, "car": who.car, "charger": who.charger, "warranty": warranty}

    def rate(self, number: str, score: float, comment: str | None) -> Json:
        ticket = self._ticket(number, change=True)
        if ticket.state != State.DONE:
            word = state_word(self.language, State(ticket.state))
            raise Refused(409, say(self.language, "not_done", state=word), "ticketId")
        if ticket.score is not None:
            raise Refused(409, say(self.language, "rated"), "ticketId")
        ticket.score, ticket.comment = score, comment
        return {"ticketId": number, "score": score}

    # -- tickets -------------------------------------------------------------------------------------------------------

    def _ticket(self, number: str, *, change: bool = False) -> Ticket:
        """The customer's ticket, held until the transaction ends where it is to be changed."""
        query = select(Ticket).where(Ticket.number == number, Ticket.customer_id == self.customer.id)
        found = self.session.scalar(query.with_for_update(of=Ticket) if change else query)
        if found is None:
            raise Refused(404, say(self.language, "no_ticket"), "ticketId")
        return found

    def _move(self, ticket: Ticket, then: State) -> None:
        if not may(State(ticket.state), then):
            raise self._closed(ticket)
        ticket.state = then

    def _closed(self, ticket: Ticket) -> Refused:
        word = state_word(self.language, State(ticket.state))
        return Refused(409, say(self.language, "closed", state=word), "ticketId")

    def _shown(self, ticket: Ticket) -> Json:
        self.session.flush()
        technician = self.session.get(Technician, ticket.technician_id) if ticket.technician_id else None
        return {
            "ticketId": ticket.number,
            "status": state_word(self.language, State(ticket.state)),
            "userName": ticket.user_name,
            "problem": ticket.problem,
            "address": ticket.address,
            "serveTime": f"{ticket.serve_time:{MOMENT}}",
            "technician": technician.name if technician else None,
        }

    def _number(self) -> str:
        day = self.now.date()
        if self._count(day) is None:
            try:
                with self.session.begin_nested():
                    self.session.execute(insert(Counter).values(day=day, last=0))
            except IntegrityError:
                pass  # another was first today
        nth = self._count(day) or 0
        if nth > _MOST:
            raise Refused(409, say(self.language, "day_full"))
        return ticket_number(day, nth)

    def _count(self, day: date) -> int | None:
        """One more ticket on this day, and how many that makes; None when there was none."""
        query = update(Counter).where(Counter.day == day).values(last=Counter.last + 1).returning(Counter.last)
        return self.session.scalar(query)

    # -- calendars -----------------------------------------------------------------------------------------------------

    def _book(self, ticket: Ticket, starts: datetime, field: str) -> None:
        """Take the slot for the first technician who has it free. The database decides who that is."""
        hour = f"{starts:%H:%M}"
        working = [who for at, who in self._working(starts.date()) if at == hour]
        if not working:
            raise Refused(422, say(self.language, "no_shift"), field)
        for technician in working:
            if self._take(ticket, technician, starts):
                self._move(ticket, State.ASSIGNED)
                ticket.technician_id, ticket.serve_time = technician.id, starts
                return
        raise Refused(409, say(self.language, "full"), field)

    def _take(self, ticket: Ticket, technician: Technician, starts: datetime) -> bool:
        """Whether the slot became the ticket's; its old one is free then.

        The new one is taken first: two customers who swap slots then refuse each other, and neither waits for ever.
        """
        new = Booking(ticket_id=ticket.id, technician_id=technician.id, starts=starts)
        try:
            with self.session.begin_nested():
                self.session.add(new)
        except IntegrityError:
            return False
        self.session.execute(delete(Booking).where(Booking.ticket_id == ticket.id, Booking.id != new.id))
        return True

    def _working(self, day: date) -> list[tuple[str, Technician]]:
        """Hours and technicians of a day, by technician's name, those that have the day off left out."""
        off = select(DayOff.technician_id).where(DayOff.day == day)
        rows = self.session.execute(
            select(Shift.hour, Technician)
            .join(Technician, Technician.id == Shift.technician_id)
            .where(Shift.weekday == day.weekday(), Technician.id.not_in(off))
            .order_by(Technician.name, Shift.hour)
        )
        return [(hour, who) for hour, who in rows]

    def _free(self, day: date) -> list[tuple[str, Technician]]:
        begin = datetime(day.year, day.month, day.day)
        rows = self.session.execute(
            select(Booking.starts, Booking.technician_id).where(
                Booking.starts >= begin, Booking.starts < begin + timedelta(days=1)
            )
        )
        taken = {(f"{starts:%H:%M}", technician) for starts, technician in rows}
        return [(hour, who) for hour, who in self._working(day) if (hour, who.id) not in taken]

    # -- times ---------------------------------------------------------------------------------------------------------

    def _day(self, text: str, field: str) -> date:
        day = _read(text, "%Y-%m-%d")
        if day is None:
            raise Refused(422, say(self.language, "no_day"), field)
        return self._in_reach(day.date(), field)

    def _moment(self, text: str, field: str) -> datetime:
        moment = _read(text, MOMENT)
        if moment is None:
            raise Refused(422, say(self.language, "no_time"), field)
        self._in_reach(moment.date(), field)
        if moment <= self.now:
            raise Refused(422, say(self.language, "past"), field)
        return moment

    def _in_reach(self, day: date, field: str) -> date:
        ahead = (day - self.now.date()).days
        if ahead < 0:
            raise Refused(422, say(self.language, "past"), field)
        if ahead > DAYS_AHEAD:
            raise Refused(422, say(self.language, "too_far", days=DAYS_AHEAD), field)
        return day


#: Tickets of one day that there are numbers for.
_MOST = 99_999


def ticket_number(day: date, nth: int) -> str:
    """CHB and 11 digits: the day and three digits; from the thousandth ticket on a short day and five."""
    return f"CHB{day:%Y%m%d}{nth:03}" if nth < 1000 else f"CHB{day:%y%m%d}{nth:05}"


def _read(text: str, form: str) -> datetime | None:
    try:
        found = datetime.strptime(text, form)
    except ValueError:
        return None
    return found if found.strftime(form) == text else None


def staff_move(session: Session, number: str, then: State, language: Language) -> Json:
    """A technician's step: under way, done. Raises Refused for a step that the states do not allow."""
    ticket = session.scalar(select(Ticket).where(Ticket.number == number).with_for_update(of=Ticket))
    if ticket is None:
        raise Refused(404, say(language, "no_ticket"), "ticketId")
    now = State(ticket.state)
    if then == State.ASSIGNED or not may(now, then):  # assigning goes by a free slot: it is rescheduled
        words = {"state": state_word(language, now), "wanted": state_word(language, then)}
        raise Refused(409, say(language, "no_move", **words), "state")
    ticket.state = then
    if then == State.CANCELLED:
        session.execute(delete(Booking).where(Booking.ticket_id == ticket.id))
    return {"ticketId": number, "status": state_word(language, then)}
