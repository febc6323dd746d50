"""How an approval becomes an assertion and an access token, whichever grant asked for it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pairing_server.approvals.auth_request import AuthRequest
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.keys.policy import KeyPolicy
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import id_token as tokens
from pairing_server.oidc.access import AccessToken, IssuedTokens
from pairing_server.oidc.claims_request import NO_CLAIMS, WantedClaims
from pairing_server.oidc.client_policy import Profile, policy_of
from pairing_server.oidc.id_token import Subject
from pairing_server.oidc.id_token_hint import read_own
from pairing_server.oidc.redemption import (
    Basis,
    read_subject,
    refused_event,
    write_redemption,
)
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import AlreadyExistsError, Transaction, sessions
from pairing_server.registry.clients import Client
from pairing_server.registry.sessions import Session
from pairing_server.settings import AssuranceLevel
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
        wanted: WantedClaims = NO_CLAIMS,
        sid: str = "",
    ) -> dict[str, Any]:
        """Turn an approval into an assertion, once for ever and only while its phone is active.

        Args:
            extra: What the grant adds to the ID token: `nonce`, `sid`, the `auth_req_id`.
            confirmation: The key to which both tokens are bound (RFC 7800 section 3.1).
            wanted: Single claims, beside the scopes.
            sid: The name of the session that this opens; without one it opens a session where
                the client is to hear of its end.

        Raises:
            AccessDenied: what the approval rests on has ended.
            InvalidGrant: the registry knows of no approval, or has redeemed it.
        """
        # Before the commit: what it writes down as issued must then be signed.
        signer = await self._keys.signer()
        now, jti, agreed = self._clock(), new_id(self._random), policy_of(client)
        if not sid and client.metadata.backchannel_logout_uri:
            sid = new_id(self._random)

        def redeem(tx: Transaction) -> tuple[Subject, datetime]:
            subject, answered_at = write_redemption(tx, request, jti, now, self._policy)
            if sid:
                lasts = timedelta(hours=agreed.session_hours)
                sessions.add(tx, self._session(request, subject, sid, now, now + lasts))
            return subject, answered_at

        try:
            subject, answered_at = await self._registry.commit(redeem)
        except AlreadyExistsError as error:
            await self._approvals.redeemed(request)
            raise InvalidGrant("redeemed before") from error
        except AccessDenied as refusal:
            # One event, of many polls that hear it.
            if await self._approvals.revoked(request):
                event = refused_event(request, refusal)
                await self._registry.commit(lambda tx: tx.record(event))
            raise
        sub = self._sub(client.id, subject)
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
        claims |= tokens.claims(subject, "", wanted.id_token)
        if sid:
            claims["sid"] = sid
        if agreed.profile is Profile.NL_GOV:
            # The profile forbids it: what counts there is the level.
            del claims["amr"]
        # What a grant adds never stands in the place of what is asserted.
        added = {name: value for name, value in (extra or {}).items() if name not in claims}
        bound = {"cnf": dict(confirmation)} if confirmation else {}
        assertion = signer.sign({**claims, **added, **bound})
        access_token = new_secret(self._random)
        issued = AccessToken(
            client_id=client.id,
            person_id=subject.person.id,
            credential_id=_key_of(request, subject),
            ura=request.shown.ura,
            sub=sub,
            scope=request.scope,
            expires_at=now + tokens.LIFETIME,
            confirmation=confirmation,
            claims=wanted.userinfo,
            role_code=subject.membership.role_code,
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

    async def take_back(self, access_token: str, id_token: str) -> None:
        """Let what was issued open nothing any more.

        Args:
            access_token, id_token: Their digests.
        """
        await self._issued.forget(access_token, id_token)

    async def approved_by(self, request: AuthRequest) -> tuple[AssuranceLevel, str] | None:
        """Return the level that an approval has earned, and what its client calls the person.

        Nothing if what it rests on has ended; that is asked again when it is redeemed.
        """
        now = self._clock()
        chosen = request.shown.role_code if request.answer is None else request.answer.role_code
        basis = Basis(
            request.client_id,
            _key_of(request),
            request.person_id or "",
            request.shown.ura,
            chosen,
        )
        subject = await self._registry.read(lambda tx: read_subject(tx, basis, now, self._policy))
        if subject is None:
            return None
        return subject.acr, self._sub(request.client_id, subject)

    async def own_claims(self, id_token: str) -> dict[str, Any] | None:
        """Return what an ID token of ours says, however old; nothing of any other text."""
        return read_own(id_token, await self._keys.authentic_jwks(), self._issuer)

    def _sub(self, client_id: str, subject: Subject) -> str:
        return tokens.pairwise_subject(self._salt, client_id, subject.person.id)

    def _session(
        self,
        request: AuthRequest,
        subject: Subject,
        sid: str,
        now: datetime,
        expires_at: datetime,
    ) -> Session:
        return Session(
            sid=sid,
            client_id=request.client_id,
            person_id=subject.person.id,
            credential_id=_key_of(request, subject),
            ura=request.shown.ura,
            sub=self._sub(request.client_id, subject),
            opened_at=now,
            expires_at=expires_at,
        )


def _key_of(request: AuthRequest, subject: Subject | None = None) -> str:
    """Return what an approved request was answered with: a phone's key, or a card.

    Args:
        subject: Who was asserted, which counts more than what the Store says.
    """
    if subject is not None and subject.credential is not None:
        return subject.credential.id
    return "" if request.answer is None else request.answer.credential_id
