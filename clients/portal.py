"""The part that a browser plays on the portal's pages: it keeps cookies and sends its origin."""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp
import msgspec

from clients.desktop import Card, DesktopAgent
from clients.phone_record import PastEvent, PushHealth
from clients.wire import Answer, JSONObject, Wire, origin_of

#: Seconds between two looks at what the phone has done so far.
_LOOK_AGAIN = 0.3


class UziSession(msgspec.Struct, frozen=True):
    """A session that waits for a card; `agent_uri` opens the desktop agent."""

    id: str
    nonce: str
    agent_uri: str
    expires_in: int


class Registration(msgspec.Struct, frozen=True):
    """The person as registered, and the session in which they sign that."""

    outcome: str
    person: JSONObject
    session: UziSession


class Notice(msgspec.Struct, frozen=True):
    """Something that an organisation was told."""

    id: str
    kind: str
    at: str
    subject: JSONObject
    read_by: str | None = None
    read_at: str | None = None


class _Notices(msgspec.Struct):
    notices: list[Notice]


class OwnPhone(msgspec.Struct, frozen=True, kw_only=True):
    """A phone of the person who is logged in; `last_used_at` is `None` until it is used."""

    credential_id: str
    device_name: str
    platform: str
    model: str
    status: str
    is_default: bool
    bound_at: str
    expires_at: str
    last_used_at: str | None
    last_used_workstation: str
    last_used_location: str
    last_used_organisation: str
    push: str | None
    push_health: PushHealth
    can_unblock: bool


class _OwnPhones(msgspec.Struct):
    phones: list[OwnPhone]


class _History(msgspec.Struct):
    events: list[PastEvent]


class OfferedPairing(msgspec.Struct, frozen=True):
    """A pairing that waits for a phone; `qr_svg` shows `link`."""

    id: str
    link: str
    qr_svg: str
    expires_in: int


class PairingStatus(msgspec.Struct, frozen=True):
    """How far the phone is."""

    status: str
    device: JSONObject | None = None


class _Status(msgspec.Struct):
    status: str


