"""How somebody comes to administer: by the server's own login, like a user of any client."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from admin import portal_client
from admin.portal_client import CLIENT_ID, RETURN
from admin.refusals import (
    AnotherPerson,
    LoginNotFound,
    LoginRefused,
    NoSuchOrganisation,
    WeakKey,
)
from admin.session import AdminSession
from pairing_server.audit.admin_events import (
    AdministratorLoggedIn,
    AdministratorLoggedOut,
    AdministratorRefused,
)
from pairing_server.audit.events import Outcome
from pairing_server.errors import Refusal
from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant, UnmetRequirements
from pairing_server.portal.registration import NotAnAdministrator
from pairing_server.ports import Ports
from pairing_server.registry import (
    AlreadyExistsError,
    Transaction,
    administrators,
    clients,
    sessions,
)
from pairing_server.registry.administrators import Administrator
from pairing_server.registry.clients import Client
from pairing_server.registry.sessions import EndReason
from pairing_server.settings import AssuranceLevel
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import b64url, digest, new_secret

#: As long as a page of a login may stand there (`pairing_server.oidc.browser_login`).
LIFETIME = timedelta(minutes=30)
#: Who can cut off everybody else's phone logs in with more than a key that is copied to a cloud.
LEAST = AssuranceLevel.SUBSTANTIAL
_CLAIMS = json.dumps({"id_token": {"acr": {"essential": True, "values": [LEAST.value]}}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A login that a browser began; it stands under the digest of its `state`.

    Attributes:
        browser: Digest of the cookie that ties it to the browser.
        path: Where the browser goes afterwards.
        person_id: Who confirms an act; empty for a login.
        act: What they confirm.
    """

    browser: str
    ura: str
    verifier: str
    path: str
    person_id: str = ""
    act: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What somebody confirms who is logged in.

    Attributes:
        message: What their phone shows, in the language of their browser.
    """

    person_id: str
    act: str
    message: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login came to."""

    sid: str
    authenticated_at: datetime


