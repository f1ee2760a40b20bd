"""Conversations over a database: what is done once, waits for a yes, or is with a person; what a restart finds."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from sqlalchemy.exc import OperationalError

from manyshot.agent import Agent
from manyshot.errors import SpecError
from manyshot.service import words
from manyshot.service.hands import LiveHands, key_of
from manyshot.service.run import Nowhere
from manyshot.service.store import Store, open_store
from manyshot.service.talks import FullError, UnfitError, fit, for_customer
from manyshot.service.work import Workers
from manyshot.types import Call, Observation
from tests.desk.databases import Postgres
from tests.service.hotel import House, Tools, act, house, think


def test_a_call_goes_out_once_with_the_key_of_its_step(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, 'Make{"a":1}', 'Make{"a":2}')
    assert hotel.tools.calls == [("Make", "7", key_of(name, 1)), ("Make", "7", key_of(name, 2))]
    assert hotel.told(name) == [
        'It is done: {"ticketId": "T20241000", "status": "open"}',
        'It is done: {"ticketId": "T20241001", "status": "open"}',
    ]
    about = hotel.talks.store.find(name)
    assert about is not None
    assert [(card["id"], card["fields"]["a"]) for card in about.tickets] == [("T20241000", 1), ("T20241001", 2)]


def test_what_a_customer_may_see_has_no_thought_argument_or_answer_in_it(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, 'Make{"hidden":"argument"}')
    events = hotel.talks.store.events(name)
    seen = [one for event in events if (one := for_customer(event)) is not None and one.kind not in ("ticket", "user")]
    assert [one.kind for one in seen] == ["progress", "progress", "reply", "state"]
    assert "SECRET" in str(events)
    assert "SECRET" not in str(seen)
    assert "argument" not in str(seen)


def test_a_message_that_is_sent_twice_is_one(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    first = hotel.talks.say(name, "Make{}", "mine")
    assert hotel.talks.say(name, "Make{}", "mine") == first
    hotel.until(name)
    assert len(hotel.tools.calls) == 1
    assert len(hotel.told(name, "user")) == 1


class Dying:
    """Hands that carry a call out and then take the process's place in falling over."""

    def __init__(self, tools: Tools) -> None:
        self.inner, self.deaths = LiveHands(tools), 1
        self.repeatable, self.consent, self.close = tools.repeatable, tools.consent, tools.close

    def call(self, call: Call, **how: Any) -> Observation:
        answered = self.inner.call(call, **how)
        if self.deaths:
            self.deaths -= 1
            raise SystemExit("the process ends here")
        return answered


@pytest.mark.parametrize(("call", "made", "state"), [("Make{}", 2, "open"), ("Once{}", 1, "queue")])
def test_a_call_whose_answer_was_lost_is_made_again_with_its_key_or_handed_over(
    tmp_path: Path, call: str, made: int, state: str
) -> None:
    """The call was carried out, and the process ended before that was written down."""
    tools = Tools()
    with house(f"sqlite:///{tmp_path / 'talks.db'}", tools) as found:
        name = found.talks.begin("7", "en")
        found.talks.close()
        found.graph.hands = Dying(tools)
        found.talks.store.put(name, "user", call)
        with pytest.raises(SystemExit):
            found.graph.go_on(name)
        assert len(tools.calls) == 1
    with house(f"sqlite:///{tmp_path / 'talks.db'}", tools) as found:
        found.until(name)
        assert [key for _, _, key in tools.calls] == [key_of(name, 1)] * made
        assert len(tools.made) == 1
        about = found.talks.store.find(name)
        assert about is not None
        assert about.state == state


def test_nothing_answers_and_a_person_takes_over(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "Down{}")
    about = hotel.talks.store.find(name)
    assert about is not None
    assert (about.state, about.why) == ("queue", "Hand over to a person: the system cannot be used.")


def test_a_fault_of_the_assistant_ends_with_a_person_and_in_the_log(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "broken")
    about = hotel.talks.store.find(name)
    assert about is not None
    assert (about.state, about.why) == ("queue", "the assistant broke")
    assert b'manyshot_faults_total{place="think"} 1.0' in hotel.talks.telemetry.page({}, {})


class Strange(Agent):
    """An assistant that cannot go on with what another one saved."""

    def load(self, saved: Any) -> None:
        raise ValueError(f"no flow of {len(saved)} any more")


def test_an_assistant_that_was_changed_hands_over_with_all_that_was_said(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "hello")
    hotel.graph.opener = lambda _: Strange(think, act, Nowhere(), "en")  # type: ignore[arg-type]
    hotel.say(name, "and now?", "are you there?")
    about = hotel.talks.store.find(name)
    assert about is not None
    assert (about.state, about.why) == ("queue", "the assistant was changed since (no flow of 2 any more)")
    assert hotel.told(name, "user") == ["hello", "and now?", "are you there?"]
    assert hotel.told(name)[0] == "You said: hello"
    assert len(hotel.told(name)) == 2


