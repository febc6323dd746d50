"""The steps of a login at a workstation that knows who: CIBA."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pairing_server.approvals.asked import Asked
from pairing_server.approvals.auth_request import AuthRequest, Grant, Shown, nobody
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.clock import wire_time
from pairing_server.errors import InvalidRequest
from pairing_server.keys.policy import KeyPolicy, most_earned
from pairing_server.oidc import backchannel
from pairing_server.oidc.acr import check_reachable
from pairing_server.oidc.backchannel import BackchannelRequest
from pairing_server.oidc.client_policy import KnowsUsers, policy_of
from pairing_server.oidc.hinted_person import Asker, Found, Lookup, look_up
from pairing_server.oidc.hints import Hint
from pairing_server.oidc.id_token import AUTH_REQ_ID_CLAIM
from pairing_server.oidc.ping_queue import Ping
from pairing_server.oidc.pinging import Pings
from pairing_server.oidc.polling import Polling, awaiting
from pairing_server.oidc.refusals import UnauthorizedClient, UnknownUserId
from pairing_server.oidc.signed_words import SignedWords
from pairing_server.ports import Ports
from pairing_server.registry.client_metadata import GrantType
from pairing_server.registry.clients import Client
from pairing_server.tokens import draw_digits, new_id


class LoginFlow:
    """CIBA in poll and ping mode (CIBA Core sections 7, 10, 11)."""

    def __init__(  # noqa: PLR0913  (its parts, and three facts of the server)
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        polling: Polling,
        words: SignedWords,
        pings: Pings,
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
        self._clock = ports.clock
        self._random = ports.random
        self._approvals = approvals
        self._polling = polling
        self._words = words
        self._pings = pings
        self._issuer = issuer
        self._salt = pairwise_salt
        self._policy = policy

    async def begin(self, form: Mapping[str, str], client: Client) -> dict[str, Any]:
        """Ask a person to log in at this client (CIBA Core section 7).

        Raises:
            ExpiredLoginHintToken, InvalidBindingMessage, InvalidRequest, InvalidScope: the request
                is not well formed.
            TooManyOpen: see there.
            TooManyRequests: too many notifications of this client are awaited.
            UnauthorizedClient: the client is not registered for this.
            UnknownUserId: nobody of the client's organisation by this name has an active phone.
            UnmetRequirements: no key reaches what is asked for.
        """
        _check_registered(client)
        request = backchannel.parse(await self._words.form(form, client), client)
        if request.notification_token:
            self._pings.check_room(client.id)
        hint = await self._words.hint(*request.hint, client)
        asker = Asker(client.id, request.ura, self._salt, self._policy)
        now = self._clock()
        lookup = await self._registry.read(lambda tx: look_up(tx, hint, asker, now))
        check_reachable(request.acr, most_earned(lookup.policy))
        found = _reachable(lookup.found, client)
        asked = self._asked(request, client, lookup, found, hint)
        auth_req_id, opened = await self._approvals.ask(asked)
        await self._expect_ping(auth_req_id, opened, request.notification_token)
        return {"auth_req_id": auth_req_id, **awaiting(asked, self._issuer)}

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
            UnauthorizedClient: the client is not registered for this.
        """
        _check_registered(client)
        auth_req_id = form.get("auth_req_id")
        if auth_req_id is None:
            raise InvalidRequest("Send the auth_req_id.")
        extra = {AUTH_REQ_ID_CLAIM: auth_req_id}
        return await self._polling.answer(
            auth_req_id, client, Grant.CIBA, wait, extra=extra, confirmation=confirmation
        )

    def _asked(
        self,
        request: BackchannelRequest,
        client: Client,
        lookup: Lookup,
        found: Found | None,
        hint: Hint,
    ) -> Asked:
        policy = policy_of(client)
        return Asked(
            client_id=client.id,
            person_id=found.person_id if found else nobody(f"{request.ura}\n{hint}"),
            workstation_id=request.context.workstation_id,
            scope=request.scope,
            shown=Shown(
                client=client.name,
                organisation=lookup.organisation if found else "",
                ura=request.ura,
                role_code=found.role_codes[0] if found else "",
                workstation=request.context.workstation,
                location=request.context.location,
                message=request.binding.message,
                nonce=new_id(self._random),
                requested_at=wire_time(self._clock()),
            ),
            code=request.binding.code or draw_digits(self._random, policy.code_digits),
            lifetime=request.lifetime,
            gate=policy.push,
            needs_known_place=policy.known_workstation,
            is_discreet=policy.knows_users is KnowsUsers.NONE,
            grant=Grant.CIBA,
            role_codes=found.role_codes if found else (),
        )

    async def _expect_ping(self, auth_req_id: str, opened: AuthRequest, token: str) -> None:
        if token:
            await self._pings.expect(
                Ping(
                    request=opened.id,
                    client_id=opened.client_id,
                    auth_req_id=auth_req_id,
                    token=token,
                    expires_at=opened.expires_at,
                )
            )


def _check_registered(client: Client) -> None:
    if GrantType.CIBA not in client.metadata.grant_types:
        raise UnauthorizedClient


def _reachable(found: Found | None, client: Client) -> Found | None:
    """Return who can answer; who cannot is nobody to a client that is not to know.

    Raises:
        UnknownUserId: the client may know.
    """
    if found is None or found.has_phone:
        return found
    if policy_of(client).knows_users is KnowsUsers.OWN:
        raise UnknownUserId
    return None
