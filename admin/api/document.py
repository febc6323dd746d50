"""The API's document, for whoever connects a program; anybody may read it."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version
from typing import Any

from aiohttp import web

from admin.api.gate import Call
from pairing_server.guard import API_PATHS
from pairing_server.http import answer, route_table
from pairing_server.oidc.client_policy import MachineScope
from pairing_server.openapi import Api, Caller, Operation, document

#: The document changes with the version of the server only.
LIFETIME = timedelta(hours=1)
PATH = f"{API_PATHS}openapi.json"


def admin_api(base_url: str) -> Api:
    """Return what the document says of all calls."""
    return Api(
        title="Admin API",
        description="What an organisation manages of its people and phones, for its programs. "
        "Each act has to be agreed with the client (`admin_acts`), and is told in the log as its "
        "own.",
        scheme="client",
        secured_by={
            "type": "oauth2",
            "description": "The client shows its key (private_key_jwt) or its certificate; the "
            "token may be bound to either, or by DPoP.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": f"{base_url}/token",
                    "scopes": {MachineScope.ADMIN.value: "Administer the client's organisations."},
                }
            },
        },
        scopes=(MachineScope.ADMIN.value,),
    )


class ApiDocument:
    """Serves the OpenAPI document of all calls, its own included."""

    def __init__(self, calls: Sequence[Call], base_url: str) -> None:
        self._calls = calls
        self._base_url = base_url

    def table(self) -> list[web.RouteDef]:
        """Return the route."""
        return route_table([self.operation])

    @property
    def operation(self) -> Operation:
        """Describe the call."""
        return Operation(
            "GET", PATH, self.show, caller=Caller.ANYBODY, responses={200: dict[str, Any]}
        )

    async def show(self, request: web.Request) -> web.Response:
        """Describe the calls of a program that administers (OpenAPI 3.1)."""
        _ = request
        lifetime = int(LIFETIME.total_seconds())
        return answer(self.described, headers={"Cache-Control": f"public, max-age={lifetime}"})

    @cached_property
    def described(self) -> dict[str, Any]:
        """The document."""
        return document(
            [*(call.told for call in self._calls), self.operation],
            server=self._base_url,
            version=version("pairing-server"),
            api=admin_api(self._base_url),
        )
