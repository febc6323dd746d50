"""What a client may do by itself: the client credentials grant (RFC 6749 section 4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from pairing_server.clock import to_milliseconds
from pairing_server.errors import Unauthenticated
from pairing_server.oidc.access import BEARER, DPOP
from pairing_server.oidc.client_policy import MachineScope, policy_of
from pairing_server.oidc.refusals import (
    InsufficientScope,
    MachineTokenNeeded,
    NoMachineScope,
)
from pairing_server.oidc.sender import JKT, SenderConstraints, Shown
from pairing_server.oidc.showing import access_token, shown_by
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.store import Store
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_secret

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MachineToken:
    """What an opaque access token lets a client do.

    Attributes:
        confirmation: The key that has to be shown with it (RFC 7800), if any.
    """

    client_id: str
    scopes: tuple[MachineScope, ...]
    expires_at: datetime
    confirmation: Mapping[str, str] | None = None

    @property
    def token_type(self) -> str:
        """How it is shown (RFC 6749 section 7.1)."""
        return DPOP if JKT in (self.confirmation or {}) else BEARER


def granted(asked: str | None, client: Client) -> tuple[MachineScope, ...]:
    """Return what a client that asks for this is given; all that it may have if it names none.

    Raises:
        NoMachineScope: it may have nothing of that.
    """
    agreed = policy_of(client).machine_scopes
    names = agreed if asked is None else asked.split(" ")
    given = tuple(scope for scope in MachineScope if scope in agreed and scope in names)
    if not given:
        raise NoMachineScope
    return given


def may(client: Client, scope: MachineScope) -> bool:
    """Tell whether a client may do this by itself, as things are agreed now."""
    return (
        client.status is ClientStatus.ACTIVE
        and GrantType.CLIENT_CREDENTIALS in client.metadata.grant_types
        and scope in policy_of(client).machine_scopes
    )


class ClientCredentials:
    """The grant: a client that showed who it is gets a token of its own."""

    def __init__(self, ports: Ports) -> None:
        self._clock = ports.clock
        self._random = ports.random
        self._tokens = machine_tokens(ports.store)

    async def token(
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer a token request; there is no refresh token (RFC 6749 section 4.4.3).

        Raises:
            NoMachineScope: the client may do none of what it asks for.
        """
        _ = wait
        scopes = granted(form.get("scope"), client)
        token = new_secret(self._random)
        kept = MachineToken(client.id, scopes, self._clock() + LIFETIME, confirmation)
        await self._tokens.create(digest(token), kept, LIFETIME)
        return {
            "access_token": token,
            "token_type": kept.token_type,
            "expires_in": int(LIFETIME.total_seconds()),
            "scope": " ".join(scopes),
        }


@dataclass(frozen=True, slots=True)
class MachineCall:
    """A call by a client's own token.

    Attributes:
        authenticated_at: When the client showed its key for it.
    """

    client: Client
    authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class _Opened:
    """A token that opens something still, and what."""

    token: MachineToken
    client: Client
    scopes: tuple[MachineScope, ...]


class MachineTokens:
    """Tells which client calls by a token of its own, and whether it may."""

    def __init__(self, ports: Ports, senders: SenderConstraints) -> None:
        self._registry = ports.registry
        self._clock = ports.clock
        self._senders = senders
        self._tokens = machine_tokens(ports.store)

    async def of(self, request: web.Request, *scopes: MachineScope) -> Client:
        """Return the client whose call this is; see `call`."""
        return (await self.call(request, *scopes)).client

    async def call(self, request: web.Request, *scopes: MachineScope) -> MachineCall:
        """Return whose call this is.

        Args:
            scopes: One of them has to be the token's, and the client's still.

        Raises:
            DpopChallenge, DpopProofRefused: the token's key was not shown.
            InsufficientScope: the token is for something else.
            MachineTokenNeeded: there is no token, or one that opens nothing, or not any more.
            Unauthenticated: another certificate than the token's was shown.
        """
        try:
            token, by_dpop = access_token(request)
        except Unauthenticated as error:
            raise MachineTokenNeeded from error
        return await self._check(token, shown_by(request), scopes, by_dpop=by_dpop)

    async def check(
        self, token: str, shown: Shown, scopes: tuple[MachineScope, ...], *, by_dpop: bool
    ) -> Client:
        """Return the client whose token this is; see `call`."""
        return (await self._check(token, shown, scopes, by_dpop=by_dpop)).client

    async def introspect(self, token: str, client: Client, issuer: str) -> dict[str, Any] | None:
        """Tell a client what a token of its own opens now (RFC 7662 section 2.2).

        Returns:
            Nothing where it opens nothing, or where it is another client's.
        """
        opened = await self._opened(token)
        if opened is None or opened.client.id != client.id:
            return None
        held, expires_at = opened.token, to_milliseconds(opened.token.expires_at) // 1000
        bound = {"cnf": held.confirmation} if held.confirmation else {}
        return {
            "active": True,
            "iss": issuer,
            "sub": client.id,
            # It opens this server's own calls, and no other resource.
            "aud": issuer,
            "client_id": client.id,
            "scope": " ".join(opened.scopes),
            "exp": expires_at,
            "iat": expires_at - int(LIFETIME.total_seconds()),
            "token_type": held.token_type,
            **bound,
        }

    async def _check(
        self, token: str, shown: Shown, scopes: tuple[MachineScope, ...], *, by_dpop: bool
    ) -> MachineCall:
        opened = await self._opened(token)
        if opened is None:
            raise MachineTokenNeeded
        held = opened.token
        await self._senders.check(held.confirmation or {}, token, shown, by_dpop=by_dpop)
        if not set(opened.scopes) & set(scopes):
            raise InsufficientScope(scope=" ".join(scopes))
        return MachineCall(opened.client, held.expires_at - LIFETIME)

    async def _opened(self, token: str) -> _Opened | None:
        stored = await self._tokens.get(digest(token))
        if stored is None or self._clock() >= stored.value.expires_at:
            return None
        held = stored.value
        client = await self._registry.read(lambda tx: clients.get(tx, held.client_id))
        # What was agreed may be taken back within the five minutes.
        scopes = tuple(s for s in held.scopes if client is not None and may(client, s))
        return None if client is None or not scopes else _Opened(held, client, scopes)


def machine_tokens(store: Store) -> Shelf[MachineToken]:
    """Return the records of the tokens that were given out, by digest."""
    return Shelf(store, "machine-token", MachineToken)
