"""The desk over HTTP. One rule: first who calls and for which customer, then what; nothing is looked up without both.

Headers: Authorization (the caller's token), X-Customer (the customer's number), Idempotency-Key (optional, on writes).
None of them becomes a tool's parameter: they are bound where the tool is registered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session, sessionmaker
from starlette.exceptions import HTTPException

from manyshot import __version__
from manyshot.desk import forms
from manyshot.desk.callers import Answer, client_of, remembered, request_hash
from manyshot.desk.database import reading, up_to_date
from manyshot.desk.guard import PROBLEM, Guard, Log, problem
from manyshot.desk.states import State
from manyshot.desk.tables import Client, Customer
from manyshot.desk.words import Language, say
from manyshot.desk.work import Counterpart, Json, Refused, Wish, staff_move

Clock = Callable[[], datetime]
Work = Callable[[Counterpart], Json]
TicketId = Annotated[forms.Number, Path(description=forms.TICKET)]


@dataclass(frozen=True, slots=True)
class Service:
    """What all requests share."""

    engine: Engine
    language: Language
    clock: Clock

    def transaction(self, *, changes: bool) -> AbstractContextManager[Session]:
        return sessionmaker(self.engine if changes else reading(self.engine), expire_on_commit=False).begin()

    def refuse(self, status: int, saying: str, field: str) -> Refused:
        return Refused(status, say(self.language, saying), field)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for which customer (0: none was named), and what; each work is one transaction."""

    service: Service
    client: int
    role: str
    customer: int
    key: str | None
    request: str

    def read(self, work: Work) -> Json:
        with self.service.transaction(changes=False) as session:
            return work(self._counterpart(session))

    def write(self, body: BaseModel, work: Work) -> Response:
        return self.change(body, lambda session: work(self._counterpart(session)))

    def change(self, body: BaseModel, work: Callable[[Session], Json]) -> Response:
        """Do it once: with a key, what was answered before, a refusal too, is answered again."""
        service, old = self.service, False
        with service.transaction(changes=True) as session:

            def once() -> Answer:
                try:
                    with session.begin_nested():
                        return 200, work(session)
                except Refused as no:
                    return no.status, problem(no.status, no.message, no.field)

            if self.key is None:
                status, answer = once()
            else:
                client = session.get_one(Client, self.client)
                asked = request_hash(self.request, self.customer, body.model_dump(exclude_unset=True))
                (status, answer), old = remembered(
                    session, client, self.key, asked, once, service.clock(), service.language
                )
        media = "application/json" if status < 400 else PROBLEM
        return JSONResponse(answer, status, {"Idempotency-Replayed": "true"} if old else None, media_type=media)

    def _counterpart(self, session: Session) -> Counterpart:
        if not self.customer:
            raise self.service.refuse(403, "no_customer", "X-Customer")
        customer = session.get_one(Customer, self.customer)
        return Counterpart(session, customer, self.service.clock(), self.service.language)


def identify(
    request: Request,
    _: Annotated[Any, Security(HTTPBearer(auto_error=False, description="the caller's token"))],
    customer: Annotated[str, Header(alias="X-Customer", description="for which customer the call is")] = "",
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="one key, one change")] = None,
) -> Caller:
    """Who calls, before anything else is looked at."""
    service: Service = request.app.state.service
    with service.transaction(changes=False) as session:
        client = client_of(session, request.headers.get("authorization", ""))
        if client is None:
            raise service.refuse(401, "no_token", "Authorization")
        request.state.client = client.name
        number = int(customer) if re.fullmatch("[0-9]{1,9}", customer) else 0
        if customer and session.get(Customer, number) is None:
            raise service.refuse(403, "unknown_customer", "X-Customer")
        return Caller(service, client.id, client.role, number, key, f"{request.method} {request.url.path}")


Who = Annotated[Caller, Depends(identify)]
tools = APIRouter(responses=forms.PROBLEMS)
staff = APIRouter(include_in_schema=False)
health = APIRouter(include_in_schema=False)


@tools.get("/solutions", operation_id="SearchSolution", summary="在故障解决知识库中查询处理办法")
def search(who: Who, query: Annotated[forms.SolutionQuery, Query()]) -> forms.Solutions:
    return forms.Solutions(**who.read(lambda desk: desk.search(query.problem, query.limit)))


