"""Conversations on SQLite or PostgreSQL: who talks, what is still to be taken in, and what everybody may read again.

The one rule: what was accepted stands here before anybody is told so. Messages are never changed; a conversation's
`heard` says how many of them its graph has taken in.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from filelock import FileLock, Timeout
from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    ForeignKey,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    insert,
    null,
    select,
    text,
    update,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from manyshot.desk.database import open_database, reading, shown
from manyshot.errors import SpecError
from manyshot.service.bells import Bells
from manyshot.types import Json

#: Of these tables. Another one's are refused.
VERSION = 1
#: Who has a conversation: the assistant, nobody yet (it was handed over), or a person; "closed": it is over for good.
State = Literal["open", "queue", "person", "closed"]
#: What a row of the inbox is: a customer's words, a person's words, or what a person does.
Kind = Literal["user", "staff", "take", "back", "close"]


class Table(DeclarativeBase):
    metadata = MetaData()


class ConversationRow(Table):
    """`waits`: whose yes is wanted for the call `step`, since the message `asked`; `given`: what was said to it."""

    __tablename__ = "service_conversations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    customer: Mapped[str] = mapped_column(String(200), index=True)
    client: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(10), default="open", index=True)
    ended: Mapped[bool] = mapped_column(default=False)
    why: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(String(200), default="")
    waits: Mapped[str] = mapped_column(String(10), default="")
    step: Mapped[int] = mapped_column(default=0)
    asked: Mapped[int] = mapped_column(default=0)
    given: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    messages: Mapped[int] = mapped_column(default=0)
    events: Mapped[int] = mapped_column(default=0)
    heard: Mapped[int] = mapped_column(default=0)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    tickets: Mapped[list[Any]] = mapped_column(JSON, default=list)
    made_at: Mapped[float]
    changed_at: Mapped[float] = mapped_column(index=True)


class MessageRow(Table):
    """`mark`: the sender's own id of it, so that it is taken once however often it is sent."""

    __tablename__ = "service_messages"
    __table_args__ = (UniqueConstraint("conversation", "mark"),)

    conversation: Mapped[str] = mapped_column(ForeignKey("service_conversations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    mark: Mapped[str] = mapped_column(String(200))
    at: Mapped[float]


class EventRow(Table):
    """`mark`: what it is of, so that it is told once however often a step is done."""

    __tablename__ = "service_events"
    __table_args__ = (UniqueConstraint("conversation", "mark"),)

    conversation: Mapped[str] = mapped_column(ForeignKey("service_conversations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    mark: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[float]


class ThumbRow(Table):
    """What a customer thinks of a reply, which is the event `event`; as it was said last."""

    __tablename__ = "service_thumbs"

    conversation: Mapped[str] = mapped_column(ForeignKey("service_conversations.id"), primary_key=True)
    event: Mapped[int] = mapped_column(primary_key=True)
    up: Mapped[bool]
    word: Mapped[str] = mapped_column(Text)
    said: Mapped[int] = mapped_column(default=1)
    at: Mapped[float] = mapped_column(index=True)


class AnswerRow(Table):
    """A history of /v1/chat/completions, as a hash, -> the conversation that it is."""

    __tablename__ = "service_histories"

    history: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("service_conversations.id"))
    number: Mapped[int]


class VersionRow(Table):
    __tablename__ = "service_version"

    version: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, slots=True)
class Message:
    """One row of an inbox, from 1 in each conversation."""

    number: int
    kind: Kind
    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, from 1 in each conversation. kind: user, think, action, observation, reply, staff,
    ticket, consent, consented, thumb or state."""

    number: int
    kind: str
    text: str
    data: Json
    at: float


@dataclass(frozen=True, slots=True)
class News:
    """An event that is to be told. `mark`: two of one conversation with the same are one."""

    mark: str
    kind: str
    text: str = ""
    data: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thumb:
    """What a customer thinks of a reply. word: in words, "" where there are none; reply: the reply's."""

    conversation: str
    up: bool
    word: str
    reply: str
    at: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is known of one; see ConversationRow."""

    id: str
    customer: str
    client: str
    language: Literal["zh", "en"]
    state: State
    ended: bool
    why: str
    by: str
    waits: Literal["", "customer", "person"]
    step: int
    asked: int
    given: Json | None
    messages: int
    events: int
    heard: int
    facts: Json
    tickets: list[Json]
    made_at: float
    changed_at: float

    def rests(self, number: int) -> bool:
        """Whether nothing more comes of a message by itself: it was taken in, or somebody's yes is wanted first."""
        wanted = self.waits == "person" or (self.waits == "customer" and self.asked >= number)
        return self.heard >= number or (wanted and self.given is None)


_FIELDS = tuple(Conversation.__dataclass_fields__)


_TALKS, _MESSAGES, _EVENTS = (row.__table__ for row in (ConversationRow, MessageRow, EventRow))
_OWN = _TALKS.c.id == bindparam("name")
# What every message needs is put together once: to do it each time would take longer than the database does.
_FIND = select(*(_TALKS.c[key] for key in _FIELDS)).where(_OWN)
_LOCK = _FIND.with_for_update()
_MARKED = select(_MESSAGES.c.number).where(
    _MESSAGES.c.conversation == bindparam("name"), _MESSAGES.c.mark == bindparam("marked")
)
_NEXT = select(_MESSAGES.c.number, _MESSAGES.c.kind, _MESSAGES.c.text, _MESSAGES.c.by).where(
    _MESSAGES.c.conversation == bindparam("name"), _MESSAGES.c.number == bindparam("nth")
)
_TOLD = select(_EVENTS.c.mark).where(
    _EVENTS.c.conversation == bindparam("name"), _EVENTS.c.mark.in_(bindparam("marks", expanding=True))
)
_LATER = (
    select(_EVENTS.c.number, _EVENTS.c.kind, _EVENTS.c.text, _EVENTS.c.data, _EVENTS.c.at)
    .where(_EVENTS.c.conversation == bindparam("name"), _EVENTS.c.number > bindparam("after"))
    .order_by(_EVENTS.c.number)
    .limit(bindparam("most"))
)


class Store:
    """Safe to use from several threads; each method is one transaction. Raises what the database raises.

    bells: are rung for a conversation when something in it was changed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.bells = engine, Bells()
        self._reads = reading(engine)
        self._change = sessionmaker(engine, expire_on_commit=False)
        self._read = sessionmaker(self._reads, expire_on_commit=False)

    def begin(self, customer: str, language: str, client: str = "") -> str:
        """A new conversation; its id cannot be guessed."""
        # no sign but letters and digits: people give it to commands, where a dash at its head would be an option
        name, now = secrets.token_hex(18), time.time()
        with self._change.begin() as session:
            session.add(
                ConversationRow(
                    id=name, customer=customer, client=client, language=language, made_at=now, changed_at=now,
                    facts={}, tickets=[],
                )
            )  # fmt: skip
        return name

    def find(self, name: str) -> Conversation | None:
        if "\x00" in name:  # PostgreSQL takes none
            return None
        with self._reads.connect() as connection:
            row = connection.execute(_FIND, {"name": name}).first()
            return Conversation(*row) if row else None

    def last_of(self, customer: str) -> Conversation | None:
        """A customer's conversation that is not closed and in which something happened last."""
        own = (ConversationRow.customer == customer, ConversationRow.state != "closed", ConversationRow.client == "")
        with self._read.begin() as session:
            row = session.scalar(
                select(ConversationRow).where(*own).order_by(ConversationRow.changed_at.desc()).limit(1)
            )
            return _conversation(row) if row else None

    def waiting(self, limit: int = 200) -> list[Conversation]:
        """Conversations that a person has or should have, or whose yes is wanted, the longest waiting first."""
        wanted = ConversationRow.state.in_(("queue", "person")) | (ConversationRow.waits == "person")
        with self._read.begin() as session:
            rows = session.scalars(
                select(ConversationRow).where(wanted).order_by(ConversationRow.changed_at).limit(limit)
            )
            return [_conversation(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """State -> how many conversations are in it."""
        with self._read.begin() as session:
            found = session.execute(select(ConversationRow.state, func.count()).group_by(ConversationRow.state))
            return {str(state): int(count) for state, count in found}

    def unheard(self) -> list[str]:
        """Conversations with something in the inbox that was not taken in, or a yes or no that waits."""
        left = (ConversationRow.heard < ConversationRow.messages) | (
            (ConversationRow.waits != "") & ConversationRow.given.is_not(None)
        )
        with self._read.begin() as session:
            return list(session.scalars(select(ConversationRow.id).where(left).order_by(ConversationRow.changed_at)))

    def put(self, name: str, kind: Kind, text: str = "", by: str = "", mark: str = "") -> int:
        """Accept something into an inbox; its number. One that was accepted before with this mark has its old one."""
        now = time.time()
        with self.engine.begin() as connection:
            about = _locked(connection, name)
            if mark:
                old = connection.scalar(_MARKED, {"name": name, "marked": mark})
                if old is not None:
                    return int(old)
            number, events = about.messages + 1, about.events
            row = {"conversation": name, "number": number, "kind": kind, "text": text, "by": by, "at": now}
            connection.execute(insert(MessageRow), {**row, "mark": mark or f"#{number}"})
            if kind in ("user", "staff"):
                events = _tell(connection, about, [News(f"m{number}", kind, text, {"by": by} if by else {})], now)
            changes = {"messages": number, "events": events, "changed_at": now}
            connection.execute(update(ConversationRow).where(_OWN).values(**changes), {"name": name})
        self.bells.ring(name)
        return number

    def next(self, name: str, heard: int) -> Message | None:
        """The first of an inbox that was not taken in."""
        with self._reads.connect() as connection:
            row = connection.execute(_NEXT, {"name": name, "nth": heard + 1}).first()
            return Message(*row) if row else None

    def give(self, name: str, step: int, *, yes: bool, by: str) -> bool:
        """Answer whether a call may be made; False when that is not asked (any more)."""
        with self.engine.begin() as connection:
            about = _locked(connection, name)
            if not about.waits or about.step != step or about.given is not None:
                return False
            changes = {"given": {"step": step, "yes": yes, "by": by}, "changed_at": time.time()}
            connection.execute(update(ConversationRow).where(_OWN).values(**changes), {"name": name})
        self.bells.ring(name)
        return True

    def rate(self, name: str, event: int, *, up: bool, word: str) -> None:
        """Keep what the customer thinks of a reply; a later word counts instead of an earlier one. Saying the same
        again changes nothing. KeyError when that event is no reply of the assistant's."""
        now = time.time()
        with self.engine.begin() as connection:
            about = _locked(connection, name)
            rated = connection.execute(select(EventRow.kind).filter_by(conversation=name, number=event)).first()
            if rated is None or rated.kind != "reply":
                raise KeyError(event)
            old = connection.execute(
                select(ThumbRow.up, ThumbRow.word, ThumbRow.said).filter_by(conversation=name, event=event)
            ).first()
            if old is not None and (old.up, old.word) == (up, word):
                return
            said = 1 if old is None else old.said + 1
            verdict = {"up": up, "word": word, "said": said, "at": now}
            if old is None:
                connection.execute(insert(ThumbRow).values(conversation=name, event=event, **verdict))
            else:
                connection.execute(update(ThumbRow).filter_by(conversation=name, event=event).values(**verdict))
            news = News(f"f{event}.{said}", "thumb", word, {"of": event, "up": up})
            # The moment of the last change stays: whoever waits for a person keeps the place in the line.
            events = _tell(connection, about, [news], now)
            connection.execute(update(ConversationRow).where(_OWN).values(events=events), {"name": name})
        self.bells.ring(name)

    def thumbs(self, limit: int = 30) -> list[Thumb]:
        """The latest, newest first."""
        reply = (EventRow.conversation == ThumbRow.conversation) & (EventRow.number == ThumbRow.event)
        with self._read.begin() as session:
            found = session.execute(
                select(ThumbRow, EventRow.text).join(EventRow, reply).order_by(ThumbRow.at.desc()).limit(limit)
            )
            return [Thumb(row.conversation, row.up, row.word, said, row.at) for row, said in found]

    def thumb_counts(self) -> dict[str, int]:
        """ "up" and "down" -> how many replies have it."""
        with self._read.begin() as session:
            found = session.execute(select(ThumbRow.up, func.count()).group_by(ThumbRow.up))
            return {"up" if up else "down": int(count) for up, count in found}

    def tell(self, name: str, news: Sequence[News] = (), **changes: Any) -> None:
        """Write events that are not there yet, and change fields of the conversation, together."""
        now = time.time()
        with self.engine.begin() as connection:
            about = _locked(connection, name)
            events = _tell(connection, about, news, now)
            if events > about.events:
                changes |= {"events": events, "changed_at": now}
            if changes.get("given", 0) is None:
                changes["given"] = null()  # else it were the JSON value null, which is something
            if changes:
                connection.execute(update(ConversationRow).where(_OWN).values(**changes), {"name": name})
        self.bells.ring(name)

    def events(self, name: str, after: int = 0, limit: int = 1000) -> list[Event]:
        """What happened after the event of that number, in order."""
        with self._reads.connect() as connection:
            rows = connection.execute(_LATER, {"name": name, "after": after, "most": limit})
            return [Event(*row) for row in rows]

    def event_of(self, name: str, number: int) -> int:
        """The event that a customer's or a person's message is."""
        own = (EventRow.conversation == name, EventRow.mark == f"m{number}")
        with self._read.begin() as session:
            return session.scalar(select(EventRow.number).where(*own)) or 0

    def remember(self, history: str, name: str, number: int) -> None:
        """Keep which conversation a history is, and how many of its messages that history has."""
        with self._change.begin() as session:
            session.merge(AnswerRow(history=history, conversation=name, number=number))

    def recall(self, history: str) -> tuple[str, int] | None:
        with self._read.begin() as session:
            row = session.get(AnswerRow, history)
            return (row.conversation, row.number) if row else None

    def answers(self) -> bool:
        """Whether the database can be written. Raises what it raises."""
        with self._change.begin() as session:
            session.execute(update(VersionRow).where(VersionRow.version == VERSION).values(version=VERSION))
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other services out: of two, each would go on with the other's conversations. A killed one leaves no
        trace. Raises SpecError."""
        taken = f"--db {shown(self.engine)}: another manyshot serve works with these conversations; stop it, or name "
        if self.engine.dialect.name == "sqlite":
            lock = FileLock(f"{self.engine.url.database}.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise SpecError(f"{taken}another database") from None
            try:
                yield
            finally:
                lock.release()
            return
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as held:
            if not held.scalar(text("select pg_try_advisory_lock(hashtext(current_schema() || ' manyshot serve'))")):
                raise SpecError(f"{taken}another database")
            yield

    def close(self) -> None:
        self.engine.dispose()


def _locked(connection: Connection, name: str) -> Conversation:
    row = connection.execute(_LOCK, {"name": name}).first()
    if row is None:
        raise KeyError(name)
    return Conversation(*row)


def _tell(connection: Connection, about: Conversation, news: Sequence[News], now: float) -> int:
    """Write those that are not there yet; how many events there are then."""
    if not news:
        return about.events
    there = set(connection.scalars(_TOLD, {"name": about.id, "marks": [one.mark for one in news]}))
    rows = [
        {
            "conversation": about.id, "number": number, "mark": one.mark, "kind": one.kind, "text": one.text,
            "data": one.data, "at": now,
        }
        for number, one in enumerate((one for one in news if one.mark not in there), about.events + 1)
    ]  # fmt: skip
    if rows:
        connection.execute(insert(EventRow), rows)
    return about.events + len(rows)


def _conversation(row: ConversationRow) -> Conversation:
    return Conversation(**{key: getattr(row, key) for key in _FIELDS})


def open_store(address: str) -> Store:
    """The store at a database's address, its tables made where there are none. Raises SpecError."""
    engine = open_database(address)
    try:
        with engine.begin() as connection:
            Table.metadata.create_all(connection)
        with Session(engine) as session, session.begin():
            known = session.scalar(select(VersionRow.version))
            if known is None:
                session.add(VersionRow(version=VERSION))
            elif known != VERSION:
                raise SpecError(
                    f"--db {shown(engine)}: its conversations are of version {known}, this manyshot knows {VERSION}; "
                    "name another database, or install the manyshot that wrote it"
                )
    except DatabaseError as error:
        said = " ".join(str(error.orig).split())
        raise SpecError(f"--db {shown(engine)}: cannot be used: {said[:200]}; start it, or name another one") from None
    return Store(engine)
