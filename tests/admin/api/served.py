"""The API's document as it is served."""

import functools
from typing import Any

import msgspec

from tests.phone_api.served import app


@functools.cache
def served() -> dict[str, Any]:
    """Return what `GET /admin/api/openapi.json` answers."""
    (show,) = [
        route.handler
        for route in app().router.routes()
        if route.resource.canonical == "/admin/api/openapi.json" and route.method == "GET"
    ]
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(show.__self__.described))
    return decoded
