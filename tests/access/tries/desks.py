# ruff: noqa: E501 - a row of a table stays on one line
"""The real desk: customer 1 reads and changes what is customer 2's, whatever is written into a call.

The assistant's token and the customer's number are bound where the tool is registered; everything else is the model's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.access.tries import Grounds, Mechanism, each
from tests.desk.databases import ticket

Json = dict[str, Any]
_TIMES = iter(f"2024-10-{day:02} {hour}" for day in range(11, 31) for hour in ("09:00", "10:30", "14:00", "15:30"))


def theirs(g: Grounds) -> tuple[str, Json]:
    """A ticket of customer 2, as it is; made once."""
    found: str | None = g.desk.__dict__.get("theirs")
    with g.desk.client(g.desk.customers[1]) as client:
        while found is None:
            made = client.post("/tickets", json=ticket(next(_TIMES), problem="only customer 2 knows"))
            found = made.json()["ticketId"] if made.status_code == 200 else None
        g.desk.__dict__["theirs"] = found
        return found, client.get(f"/tickets/{found}").json()


def changed(g: Grounds, attempt: Any) -> bool:
    """Whether an attempt as customer 1 told or changed something of customer 2."""
    number, before = theirs(g)
    with g.desk.client(g.desk.customers[0]) as client:
        answer = attempt(client, number)
    text = answer.text if hasattr(answer, "text") else str(answer)
    return "only customer 2 knows" in text or theirs(g)[1] != before


def owner(g: Grounds) -> bool:
    """The owner reads the ticket."""
    return theirs(g)[1]["problem"] == "only customer 2 knows"


_NUMBERS: dict[str, Any] = {
    "as it is": lambda n: n, "in small letters": str.lower, "a blank behind": lambda n: n + "%20", "a slash": lambda n: n + "/",
    "a path": lambda n: f"x/../{n}", "twice": lambda n: f"{n}/{n}", "escaped": lambda n: "".join(f"%{ord(c):02x}" for c in n),
    "SQL": lambda n: f"{n}'%20or%20'1'='1", "any": lambda n: n[:-1] + "%25", "a query": lambda n: f"{n}?customer=2&X-Customer=2",
    "NUL": lambda n: n + "%00", "full-width": lambda n: n.translate({c: c + 0xFEE0 for c in range(0x30, 0x3A)}),
}  # fmt: skip
_OPERATIONS: dict[str, tuple[str, str, Json | None]] = {
    "TicketQuery": ("GET", "", None),
    "TicketCancel": ("POST", "/cancellation", {"reason": "not mine"}),
    "TicketReschedule": ("PUT", "/visit", {"newTime": "2024-10-30 14:00"}),
    "TicketRate": ("PUT", "/rating", {"score": 1, "comment": "bad"}),
}


def _operation(name: str, writing: Any) -> Any:
    method, behind, body = _OPERATIONS[name]
    return lambda client, number: client.request(method, f"/tickets/{writing(number)}{behind}", json=body)


def _on_ticket(name: str) -> Mechanism:
    tries = {how: partial(changed, attempt=_operation(name, writing)) for how, writing in _NUMBERS.items()}
    return Mechanism(f"{name} of another's ticket", tries, owner)


_EXTRA: dict[str, Json] = {
    "customer": {"customer": 2}, "customer_id": {"customer_id": 2}, "customerId": {"customerId": 2}, "X-Customer": {"X-Customer": "2"},
    "user": {"user": {"id": 2}}, "owner": {"owner": 2, "ownerId": 2}, "VIP": {"isVIP": True, "vip": True},
}  # fmt: skip


def _create(g: Grounds, extra: Json) -> bool:
    """A ticket in another's name: a person may be named as a contact, the ticket is the caller's."""
    with g.desk.client(g.desk.customers[0]) as client:
        answer = client.post("/tickets", json=ticket(next(_TIMES)) | extra)
    if answer.status_code != 200:
        return False
    number = answer.json()["ticketId"]
    (of, vip), (own,) = (
        g.desk.rows(f"select customer_id, vip from tickets where number = '{number}'")[0],
        g.desk.rows(f"select vip from customers where id = {g.desk.customers[0]}")[0],
    )
    return bool(of != g.desk.customers[0] or bool(vip) != bool(own))


def _profile(g: Grounds, form: Any) -> bool:
    """Another's profile by phone."""
    phone, name = g.desk.rows(f"select phone, name from customers where id = {g.desk.customers[1]}")[0]
    with g.desk.client(g.desk.customers[0]) as client:
        answer = client.get("/customer", params=form(phone))
    return name in answer.text


