"""Rules of a UZI session: started by a browser, proved by a card, finished by the same browser."""

import hmac
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from pairing_server.errors import Conflict, Expired, NotFound, Refusal
from pairing_server.uzi.belief import Belief
from pairing_server.uzi.certificate import Card

SESSION_LIFETIME = timedelta(minutes=5)


class Purpose(StrEnum):
    """What the card is asked for."""

    LOGIN = "login"
    REGISTER_ORGANISATION = "register-organisation"
    SIGN_REGISTRATION = "sign-registration"


class Status(StrEnum):
    """Where a session is."""

    WAITING = "waiting"
    PROVED = "proved"
    REFUSED = "refused"
    EXPIRED = "expired"
    COMPLETED = "completed"


class WrongBrowser(Refusal):
    """Another browser than the one that started the session brought its completion.

    That is what a link that somebody else made looks like, so the session is spent.
    """

    code = "wrong_browser"
    status = 403
    description = "This login was started in another browser and is now closed: start again here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the agent sent, in padded standard base64; it verified, and is kept as evidence."""

    certificate: str
    chain: tuple[str, ...]
    signature: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Whom a `sign-registration` session registers, once signed by the same card.

    Attributes:
        person_id: Whose record it becomes; drawn when the registration is begun, so that the date
            of birth is kept as that person's digest alone.
        is_known: Whether there was such a record.
        passed_over: The digests of birth dates that were compared and were other ones.
    """

    uzi_number: str
    ura: str
    person_id: str
    is_known: bool
    birth_digest: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UziSession:
    """A session.

    Attributes:
        browser: Digest of the cookie of the browser that started it.
        refused: The code of the rule that refused the card.
        revocation: What showed that the card was not revoked; see `Belief`.
        login: The login at the login page that it is for, if any.
    """

    id: str
    purpose: Purpose
    statement: str
    nonce: str
    browser: str
    status: Status
    expires_at: datetime
    registration: Registration | None = None
    completion_digest: str | None = None
    card: Card | None = None
    proof: Proof | None = None
    refused: str | None = None
    revocation: dict[str, Any] = field(default_factory=dict)
    login: str = ""

    @property
    def next_path(self) -> str:
        """Where the browser goes on, where that is not the portal."""
        return f"/login/{self.login}" if self.login else ""

    def status_at(self, now: datetime) -> Status:
        """Return the status as it is told."""
        if self.status in (Status.WAITING, Status.PROVED) and now >= self.expires_at:
            return Status.EXPIRED
        return self.status


def statement(purpose: Purpose, host: str, words: str = "") -> str:
    """Return what the card holder is shown and signs; one line, for the lines are the protocol's.

    Args:
        words: For `sign-registration`, who is registered as what; for `login`, at which program,
            where it is not this server itself.
    """
    match purpose:
        case Purpose.LOGIN:
            place = f"{words} via {host}" if words else host
            text = f"Ik log in bij {place} met mijn UZI-pas."
        case Purpose.REGISTER_ORGANISATION:
            text = (
                f"Ik registreer de organisatie van mijn UZI-pas bij {host} "
                "en word daar beheerder van."
            )
        case Purpose.SIGN_REGISTRATION:
            text = f"Ik registreer mij bij {host}: {words}."
    return _showable(text)


def holder_words(card: Card) -> str:
    """Return how a registration's statement names the card that it is signed with."""
    return (
        f"{card.first_names} {card.last_name}, UZI-nummer {card.uzi_number}, "
        f"rolcode {card.role_code}, "
    )


def is_about(text: str, host: str, card: Card) -> bool:
    """Tell whether a registration's statement begins with this host and this card's holder."""
    begun = statement(Purpose.SIGN_REGISTRATION, host, f"{holder_words(card)}bij")
    return text.startswith(begun.removesuffix(".") + " ")


def _showable(text: str) -> str:
    # The names are others': a control or a format character (an override turns text around) would
    # begin another line, or show another sentence than the one that is signed.
    showable = (" " if unicodedata.category(char)[0] == "C" else char for char in text)
    return " ".join("".join(showable).split())


def signed_statement(session: UziSession, origin: str) -> dict[str, Any]:
    """Return what proves a statement to somebody who has only this."""
    proof = session.proof
    return {
        "origin": origin,
        "id": session.id,
        "nonce": session.nonce,
        "purpose": session.purpose,
        "statement": session.statement,
        "certificate": proof.certificate if proof else "",
        "chain": list(proof.chain) if proof else [],
        "signature": proof.signature if proof else "",
        "algorithm": proof.algorithm if proof else "",
        "revocation": session.revocation,
    }


def agent_uri(origin: str, session: UziSession) -> str:
    """Return the link that opens the desktop agent (design section 4)."""
    query = urlencode({"server": origin, "id": session.id, "nonce": session.nonce})
    return f"zorgid://session?{query}"


def check_agent(session: UziSession, nonce: str, now: datetime) -> None:
    """Make sure that this agent was opened by the page, and that its card is awaited.

    Raises:
        Expired: the time is over.
        NotFound: another nonce, or the session was used.
    """
    if not nonce.isascii() or not hmac.compare_digest(session.nonce, nonce):
        raise NotFound("wrong nonce")
    check_waiting(session, now)


def check_waiting(session: UziSession, now: datetime) -> None:
    """Make sure that a card is awaited.

    Raises:
        Expired: the time is over.
        NotFound: the session was used.
    """
    if session.status_at(now) is Status.EXPIRED:
        raise Expired
    if session.status is not Status.WAITING:
        raise NotFound("used")


def prove(
    session: UziSession, belief: Belief, proof: Proof, completion_digest: str, now: datetime
) -> UziSession:
    """Take the first proof that verified.

    Raises:
        as `check_waiting`.
    """
    check_waiting(session, now)
    return replace(
        session,
        status=Status.PROVED,
        card=belief.card,
        revocation=dict(belief.revocation),
        proof=proof,
        completion_digest=completion_digest,
    )


def refuse(session: UziSession, code: str, now: datetime) -> UziSession:
    """End a session whose card a rule refused.

    Raises:
        as `check_waiting`.
    """
    check_waiting(session, now)
    return replace(session, status=Status.REFUSED, refused=code)


def withdraw(session: UziSession) -> UziSession:
    """End a session that nobody is to finish any more; one that has ended stays as it is.

    Raises:
        Conflict: it was completed.
    """
    if session.status is Status.COMPLETED:
        raise Conflict("completed")
    if session.status is Status.REFUSED:
        return session
    return replace(session, status=Status.REFUSED, refused="withdrawn")


def complete(
    session: UziSession, browser: str | None, completion_digest: str, now: datetime
) -> UziSession:
    """Finish the session in the browser that started it.

    The caller looks at the result: `REFUSED` was brought by another browser, and is spent.

    Raises:
        Conflict: no card has been proved yet.
        Expired: the time is over.
        NotFound: another completion, or used before.
    """
    if session.status_at(now) is Status.EXPIRED:
        raise Expired
    if session.status not in (Status.WAITING, Status.PROVED):
        raise NotFound("used")
    if browser is None or not hmac.compare_digest(session.browser, browser):
        return replace(session, status=Status.REFUSED, refused=WrongBrowser.code)
    if session.status is not Status.PROVED or session.completion_digest is None:
        raise Conflict("no card yet")
    if not hmac.compare_digest(session.completion_digest, completion_digest):
        raise NotFound("wrong completion")
    return replace(session, status=Status.COMPLETED)
