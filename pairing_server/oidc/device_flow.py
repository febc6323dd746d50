"""The steps of a login at a workstation that does not know who: RFC 8628."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pairing_server.approvals import user_code
from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import Grant, Shown
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.user_codes import UserCodes
from pairing_server.clock import wire_time
from pairing_server.errors import InvalidRequest
from pairing_server.oidc import backchannel
from pairing_server.oidc.client_policy import policy_of
from pairing_server.oidc.polling import Polling, awaiting
from pairing_server.oidc.refusals import UnauthorizedClient
from pairing_server.ports import Ports
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.clients import Client
from pairing_server.tokens import draw_digits, new_id

#: Where a person whose phone has no native app types the code (RFC 8628 section 3.3).
VERIFICATION_PATH = "/app/"


class DeviceFlow:
    """The device authorization grant: whoever scans what the workstation shows logs in there."""

    def __init__(
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        user_codes: UserCodes,
        polling: Polling,
        *,
        issuer: str,
    ) -> None:
        self._approvals = approvals
        self._user_codes = user_codes
        self._polling = polling
        self._issuer = issuer
        self._clock = ports.clock
        self._random = ports.random

    async def begin(self, form: Mapping[str, str], client: Client) -> dict[str, Any]:
        """Open a login for whoever scans (RFC 8628 section 3.1).

        There is no `verification_uri_complete`: a link that stays the same could be sent to
        somebody, which is what the frames are changed against each second.

        Raises:
            InvalidBindingMessage, InvalidRequest, InvalidScope: the request is not well formed.
            UnauthorizedClient: the client is not registered for this.
        """
        if GrantType.DEVICE_CODE not in client.metadata.grant_types:
            raise UnauthorizedClient
        policy = policy_of(client)
        binding = backchannel.binding(form.get("binding_message"), policy.code_digits)
        context = backchannel.context_of(form.get("request_context"))
        asked = Asked(
            client_id=client.id,
            person_id=None,
            workstation_id=context.workstation_id,
            scope=backchannel.scope_of(form),
            shown=Shown(
                client=client.name,
                organisation="",
                ura=backchannel.ura_of(form.get("ura"), client),
                role_code="",
                workstation=context.workstation,
                location=context.location,
                message=binding.message,
                nonce=new_id(self._random),
                requested_at=wire_time(self._clock()),
            ),
            code=binding.code or draw_digits(self._random, policy.code_digits),
            lifetime=backchannel.lifetime_of(form.get("requested_expiry")),
            needs_known_place=policy.known_workstation,
            grant=Grant.DEVICE,
            is_for_whoever_scans=True,
        )
        device_code, request = await self._approvals.ask(asked)
        return {
            "device_code": device_code,
            "user_code": await self._user_code(request.id, asked, is_taken=policy.user_code),
            "verification_uri": f"{self._issuer}{VERIFICATION_PATH}",
            **awaiting(asked, self._issuer),
        }

    async def token(
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer a poll, held for `wait` while nobody has answered (RFC 8628 section 3.4).

        Raises:
            AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown: as named.
        """
        device_code = form.get("device_code")
        if device_code is None:
            raise InvalidRequest("Send the device_code.")
        return await self._polling.answer(
            device_code, client, Grant.DEVICE, wait, confirmation=confirmation
        )

    async def _user_code(self, identifier: str, asked: Asked, *, is_taken: bool) -> str:
        """Return the code that the RFC demands; where the policy takes none it opens nothing."""
        if is_taken:
            return await self._user_codes.offer(identifier, asked.lifetime)
        return user_code.shown(user_code.draw(self._random))