@pytest.mark.parametrize(
    ("said", "made", "reply"),
    [("yes", 1, '"ticketId"'), ("Yes, please!", 0, "did not agree"), ("no", 0, "did not agree")],
)
def test_a_call_waits_for_the_customers_yes(hotel: House, said: str, made: int, reply: str) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "Ask{}")
    about = hotel.talks.store.find(name)
    assert about is not None
    assert about.waits == "customer"
    assert hotel.tools.calls == []
    hotel.say(name, said)
    assert len(hotel.tools.calls) == made
    assert reply in hotel.told(name)[-1]
    hotel.say(name, "on")
    assert hotel.told(name)[-1] == "You said: on"


def test_a_call_waits_for_a_persons_yes_also_over_a_restart(tmp_path: Path) -> None:
    tools = Tools()
    with house(f"sqlite:///{tmp_path / 'talks.db'}", tools) as found:
        name = found.talks.begin("7", "en")
        found.say(name, "Risky{}")
        assert [one.id for one in found.talks.store.waiting()] == [name]
        assert found.talks.say(name, "yes") == 2  # the customer's yes is not the one that is wanted
    with house(f"sqlite:///{tmp_path / 'talks.db'}", tools) as found:
        assert tools.calls == []
        assert not found.talks.agree(name, 5, yes=True, by="Li Na")
        assert found.talks.agree(name, 1, yes=True, by="Li Na")
        found.until(name, 2)
        assert len(tools.calls) == 1
        assert [text[:9] for text in found.told(name)] == ["It is don", "You said:"]


def test_a_person_takes_over_answers_and_gives_back(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "hello", "person", "are you there?")
    assert len(hotel.told(name)) == 2  # nobody answers yet
    hotel.talks.staff(name, "take", "Li Na")
    hotel.talks.staff(name, "staff", "Li Na", "I am Li Na.")
    hotel.until(name)
    about = hotel.talks.store.find(name)
    assert about is not None
    assert (about.state, about.by) == ("person", "Li Na")
    hotel.say(name, "thanks")
    hotel.talks.staff(name, "back", "Li Na")
    hotel.say(name, "hello again")
    assert hotel.told(name)[-1] == "You said: hello again"
    assert hotel.told(name, "staff") == ["I am Li Na."]
    assert "I am Li Na." not in hotel.told(name)
    hotel.talks.staff(name, "close", "Li Na")
    hotel.until(name)
    with pytest.raises(FullError):
        hotel.talks.say(name, "one more")


def test_limits_end_with_a_person(tmp_path: Path) -> None:
    with house(f"sqlite:///{tmp_path / 'talks.db'}", calls=2) as found:
        name = found.talks.begin("7", "en")
        found.say(name, "Make{}", "Make{}", "Make{}")
        about = found.talks.store.find(name)
        assert about is not None
        assert (about.state, len(found.tools.calls)) == ("queue", 2)
        assert about.why == "the conversation is too long for the assistant"


def test_time_that_is_up_ends_with_a_person_before_a_call(tmp_path: Path) -> None:
    with house(f"sqlite:///{tmp_path / 'talks.db'}", seconds=0) as found:
        name = found.talks.begin("7", "en")
        found.say(name, "hello", "Make{}")
        about = found.talks.store.find(name)
        assert about is not None
        assert (about.state, about.why, found.tools.calls) == ("queue", "it takes too long", [])


def test_the_same_on_postgresql(server: Postgres) -> None:
    tools = Tools()
    db = server.new_database()
    with house(db, tools) as found:
        name = found.talks.begin("7", "en")
        found.say(name, "Make{}", "person")
    with house(db, tools) as found:
        found.talks.staff(name, "back", "Li Na")
        found.say(name, "Make{}")
        assert [key for _, _, key in tools.calls] == [key_of(name, 1), key_of(name, 2)]
        found.talks.close()
        kept = found.graph._saver
        assert len(list(kept.list({"configurable": {"thread_id": name}}))) == 1


class Dead(Exception):
    """The process is gone."""


class Mortal:
    """A checkpointer of a process that ends after so many writes: from then on nothing more is written."""

    def __init__(self, saver: SqliteSaver, left: int) -> None:
        self.saver, self.left, self.lock = saver, left, Lock()

    def open(self) -> None:
        inner = {name: getattr(self.saver, name) for name in ("put", "put_writes")}

        def mortal(name: str, *given: Any, **more: Any) -> Any:
            with self.lock:
                self.left -= 1
                if self.left < 0:
                    raise Dead
                return inner[name](*given, **more)

        for name in inner:
            setattr(self.saver, name, partial(mortal, name))


