"""Rules of a login at the login page: one browser, one request of a client, and three ways."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pairing_server.approvals.auth_request import OPEN_THE_APP, AuthRequest, DenyReason, Status
from pairing_server.errors import Conflict
from pairing_server.oidc.authorize import AuthorizationRequest

#: How long a page may stand there before its program has to ask again.
LIFETIME = timedelta(minutes=30)


class Way(StrEnum):
    """How somebody logs in."""

    QR = "qr"
    PHONE = "phone"
    CARD = "card"


class Progress(StrEnum):
    """How far a login is, as its page shows it."""

    #: The QR code is to be scanned.
    SCAN = "scan"
    #: A phone's camera has scanned it: the answer is given there.
    TAKEN = "taken"
    #: Its link was opened otherwise: the code has to be typed.
    TYPE = "type"
    #: A phone has been woken, and the code has to be typed.
    SENT = "sent"
    #: No phone has fetched what was sent.
    OFFLINE = "offline"
    #: A phone has.
    ARRIVED = "arrived"
    #: A card is awaited.
    CARD = "card"
    APPROVED = "approved"
    DENIED = "denied"
    WRONG_CODE = "wrong_code"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    #: The browser went back to the program, from this page or its twin in another tab.
    FINISHED = "finished"


#: From these on nothing changes any more by itself.
OVER = frozenset(Progress) - {
    Progress.SCAN,
    Progress.TAKEN,
    Progress.TYPE,
    Progress.SENT,
    Progress.OFFLINE,
    Progress.ARRIVED,
    Progress.CARD,
}
#: While these last, the page shows the code.
TYPED = frozenset({Progress.TYPE, Progress.SENT, Progress.OFFLINE, Progress.ARRIVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where the browser is.

    Attributes:
        browser: Digest of the browser's cookie: nobody else goes on with what began here.
        workstation_id: The browser as a place where people log in, also after this login.
        workstation, location, message: What the phone shows of it.
    """

    browser: str
    workstation_id: str
    workstation: str
    location: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserLogin:
    """A login at a page.

    Attributes:
        auth_req_id: What the person is asked just now; no page ever has it.
        code: What they type on the phone, where they type one.
        is_remembered: Whether this browser is to know the person next time.
        uzi_session: The session for the card, where the way is a card's.
        is_finished: Whether the program has had its answer.
    """

    id: str
    place: Workplace
    request: AuthorizationRequest
    expires_at: datetime
    way: Way
    auth_req_id: str
    code: str
    is_remembered: bool = False
    uzi_session: str = ""
    is_finished: bool = False


def go_another_way(
    login: BrowserLogin, way: Way, auth_req_id: str, code: str, *, is_remembered: bool
) -> BrowserLogin:
    """Ask another way; what the program asked for stays.

    Raises:
        Conflict: the program has had its answer.
    """
    check_open(login)
    return replace(
        login,
        way=way,
        auth_req_id=auth_req_id,
        code=code,
        is_remembered=is_remembered,
        uzi_session="",
    )


def finish(login: BrowserLogin) -> BrowserLogin:
    """Give the program its answer, once for all tabs.

    Raises:
        Conflict: it has had one.
    """
    check_open(login)
    return replace(login, is_finished=True)


def check_open(login: BrowserLogin) -> None:
    """Make sure that the program has not had its answer.

    Raises:
        Conflict: it has.
    """
    if login.is_finished:
        raise Conflict("finished")


def progress(login: BrowserLogin, request: AuthRequest | None, now: datetime) -> Progress:
    """Tell how far a login is.

    Args:
        request: What the person was asked; `None` when the Store has lost it.
    """
    if login.is_finished:
        return Progress.FINISHED
    if request is None or now >= login.expires_at:
        return Progress.EXPIRED
    match request.status_at(now):
        case Status.PENDING:
            return _pending(login, request, now)
        case Status.DENIED if request.reason is DenyReason.WRONG_CODE:
            return Progress.WRONG_CODE
        case Status.REDEEMED:
            return Progress.FINISHED
        case status:
            return Progress(status.value)


def _pending(login: BrowserLogin, request: AuthRequest, now: datetime) -> Progress:
    if login.way is Way.CARD:
        return Progress.CARD
    if login.way is Way.QR:
        if request.awaits_scan:
            return Progress.SCAN
        return Progress.TAKEN if request.scanned_by else Progress.TYPE
    if request.is_fetched:
        return Progress.ARRIVED
    return Progress.OFFLINE if request.hint_at(now) == OPEN_THE_APP else Progress.SENT
