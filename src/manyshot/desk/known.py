"""What a desk knows of persons, for who has to take it out of a text. One rule: rather a value too much."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from manyshot.desk.database import open_database, reading, shown, up_to_date
from manyshot.desk.tables import Customer, Technician, Ticket
from manyshot.errors import SpecError


def personal_values(address: str, customer: str) -> tuple[str, ...]:
    """Names, phones and addresses of a customer, of the customer's tickets with their numbers, and the names of all
    technicians. customer: the number as the desk has it; one that it has not has no values of its own. Raises SpecError
    for a database that is no desk's."""
    engine = open_database(address)
    try:
        if not up_to_date(engine):
            raise SpecError(
                f"--desk {shown(engine)}: is no desk's database of this version; wanted that of manyshot desk"
            )
        with Session(reading(engine)) as session:
            number = int(customer) if customer.isascii() and customer.isdigit() and len(customer) < 10 else 0
            return tuple(dict.fromkeys(filter(None, _values(session, number))))
    except DatabaseError as error:
        said = " ".join(str(error.orig).split())
        raise SpecError(f"--desk {shown(engine)}: cannot be read: {said[:200]}; wanted that of manyshot desk") from None
    finally:
        engine.dispose()


def _values(session: Session, number: int) -> Iterator[str]:
    yield from session.scalars(select(Technician.name))
    phone = ""
    if (found := session.get(Customer, number)) is not None:
        phone = found.phone
        yield from (found.name, found.phone)
    own = or_(Ticket.customer_id == number, Ticket.phone == phone)
    for ticket in session.scalars(select(Ticket).where(own)):
        yield from (ticket.number, ticket.user_name, ticket.phone, ticket.address)