def _profile_works(g: Grounds) -> bool:
    phone, name = g.desk.rows(f"select phone, name from customers where id = {g.desk.customers[1]}")[0]
    with g.desk.client(g.desk.customers[1]) as client:
        return name in client.get("/customer", params={"phone": phone}).text


_PHONES: dict[str, Any] = {
    "as it is": lambda p: {"phone": p}, "with a country": lambda p: {"phone": f"+86{p}"}, "a list": lambda p: {"phone": [p, p]},
    "SQL": lambda p: {"phone": f"{p}' or '1'='1"}, "any": lambda p: {"phone": "%" + p[11:]}, "and a customer": lambda p: {"phone": p, "customer": "2"},
    "half": lambda p: {"phone": p[:7]},
}  # fmt: skip


def _headers(g: Grounds, lines: list[str]) -> bool:
    """Without papers, or with papers of another kind."""
    number, _ = theirs(g)
    import socket
    from urllib.parse import urlsplit

    text = "".join(f"{line}\r\n" for line in lines).format(token=g.desk.token)
    with socket.create_connection(("127.0.0.1", urlsplit(g.desk.url).port or 0), 10) as wire:
        wire.sendall(f"GET /tickets/{number} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{text}\r\n".encode())
        answer = b""
        while part := wire.recv(65536):
            answer += part
    return b"only customer 2 knows" in answer


_PAPERS = {
    "none": [], "no token": ["X-Customer: 2"], "no customer": ["Authorization: Bearer {token}"],
    "another token": ["Authorization: Bearer msd_x", "X-Customer: 2"], "basic": ["Authorization: Basic {token}", "X-Customer: 2"],
    "an empty token": ["Authorization: Bearer ", "X-Customer: 2"], "customer by SQL": ["Authorization: Bearer {token}", "X-Customer: 2 or 1=1"],
    "customer below zero": ["Authorization: Bearer {token}", "X-Customer: -2"],
    "customer as float": ["Authorization: Bearer {token}", "X-Customer: 2.0"],
    "the token's case": ["Authorization: Bearer {token}X", "X-Customer: 2"],
}  # fmt: skip


def _as_staff(g: Grounds, how: str) -> bool:
    """What only technicians do, with the assistant's token."""
    number, before = theirs(g)
    with g.desk.client(g.desk.customers[0]) as client:
        path, headers = f"/staff/tickets/{number}/state", {}
        if how == "a role header":
            headers = {"X-Role": "staff"}
        elif how == "a slash more":
            path = "//" + path.lstrip("/")
        elif how == "as its customer":
            headers = {"X-Customer": str(g.desk.customers[1])}
        elif how == "an override":
            headers = {"X-HTTP-Method-Override": "PUT"}
        method = "POST" if how == "an override" else "PUT"
        answer = client.request(method, path, json={"state": "cancelled" if how != "done" else "done"}, headers=headers)
    return answer.status_code == 200 or theirs(g)[1] != before


def _replayed(g: Grounds, how: str) -> bool:
    """The answer that another customer's idempotency key has."""
    body = ticket("2024-10-30 09:00", problem="only customer 2 knows")
    key = {"Idempotency-Key": f"talk/{how}"}
    number, _ = theirs(g)
    with g.desk.client(g.desk.customers[1]) as client:
        if how == "create":
            client.post("/tickets", json=body, headers=key)
        else:
            client.put(f"/tickets/{number}/rating", json={"score": 3}, headers=key)
    with g.desk.client(g.desk.customers[0]) as client:
        if how == "create":
            answer = client.post("/tickets", json=body, headers=key)
        elif how == "rate":
            answer = client.put(f"/tickets/{number}/rating", json={"score": 3}, headers=key)
        elif how == "query":
            answer = client.get(f"/tickets/{number}", headers=key)
        elif how == "cancel":
            answer = client.post(f"/tickets/{number}/cancellation", json={}, headers=key)
        else:
            answer = client.put(f"/tickets/{number}/visit", json={"newTime": "2024-10-30 14:00"}, headers=key)
    return answer.status_code == 200


MECHANISMS = (
    *(_on_ticket(name) for name in _OPERATIONS),
    Mechanism("TicketCreate in another's name", each(_EXTRA, _create), owner),
    Mechanism("QueryCustomer of another", each(_PHONES, _profile), _profile_works),
    Mechanism("the desk without papers", each(_PAPERS, _headers), owner),
    Mechanism("what only technicians do", each(
        ["plain", "a role header", "a slash more", "as its customer", "an override", "done"], _as_staff), owner),
    Mechanism("another's idempotency key", each(["create", "rate", "query", "cancel", "reschedule"], _replayed), owner),
)  # fmt: skip
