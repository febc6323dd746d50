"""The steps of a login at a workstation that knows who: CIBA."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pairing_server.approvals.auth_request import Grant, Shown
from pairing_server.approvals.flow import ApprovalFlow, Asked
from pairing_server.clock import wire_time
from pairing_server.errors import InvalidRequest
from pairing_server.keys.policy import KeyPolicy, accepts, with_changes
from pairing_server.oidc import backchannel, pace
from pairing_server.oidc.backchannel import BackchannelRequest
from pairing_server.oidc.client_policy import policy_of
from pairing_server.oidc.id_token import AUTH_REQ_ID_CLAIM
from pairing_server.oidc.polling import Polling
from pairing_server.oidc.refusals import UnknownUserId
from pairing_server.ports import Ports
from pairing_server.qr.login import EVENTS_PATH
from pairing_server.registry import Query, credentials, organisations, people
from pairing_server.registry.clients import Client
from pairing_server.registry.organisations import OrganisationStatus
from pairing_server.registry.people import PersonStatus
from pairing_server.tokens import draw_digits, new_id


class LoginFlow:
    """CIBA in poll mode (CIBA Core sections 7, 10, 11)."""

    def __init__(
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        polling: Polling,
        *,
        issuer: str,
        policy: KeyPolicy,
    ) -> None:
        """Build the flow.

        Args:
            policy: Which keys are taken, where an organisation has no policy of its own.
        """
        self._registry = ports.registry
        self._approvals = approvals
        self._polling = polling
        self._issuer = issuer
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
            grant=Grant.CIBA,
            gate=policy_of(client).push,
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
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer a poll, held for `wait` while nobody has answered (CIBA Core sections 10, 11).

        Raises:
            AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown: as named.
        """
        auth_req_id = form.get("auth_req_id")
        if auth_req_id is None:
            raise InvalidRequest("Send the auth_req_id.")
        extra = {AUTH_REQ_ID_CLAIM: auth_req_id}
        return await self._polling.answer(
            auth_req_id, client, Grant.CIBA, wait, extra=extra, confirmation=confirmation
        )

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
