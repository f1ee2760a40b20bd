"""What /v1 answers, for the OpenAPI file. One rule: the forms are OpenAI's; what is ours stands under `manyshot`."""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import BaseModel

from manyshot.types import Json


def inlined(schema: Json) -> Json:
    """A schema without references: those of pydantic do not point into an OpenAPI file."""
    definitions = schema.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(definitions[value["$ref"].rpartition("/")[2]])
            return {key: put(inner) for key, inner in value.items()}
        return [put(inner) for inner in value] if isinstance(value, list) else value

    return cast(Json, put(schema))


class ErrorBody(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class Failed(BaseModel):
    """An error, in OpenAI's form."""

    error: ErrorBody


class Model(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    object: Literal["list"]
    data: list[Model]


class Message(BaseModel):
    role: Literal["assistant"]
    content: str | None
    tool_calls: list[dict[str, Any]] | None = None


class Choice(BaseModel):
    index: int
    message: Message
    finish_reason: Literal["stop", "tool_calls"]


class Completion(BaseModel):
    """An answer in OpenAI's form; `manyshot` is ours: where the conversation stands."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: dict[str, int]
    manyshot: dict[str, Any] | None = None


REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Failed, "description": "refused"},
    "5XX": {"model": Failed, "description": "busy or broken; try again"},
}
ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {"model": Completion, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