class LoginFlow:
    """Begin, complete, end."""

    def __init__(
        self, ports: Ports, authorizations: AuthorizationFlow, issuer: Issuer, *, base_url: str
    ) -> None:
        self._registry = ports.registry
        self._attempts = Shelf(ports.store, "admin-login", Attempt)
        self._authorizations = authorizations
        self._issuer = issuer
        self._base_url = base_url
        self._clock = ports.clock
        self._random = ports.random

    async def begin(
        self, ura: str, browser: str, path: str, confirmation: Confirmation | None = None
    ) -> str:
        """Begin a login for an organisation.  Returns where the browser goes.

        Args:
            browser: The secret in the browser's cookie.

        Raises:
            NoSuchOrganisation: it is not registered, or an operator closed the portal.
        """
        client = await self._prepared(ura)
        state, verifier = new_secret(self._random), new_secret(self._random)
        attempt = Attempt(
            browser=digest(browser),
            ura=ura,
            verifier=verifier,
            path=path,
            person_id=confirmation.person_id if confirmation else "",
            act=confirmation.act if confirmation else "",
        )
        form = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": self._base_url + RETURN,
            "scope": "openid",
            "state": state,
            "code_challenge": b64url(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "claims": _CLAIMS,
            "ura": ura,
        }
        message = confirmation.message if confirmation else ""
        pushed = await self._authorizations.push(form, client, message)
        await self._attempts.create(digest(state), attempt, LIFETIME)
        query = {"client_id": CLIENT_ID, "request_uri": pushed["request_uri"]}
        return f"/authorize?{urlencode(query)}"

    async def complete(
        self, form: Mapping[str, str], browser: str | None, held: AdminSession | None
    ) -> tuple[AdminSession, str]:
        """Take the answer that the browser brings.

        Args:
            form: The query of the redirect (RFC 6749 section 4.1.2, RFC 9207).
            held: The session that the browser had, which the new one takes the place of.

        Returns:
            The session to open, and where the browser goes.

        Raises:
            AnotherPerson: somebody else confirmed; the session that was there stays.
            LoginNotFound: no login of this browser, or one that was completed.
            LoginRefused: no, or cut off meanwhile.
            NotAnAdministrator: the person has no administrative role there.
            WeakKey: what they logged in with earns too little.
        """
        attempt = await self._attempts.take(digest(form.get("state", "")))
        # Taken first: whoever brings a state that is not theirs has spent it.
        if (
            attempt is None
            or browser is None
            or attempt.browser != digest(browser)
            or form.get("iss") != self._base_url
        ):
            raise LoginNotFound("no login of this browser")
        if "code" not in form:
            raise WeakKey if form.get("error") == UnmetRequirements.code else LoginRefused
        tokens = await self._exchange(form["code"], attempt)
        found = await self._open(tokens, attempt, held)
        session = AdminSession(
            id="",
            sid=tokens.sid,
            person_id=found.person_id,
            ura=found.ura,
            authenticated_at=tokens.authenticated_at,
            expires_at=found.expires_at,
            used_at=self._clock(),
        )
        return session, attempt.path

    async def log_out(self, session: AdminSession) -> None:
        """End a session."""
        now = self._clock()

        def change(tx: Transaction) -> None:
            if sessions.end(tx, session.sid, EndReason.LOGOUT, now, is_told=False):
                tx.record(
                    AdministratorLoggedOut(
                        actor=f"person:{session.person_id}",
                        object=f"session:{session.sid}",
                        ura=session.ura,
                    )
                )

        await self._registry.commit(change)

    async def _prepared(self, ura: str) -> Client:
        client = await self._registry.read(lambda tx: clients.get(tx, CLIENT_ID))
        if client is not None and portal_client.is_prepared(client, ura, self._base_url):
            found: Client | None = client if client.status is clients.ClientStatus.ACTIVE else None
        else:
            found = await self._prepare(ura)
        if found is None:
            raise NoSuchOrganisation
        return found

    async def _prepare(self, ura: str) -> Client | None:
        def change(tx: Transaction) -> Client | None:
            return portal_client.prepare(tx, ura, self._base_url, self._clock())

        try:
            return await self._registry.commit(change)
        except AlreadyExistsError:
            # Another node registered it at this very moment: now it is there to be locked.
            return await self._registry.commit(change)

    async def _exchange(self, code: str, attempt: Attempt) -> Tokens:
        client = await self._registry.read(lambda tx: clients.get(tx, CLIENT_ID))
        if client is None:
            raise LoginNotFound("client")
        form = {
            "code": code,
            "redirect_uri": self._base_url + RETURN,
            "code_verifier": attempt.verifier,
        }
        try:
            tokens = await self._authorizations.token(form, client, timedelta(0))
        except InvalidGrant as refusal:
            raise LoginNotFound(*refusal.args) from refusal
        except AccessDenied as refusal:
            raise LoginRefused(*refusal.args) from refusal
        claims = await self._issuer.own_claims(tokens["id_token"])
        # Nobody needs them any more, so nobody is to find them.
        await self._issuer.take_back(digest(tokens["access_token"]), digest(tokens["id_token"]))
        if claims is None:
            raise LoginNotFound("signing key gone meanwhile")
        authenticated_at = datetime.fromtimestamp(claims["auth_time"], UTC)
        return Tokens(claims["sid"], authenticated_at)

    async def _open(
        self, tokens: Tokens, attempt: Attempt, held: AdminSession | None
    ) -> Administrator:
        now = self._clock()

        def change(tx: Transaction) -> Administrator | Refusal:
            opened = sessions.get(tx, tokens.sid)
            person_id = "" if opened is None else opened.person_id
            found = administrators.of_session(tx, tokens.sid, CLIENT_ID, now)
            judged = _judge(found, person_id, attempt)
            confirmed = {"confirms": attempt.act} if attempt.act else {}
            facts = (f"person:{person_id}", f"session:{tokens.sid}", attempt.ura)
            if isinstance(judged, Refusal):
                sessions.end(tx, tokens.sid, EndReason.LOGOUT, now, is_told=False)
                tx.record(_refused(*facts, {"reason": judged.code, **confirmed}))
                return judged
            if held is not None:
                sessions.end(tx, held.sid, EndReason.LOGOUT, now, is_told=False)
            tx.record(_logged_in(*facts, {"role": judged.role.value, **confirmed}))
            return judged

        judged = await self._registry.commit(change)
        if isinstance(judged, Refusal):
            raise judged
        return judged


def _judge(
    found: Administrator | None, person_id: str, attempt: Attempt
) -> Administrator | Refusal:
    if attempt.person_id not in ("", person_id):
        return AnotherPerson()
    return found or NotAnAdministrator()


def _logged_in(
    actor: str, about: str, ura: str, evidence: Mapping[str, str]
) -> AdministratorLoggedIn:
    return AdministratorLoggedIn(actor=actor, object=about, ura=ura, evidence=evidence)


def _refused(
    actor: str, about: str, ura: str, evidence: Mapping[str, str]
) -> AdministratorRefused:
    return AdministratorRefused(
        actor=actor, object=about, ura=ura, outcome=Outcome.REFUSED, evidence=evidence
    )
