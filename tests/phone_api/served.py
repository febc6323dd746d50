"""The document as it is served, and what it says of an exchange."""

import functools
import re
from typing import Any

import msgspec
from aiohttp import web
from jsonschema import Draft202012Validator

from pairing_server.app import Stores, make_app
from pairing_server.settings import load
from tests.exchanges import Exchange


@functools.cache
def app() -> web.Application:
    """Return the application as it is without any setting."""
    stores = Stores(None, None, None, b"", None, b"", b"")  # type: ignore[arg-type]
    return make_app(load({}), stores)


@functools.cache
def served() -> dict[str, Any]:
    """Return what `GET /phone/openapi.json` answers."""
    (show,) = [
        route.handler
        for route in app().router.routes()
        if route.resource.canonical == "/phone/openapi.json" and route.method == "GET"
    ]
    return msgspec.json.decode(msgspec.json.encode(show.__self__._document))


def operation(method: str, path: str) -> dict[str, Any]:
    """Return the operation that a call is, literal paths first."""
    paths = sorted(served()["paths"], key=lambda each: each.count("{"))
    patterns = {each: re.sub(r"\{\w+\}", "[^/]+", each) for each in paths}
    found = next(each for each in paths if re.fullmatch(patterns[each], path))
    return served()["paths"][found][method.lower()]


def check(exchange: Exchange) -> None:
    """Compare a phone's call and its answer with the document."""
    described = operation(exchange.method, exchange.path)
    answer = described["responses"][str(exchange.status)]
    assert bool(exchange.answer) == ("content" in answer), exchange.name("")
    if exchange.answer:
        _validate(answer, exchange.answer_json())
    if "requestBody" in described and exchange.status < 400:
        _validate(described["requestBody"], exchange.request_json())


def _validate(described: dict[str, Any], value: object) -> None:
    schema = described["content"]["application/json"]["schema"]
    whole = {"allOf": [schema], "components": served()["components"]}
    Draft202012Validator(whole).validate(value)
