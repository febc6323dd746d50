"""What tokens open: `/userinfo` and `/introspect`, as long as what they rest on stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pairing_server.clock import to_milliseconds
from pairing_server.errors import Unauthenticated
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import id_token as tokens
from pairing_server.oidc.id_token import Subject
from pairing_server.oidc.redemption import Basis, read_subject, was_cut_off_since
from pairing_server.oidc.sender import JKT, SenderConstraints, Shown
from pairing_server.ports import Ports
from pairing_server.registry.clients import Client
from pairing_server.store import Store
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest

#: RFC 9449 section 5, RFC 6750.
DPOP, BEARER = "DPoP", "Bearer"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an opaque access token opens: the claims of one person at `/userinfo`.

    Attributes:
        confirmation: The key that has to be shown with it (RFC 7800), if any.
        claims: What it tells beside the scopes.
        role_code: In which role the person logged in.
    """

    client_id: str
    person_id: str
    credential_id: str
    ura: str
    sub: str
    scope: str
    expires_at: datetime
    confirmation: Mapping[str, str] | None = None
    claims: tuple[str, ...] = ()
    role_code: str = ""

    @property
    def token_type(self) -> str:
        """How it is shown (RFC 6749 section 7.1)."""
        return DPOP if JKT in (self.confirmation or {}) else BEARER


class IssuedTokens:
    """The records of what was issued, by digest: access tokens, and the assertions beside them."""

    def __init__(self, store: Store) -> None:
        self._access_tokens = Shelf(store, "access-token", AccessToken)
        self._assertions = Shelf(store, "assertion", AccessToken)

    async def keep(self, access_token: str, id_token: str, issued: AccessToken) -> None:
        """Keep what was issued together."""
        await self._access_tokens.create(digest(access_token), issued, tokens.LIFETIME)
        await self._assertions.create(digest(id_token), issued, tokens.LIFETIME)

    async def forget(self, access_token: str, id_token: str) -> None:
        """Forget what was issued together.

        Args:
            access_token, id_token: Their digests.
        """
        await self._access_tokens.delete(access_token)
        await self._assertions.delete(id_token)

    async def of_access_token(self, token: str, now: datetime) -> AccessToken | None:
        """Return what an access token opens; `None` where it is unknown or over."""
        return await _valid(self._access_tokens, token, now)

    async def of_assertion(self, token: str, now: datetime) -> AccessToken | None:
        """Return what stands behind an ID token; `None` where it is unknown or over."""
        return await _valid(self._assertions, token, now)


class AccessFlow:
    """Answers whoever has a token."""

    def __init__(
        self,
        ports: Ports,
        keys: SigningKeys,
        senders: SenderConstraints,
        *,
        issuer: str,
        policy: KeyPolicy,
    ) -> None:
        """Build the flow.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._clock = ports.clock
        self._keys = keys
        self._senders = senders
        self._issued = IssuedTokens(ports.store)
        self._issuer = issuer
        self._policy = policy

    async def userinfo(
        self, access_token: str, shown: Shown, *, by_dpop: bool
    ) -> dict[str, Any] | str:
        """Return the claims that the token opens (OpenID Connect Core section 5.3).

        Returns:
            A signed token where the client is registered for one, else the claims.

        Raises:
            Unauthenticated: the token is unknown or over, what it rests on has ended, or its key
                was not shown.
        """
        token = await self._issued.of_access_token(access_token, self._clock())
        if token is None:
            raise Unauthenticated
        confirmation = token.confirmation or {}
        await self._senders.check(confirmation, access_token, shown, by_dpop=by_dpop)
        subject = await self._subject(token)
        if subject is None:
            raise Unauthenticated("ended")
        claims = {"sub": token.sub, **tokens.claims(subject, token.scope, token.claims)}
        if subject.client.metadata.userinfo_signed_response_alg is None:
            return claims
        return await self._keys.sign({**claims, "iss": self._issuer, "aud": token.client_id})

    async def introspect(self, token: str, client: Client) -> dict[str, Any]:
        """Say whether a token of this client is good for anything (RFC 7662 section 2.2).

        Args:
            token: An access token or an assertion; of another client it is as unknown.
        """
        now = self._clock()
        found = await self._issued.of_access_token(token, now)
        kind = {} if found is None else {"token_type": found.token_type}
        found = found or await self._issued.of_assertion(token, now)
        if found is None or found.client_id != client.id:
            return {"active": False}
        subject = await self._subject(found)
        if subject is None:
            return {"active": False}
        expires_at = to_milliseconds(found.expires_at) // 1000
        bound = {"cnf": found.confirmation} if found.confirmation else {}
        return {
            "active": True,
            "iss": self._issuer,
            "sub": found.sub,
            "aud": found.client_id,
            "client_id": found.client_id,
            "scope": found.scope,
            "exp": expires_at,
            "iat": expires_at - int(tokens.LIFETIME.total_seconds()),
            "acr": subject.acr,
            **kind,
            **bound,
        }

    async def _subject(self, token: AccessToken) -> Subject | None:
        now = self._clock()
        basis = Basis(
            token.client_id, token.credential_id, token.person_id, token.ura, token.role_code
        )
        found = await self._registry.read(lambda tx: read_subject(tx, basis, now, self._policy))
        phone = None if found is None else found.credential
        issued_at = token.expires_at - tokens.LIFETIME
        return None if phone and was_cut_off_since(phone, issued_at) else found


async def _valid(shelf: Shelf[AccessToken], token: str, now: datetime) -> AccessToken | None:
    stored = await shelf.get(digest(token))
    return stored.value if stored is not None and now < stored.value.expires_at else None
