"""The steps of a login at the login page: ask, show, switch, send back."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pairing_server.approvals.asked import Asked, request_id
from pairing_server.approvals.auth_request import MAX_LIFETIME, AuthRequest, Grant, Shown
from pairing_server.approvals.fatigue import Gate
from pairing_server.approvals.flow import ApprovalFlow
from pairing_server.approvals.scan import ScanFlow
from pairing_server.clock import wire_time
from pairing_server.errors import Conflict, NotFound, Refusal
from pairing_server.oidc import browser_login as rules
from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.authorize import AuthorizationRequest
from pairing_server.oidc.browser_login import BrowserLogin, Progress, Way, Workplace
from pairing_server.oidc.claims_request import reaches
from pairing_server.oidc.client_policy import policy_of
from pairing_server.oidc.issuing import Issuer
from pairing_server.oidc.known_people import KnownPeople
from pairing_server.oidc.refusals import (
    AccessDenied,
    LoginRequired,
    UnmetRequirements,
)
from pairing_server.ports import Ports
from pairing_server.qr.login import Frames, LoginQrFlow
from pairing_server.registry import clients
from pairing_server.registry.clients import Client
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import draw_digits, new_id

#: As long as somebody may take to find their phone.
LIFETIME = MAX_LIFETIME
#: How often a page that waits hears that it still does: proxies end what is silent for a minute.
PULSE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class View:
    """A login as its page shows it.

    Attributes:
        code: What is to be typed on the phone; empty when nothing is.
        link: What the QR code says at this moment; empty when there is none.
        seconds_left: Until what is asked runs out.
    """

    login: BrowserLogin
    progress: Progress
    code: str = ""
    link: str = ""
    seconds_left: int = 0


class BrowserLogins:
    """Logins at pages, each in the browser that began it."""

    def __init__(
        self,
        ports: Ports,
        approvals: ApprovalFlow,
        authorizations: AuthorizationFlow,
        issuer: Issuer,
        qr: LoginQrFlow,
        known: KnownPeople,
    ) -> None:
        self._registry = ports.registry
        self._logins = Shelf(ports.store, "browser-login", BrowserLogin)
        self._approvals = approvals
        self._scans = ScanFlow(ports)
        self._authorizations = authorizations
        self._issuer = issuer
        self._qr = qr
        self._known = known
        self._clock = ports.clock
        self._random = ports.random
        self._is_draining = False

    def drain(self) -> None:
        """End every stream: the server is stopping, and whoever looks comes back elsewhere."""
        self._is_draining = True

    async def begin(
        self, request: AuthorizationRequest, client: Client, place: Workplace
    ) -> BrowserLogin:
        """Begin with the QR code, which needs to know nobody."""
        auth_req_id, code = await self._ask(request, client, place, Way.QR)
        login = BrowserLogin(
            id=new_id(self._random),
            place=place,
            request=request,
            expires_at=self._clock() + rules.LIFETIME,
            way=Way.QR,
            auth_req_id=auth_req_id,
            code=code,
        )
        await self._logins.create(login.id, login, rules.LIFETIME)
        return login

    async def of(self, identifier: str, browser: str | None) -> BrowserLogin:
        """Return a login to the browser that began it.

        Raises:
            NotFound: unknown, over, or another browser's.
        """
        stored = await self._logins.get(identifier)
        if stored is None or browser is None or stored.value.place.browser != browser:
            raise NotFound("no login of this browser")
        return stored.value

    async def client(self, login: BrowserLogin) -> Client:
        """Return who asks.

        Raises:
            NotFound: not registered any more.
        """
        client_id = login.request.client_id
        found = await self._registry.read(lambda tx: clients.get(tx, client_id))
        if found is None:
            raise NotFound("client")
        return found

    async def look(self, login: BrowserLogin) -> View:
        """Return how far a login is."""
        request, now = await self._asked(login), self._clock()
        progress = rules.progress(login, request, now)
        frames = None
        if progress is Progress.SCAN and request is not None:
            frames = await self._qr.frames_of(login.auth_req_id, request)
            # Frames that were just made begin later than what was read before.
            now = self._clock()
        return _view(login, request, progress, now, frames)

    async def watch(self, login: BrowserLogin) -> AsyncGenerator[View | Frames, None]:
        """Yield how far a login is whenever that is news, and what makes its frames.

        It ends with what is over, and where the server stops.
        """
        told, frames, due = None, None, self._clock()
        pulse_at = due
        async with self._scans.watching(login.auth_req_id) as look:
            while not self._is_draining:
                request, now = await look(due - self._clock()), self._clock()
                progress = rules.progress(login, request, now)
                if progress is not told or now >= pulse_at:
                    told, pulse_at = progress, now + PULSE
                    yield _view(login, request, progress, now)
                if progress in rules.OVER:
                    return
                if progress is Progress.SCAN and frames is None and request is not None:
                    frames = await self._qr.frames_of(login.auth_req_id, request)
                    yield frames
                due = min(_next_news(request, now), pulse_at)

    async def show_qr(self, login: BrowserLogin) -> BrowserLogin:
        """Show a new QR code, for whoever scans it; what was asked before is not any more."""
        return await self._go(login, Way.QR)

    async def send(self, login: BrowserLogin, named: str, *, is_remembered: bool) -> BrowserLogin:
        """Ask somebody on their phone who has logged in in this browser before.

        Whoever else is named gets the same page, and nobody a push.

        Args:
            named: A UZI number or a user name.
        """
        person_id = await self._known.named(named, login)
        return await self._go(login, Way.PHONE, person_id, is_remembered=is_remembered)

    async def send_again(self, login: BrowserLogin, person_id: str) -> BrowserLogin:
        """Ask whom this browser remembers, on their phone."""
        known = await self._known.again(person_id, login)
        return await self._go(login, Way.PHONE, known, is_remembered=True)

    async def await_card(self, login: BrowserLogin) -> BrowserLogin:
        """Ask nobody's phone: a card is shown."""
        return await self._go(login, Way.CARD)

    async def finish(self, login: BrowserLogin) -> str:
        """Return where the browser goes with the answer, once for all its tabs.

        Raises:
            Conflict: there is no answer yet, or the program has had it.
        """
        request = await self._asked(login)
        if rules.progress(login, request, self._clock()) is not Progress.APPROVED or not request:
            raise Conflict("not approved")
        refusal = await self._doubt(login, request)
        finished = await self._logins.change(login.id, rules.finish)
        if finished is None or finished.auth_req_id != login.auth_req_id:
            raise Conflict("gone another way")
        if refusal is not None:
            return self._sent_back(login, refusal)
        return await self._authorizations.give_code(login.request, login.auth_req_id)

    async def cancel(self, login: BrowserLogin) -> str:
        """Return where the browser goes with a "no" that the person gave here.

        Raises:
            Conflict: the program has had its answer.
        """
        finished = await self._logins.change(login.id, rules.finish)
        await self._approvals.withdraw(request_id((finished or login).auth_req_id))
        return self._sent_back(login, AccessDenied("cancelled"))

    async def name(self, person_id: str) -> str:
        """Return what a person is called whom a browser remembers; nothing if they left."""
        return await self._known.name(person_id)

    async def approver(self, login: BrowserLogin) -> str | None:
        """Return who approved, for a browser that is to remember them."""
        request = await self._asked(login)
        return None if request is None else request.person_id

    def _sent_back(self, login: BrowserLogin, refusal: Refusal) -> str:
        return self._authorizations.refused(
            login.request.redirect_uri, login.request.state, refusal
        )

    async def _doubt(self, login: BrowserLogin, request: AuthRequest) -> Refusal | None:
        """Return why who logged in is not who, or not as surely as, was asked for."""
        wanted = login.request
        found = await self._issuer.approved_by(request)
        if found is None:
            return AccessDenied("revoked")
        acr, sub = found
        if not reaches(acr, wanted.claims.acr):
            return UnmetRequirements()
        expected = {each for each in (wanted.claims.sub, wanted.hinted_sub) if each}
        return LoginRequired() if expected - {sub} else None

    async def _asked(self, login: BrowserLogin) -> AuthRequest | None:
        return await self._approvals.for_client(
            login.auth_req_id, login.request.client_id, Grant.CODE, timedelta(0)
        )

    async def _go(
        self,
        login: BrowserLogin,
        way: Way,
        person_id: str | None = None,
        *,
        is_remembered: bool = False,
    ) -> BrowserLogin:
        """Ask another way, and end what was asked before."""
        if self._clock() >= login.expires_at:
            raise NotFound("the login is over")
        client = await self.client(login)
        auth_req_id, code = await self._ask(
            login.request, client, login.place, way, person_id=person_id
        )
        before = login.auth_req_id

        def rule(held: BrowserLogin) -> BrowserLogin:
            nonlocal before
            before = held.auth_req_id
            return rules.go_another_way(held, way, auth_req_id, code, is_remembered=is_remembered)

        try:
            changed = await self._logins.change(login.id, rule)
        except Conflict:
            await self._approvals.withdraw(request_id(auth_req_id))
            raise
        await self._approvals.withdraw(request_id(before))
        if changed is None:
            raise NotFound("the login is over")
        return changed

    async def _ask(
        self,
        request: AuthorizationRequest,
        client: Client,
        place: Workplace,
        way: Way,
        *,
        person_id: str | None = None,
    ) -> tuple[str, str]:
        policy = policy_of(client)
        code = draw_digits(self._random, policy.code_digits)
        shown = Shown(
            client=client.name,
            organisation="",
            ura=request.ura,
            role_code="",
            workstation=place.workstation,
            location=place.location,
            message=request.message or (place.message if way is Way.QR else ""),
            nonce=new_id(self._random),
            requested_at=wire_time(self._clock()),
        )
        codes: tuple[str, ...] = ()
        if person_id is not None:
            shown, codes = await self._known.fill_in(shown, person_id)
        asked = Asked(
            client_id=client.id,
            person_id=person_id,
            workstation_id=place.workstation_id,
            scope=request.scope,
            shown=shown,
            code=code,
            lifetime=LIFETIME,
            gate=Gate.KNOWN,
            needs_known_place=policy.known_workstation,
            grant=Grant.CODE,
            is_for_whoever_scans=way is not Way.PHONE,
            role_codes=codes,
        )
        auth_req_id, _ = await self._approvals.ask(asked)
        return auth_req_id, code


def _view(
    login: BrowserLogin,
    request: AuthRequest | None,
    progress: Progress,
    now: datetime,
    frames: Frames | None = None,
) -> View:
    ends_at = login.expires_at if request is None else request.expires_at
    return View(
        login=login,
        progress=progress,
        code=login.code if progress in rules.TYPED else "",
        link=frames.link(frames.at(now)) if frames is not None else "",
        seconds_left=max(0, int((ends_at - now).total_seconds())),
    )


def _next_news(request: AuthRequest | None, now: datetime) -> datetime:
    if request is None:
        return now
    hint = request.hint_due
    return hint if hint is not None and hint > now else request.expires_at
