"""The service as a web application: put together, with its errors. One rule: routes are thin; `talks` does the work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from manyshot import __version__
from manyshot.desk.guard import PROBLEM, Guard, problem
from manyshot.errors import ModelError
from manyshot.service import completions, pages, sessions
from manyshot.service.completions import ApiError
from manyshot.service.graph import Opener
from manyshot.service.sessions import Service

#: Bytes of a request: the longest history that is still read.
LARGEST = 512 * 1024


def application(service: Service, opener: Opener) -> Guard:
    """Everything under one address. The door adds what is its own."""
    app = FastAPI(title="manyshot", version=__version__, docs_url=None, redoc_url=None)
    for router in (
        sessions.routes(service), completions.routes(service, opener), pages.routes(service), _health(service),
    ):  # fmt: skip
        app.include_router(router)
    service.door.attach(app)
    _failures(app, service)
    return Guard(app, service.talks.telemetry.log, service.language, largest=LARGEST)


def _health(service: Service) -> APIRouter:
    api, talks = APIRouter(include_in_schema=False), service.talks

    @api.get("/healthz")
    def healthz() -> Response:
        """Ready when messages can be accepted."""
        try:
            talks.store.answers()
        except SQLAlchemyError:
            return JSONResponse({"status": "the database does not answer"}, 503)
        return JSONResponse({"status": "ready"})

    @api.get("/metrics")
    def metrics(request: Request) -> Response:
        service.door.client(request)
        page = talks.telemetry.page(talks.store.counts(), talks.store.thumb_counts())
        return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")

    return api


def _failures(app: FastAPI, service: Service) -> None:
    """Errors in OpenAI's form at /v1, as problem documents elsewhere. None says more than whoever asks said."""

    def answer(request: Request, status: int, detail: str, headers: Any = None) -> JSONResponse:
        if request.url.path.startswith("/v1/"):
            found = ApiError(status, detail).response()
            found.headers.update(dict(headers or {}))
            return found
        return JSONResponse(problem(status, detail), status, headers, media_type=PROBLEM)

    @app.exception_handler(ApiError)
    def refused(_: Request, error: ApiError) -> JSONResponse:
        return error.response()

    @app.exception_handler(HTTPException)
    def known(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and error.detail == "Not Found":
            return answer(request, 404, "there is nothing at this address")
        return answer(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def misfit(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])[:80]
        if first["type"] == "json_invalid":
            return answer(request, 400, "the body is no JSON")
        return answer(request, 422, f"{where or 'body'}: {first['msg'].lower()}")

    @app.exception_handler(UnicodeDecodeError)
    def garbled(request: Request, _: UnicodeDecodeError) -> Response:
        return answer(request, 400, "the body is no UTF-8")

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        if isinstance(error, SQLAlchemyError):
            return answer(request, 503, "the database does not answer; try again", {"Retry-After": "1"})
        if isinstance(error, ModelError):
            return answer(request, 503, "the model does not answer; try again", {"Retry-After": "5"})
        service.talks.telemetry.fault("request", error)
        return answer(request, 500, "something broke; it was written into the log")
