"""The door: what the service asks of it, rotation without a restart, faults of its surroundings, pages and headers."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from manyshot.access import signing
from manyshot.access.door import AccessDoor, open_door
from manyshot.access.limits import Limiter, Rate
from manyshot.access.settings import Place, Settings, read
from manyshot.access.tokens import NotValid, Tokens
from manyshot.access.words import EN, ZH
from manyshot.errors import SpecError
from tests.access.building import PASSWORD, QUEUE, SECRET, Building, form_of, log_in, open_building, place


def test_a_customer_with_a_token_reads_what_is_theirs(building: Building) -> None:
    with building.bearer(building.token("2")) as client:
        assert client.get("/note").json() == {"note": SECRET}
    with building.browser() as nobody:
        answer = nobody.get("/note")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert SECRET not in answer.text


def test_a_portal_signs_a_browser_in(tmp_path: Path) -> None:
    portal = "https://my.example.com"
    with open_building(tmp_path, portals=(portal,)) as found, found.browser() as client:
        fields = {"token": found.token("2"), "next": "/note"}
        assert client.post("/access/enter", data=fields, headers={"Origin": "https://evil.example"}).status_code == 403
        cross = {"Origin": portal, "Sec-Fetch-Site": "cross-site"}
        answer = client.post("/access/enter", data=fields, headers=cross)
        assert (answer.status_code, answer.headers["location"]) == (303, "/note")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("manyshot_customer="))
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert 0 < int(re.findall(r"Max-Age=(\d+)", cookie)[0]) <= 600
        assert client.get("/note").json() == {"note": SECRET}
        proof = client.get("/csrf").json()["csrf"]
        assert client.post("/note", content=SECRET, headers={"X-CSRF-Token": proof}).json() == {"of": "2"}
        assert client.post("/access/leave", data={"csrf": proof}).status_code == 303
        assert client.get("/note").status_code == 401


def test_a_browser_without_papers_is_shown_where_to_get_them(building: Building) -> None:
    with building.browser(Accept="text/html") as client:
        there = client.get("/staff?a=b").headers["location"]
        assert there == "/access/login?next=%2Fstaff%3Fa%3Db"
        assert client.get("/note").headers["location"] == "/access/enter?next=%2Fnote"
        assert 'value="/staff?a=b"' in client.get(there).text
        assert client.get("/staff", headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    with building.browser(Accept="application/json") as program:
        assert program.get("/staff").status_code == 401


def test_staff_log_in_work_and_log_out(building: Building) -> None:
    with building.browser() as client:
        answer = log_in(client, " ADA ", PASSWORD, next="/staff?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff?x=1")
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("manyshot_staff="))
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert client.get("/staff").json() == {"queue": QUEUE}
        page = client.get("/access/login").text
        assert "Logged in as ada" in page
        proof = client.get("/csrf").json()["csrf"]
        assert client.post("/staff", headers={"X-CSRF-Token": proof}).json() == {"by": "ada"}
        assert client.post("/access/logout", data={"csrf": proof}).headers["location"] == "/access/login"
        assert client.get("/staff").status_code == 401


def test_the_audit_log_says_who_came_and_what_they_saw(building: Building) -> None:
    before = building.rows("select max(seq) from access_audit")[0][0]
    with building.logged_in("vera") as client:
        client.get("/staff")
    rows = building.rows(f"select who, what from access_audit where seq > {before} order by seq")
    assert [tuple(row) for row in rows] == [("vera", "staff.login"), ("vera", "queue.read")]


@pytest.mark.parametrize("role", ["viewer", "agent", "supervisor"])
def test_each_role_may_do_what_the_lower_ones_may(building: Building, role: str) -> None:
    name = {"viewer": "vera", "agent": "ada", "supervisor": "sue"}[role]
    with building.logged_in(name) as client:
        proof = {"X-CSRF-Token": client.get("/csrf").json()["csrf"]}
        codes = [client.get("/staff").status_code, client.post("/staff", headers=proof).status_code,
                 client.delete("/staff", headers=proof).status_code]  # fmt: skip
    assert codes == {"viewer": [200, 403, 403], "agent": [200, 200, 403], "supervisor": [200, 200, 200]}[role]


def test_too_many_wrong_passwords_make_one_wait_also_with_the_right_one(tmp_path: Path) -> None:
    with open_building(tmp_path) as found, found.browser() as client:
        codes = [log_in(client, "ada", "wrong wrong wrong").status_code for _ in range(5)]
        late = log_in(client, "ada", PASSWORD)
        other = log_in(client, "sue", PASSWORD)
    assert codes == [401] * 5
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 2
    assert "Wait" in late.text
    assert other.status_code == 303


def test_the_page_speaks_the_language_of_its_reader(building: Building) -> None:
    with building.browser(**{"Accept-Language": "zh-CN,zh;q=0.9"}) as client:
        assert "员工登录" in client.get("/access/login").text
        assert "用户名或密码不对" in log_in(client, "ada", "wrong").text
        assert "Staff log in" in client.get("/access/login?lang=en").text
        assert "Staff log in" in client.get("/access/login").text  # it was kept
    assert EN.keys() == ZH.keys()


def test_headers_are_on_every_answer_and_https_is_asked_for_only_where_it_is(
    tmp_path: Path, building: Building
) -> None:
    with building.browser() as client:
        plain = client.get("/healthz")
        nonces = {re.findall("nonce-([^']+)", client.get("/note").headers["content-security-policy"])[0] for _ in "abc"}
    assert "strict-transport-security" not in plain.headers
    assert len(nonces) == 3
    with open_building(tmp_path, https=True) as secure, secure.browser() as client:
        answer = client.get("/access/login")
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    assert answer.headers["set-cookie"].startswith("__Host-manyshot_form=")
    assert "Secure" in answer.headers["set-cookie"]


def test_it_listens_to_others_only_where_nobody_can_listen_in(building: Building, tmp_path: Path) -> None:
    building.door.opens("127.0.0.1")
    with pytest.raises(SpecError, match=r"--host 0\.0\.0\.0: others on the network would see passwords"):
        building.door.opens("0.0.0.0")
    AccessDoor(place(tmp_path, https=True)).opens("0.0.0.0")


def test_a_new_key_signs_and_the_old_one_verifies_until_it_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old = signing.new_file(path, "RS256")
    tokens = Tokens(path, "manyshot", "", lambda: int(time.time()))
    first = tokens.issue("2", 60)
    new = signing.rotate(path, "EdDSA")
    second = tokens.issue("2", 60)
    ring = tokens.keys()
    assert [key.kid for key in ring] == [new, old]
    assert tokens.customer(first) == tokens.customer(second) == "2"
    signing.drop(path, old)
    with pytest.raises(NotValid):
        tokens.customer(first)
    assert tokens.customer(second) == "2"
    path.write_text("{")  # half of a change by hand: what was known stays
    assert tokens.customer(second) == "2"


def test_a_file_with_public_keys_verifies_what_others_sign_and_signs_nothing(tmp_path: Path) -> None:
    import json

    path, theirs = tmp_path / "keys.json", tmp_path / "theirs.json"
    signing.new_file(theirs, "RS256")
    made = Tokens(theirs, "manyshot", "https://login.example.com", lambda: int(time.time())).issue("77", 60)
    jwk = {k: v for k, v in json.loads(theirs.read_text())["keys"][0].items() if k in ("kty", "kid", "alg", "n", "e")}
    path.write_text(json.dumps({"keys": [jwk]}))
    path.chmod(0o600)
    ours = Tokens(path, "manyshot", "https://login.example.com", lambda: int(time.time()))
    assert ours.customer(made) == "77"
    with pytest.raises(SpecError, match="no key with a private part"):
        ours.issue("77", 60)
    with pytest.raises(NotValid):
        Tokens(path, "manyshot", "https://other.example.com", lambda: int(time.time())).customer(made)


def test_what_cannot_be_written_down_is_not_shown(tmp_path: Path) -> None:
    with open_building(tmp_path) as found, found.logged_in("ada") as client:
        with found.door.engine.begin() as connection:
            connection.execute(text("alter table access_audit rename to elsewhere"))
        answer = client.get("/staff")
    assert answer.status_code == 503
    assert QUEUE not in answer.text


def test_a_database_that_is_gone_lets_nobody_in(tmp_path: Path) -> None:
    with open_building(tmp_path) as found, found.logged_in("ada") as client:
        with found.door.engine.begin() as connection:
            connection.execute(text("alter table access_logins rename to elsewhere"))
        assert client.get("/staff").status_code == 503
        assert log_in_answer(client) == 503


def log_in_answer(client: httpx.Client) -> int:
    return client.get("/access/login").status_code


def test_buckets_fill_again_and_their_number_is_bounded() -> None:
    now = [0.0]
    limiter = Limiter(Rate(2, 3), lambda: now[0], most=10)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(0.5)]
    now[0] = 0.5
    assert [limiter.take("a"), limiter.take("a") > 0] == [0, True]
    now[0] = 1000
    assert [limiter.take("a") for _ in range(4)].count(0) == 3
    for n in range(100):
        limiter.take(str(n))
    assert len(limiter._buckets) == 10


def test_threads_share_a_bucket() -> None:
    limiter = Limiter(Rate(0.001, 50))
    taken: list[float] = []
    threads = [threading.Thread(target=lambda: taken.extend(limiter.take("a") for _ in range(20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0.0) == 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('audience = ""', "at least 1 character"),
        ('databse = "sqlite:///x.db"', "did you mean database?"),
        ("customer_rate = 0", "greater than 0"),
        ('proxies = ["10.0.0.300"]', "10.0.0.300"),
        ('portals = ["https://my.example.com/login"]', "is no origin"),
        ("https = maybe", "bad TOML"),
        ('database = "mysql://x/y"', "wanted sqlite:///FILE or postgresql://USER@HOST/NAME"),
        ('signing_keys = "nowhere.json"', "cannot be read"),
    ],
)
def test_settings_that_are_none_are_said_before_anything_starts(folder: Path, toml: str, said: str) -> None:
    (folder / "access.toml").write_text(toml)
    with pytest.raises(SpecError, match=re.escape(said)) as error:
        open_door(folder / "access.toml")
    assert "\n" not in str(error.value)


def test_the_database_is_found_beside_the_settings_and_may_be_named_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "access.toml").write_text('database = "sqlite:///sub.db"')
    assert read(folder / "access.toml").database == f"sqlite:///{folder / 'sub.db'}"
    monkeypatch.setenv("MANYSHOT_ACCESS_DB", "postgresql://ada:pw@db/x")
    assert read(folder / "access.toml").database == "postgresql://ada:pw@db/x"
    assert Place(file=folder / "access.toml", settings=Settings()).keys == folder / "signing-keys.json"


def test_new_files_are_for_nobody_else(folder: Path) -> None:
    door = AccessDoor(Place(file=folder / "access.toml", settings=Settings()))
    assert [(folder / name).stat().st_mode & 0o777 for name in ("access.db", "signing-keys.json")] == [0o600] * 2
    door.engine.dispose()
    assert os.umask(0o022) is not None  # as it was before


def test_it_is_a_door_as_the_service_wants_one(building: Building) -> None:
    protocol = pytest.importorskip("manyshot.service.door", reason="the service is not there").Door
    wanted = {name for name in vars(protocol) if not name.startswith("_")}
    assert wanted <= set(dir(building.door))
    app = FastAPI()
    building.door.attach(app)
    with TestClient(app) as client:
        assert client.get("/access/login").status_code == 200


def test_the_proof_in_the_login_form_belongs_to_one_browser(building: Building) -> None:
    with building.browser() as one, building.browser() as other:
        stolen = form_of(one)
        form_of(other)
        answer = other.post("/access/login", data={"csrf": stolen, "name": "ada", "password": PASSWORD})
    assert answer.status_code == 403
    assert "manyshot_staff" not in answer.cookies
