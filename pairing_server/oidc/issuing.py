"""How an approval becomes an assertion and an access token, whichever grant asked for it."""

from collections.abc import Mapping
from typing import Any

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import id_token as tokens
from pairing_server.oidc.access import AccessToken, IssuedTokens
from pairing_server.oidc.redemption import refused_event, write_redemption
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError
from pairing_server.registry.clients import Client
from pairing_server.tokens import new_id, new_secret


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
        self._issued = IssuedTokens(ports.store)
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
        # What a grant adds never stands in the place of what is asserted.
        added = {name: value for name, value in (extra or {}).items() if name not in claims}
        bound = {"cnf": dict(confirmation)} if confirmation else {}
        assertion = signer.sign({**claims, **added, **bound})
        access_token = new_secret(self._random)
        issued = AccessToken(
            client_id=client.id,
            person_id=subject.person.id,
            credential_id=subject.credential.id,
            ura=request.shown.ura,
            sub=sub,
            scope=request.scope,
            expires_at=now + tokens.LIFETIME,
            confirmation=confirmation,
        )
        await self._issued.keep(access_token, assertion, issued)
        await self._approvals.redeemed(request)
        return {
            "access_token": access_token,
            "token_type": issued.token_type,
            "expires_in": int(tokens.LIFETIME.total_seconds()),
            "scope": request.scope,
            "id_token": assertion,
        }
