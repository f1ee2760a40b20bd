"""Tickets and calendars under any order of events, held against a model that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from manyshot.desk.database import open_database
from manyshot.desk.states import TRANSITIONS, State, may
from manyshot.desk.tables import Booking, Customer, Ticket
from manyshot.desk.work import MOMENT, Counterpart, Refused, Wish, staff_move, ticket_number
from tests.desk.databases import NOW, seeded

OPEN = {State.WAITING, State.ASSIGNED, State.IN_PROGRESS}
TIMES = [f"2024-10-11 {hour}" for hour in ("09:00", "10:30")]


def test_done_and_cancelled_are_ends_and_every_state_can_be_reached() -> None:
    assert {state for state, following in TRANSITIONS.items() if not following} == {State.DONE, State.CANCELLED}
    assert set().union(*TRANSITIONS.values()) | {State.WAITING} == set(State)
    assert not may(State.WAITING, State.DONE)


@cache
def _prepared() -> bytes:
    """A SQLite file with the demo's customers, one technician, and no tickets."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "desk.db"
        engine, _ = seeded(f"sqlite:///{file}")
        with engine.begin() as connection:
            for sql in ("bookings", "tickets", "shifts where technician_id > 1"):
                connection.exec_driver_sql(f"delete from {sql}")
        with engine.connect() as connection:
            connection.exec_driver_sql("commit")
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
            connection.exec_driver_sql("begin")
        engine.dispose()
        return file.read_bytes()


class Days(RuleBasedStateMachine):
    """One technician, two hours, two customers."""

    numbers = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        file = Path(self.folder.name) / "desk.db"
        file.write_bytes(_prepared())
        self.engine = open_database(f"sqlite:///{file}")
        self.model: dict[str, tuple[int, State, str]] = {}

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    def at_counter(self, session: Session, customer: int) -> Counterpart:
        return Counterpart(session, session.get_one(Customer, customer), NOW, "en")

    def holder(self, time: str) -> str | None:
        open_or_done = (n for n, (_, state, at) in self.model.items() if at == time and state != State.CANCELLED)
        return next(open_or_done, None)

    @rule(target=numbers, customer=st.sampled_from([1, 2]), time=st.sampled_from(TIMES))
    def create(self, customer: int, time: str) -> object:
        wish = Wish("a", "b", "c", time, None, 1)
        taken = self.holder(time)
        try:
            with Session(self.engine) as session, session.begin():
                made: str = self.at_counter(session, customer).create(wish)["ticketId"]
        except Refused as no:
            if no.status != 409 or taken is None:
                raise
            return multiple()
        assert taken is None
        assert made not in self.model
        self.model[made] = (customer, State.ASSIGNED, time)
        return made

    @rule(number=numbers, customer=st.sampled_from([1, 2]), time=st.sampled_from(TIMES))
    def reschedule(self, number: str, customer: int, time: str) -> None:
        owner, state, _ = self.model[number]
        free = self.holder(time) in (None, number)
        wanted = 404 if owner != customer else 409 if state not in OPEN or not free else 200
        with Session(self.engine) as session:
            assert self.status(session, lambda: self.at_counter(session, customer).reschedule(number, time)) == wanted
        if wanted == 200:
            self.model[number] = (owner, State.ASSIGNED, time)

    @rule(number=numbers, customer=st.sampled_from([1, 2]))
    def cancel(self, number: str, customer: int) -> None:
        owner, state, time = self.model[number]
        wanted = 404 if owner != customer else 200 if state in OPEN else 409
        with Session(self.engine) as session:
            assert self.status(session, lambda: self.at_counter(session, customer).cancel(number, None)) == wanted
        if wanted == 200:
            self.model[number] = (owner, State.CANCELLED, time)

    @rule(number=numbers, then=st.sampled_from(list(State)))
    def step(self, number: str, then: State) -> None:
        owner, state, time = self.model[number]
        wanted = 200 if may(state, then) and then != State.ASSIGNED else 409
        with Session(self.engine) as session:
            assert self.status(session, lambda: staff_move(session, number, then, "en")) == wanted
        if wanted == 200:
            self.model[number] = (owner, then, time)

    def status(self, session: Session, work: Callable[[], object]) -> int:
        try:
            with session.begin():
                work()
        except Refused as no:
            return no.status
        return 200

    @invariant()
    def the_tables_are_as_the_model(self) -> None:
        with Session(self.engine) as session:
            tickets = {
                t.number: (t.customer_id, State(t.state), f"{t.serve_time:{MOMENT}}")
                for t in session.scalars(select(Ticket))
            }
            booked = {
                (number, f"{starts:{MOMENT}}")
                for number, starts in session.execute(
                    select(Ticket.number, Booking.starts).join(Booking, Booking.ticket_id == Ticket.id)
                )
            }
        assert tickets == self.model
        assert booked == {(n, time) for n, (_, state, time) in self.model.items() if state != State.CANCELLED}


Days.TestCase.settings = settings(
    phases=(Phase.explicit, Phase.generate),
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestDays = Days.TestCase


def test_a_state_that_is_none_cannot_be_stored(tmp_path: Path) -> None:
    engine, _ = seeded(f"sqlite:///{tmp_path / 'desk.db'}")
    with Session(engine) as session, pytest.raises(IntegrityError):
        session.execute(update(Ticket).values(state="lost"))
    engine.dispose()


def test_numbers_fit_the_pattern_and_none_comes_twice() -> None:
    days = [datetime(2024, 12, 30) + timedelta(days=n) for n in range(4)]
    made = [ticket_number(day, nth) for day in days for nth in (1, 2, 99, 999, 1000, 1001, 99_999)]
    assert len(set(made)) == len(made)
    assert {len(number) for number in made} == {14}
    assert made[0] == "CHB20241230001"
