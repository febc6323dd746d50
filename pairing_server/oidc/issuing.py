"""How an approval becomes an assertion and an access token, whichever grant asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.errors import Unauthenticated
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import id_token as tokens
from pairing_server.oidc.redemption import (
    Basis,
    read_subject,
    refused_event,
    write_redemption,
)
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError
from pairing_server.registry.clients import Client
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_id, new_secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an opaque access token opens: the claims of one person at `/userinfo`.

    Attributes:
        confirmation: The key that has to be shown with it (RFC 7800), if any.
    """

    client_id: str
    person_id: str
    credential_id: str
    ura: str
    sub: str
    scope: str
    expires_at: datetime
    confirmation: Mapping[str, str] | None = None


class Issuer:
    """Issues, once for each approval."""

    def __init__(
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        keys: SigningKeys,
        *,
        issuer: str,
        pairwise_salt: bytes,
        policy: KeyPolicy,
    ) -> None:
        """Build the issuer.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._approvals = approvals
        self._keys = keys
        self._access_tokens = Shelf(ports.store, "access-token", AccessToken)
        self._issuer = issuer
        self._salt = pairwise_salt
        self._policy = policy
        self._clock = ports.clock
        self._random = ports.random

    async def issue(
        self,
        request: AuthRequest,
        client: Client,
        *,
        extra: Mapping[str, Any] | None = None,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Turn an approval into an assertion, once for ever and only while its phone is active.

        Args:
            extra: What the grant adds to the ID token: `nonce`, `sid`, the `auth_req_id`.
            confirmation: The key to which both tokens are bound (RFC 7800 section 3.1).

        Raises:
            AccessDenied: what the approval rests on has ended.
            InvalidGrant: the registry knows of no approval, or has redeemed it.
        """
        # Before the commit: what it writes down as issued must then be signed.
        signer = await self._keys.signer()
        now, jti = self._clock(), new_id(self._random)
        try:
            subject, answered_at = await self._registry.commit(
                lambda tx: write_redemption(tx, request, jti, now, self._policy)
            )
        except AlreadyExistsError as error:
            await self._approvals.redeemed(request)
            raise InvalidGrant("redeemed before") from error
        except AccessDenied as refusal:
            # One event, of many polls that hear it.
            if await self._approvals.revoked(request):
                event = refused_event(request, refusal)
                await self._registry.commit(lambda tx: tx.record(event))
            raise
        sub = tokens.pairwise_subject(self._salt, client.id, subject.person.id)
        claims = tokens.id_token(
            subject,
            issuer=self._issuer,
            client_id=client.id,
            sub=sub,
            scope=request.scope,
            jti=jti,
            auth_time=answered_at,
            now=now,
        )
        access_token = new_secret(self._random)
        await self._access_tokens.create(
            digest(access_token),
            AccessToken(
                client_id=client.id,
                person_id=subject.person.id,
                credential_id=subject.credential.id,
                ura=request.shown.ura,
                sub=sub,
                scope=request.scope,
                expires_at=now + tokens.LIFETIME,
                confirmation=confirmation,
            ),
            tokens.LIFETIME,
        )
        await self._approvals.redeemed(request)
        # What a grant adds never stands in the place of what is asserted.
        added = {name: value for name, value in (extra or {}).items() if name not in claims}
        bound = {"cnf": dict(confirmation)} if confirmation else {}
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(tokens.LIFETIME.total_seconds()),
            "scope": request.scope,
            "id_token": signer.sign({**claims, **added, **bound}),
        }

    async def userinfo(self, access_token: str) -> dict[str, Any]:
        """Return the claims that the token opens (OpenID Connect Core section 5.3).

        Raises:
            Unauthenticated: the token is unknown or over, or what it rests on has ended.
        """
        stored = await self._access_tokens.get(digest(access_token))
        now = self._clock()
        if stored is None or now >= stored.value.expires_at:
            raise Unauthenticated
        token = stored.value
        basis = Basis(token.client_id, token.credential_id, token.person_id, token.ura)
        subject = await self._registry.read(lambda tx: read_subject(tx, basis, now, self._policy))
        if subject is None:
            raise Unauthenticated("ended")
        return {"sub": token.sub, **tokens.claims(subject, token.scope)}
