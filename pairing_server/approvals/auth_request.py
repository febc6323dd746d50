"""Rules of an auth request (CIBA Core 1.0 "authentication request"): ask, answer, end."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pairing_server.approvals.refusals import AuthRequestClosed, RoleNotOffered
from pairing_server.tokens import digest

#: How long a request stays open by default and at most (NIST SP 800-63B-4: at most ten minutes).
DEFAULT_LIFETIME = timedelta(minutes=2)
MAX_LIFETIME = timedelta(minutes=5)
CODE_ATTEMPTS = 3
#: A phone that was woken has fetched the request by then, wherever wake-ups arrive.
FETCHED_BY = timedelta(seconds=5)
#: What the workstation can tell the person when none has.
OPEN_THE_APP = "open_the_app"
#: What it can tell whoever stands there once a phone has taken what is for whoever scans.
ANSWER_ON_PHONE = "answer_on_phone"


class Grant(StrEnum):
    """By which way of asking a request came, and alone can be redeemed."""

    CIBA = "ciba"
    DEVICE = "device"
    CODE = "code"
    SESSION = "session"


_NOBODY = "nobody:"


def nobody(hint: str) -> str:
    """Return the id of who is not there, for a hint that names nobody this client may know of.

    The same one each time: what is asked of nobody fills an inbox, is superseded and runs out as
    what is asked of people is, or the difference would tell who is there.
    """
    return _NOBODY + digest(hint)


def is_nobody(person_id: str) -> bool:
    """Whether this is nobody; the ids of people have no colon."""
    return person_id.startswith(_NOBODY)


class Status(StrEnum):
    """Where an auth request is."""

    PENDING = "pending"
    #: Answered; the registry is being told.  To everybody else it is still pending.
    CLAIMED = "claimed"
    APPROVED = "approved"
    DENIED = "denied"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


class Decision(StrEnum):
    """What a person decides."""

    APPROVE = "approve"
    DENY = "deny"


class DenyReason(StrEnum):
    """Why a request was denied: what the phone may say, and what the server adds."""

    NOT_ME = "not_me"
    OTHER = "other"
    WRONG_CODE = "wrong_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the phone shows and signs; strings exactly as they are sent, empty when absent.

    Attributes:
        hashes: What is to be signed beside who and where: `sha-256:<hex>`, one or more with spaces
            between.  A request that has some is no login.
    """

    client: str
    organisation: str
    ura: str
    role_code: str
    workstation: str
    location: str
    message: str
    nonce: str
    requested_at: str
    hashes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's decision, as the phone with `credential_id` sent it.

    Attributes:
        digest: Of the whole submitted answer: the identical one may be sent again.
        role_code: In which role it is a yes.
        evidence: The signed assertion, or nothing for a denial.
    """

    decision: Decision
    credential_id: str
    digest: str
    reason: DenyReason | None = None
    sign_count: int = 0
    backed_up: bool = False
    evidence: dict[str, str] | None = None
    role_code: str = ""


@dataclass(frozen=True, slots=True)
class Taker:
    """Who scanned what is for whoever scans, and what they are at the organisation that asks.

    Attributes:
        role_codes: At least one; the first is offered first.
        scanned_by: The credential of the phone, if its camera saw the QR code.
    """

    person_id: str
    organisation: str
    role_codes: tuple[str, ...]
    scanned_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthRequest:
    """What a client asks of a person.

    Attributes:
        id: What the phone sees: a digest of the client's `auth_req_id`, which it never learns.
        person_id: `None` for a hint that names nobody this client may know of: it runs out; and
            for whoever scans, until somebody has.
        workstation_id: The client's name for the workstation, empty when it gave none.
        code: What the workstation shows and the person types.
        wrong_answers: Digests of well-signed answers with a wrong code; each is counted once, so
            that a phone may send one again whose answer it did not hear.
        scanned_by: The credential of the phone whose camera saw the workstation's QR code, which
            stands for the code; the first one there.
        is_fetched: Whether a phone was given it.
        is_discreet: Whether the client is not to learn that anybody is there.
        needs_known_place: Whether a phone's yes counts only where its person has logged in before.
        is_for_whoever_scans: Whether it becomes the person's whose phone scans it first.
        role_codes: The roles among which the phone chooses; `shown` has the first of them.
    """

    id: str
    status: Status
    client_id: str
    person_id: str | None
    workstation_id: str
    scope: str
    shown: Shown
    code: str
    expires_at: datetime
    wrong_answers: tuple[str, ...] = ()
    reason: DenyReason | None = None
    answer: Answer | None = None
    scanned_by: str | None = None
    asked_at: datetime | None = None
    is_fetched: bool = False
    is_discreet: bool = False
    needs_known_place: bool = False
    grant: Grant = Grant.CIBA
    is_for_whoever_scans: bool = False
    role_codes: tuple[str, ...] = ()

    @property
    def awaits_scan(self) -> bool:
        """Whether it is nobody's yet, and may become somebody's."""
        return self.is_for_whoever_scans and self.person_id is None

    def code_length_for(self, credential_id: str) -> int:
        """Return how many digits this phone asks for: none once it has scanned the QR code."""
        return 0 if self.scanned_by == credential_id else len(self.code)

    @property
    def attempts_left(self) -> int:
        """How many wrong codes may still be typed before the request is denied."""
        return CODE_ATTEMPTS - len(self.wrong_answers)

    @property
    def hint_due(self) -> datetime | None:
        """When the person is to be told to open the app, unless a phone fetches it before."""
        if self.is_fetched or self.asked_at is None or self.is_for_whoever_scans:
            return None
        return self.asked_at + FETCHED_BY

    def hint_at(self, now: datetime) -> str | None:
        """Return what the workstation can tell the person, who may not know that it asked."""
        if self.is_for_whoever_scans:
            return ANSWER_ON_PHONE if self.person_id else None
        due = self.hint_due
        return OPEN_THE_APP if due is not None and now >= due else None

    def status_at(self, now: datetime) -> Status:
        """Return the status as it is told: what is not redeemed in time expires."""
        if self.status in (Status.PENDING, Status.CLAIMED, Status.APPROVED):
            if now >= self.expires_at:
                return Status.EXPIRED
            return Status.PENDING if self.status is Status.CLAIMED else self.status
        return self.status


def approve(request: AuthRequest, answer: Answer, code: str, now: datetime) -> AuthRequest:
    """Compare the typed code with the workstation's and, in the same step, act on it.

    One step, so that of many codes sent at once no more than three are ever compared.  The caller
    looks at what stands: an answer that does was right, or the last wrong one, which stands as a
    denial; any other was wrong and counted.

    Raises:
        AuthRequestClosed: another answer stands, or the request has ended.
    """
    if standing(request, answer) is not None:
        return request
    check_open(request, answer, now)
    has_scanned = not code and not request.code_length_for(answer.credential_id)
    if has_scanned or hmac.compare_digest(request.code.encode(), code.encode()):
        return replace(request, status=Status.CLAIMED, answer=answer)
    if answer.digest in request.wrong_answers:
        return request
    counted = replace(request, wrong_answers=(*request.wrong_answers, answer.digest))
    if counted.attempts_left:
        return counted
    denial = replace(answer, decision=Decision.DENY, reason=DenyReason.WRONG_CODE)
    return replace(counted, status=Status.CLAIMED, answer=denial)


def scan(request: AuthRequest, credential_id: str, now: datetime) -> AuthRequest:
    """Let the phone that saw the QR code answer without the code; what is not open stays as it is.

    The first one there: a second phone of the same person types the code.
    """
    is_open = request.status is Status.PENDING and now < request.expires_at
    if request.scanned_by is None and is_open:
        return replace(request, scanned_by=credential_id)
    return request


def take(request: AuthRequest, taker: Taker, now: datetime) -> AuthRequest:
    """Make what is for whoever scans one person's, and fill in what that person will sign.

    One step, so that of many who scan at once it becomes one's; the caller looks whose it is.
    What is not open, or somebody's already, stays as it is.
    """
    is_open = request.status is Status.PENDING and now < request.expires_at
    if not request.awaits_scan or not is_open:
        return request
    first, codes = taker.role_codes[0], taker.role_codes
    shown = replace(request.shown, organisation=taker.organisation, role_code=first)
    return replace(
        request,
        person_id=taker.person_id,
        shown=shown,
        scanned_by=taker.scanned_by,
        role_codes=codes,
    )


def in_role(request: AuthRequest, role_code: str) -> AuthRequest:
    """Return the request as the person sees it who chose a role of theirs.

    Args:
        role_code: Empty where the phone left it at the one that was shown.

    Raises:
        RoleNotOffered: it is none of those.
    """
    if not role_code or role_code == request.shown.role_code:
        return request
    if role_code not in request.role_codes:
        raise RoleNotOffered
    return replace(request, shown=replace(request.shown, role_code=role_code))


def fetch(request: AuthRequest) -> AuthRequest:
    """Take note that a phone was given the request, unless the client could tell."""
    return request if request.is_discreet else replace(request, is_fetched=True)


def claim(request: AuthRequest, answer: Answer, now: datetime) -> AuthRequest:
    """Let an answer stand until the registry has it; the identical one again changes nothing.

    Raises:
        AuthRequestClosed: another answer stands, or the request has ended.
    """
    if standing(request, answer) is not None:
        return request
    check_open(request, answer, now)
    return replace(request, status=Status.CLAIMED, answer=answer)


def standing(request: AuthRequest, answer: Answer) -> Answer | None:
    """Return what was taken when exactly this answer was sent, if it still counts."""
    taken = request.answer
    if taken is None or taken.digest != answer.digest:
        return None
    counts = (Status.CLAIMED, Status.APPROVED, Status.DENIED, Status.REDEEMED)
    return taken if request.status in counts else None


def release(request: AuthRequest, answer: Answer) -> AuthRequest:
    """Take back a claim that the registry would not have."""
    if request.status is Status.CLAIMED and request.answer == answer:
        return replace(request, status=Status.PENDING, answer=None)
    return request


def settle(request: AuthRequest, answer: Answer) -> AuthRequest:
    """Let the answer take effect that the registry has, whichever one is claimed here."""
    if request.status not in (Status.PENDING, Status.CLAIMED):
        return request
    claimed = request.answer
    taken = claimed if claimed is not None and claimed.digest == answer.digest else answer
    status = Status.APPROVED if taken.decision is Decision.APPROVE else Status.DENIED
    return replace(request, status=status, answer=taken, reason=taken.reason)


def supersede(request: AuthRequest, now: datetime) -> AuthRequest:
    """End an unanswered request in favour of a newer one at the same workstation."""
    if request.status is Status.PENDING and now < request.expires_at:
        return replace(request, status=Status.SUPERSEDED)
    return request


def revoke(request: AuthRequest, now: datetime) -> AuthRequest:
    """End a request that has not been redeemed, for its person's phone was cut off."""
    lives = request.status in (Status.PENDING, Status.CLAIMED, Status.APPROVED)
    if lives and now < request.expires_at:
        return replace(request, status=Status.REVOKED)
    return request


def redeem(request: AuthRequest) -> AuthRequest:
    """Say that the registry holds the redemption."""
    return replace(request, status=Status.REDEEMED)


def check_open(request: AuthRequest, answer: Answer, now: datetime) -> None:
    """Make sure that this answer is awaited.

    Raises:
        AuthRequestClosed: it is not.
    """
    taken = request.answer if request.status is Status.CLAIMED else None
    is_open = request.status is Status.PENDING or (taken and _gives_way(taken, answer))
    if not is_open or now >= request.expires_at:
        raise AuthRequestClosed(status=_told(request, now))


def _gives_way(claimed: Answer, answer: Answer) -> bool:
    """Whether a claim that the registry may never have heard of gives way to another answer.

    It does to a no, and a yes does to another yes of the same phone: else a person whose answer
    was lost could neither deny nor approve what is still open.  A no, and so the third wrong code,
    gives way to no yes.  If the registry has heard of the claim after all, the first one there
    stands.
    """
    if answer.decision is Decision.DENY:
        return True
    return claimed.decision is Decision.APPROVE and claimed.credential_id == answer.credential_id


def _told(request: AuthRequest, now: datetime) -> Status:
    status = request.status_at(now)
    return Status.APPROVED if status is Status.REDEEMED else status
