"""The steps of a workstation's login: ask, wait, redeem, read the person's claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pairing_server.approvals.auth_request import AuthRequest, Shown, Status
from pairing_server.approvals.flow import ApprovalFlow, Asked
from pairing_server.clock import wire_time
from pairing_server.errors import InvalidRequest, Unauthenticated
from pairing_server.keys.policy import KeyPolicy, accepts, with_changes
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import backchannel, pace
from pairing_server.oidc import id_token as tokens
from pairing_server.oidc.backchannel import BackchannelRequest
from pairing_server.oidc.metadata import CIBA_GRANT_TYPE
from pairing_server.oidc.pace import Pace
from pairing_server.oidc.redemption import (
    Basis,
    read_subject,
    refused_event,
    write_redemption,
)
from pairing_server.oidc.refusals import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    SlowDown,
    UnknownUserId,
    UnsupportedGrantType,
)
from pairing_server.ports import Ports
from pairing_server.qr.login import EVENTS_PATH
from pairing_server.registry import (
    AlreadyExistsError,
    Query,
    credentials,
    organisations,
    people,
)
from pairing_server.registry.clients import Client
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, draw_digits, new_id, new_secret


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What an opaque access token opens: the claims of one person at `/userinfo`."""

    client_id: str
    person_id: str
    credential_id: str
    ura: str
    sub: str
    scope: str
    expires_at: datetime


class LoginFlow:
    """CIBA in poll mode (CIBA Core sections 7, 10, 11)."""

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
        """Build the flow.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._approvals = approvals
        self._keys = keys
        self._paces = Shelf(ports.store, "pace", Pace)
        self._access_tokens = Shelf(ports.store, "access-token", AccessToken)
        self._issuer = issuer
        self._salt = pairwise_salt
        self._policy = policy
        self._clock = ports.clock
        self._random = ports.random

    async def begin(self, form: Mapping[str, str], client: Client) -> dict[str, Any]:
        """Ask a person to log in at this client (CIBA Core section 7).

        Raises:
            InvalidBindingMessage, InvalidRequest, InvalidScope: the request is not well formed.
            TooManyOpen: see there.
            UnknownUserId: nobody of the client's organisation by this name has an active phone.
        """
        request = backchannel.parse(form, client)
        found = await self._registry.read(lambda tx: self._find(tx, request))
        if found is not None and not found.has_phone:
            raise UnknownUserId
        code = request.binding.code or draw_digits(self._random, request.code_digits)
        now = self._clock()
        asked = Asked(
            client_id=client.id,
            person_id=found.person_id if found else None,
            workstation_id=request.context.workstation_id,
            scope=request.scope,
            shown=Shown(
                client=client.name,
                organisation=found.organisation if found else "",
                ura=request.ura,
                role_code=found.role_code if found else "",
                workstation=request.context.workstation,
                location=request.context.location,
                message=request.binding.message,
                nonce=new_id(self._random),
                requested_at=wire_time(now),
            ),
            code=code,
            lifetime=request.lifetime,
            gate=backchannel.push_gate(client),
        )
        auth_req_id, _ = await self._approvals.ask(asked)
        return {
            "auth_req_id": auth_req_id,
            "expires_in": int(request.lifetime.total_seconds()),
            "interval": int(pace.INTERVAL.total_seconds()),
            "binding_code": code,
            "qr_events_uri": f"{self._issuer}{EVENTS_PATH}",
        }

    async def token(
        self, form: Mapping[str, str], client: Client, wait: timedelta
    ) -> dict[str, Any]:
        """Answer a poll, held for `wait` while nobody has answered (CIBA Core sections 10, 11).

        Raises:
            AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown: as named.
        """
        grant_type, auth_req_id = form.get("grant_type"), form.get("auth_req_id")
        if grant_type is None:
            raise InvalidRequest("Send the grant_type.")
        if grant_type != CIBA_GRANT_TYPE:
            raise UnsupportedGrantType
        if auth_req_id is None:
            raise InvalidRequest("Send the auth_req_id.")
        request = await self._approvals.for_client(auth_req_id, client.id, wait)
        if request is None:
            raise InvalidGrant("unknown or foreign")
        match request.status_at(self._clock()):
            case Status.APPROVED:
                return await self._redeem(request, client, auth_req_id)
            case Status.DENIED:
                raise AccessDenied(_DENIED.get(request.reason or "", "denied"))
            case Status.SUPERSEDED | Status.REVOKED as status:
                raise AccessDenied(status)
            case Status.EXPIRED:
                raise ExpiredToken
            case Status.PENDING:
                await self._keep_pace(request, held=bool(wait))
                hint = request.hint_at(self._clock())
                raise AuthorizationPending(**({"hint": hint} if hint else {}))
            case _:
                raise InvalidGrant("used")

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

    async def _redeem(
        self, request: AuthRequest, client: Client, auth_req_id: str
    ) -> dict[str, Any]:
        """Turn an approval into an assertion, once for ever and only while its phone is active."""
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
            auth_req_id=auth_req_id,
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
            ),
            tokens.LIFETIME,
        )
        await self._approvals.redeemed(request)
        return {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(tokens.LIFETIME.total_seconds()),
            "scope": request.scope,
            "id_token": signer.sign(claims),
        }

    async def _keep_pace(self, request: AuthRequest, *, held: bool) -> None:
        """Count a poll of a pending request.

        Raises:
            SlowDown: it came too soon after the one before.
        """
        now = self._clock()
        lifetime = request.expires_at - now
        while True:
            stored = await self._paces.get(request.id)
            if stored is None:
                begun = pace.first(now)
                following, too_soon = pace.after_held(begun, now) if held else begun, False
                counted = await self._paces.create(request.id, following, lifetime)
            else:
                following, too_soon = pace.poll(stored.value, now)
                if held:
                    following, too_soon = pace.after_held(stored.value, now), False
                counted = await self._paces.swap(request.id, stored, following)
            if counted and too_soon:
                raise SlowDown
            if counted:
                return

    def _find(self, tx: Query, request: BackchannelRequest) -> "_Found | None":
        hint = request.hint
        person = (
            people.by_uzi_number(tx, hint.uzi_number)
            if hint.uzi_number
            else people.by_user_name(tx, hint.user_name or "")
        )
        organisation = organisations.get(tx, request.ura)
        if (
            person is None
            or person.status is not PersonStatus.ACTIVE
            or organisation is None
            or organisation.status is not OrganisationStatus.ACTIVE
        ):
            return None
        now = self._clock()
        membership = people.membership(tx, person.id, request.ura)
        if membership is None or not membership.is_valid(now):
            return None
        phones = credentials.of_person(tx, person.id)
        policy = with_changes(self._policy, organisation.key_policy)
        return _Found(
            person.id,
            organisation.name,
            membership.role_code,
            any(phone.is_active(now) and accepts(policy, phone) for phone in phones),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A person of the client's organisation."""

    person_id: str
    organisation: str
    role_code: str
    has_phone: bool


#: The reasons that a client is told (design section 7).
_DENIED = {"not_me": "not_me", "wrong_code": "wrong_code", "other": "denied"}