@pytest.mark.parametrize(
    ("said", "replies"), [(("Make{}", "hello"), ["It is don", "You said:"]), (("Ask{}", "yes"), ["It is don"])]
)
def test_whatever_write_is_the_last_one_it_is_gone_on_with(
    said: tuple[str, ...], replies: list[str], tmp_path: Path
) -> None:
    """All moments between two writes of the checkpointer, in a row."""
    for left in range(60):
        db, tools = f"sqlite:///{tmp_path / f'{left}.db'}", Tools()
        with house(db, tools) as found:
            found.talks.close()
            name = found.talks.begin("7", "en")
            for text in said:
                found.talks.store.put(name, "user", text)
            mortal = Mortal(found.graph._saver, left)  # type: ignore[arg-type]
            mortal.open()
            with suppress(Dead):
                while found.graph.go_on(name):
                    pass
        with house(db, tools) as found:
            found.until(name)
            assert [text[:9] for text in found.told(name)] == replies, left
            assert {key for _, _, key in tools.calls} == {key_of(name, 1)}, left
            assert len(tools.made) == 1, left
            numbers = [event.number for event in found.talks.store.events(name)]
            assert numbers == list(range(1, len(numbers) + 1)), left
        if mortal.left >= 0:
            return
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_services_do_not_work_with_the_same_conversations(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    db = f"sqlite:///{tmp_path / 'talks.db'}"
    if kind == "postgresql":
        db = request.getfixturevalue("server").new_database()
    one, other = open_store(db), open_store(db)
    with one.alone(), pytest.raises(SpecError, match="another manyshot serve works with"), other.alone():
        pass
    one.close()
    with other.alone():
        other.close()


def test_of_a_conversation_that_rests_one_checkpoint_is_kept(hotel: House) -> None:
    name = hotel.talks.begin("7", "en")
    hotel.say(name, "Make{}", "hello")
    hotel.talks.close()
    assert len(list(hotel.graph._saver.list({"configurable": {"thread_id": name}}))) == 1


def test_what_fails_is_tried_again_and_holds_up_nobody(tmp_path: Path) -> None:
    """Workers: the database is away for a moment; first come, first served, however many messages one sends."""
    done: list[str] = []
    left = {"bad": 2, "many": 3, "one": 1}

    def work(name: str) -> bool:
        if name == "bad" and left[name]:
            left[name] -= 1
            raise OperationalError("", {}, Exception())
        done.append(name)
        left[name] -= 1
        return left[name] > 0

    with house(f"sqlite:///{tmp_path / 'talks.db'}") as found:
        workers = Workers(work, found.talks.telemetry, 1)
        for name in left:
            workers.submit(name)
        import time

        until = time.monotonic() + 20
        while len(done) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        workers.close()
    assert done == ["many", "one", "many", "many", "bad"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\x00b\x1bc\u0007", "abc"), (" a\r\nb ", "a\nb"), ("😀 مرحبا", "😀 مرحبا"), ("\ud800x", "x")],
)
def test_messages_are_kept_without_what_is_no_text(text: str, kept: str) -> None:
    assert fit(text) == kept


@pytest.mark.parametrize("text", ["", " \n", "\x00\x01", "x" * 4001])
def test_what_is_no_message_is_refused(text: str) -> None:
    with pytest.raises(UnfitError):
        fit(text)


def test_tables_of_another_version_are_refused(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'talks.db'}"
    store = open_store(address)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("update service_version set version = 9")
    store.close()
    with pytest.raises(SpecError, match="of version 9, this manyshot knows 1"):
        open_store(address)


def test_a_database_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("this is no database, and longer than a page header " * 99)
    with pytest.raises(SpecError, match="cannot be used"):
        open_store(f"sqlite:///{tmp_path / 'x'}")
    with pytest.raises(SpecError, match="wanted sqlite"):
        open_store("nonsense")


def test_both_languages_have_the_same_words() -> None:
    assert words.EN.keys() == words.ZH.keys()
    for key, text in words.EN.items():
        assert text.count("{") == words.ZH[key].count("{"), key


def test_no_two_threads_number_events_alike(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store: Store = open_store(f"sqlite:///{tmp_path / 'talks.db'}")
    name = store.begin("7", "en")
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(lambda n: store.put(name, "user", f"text {n}"), range(24)))
    assert sorted(numbers) == list(range(1, 25))
    assert [event.number for event in store.events(name)] == list(range(1, 25))
    store.close()
