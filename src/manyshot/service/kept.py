"""A conversation out of a service's database, as it was held. One rule: it is read, and nothing of it is changed.

The service may run meanwhile: a message that is being answered is then not whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from pydantic import ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from manyshot.errors import DataError, SpecError
from manyshot.service.saver import open_saver
from manyshot.service.store import Conversation, Event, open_store
from manyshot.types import Turn

#: Characters of a customer's id from which on it is nobody else's word: a short number stands everywhere.
_LONG_ID = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """customer: as the tools know who talked. known: what in it is personal for sure: the customer's id, what calls
    made, and the names of the people who took over."""

    customer: str
    turns: tuple[Turn, ...]
    known: tuple[str, ...]


def read_kept(address: str, name: str) -> Kept:
    """The conversation with the id `name`. Raises SpecError where there is no such database or conversation, DataError
    where it cannot be read."""
    _there(address)
    with closing(open_store(address)) as store:
        about = store.find(name)
        if about is None:
            raise SpecError(
                f"there is no conversation {name!r} in --db; its id stands in the address of its /staff page"
            )
        known = tuple(dict.fromkeys(_known(about, store.events(name, limit=10_000))))
    where: RunnableConfig = {"configurable": {"thread_id": name}}
    with open_saver(address) as saver:
        found = saver.get_tuple(where)
    saved = found.checkpoint["channel_values"].get("assistant") if found else None
    if not saved:
        raise DataError(f"{name}: nothing was answered yet; wanted a conversation with a message and a reply")
    try:
        return Kept(about.customer, tuple(map(Turn.model_validate, saved["turns"])), known)
    except ValidationError:
        raise DataError(f"{name}: was kept by another version of manyshot, which alone can read it") from None


def _there(address: str) -> None:
    """Refuse a file that there is not: opening it would make it. Other addresses are looked at when they are opened."""
    try:
        url = make_url(address)
    except ArgumentError:
        return
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).is_file():
        raise SpecError(f"--db {url.database}: there is no such database; wanted the one that manyshot serve writes")


def _known(about: Conversation, events: list[Event]) -> Iterator[str]:
    if len(about.customer) >= _LONG_ID:
        yield about.customer
    yield from (str(card["id"]) for card in about.tickets)
    yield from (str(event.data["by"]) for event in events if event.kind == "staff" and event.data.get("by"))