@tools.get("/technician-slots", operation_id="QueryTechnicianSlots", summary="查询某一天维修师傅还有哪些时间可以上门")
def slots(who: Who, query: Annotated[forms.SlotQuery, Query()]) -> forms.Slots:
    return forms.Slots(**who.read(lambda desk: desk.slots(query.date, query.area, query.period)))


@tools.get("/customer", operation_id="QueryCustomer", summary="按手机号查询客户本人的档案")
def customer(who: Who, query: Annotated[forms.CustomerQuery, Query()]) -> forms.Profile:
    return forms.Profile(**who.read(lambda desk: desk.profile(query.phone)))


@tools.post("/tickets", operation_id="TicketCreate", response_model=forms.Made, summary="新建一张上门维修工单")
def create(who: Who, body: forms.NewTicket) -> Response:
    wish = Wish(**body.model_dump(exclude={"isVIP"}))
    return who.write(body, lambda desk: desk.create(wish))


@tools.get("/tickets/{ticketId}", operation_id="TicketQuery", summary="按工单号查询一张工单的进度和详情")
def query(who: Who, ticketId: TicketId) -> forms.Whole:
    return forms.Whole(**who.read(lambda desk: desk.query(ticketId)))


@tools.post(
    "/tickets/{ticketId}/cancellation",
    operation_id="TicketCancel",
    response_model=forms.Ended,
    summary="取消一张还没有完成的工单",
)
def cancel(who: Who, ticketId: TicketId, body: forms.Cancellation) -> Response:
    return who.write(body, lambda desk: desk.cancel(ticketId, body.reason))


@tools.put(
    "/tickets/{ticketId}/visit",
    operation_id="TicketReschedule",
    response_model=forms.Moved,
    summary="把一张已有工单的上门时间改成新的时间",
)
def reschedule(who: Who, ticketId: TicketId, body: forms.Visit) -> Response:
    return who.write(body, lambda desk: desk.reschedule(ticketId, body.newTime))


@tools.put(
    "/tickets/{ticketId}/rating",
    operation_id="TicketRate",
    response_model=forms.Rated,
    summary="为一张已经完成的工单提交评分和评语",
)
def rate(who: Who, ticketId: TicketId, body: forms.Rating) -> Response:
    return who.write(body, lambda desk: desk.rate(ticketId, body.score, body.comment))


@staff.put("/staff/tickets/{ticketId}/state")
def step(who: Who, ticketId: TicketId, body: forms.Step) -> Response:
    """What technicians do. It is no tool of the assistant, so it does not stand in the OpenAPI file."""
    if who.role != "staff":
        raise who.service.refuse(403, "not_allowed", "Authorization")
    then, language = State(body.state), who.service.language
    return who.change(body, lambda session: staff_move(session, ticketId, then, language))


@health.get("/healthz")
def healthz(request: Request) -> Response:
    ready = up_to_date(request.app.state.service.engine)
    return JSONResponse({"status": "ready" if ready else "tables are not up to date"}, 200 if ready else 503)


def make_app(engine: Engine, clock: Clock, language: Language = "zh", log: Log | None = None, **limits: Any) -> Guard:
    """The desk as an ASGI application. `limits`: those of Guard."""
    app = FastAPI(title="manyshot desk", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = Service(engine, language, clock)
    for router in (tools, staff, health):
        app.include_router(router)
    _failures(app, language)
    return Guard(app, log or Log(), language, **limits)


def _failures(app: FastAPI, language: Language) -> None:
    """Every error is a problem document."""

    def answer(status: int, detail: str, field: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse(problem(status, detail, field), status, headers, media_type=PROBLEM)

    @app.exception_handler(Refused)
    def refused(_: Request, no: Refused) -> JSONResponse:
        return answer(no.status, no.message, no.field, {"WWW-Authenticate": "Bearer"} if no.status == 401 else None)

    @app.exception_handler(RequestValidationError)
    def misfit(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(400, say(language, "no_json"))
        field = str(first["loc"][1]) if len(first["loc"]) > 1 else ""
        if not re.fullmatch(r"[\w.-]{1,60}", field):  # of a name that the caller thought of, only a plain one is told
            field = ""
        if first["type"] == "missing":
            return answer(422, say(language, "required", field=field or "body"), field)
        return answer(422, say(language, "misfit", field=field or "body", rule=first["msg"]), field)

    @app.exception_handler(HTTPException)
    def other(_: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    def failed(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, OperationalError | NoConnection):
            return answer(503, say(language, "busy"), headers={"Retry-After": "1"})
        return answer(500, say(language, "broken"))
