"""The token endpoint: which grant answers (RFC 6749 section 4.5)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from pairing_server.errors import InvalidRequest
from pairing_server.oidc.refusals import UnauthorizedClient, UnsupportedGrantType
from pairing_server.registry.clients import Client


class GrantFlow(Protocol):
    """One way to come by an assertion."""

    async def token(
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        """Answer the token request of an authenticated client.

        Args:
            wait: How long the answer may be held, where the grant waits for somebody.
            confirmation: The key that the client showed, to which the tokens are bound.

        Raises:
            Refusal: as the grant's standard names it.
        """


class TokenFlow:
    """Hands a token request to the grant that it names."""

    def __init__(self, grants: Mapping[str, GrantFlow]) -> None:
        """Build the flow.

        Args:
            grants: By `grant_type`.
        """
        self._grants = grants

    async def token(
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer a token request.

        Raises:
            InvalidRequest: it names no grant.
            Refusal: what the grant raises.
            UnauthorizedClient: it names one that the client is not registered for.
            UnsupportedGrantType: it names one that is not ours.
        """
        grant_type = form.get("grant_type")
        if grant_type is None:
            raise InvalidRequest("Send the grant_type.")
        grant = self._grants.get(grant_type)
        if grant is None:
            raise UnsupportedGrantType
        if grant_type not in client.metadata.grant_types:
            raise UnauthorizedClient
        return await grant.token(form, client, wait, confirmation)
