"""The main job, played from the outside: one person, one card, one phone, one workstation.

Every step goes over the wire; whatever does not happen as the wire says ends the play.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clients.auth_request import AuthRequest
from clients.desktop import Card, DesktopAgent
from clients.oauth_error import AccessDenied, InvalidGrant, UnknownUser
from clients.phone import SoftwarePhone
from clients.portal import OfferedPairing, PortalPage
from clients.qr_image import rasterise_svg, read_qr, terminal_qr
from clients.started import Started
from clients.wire import WireError, origin_of
from clients.workstation import Assertion, Workstation

#: Seconds within which a wake-up, a pull or an answer must have come.
PATIENCE = 30
#: Refusals that a blocked phone may hear.
_SHUT_OUT = {401, 403}
_CONFLICT = 409
_WORKSTATION = {
    "workstation_id": "reference-workstation",
    "workstation": "Reference workstation",
    "location": "Reception",
}


class Deviation(Exception):  # noqa: N818 - from the play as written.
    """Something happened that should not have, or the other way round."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """With what, and against what, the job is played.

    Args:
        register_client: Registers the workstation, as an operator does once the organisation is
            there, and returns its `client_id`; `client_key_file` holds its key from then on.
        block: Blocks the credential of that id, as an operator does.
        unblock: Offers to unblock it, and returns the code that its holder is to type.
        woken: Waits until the push address with this token has been woken, counting from the
            wake-ups that were waited for before.
        say: Hears of every step, and how many seconds it took.
        show: Prints to the terminal: the QR code.
        push_service: The `service` of the phone's push address.
        leave_paired: Leaves the phone bound at the end instead of unbinding it.
    """

    base_url: str
    card_file: Path
    card_pin: str
    register_client: Callable[[], Awaitable[str]]
    client_key_file: Path
    ura: str
    uzi_number: str
    block: Callable[[str], Awaitable[object]]
    unblock: Callable[[str], Awaitable[str]]
    woken: Callable[[str], Awaitable[object]]
    say: Callable[[str, float], None]
    show: Callable[[str], None] = print
    date_of_birth: str = "1980-01-31"
    push_service: str = "fcm"
    leave_paired: bool = False


@dataclass(frozen=True, kw_only=True)
class Played:
    """What the play leaves: the verified assertions, and the phone as it stands."""

    login: Assertion
    after_unblocking: Assertion
    phone: SoftwarePhone
    seconds: dict[str, float]


async def play(scene: Scene) -> Played:
    """Play the main job once.

    Raises:
        Deviation: a step did not do what it must.
        WireError: the server refused a step.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        page = await stack.enter_async_context(PortalPage(scene.base_url))
        return await _Play(scene, http, page).all()