class PortalPage:
    """One browser at one server; use it as an asynchronous context manager."""

    def __init__(self, base: str, connector: aiohttp.BaseConnector | None = None) -> None:
        self._base = base
        self._headers = {"Origin": origin_of(base)}
        self._http = aiohttp.ClientSession(
            connector=connector, connector_owner=connector is None, cookie_jar=aiohttp.CookieJar()
        )
        self._wire = Wire(self._http, base)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def start_session(self, purpose: str) -> UziSession:
        """Ask for a card: `login`, `register-organisation` or `sign-registration`.

        Raises:
            WireError: refused.
        """
        answer = await self._post("/uzi/sessions", {"purpose": purpose})
        return answer.read(UziSession)

    async def session_status(self, session: UziSession) -> str:
        """Look whether the card has been proved: waiting, proved, refused, expired, completed."""
        return (await self._wire.call("GET", f"/uzi/sessions/{session.id}")).read(_Status).status

    async def complete(self, return_uri: str) -> JSONObject:
        """Finish a session with what the agent opened: the card, and a session of that person.

        Raises:
            ValueError: a return URI of another server.
            WireError: not this browser's session, or spent.
        """
        prefix = f"{self._headers['Origin']}/uzi/return#"
        session, dot, completion = return_uri.removeprefix(prefix).partition(".")
        if not return_uri.startswith(prefix) or not dot:
            raise ValueError("not a return URI of this server")
        answer = await self._post(f"/uzi/sessions/{session}/complete", {"completion": completion})
        return answer.read(JSONObject)

    async def prove(self, session: UziSession, agent: DesktopAgent, card: Card) -> JSONObject:
        """Let the agent prove the card in a session, and finish it here.

        Raises:
            Declined: the agent does not go on.
            WireError: the card or the session is refused.
        """
        return await self.complete(await agent.prove(session.agent_uri, card))

    async def login(self, agent: DesktopAgent, card: Card) -> JSONObject:
        """Log in with a card.

        Raises:
            Declined: the agent does not go on.
            WireError: the card or the session is refused.
        """
        return await self.prove(await self.start_session("login"), agent, card)

    async def register_organisation(self) -> JSONObject:
        """Register the card's organisation, from a `register-organisation` session.

        Raises:
            WireError: no such session, or registered already.
        """
        return (await self._post("/portal/organisations", {})).read(JSONObject)

    async def registration(self, date_of_birth: str) -> Registration:
        """Register the person; `date_of_birth` is YYYY-MM-DD.

        Raises:
            WireError: not logged in, or refused.
        """
        answer = await self._post("/portal/registration", {"date_of_birth": date_of_birth})
        return answer.read(Registration)

    async def deny_registration(self) -> None:
        """Say that the existing person whom `registration` showed is somebody else.

        Raises:
            WireError: none was shown, or it has been signed.
        """
        await self._post("/portal/registration/denial", {})

    async def notices(self) -> list[Notice]:
        """Read what the organisation of the card was told.

        Raises:
            WireError: not an administrator of it.
        """
        return (await self._wire.call("GET", "/portal/notices")).read(_Notices).notices

    async def read_notice(self, identifier: str) -> None:
        """Mark a notice as read.

        Raises:
            WireError: not an administrator, or no such notice.
        """
        await self._post(f"/portal/notices/{identifier}/read", {})

    async def start_pairing(self) -> OfferedPairing:
        """Offer a pairing to the phone of the person who is logged in.

        Raises:
            WireError: not logged in with a card, or not registered.
        """
        answer = await self._post("/portal/pairings", {})
        return answer.read(OfferedPairing)

    async def pairing(self, identifier: str) -> PairingStatus:
        """Look how far the phone is."""
        answer = await self._wire.call("GET", f"/portal/pairings/{identifier}")
        return answer.read(PairingStatus)

    async def wait_proved(self, identifier: str) -> PairingStatus:
        """Look until the phone has made its key, or the pairing is over."""
        while True:
            seen = await self.pairing(identifier)
            if seen.status not in {"offered", "scanned"}:
                return seen
            await asyncio.sleep(_LOOK_AGAIN)

    async def confirm(self, identifier: str, check_number: str) -> None:
        """Type the number that stands on the phone.

        Raises:
            WireError: another number; three wrong ones end the pairing.
        """
        await self._post(f"/portal/pairings/{identifier}/confirm", {"check_number": check_number})

    async def phones(self) -> list[OwnPhone]:
        """List the phones of the person who is logged in.

        Raises:
            WireError: not logged in with a card, or not registered.
        """
        return (await self._wire.call("GET", "/portal/phones")).read(_OwnPhones).phones

    async def history(self) -> list[PastEvent]:
        """List what happened with those phones, newest first.

        Raises:
            WireError: not logged in with a card, or not registered.
        """
        return (await self._wire.call("GET", "/portal/history")).read(_History).events

    async def block_phone(self, credential_id: str) -> None:
        """Block a phone that is lost: it opens nothing until it is unblocked.

        Raises:
            WireError: no such phone, or not active.
        """
        await self._post(f"/portal/phones/{credential_id}/block", {})

    async def unblock_phone(self, credential_id: str) -> None:
        """Unblock a phone that was found.

        Raises:
            WireError: no such phone, not blocked, or its key may have been copied.
        """
        await self._post(f"/portal/phones/{credential_id}/unblock", {})

    async def revoke_phone(self, credential_id: str) -> None:
        """Revoke a phone for good, with all other browser sessions of the person.

        Raises:
            WireError: no such phone.
        """
        await self._post(f"/portal/phones/{credential_id}/revoke", {})

    async def rename_phone(self, credential_id: str, name: str) -> None:
        """Call a phone otherwise.

        Raises:
            WireError: no such phone, or a name that cannot be shown.
        """
        await self._post(f"/portal/phones/{credential_id}/rename", {"name": name})

    async def log_out(self) -> None:
        """End the browser's session, so that nobody goes on at a page that was left open."""
        await self._post("/portal/logout", {})

    async def _post(self, path: str, body: JSONObject) -> Answer:
        return await self._wire.call("POST", path, body, headers=self._headers)
