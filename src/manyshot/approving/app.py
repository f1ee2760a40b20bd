"""The page as a web application. Its one rule: a route reads what was sent, asks `desk` and shows the answer."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from manyshot.approving import views
from manyshot.approving.desk import (
    UNDECIDED,
    ChangedError,
    Desk,
    Edit,
    GoneError,
    Judgement,
    edited,
    find,
    judge,
    seen,
    take_over,
)
from manyshot.approving.forms import blank
from manyshot.approving.guard import Guard
from manyshot.approving.words import SCRIPT, words
from manyshot.dialogue.approval import fingerprint
from manyshot.errors import ManyshotError
from manyshot.flow.drawing import WIDTH
from manyshot.shotbook import Shotbook
from manyshot.templating import speaker, templates
from manyshot.types import Language, Trajectory

_TEMPLATES = Path(__file__).parent / "templates"
_STATUS: dict[type[ManyshotError], int] = {ChangedError: 409, GoneError: 404}


def application(opened: Callable[[], Shotbook], by: str = "", hosts: Iterable[str] = ()) -> Guard:
    """The page of one domain. `opened` reads the domain; `by`: who judges, "" proposes the login name."""
    desk, pages = Desk(opened), _Pages(by)
    app = FastAPI(title="manyshot", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ManyshotError)
    def fault(request: Request, error: ManyshotError) -> Response:
        status = _STATUS.get(type(error), 400)
        if request.method == "POST":
            return JSONResponse({"error": str(error)}, status)
        return pages.html(request, None, "error.html.j2", status, message=str(error))

    @app.get("/")
    def listing(request: Request, show: str = "all") -> Response:
        with desk.book() as book:
            narrowed = show if show in views.FILTERS else "all"
            first = next((one.id for one in book.shots if book.state(one) in UNDECIDED), "")
            return pages.html(
                request, book, "list.html.j2", found=views.overview(book, narrowed), narrowed=narrowed, first=first,
                filters=views.FILTERS,
            )  # fmt: skip

    @app.get("/language/{language}")
    def choose(language: str, back: str = "/") -> Response:
        local = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(local, 303)
        answer.set_cookie("language", "zh" if language == "zh" else "en", samesite="strict", httponly=True)
        return answer

    @app.get("/shots/{name}")
    def dialogue(request: Request, name: str) -> Response:
        with desk.book() as book:
            return pages.dialogue(request, book, find(book, name))

    @app.post("/shots/{name}/check")
    def check(request: Request, name: str, edit: Edit) -> Any:
        with desk.book() as book:
            new = edited(book, find(book, name), edit)
            return views.verdict(book, new, _language(request, book))

    @app.post("/shots/{name}/save")
    def save(request: Request, name: str, edit: Edit, answers: bool = False, over: bool = False) -> Any:
        """`answers`: with the world's answers; `over`: over what somebody else wrote meanwhile."""
        with desk.book() as book:
            one = find(book, name) if over else seen(book, name, edit.was)
            new = edited(book, one, edit)
            before = fingerprint(one)
            if fingerprint(new) != before:
                book.edit(new)
            if answers:
                take_over(book, find(book, name))
            saved = find(book, name)
            page = bytes(pages.dialogue(request, book, saved).body).decode()
            return {"page": page, "changed": fingerprint(saved) != before}

    @app.post("/shots/{name}/approve")
    def approve(name: str, said: Judgement) -> Any:
        with desk.book() as book:
            return {"next": judge(book, name, "approved", said)}

    @app.post("/shots/{name}/reject")
    def reject(name: str, said: Judgement) -> Any:
        with desk.book() as book:
            return {"next": judge(book, name, "rejected", said)}

    @app.post("/paths/{name}/draft")
    def draft(name: str) -> Any:
        with desk.book() as book:
            made, none = book.draft([name], 0)
            if none:
                raise GoneError(f"no values were found that lead along {name}; write this dialogue by hand")
            book.reread()
            return {"next": made[0].id}

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        known = {"page.css": "text/css", "page.js": "text/javascript"}
        return FileResponse(_TEMPLATES / name, media_type=known[name]) if name in known else Response(status_code=404)

    return Guard(app, hosts)


def _language(request: Request, book: Shotbook | None) -> Language:
    """The one that was chosen, else the domain's."""
    chosen = request.cookies.get("language") or (book.domain.context.language if book else "en")
    return "zh" if chosen == "zh" else "en"


class _Pages:
    """Templates -> HTML."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.environment = templates(_TEMPLATES, json=json.loads)

    def html(
        self, request: Request, book: Shotbook | None, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        language = _language(request, book)
        w = words(language)
        about = {
            "say": speaker(w), "language": language, "here": request.url.path,
            "domain": book.domain.name if book else "",
            "by": self.by or getpass.getuser(), "named": bool(self.by), "script_words": {key: w[key] for key in SCRIPT},
        }  # fmt: skip
        text = self.environment.get_template(template).render(about | values)
        return HTMLResponse(text, status)

    def dialogue(self, request: Request, book: Shotbook, one: Trajectory) -> HTMLResponse:
        tools = {
            name: (known.tool.description, blank(known.tool.parameters)) for name, known in book.company.tools.items()
        }
        found = views.shown(book, one, _language(request, book))
        paths = book.company.all_paths
        return self.html(
            request, book, "dialogue.html.j2", shown=found, tools=tools, paths=paths, box_width=WIDTH
        )  # fmt: skip
