"""The phone API's document, for whoever writes an app."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import Any, Protocol

from aiohttp import web

from pairing_server.http import answer, route_table
from pairing_server.openapi import Caller, Operation, document

#: The document changes with the version of the server only.
LIFETIME = timedelta(hours=1)


class Part(Protocol):
    """Some calls of a phone."""

    def operations(self) -> list[Operation]:
        """Describe the calls."""


class PhoneApiRoutes:
    """Serves the OpenAPI document of all calls of a phone, its own included.

    Args:
        parts: Whose calls it tells of.
        limited: Calls, by method and path, that one address may make so often only.
    """

    def __init__(
        self,
        parts: Iterable[Part],
        base_url: str,
        limited: Collection[tuple[str, str]],
    ) -> None:
        self._operations = [call for part in parts for call in part.operations()]
        self._base_url = base_url
        self._limited = limited

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the call."""
        return [
            Operation(
                "GET",
                "/phone/openapi.json",
                self.show,
                caller=Caller.ANYBODY,
                responses={200: dict[str, Any]},
            )
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Describe the calls of a phone (OpenAPI 3.1)."""
        _ = request
        lifetime = int(LIFETIME.total_seconds())
        return answer(self._document, headers={"Cache-Control": f"public, max-age={lifetime}"})

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(
            [*self._operations, *self.operations()],
            server=self._base_url,
            version=version("pairing-server"),
            limited=self._limited,
        )
