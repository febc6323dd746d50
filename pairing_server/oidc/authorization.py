"""The steps of the code flow: a request comes, a code goes, and is exchanged once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pairing_server.approvals.auth_request import Grant, Status
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.audit.events import CodeReused, Outcome
from pairing_server.errors import InvalidRequest, Refusal
from pairing_server.oidc import authorize, id_token
from pairing_server.oidc import code as rules
from pairing_server.oidc.authorize import AuthorizationRequest, answer_uri
from pairing_server.oidc.code import AuthorizationCode, Given
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.refusals import InvalidGrant, InvalidRequestUri
from pairing_server.ports import Ports
from pairing_server.registry import RegistryUnavailableError, Transaction, clients, sessions
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.sessions import EndReason
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest, new_id, new_secret

#: RFC 9126 section 2.2; FAPI 2.0 Security Profile section 5.3.2.2 allows ten minutes.
PUSHED_LIFETIME = timedelta(seconds=60)
URN = "urn:ietf:params:oauth:request_uri:"


class SentBack(Exception):  # noqa: N818  (an answer, not an error)
    """The answer goes to the client by way of the browser; `args[0]` is where."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request that was handed in before the browser came."""

    request: AuthorizationRequest


class AuthorizationFlow:
    """Takes requests, gives codes and exchanges them."""

    def __init__(
        self, ports: Ports, approvals: ApprovalFlow, issuer: Issuer, *, base_url: str
    ) -> None:
        self._registry = ports.registry
        self._pushed = Shelf(ports.store, "pushed-request", Pushed)
        self._codes = Shelf(ports.store, "authorization-code", AuthorizationCode)
        self._approvals = approvals
        self._issuer = issuer
        self._base_url = base_url
        self._clock = ports.clock
        self._random = ports.random

    async def push(
        self, form: Mapping[str, str], client: Client, message: str = ""
    ) -> dict[str, Any]:
        """Take a request ahead of the browser (RFC 9126).

        Args:
            message: What the phone shows, of this server's own clients.

        Raises:
            Refusal: as `authorize.parse`.
        """
        request = replace(await self._read(form, client), message=message)
        secret = new_secret(self._random)
        await self._pushed.create(digest(secret), Pushed(request), PUSHED_LIFETIME)
        expires_in = int(PUSHED_LIFETIME.total_seconds())
        return {"request_uri": URN + secret, "expires_in": expires_in}

    async def begin(self, form: Mapping[str, str]) -> tuple[AuthorizationRequest, Client]:
        """Take the request that a browser brings.

        Raises:
            InvalidRequest, InvalidRequestUri: it is told here, for nowhere else is trusted.
            SentBack: it is told to the client.
        """
        client = await self._client(form.get("client_id", ""))
        if "request_uri" in form:
            return await self._take_pushed(form["request_uri"], client), client
        uri = authorize.redirect_uri(form, client)
        try:
            if client.metadata.require_pushed_authorization_requests:
                raise InvalidRequest("Push the request first (RFC 9126).")
            return await self._read(form, client), client
        except Refusal as refusal:
            state = form.get("state", "")[: authorize.MAX_STATE_CHARACTERS]
            raise SentBack(self.refused(uri, state, refusal)) from refusal

    def refused(self, uri: str, state: str, refusal: Refusal) -> str:
        """Return where a browser goes with a "no" (RFC 6749 section 4.1.2.1)."""
        return answer_uri(
            uri,
            self._base_url,
            state,
            error=refusal.code,
            error_description=refusal.description,
        )

    async def give_code(self, request: AuthorizationRequest, auth_req_id: str) -> str:
        """Return where a browser goes with a code for an approval."""
        code = new_secret(self._random)
        record = AuthorizationCode(
            request=request,
            auth_req_id=auth_req_id,
            expires_at=self._clock() + rules.LIFETIME,
        )
        # As long as anything lives that it gives, so that a second use takes that back.
        lifetime = rules.LIFETIME + id_token.LIFETIME
        await self._codes.create(digest(code), record, lifetime)
        return answer_uri(request.redirect_uri, self._base_url, request.state, code=code)

    async def token(
        self,
        form: Mapping[str, str],
        client: Client,
        wait: timedelta,
        confirmation: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Exchange a code (RFC 6749 section 4.1.3).

        Raises:
            AccessDenied: what the approval rests on has ended.
            InvalidGrant: unknown, foreign, used, or too late.
            InvalidRequest: a parameter is missing.
        """
        _ = wait
        exchange = rules.read_exchange(form)
        key, now = digest(exchange.code), self._clock()
        used = await self._codes.change(
            key, lambda held: rules.use(held, exchange, client.id, now)
        )
        if used is None:
            raise InvalidGrant("unknown")
        if used.is_reused:
            await self._take_back(used)
            raise InvalidGrant("used")
        try:
            tokens = await self._issue(used, client, key, confirmation)
        except RegistryUnavailableError:
            # What it committed all the same is redeemed once, whoever comes back.
            await self._codes.change(key, rules.release)
            raise
        return tokens

    async def _issue(
        self,
        used: AuthorizationCode,
        client: Client,
        key: str,
        confirmation: Mapping[str, str] | None,
    ) -> dict[str, Any]:
        approved = await self._approvals.for_client(
            used.auth_req_id, client.id, Grant.CODE, timedelta(0)
        )
        if approved is None or approved.status_at(self._clock()) is not Status.APPROVED:
            # Cut off since: whichever way, there is nothing to exchange any more.
            raise InvalidGrant("not approved any more")
        sid, request = new_id(self._random), used.request
        extra = {"nonce": request.nonce} if request.nonce else {}
        tokens = await self._issuer.issue(
            approved,
            client,
            extra=extra,
            confirmation=confirmation,
            wanted=request.claims,
            sid=sid,
        )
        given = Given(digest(tokens["access_token"]), digest(tokens["id_token"]), sid)
        kept = await self._codes.change(key, lambda held: rules.give(held, given))
        if kept is None or kept.is_reused:
            # Shown again while this was under way: who else has it is not known.
            await self._take_back(rules.give(used, given))
            raise InvalidGrant("used meanwhile")
        return tokens

    async def _take_back(self, code: AuthorizationCode) -> None:
        """End what a code gave that was shown twice (RFC 6749 section 4.1.2)."""
        given = code.given
        if given is None:
            return
        await self._issuer.take_back(given.access_token, given.id_token)
        now = self._clock()

        def change(tx: Transaction) -> None:
            if not sessions.end(tx, given.sid, EndReason.CODE_REUSED, now):
                return
            tx.record(
                CodeReused(
                    actor=f"client:{code.request.client_id}",
                    object=f"session:{given.sid}",
                    ura=code.request.ura,
                    outcome=Outcome.REFUSED,
                )
            )

        await self._registry.commit(change)

    async def _read(self, form: Mapping[str, str], client: Client) -> AuthorizationRequest:
        request = authorize.parse(form, client)
        if "id_token_hint" not in form:
            return request
        claims = await self._issuer.own_claims(form["id_token_hint"])
        if claims is None or claims["aud"] != client.id:
            raise InvalidRequest("The id_token_hint is an ID token that this client was given.")
        return replace(request, hinted_sub=claims["sub"])

    async def _take_pushed(self, request_uri: str, client: Client) -> AuthorizationRequest:
        pushed = None
        if request_uri.startswith(URN):
            pushed = await self._pushed.take(digest(request_uri.removeprefix(URN)))
        if pushed is None or pushed.request.client_id != client.id:
            raise InvalidRequestUri
        return pushed.request

    async def _client(self, client_id: str) -> Client:
        found = await self._registry.read(lambda tx: clients.get(tx, client_id))
        if found is None or found.status is not ClientStatus.ACTIVE:
            raise InvalidRequest("This program is not registered here: ask its maker.")
        return found