@dataclass(frozen=True)
class _Play:
    scene: Scene
    http: aiohttp.ClientSession
    page: PortalPage
    seconds: dict[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
        self.scene.say(name, self.seconds[name])

    async def all(self) -> Played:
        await self.register()
        phone = await self.bind()
        async with self.step("workstation registered by the operator"):
            client_id = await self.scene.register_client()
        key = _key(self.scene.client_key_file)
        workstation = Workstation(self.http, self.scene.base_url, client_id, key)
        login = await self.log_in(phone, workstation)
        others_asked = await self.blocked(phone, workstation)
        again = await self.unblocked(phone, workstation, is_woken=not others_asked)
        if not self.scene.leave_paired:
            await self.unbind(phone)
        return Played(login=login, after_unblocking=again, phone=phone, seconds=self.seconds)

    async def register(self) -> None:
        """The organisation and the person, both by the card."""
        card = Card.from_pkcs12(self.scene.card_file, self.scene.card_pin)
        agent = DesktopAgent(self.http, [origin_of(self.scene.base_url)])
        async with self.step("organisation registered with the card"):
            session = await self.page.start_session("register-organisation")
            await self.page.prove(session, agent, card)
            await _unless_conflict(self.page.register_organisation())
        async with self.step("logged in with the card"):
            await self.page.login(agent, card)
        async with self.step("person registered and signed for"):
            registration = await self.page.registration(self.scene.date_of_birth)
            await self.page.prove(registration.session, agent, card)

    async def bind(self) -> SoftwarePhone:
        """The phone reads the QR code from its pixels, and is bound."""
        async with self.step("pairing offered"):
            offered = await self.page.start_pairing()
        async with self.step("QR code shown and read from its pixels"):
            link = self.scan(offered)
        phone = SoftwarePhone(self.http)
        async with self.step("phone scanned and made its key"):
            offer = await phone.scan(link)
            _expect(offer.identity.uzi_number == self.scene.uzi_number, "another person offered")
            await phone.prove(offer)
        async with self.step("check number typed and phone bound"):
            seen = await self.page.wait_proved(offered.id)
            _expect(seen.status == "proved", f"pairing {seen.status}, not proved")
            await self.page.confirm(offered.id, offer.check_number)
            await phone.wait_paired(offer)
        push = {"service": self.scene.push_service, "token": _push_token(phone)}
        async with self.step("phone registered where to be woken"):
            await phone.register_push(dict(push))
        return phone

    def scan(self, offered: OfferedPairing) -> str:
        image = rasterise_svg(offered.qr_svg)
        self.scene.show(terminal_qr(image))
        link = read_qr(image)
        _expect(link == offered.link, "the QR code says another link")
        return link

    async def log_in(self, phone: SoftwarePhone, workstation: Workstation) -> Assertion:
        """A workstation asks and waits; the phone wakes, pulls, shows and signs."""
        started = await self.ask(workstation, "login")
        waiting = asyncio.create_task(workstation.poll(started))
        try:
            await self.approve(phone, started, "login")
            async with self.step("waiting workstation verified its assertion"):
                assertion = await asyncio.wait_for(waiting, PATIENCE)
        finally:
            waiting.cancel()
        claims = assertion.claims
        said = (claims.uzi_number, claims.ura)
        _expect(said == (self.scene.uzi_number, self.scene.ura), "another person asserted")
        try:
            await workstation.poll_once(started, wait=0)
        except InvalidGrant:
            return assertion
        raise Deviation("one approval was redeemed twice")

    async def blocked(self, phone: SoftwarePhone, workstation: Workstation) -> bool:
        """A blocked phone opens nothing: neither what it had approved, nor anything new.

        Returns whether another phone was asked, which nobody answers here.
        """
        started = await self.ask(workstation, "before blocking")
        await self.approve(phone, started, "before blocking")
        async with self.step("phone blocked by the operator"):
            await self.scene.block(phone.credential_id)
        async with self.step("approved but not redeemed: refused"):
            await _refused(workstation, started, "revoked")
        async with self.step("new request: refused"):
            return await self.nothing_new(phone, workstation)

    async def nothing_new(self, phone: SoftwarePhone, workstation: Workstation) -> bool:
        try:
            started = await self.start(workstation)
        except UnknownUser:
            started = None
        try:
            _expect(not await phone.auth_requests(), "a blocked phone sees a request")
        except WireError as error:
            _expect(error.status in _SHUT_OUT, f"a blocked phone hears {error}")
        if started is not None:
            pending = await workstation.poll_once(started, wait=0)
            _expect(pending is None, "a blocked phone logged in")
        return started is not None

    async def unblocked(
        self, phone: SoftwarePhone, workstation: Workstation, *, is_woken: bool
    ) -> Assertion:
        """The phone that turned up again opens what it opened before.

        Args:
            is_woken: Whether it is, for after a push that nobody answered the next one waits.
        """
        async with self.step("unblocking offered by the operator, with a code"):
            code = await self.scene.unblock(phone.credential_id)
        async with self.step("code typed on the phone, which is unblocked"):
            await phone.unblock(code)
        started = await self.ask(workstation, "after unblocking")
        await self.approve(phone, started, "after unblocking", is_woken=is_woken)
        async with self.step("assertion after unblocking verified"):
            return await asyncio.wait_for(workstation.poll(started), PATIENCE)

    async def unbind(self, phone: SoftwarePhone) -> None:
        """The phone lets go, so that the card holder has nothing open."""
        async with self.step("phone unbound itself"):
            await phone.unbind()
        try:
            await phone.credential()
        except WireError as error:
            _expect(error.status in _SHUT_OUT, f"an unbound phone hears {error}")
        else:
            raise Deviation("an unbound phone is still known")

    async def ask(self, workstation: Workstation, what: str) -> Started:
        async with self.step(f"workstation asked ({what})"):
            return await self.start(workstation)

    async def start(self, workstation: Workstation) -> Started:
        return await workstation.start(
            f"uzi:{self.scene.uzi_number}", ura=self.scene.ura, request_context=_WORKSTATION
        )

    async def approve(
        self, phone: SoftwarePhone, started: Started, what: str, *, is_woken: bool = True
    ) -> None:
        if is_woken:
            async with self.step(f"phone woken ({what})"):
                await asyncio.wait_for(self.scene.woken(_push_token(phone)), PATIENCE)
        async with self.step(f"phone pulled, showed, took the code and signed ({what})"):
            request = await _newest(phone)
            _expect(request.ura == self.scene.ura, "a request of another organisation")
            _expect(request.workstation == _WORKSTATION["workstation"], "another workstation")
            _expect(len(started.binding_code) == request.code_length, "a code of another length")
            await phone.approve(request, started.binding_code)


async def _newest(phone: SoftwarePhone) -> AuthRequest:
    """The one open request, read once more by its identifier as a woken app does."""
    async with asyncio.timeout(PATIENCE):
        while not (pulled := await phone.auth_requests(wait=PATIENCE // 2)):
            pass
    _expect(len(pulled) == 1, f"{len(pulled)} requests are open")
    request = await phone.get(pulled[0].id)
    _expect(request == pulled[0], "list and request say different things")
    return request


async def _refused(workstation: Workstation, started: Started, reason: str) -> None:
    try:
        await workstation.poll_once(started)
    except AccessDenied as error:
        _expect(error.reason == reason, f"refused as {error.reason}, not as {reason}")
    else:
        raise Deviation("what a blocked phone had approved was redeemed")


async def _unless_conflict(registering: Awaitable[object]) -> None:
    """An organisation is registered once; a play on a kept database finds it registered."""
    try:
        await registering
    except WireError as error:
        if error.status != _CONFLICT:
            raise


def _push_token(phone: SoftwarePhone) -> str:
    return f"reference-phone-{phone.credential_id}"


def _key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{file} holds no elliptic curve key")
    return key


def _expect(fact: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads as an assertion.
    if not fact:
        raise Deviation(otherwise)
