"""One link, from what it asks to the browser that goes on: the agent's steps with a person.

How the person is asked is for `desktop_window` and `desktop_terminal`, what the card does for
`smartcard`.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import aiohttp
from cryptography import x509

from clients.card_certificates import showable, validity
from clients.card_signature import Proof
from clients.desktop import (
    AgentLink,
    Asked,
    Card,
    Declined,
    DesktopAgent,
    ForeignServer,
    SaidNo,
    StrangeLink,
)
from clients.desktop_words import Refused, Trouble, Words, may_try_again
from clients.wire import MalformedAnswer, WireError

#: Wrong PINs in one go, of a card that does not tell how many it still takes.
MAX_WRONG_PINS = 3
#: Characters of the server's own words that are shown.
_MAX_DESCRIPTION = 300
_MAX_CODE = 40
_SERVER_FAULT = 500
#: OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED.
_OUT_OF_TIME = {9, 10}


class ProvingCard(Protocol):
    """A card that signs once its PIN is entered."""

    @property
    def holder(self) -> str:
        """Whose card it is."""

    @property
    def certificate(self) -> x509.Certificate | None:
        """The certificate that proves the holder, where it can be read without a PIN."""

    @property
    def pin_pad(self) -> bool:
        """Whether the PIN is entered on the reader."""

    def pin_state(self) -> str:
        """What the card tells of its PIN: `good`, `low`, `final` or `locked`."""

    def prove(self, data: bytes, pin: str) -> Proof:
        """Sign with the authentication key."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the person says yes to with a PIN.

    Attributes:
        warning: What to know before the PIN is entered, or what was wrong with the last one.
        pin_pad: Whether the PIN is entered on the reader, so that only a yes is asked here.
    """

    server: str
    purpose: str
    statement: str
    holder: str
    warning: str
    pin_pad: bool


class Person(Protocol):
    """Who sits at the desktop."""

    def confirm(self, question: str) -> bool:
        """Ask for a yes; anything else is a no."""

    def choose(self, question: str, choices: Sequence[str]) -> int | None:
        """Ask for one of several, by its index."""

    def ask_pin(self, question: Question) -> str | None:
        """Show what is asked; the PIN (empty for a PIN pad) with a yes, else nothing."""

    def try_again(self, sentence: str) -> bool:
        """Tell what stands in the way; whether it has been mended."""

    def busy(self, text: str) -> None:
        """Show that something is being done."""


@dataclass(frozen=True)
class CardFile:
    """A PKCS#12 file in the place of a card, for tests; it tells nothing before its PIN."""

    file: Path
    holder: str = "PKCS#12"
    certificate: x509.Certificate | None = None
    pin_pad: bool = False

    def pin_state(self) -> str:
        """A file never locks."""
        return "good"

    def prove(self, data: bytes, pin: str) -> Proof:
        """Sign with the file's key.

        Raises:
            Trouble: `wrong_pin`, or `no_card` without such a file.
        """
        try:
            return Card.from_pkcs12(self.file, pin).prove(data)
        except ValueError as error:
            raise Trouble("wrong_pin") from error
        except OSError as error:
            raise Trouble("no_card") from error


class LinkSession:
    """What happens with one link.

    Args:
        cards: Finds the cards that can prove their holders.
        browse: Opens an address in the default browser; whether it could.
    """

    def __init__(
        self,
        agent: DesktopAgent,
        person: Person,
        words: Words,
        cards: Callable[[], Sequence[ProvingCard]],
        browse: Callable[[str], bool],
    ) -> None:
        self._agent = agent
        self._person = person
        self._words = words
        self._cards = cards
        self._browse = browse

    async def handle(self, agent_uri: str) -> None:
        """Show, ask, sign, send, and open the browser.

        Raises:
            Trouble: whatever stood in the way.
        """
        try:
            self._person.busy(self._words.word("looking"))
            asked = await self._agent.ask(agent_uri)
            proof = self._prove(asked)
            return_uri = await self._agent.deliver(asked, proof)
        except (Declined, WireError, MalformedAnswer, aiohttp.ClientError, TimeoutError) as error:
            raise trouble_of(error, _server_of(agent_uri)) from error
        if not self._browse(return_uri):
            raise Trouble("no_browser")

    def _prove(self, asked: Asked) -> Proof:
        while True:
            try:
                card = self._choose(self._cards())
                _check_time(card, asked.at)
                return self._sign(asked, card)
            except Trouble as trouble:
                if not may_try_again(trouble):
                    raise
                if not self._person.try_again(self._words.sentence(trouble)):
                    trouble.told = True
                    raise
                self._person.busy(self._words.word("looking"))

    def _choose(self, cards: Sequence[ProvingCard]) -> ProvingCard:
        if len(cards) == 1:
            return cards[0]
        names = [self._label(card) for card in cards]
        chosen = self._person.choose(self._words.word("choose"), names)
        if chosen is None:
            raise SaidNo
        return cards[chosen]

    def _label(self, card: ProvingCard) -> str:
        """Name a card so that an old and a new one of one holder differ."""
        if card.certificate is None:
            return card.holder
        until = _day(card.certificate.not_valid_after_utc)
        return self._words.word("card", holder=card.holder, date=until)

    def _sign(self, asked: Asked, card: ProvingCard) -> Proof:
        """Ask for the PIN until it is right, but never so often that this locks the card."""
        wrong, note = 0, ""
        while True:
            state = card.pin_state()
            if state == "locked":
                raise Trouble("pin_locked")
            pin = self._person.ask_pin(self._question(asked, card, note or self._warning(state)))
            if pin is None:
                raise SaidNo
            self._person.busy(self._words.word("busy"))
            try:
                return card.prove(asked.text, pin)
            except Trouble as trouble:
                if trouble.code not in {"wrong_pin", "pin_length"}:
                    raise
                wrong += trouble.code == "wrong_pin"
                if wrong == MAX_WRONG_PINS:
                    raise Trouble("too_many_pins") from trouble
                note = self._note(trouble, card.pin_state())
            finally:
                del pin

    def _question(self, asked: Asked, card: ProvingCard, warning: str) -> Question:
        return Question(
            server=asked.link.server,
            purpose=self._words.purpose(asked.session.purpose),
            statement=asked.session.statement,
            holder=card.holder,
            warning=warning,
            pin_pad=card.pin_pad,
        )

    def _warning(self, state: str) -> str:
        return self._words.word(f"pin_{state}") if state in {"low", "final"} else ""

    def _note(self, trouble: Trouble, state: str) -> str:
        if trouble.code == "wrong_pin" and state == "final":
            return self._words.sentence(Trouble("wrong_pin_final"))
        return self._words.sentence(trouble)


def trouble_of(error: Exception, server: str) -> Trouble:
    """Return what the person is told when the agent or the server does not go on."""
    match error:
        case WireError() if error.error:
            said = showable(error.description)[:_MAX_DESCRIPTION]
            return Refused(showable(error.error)[:_MAX_CODE], said)
        case StrangeLink():
            code = "strange_link"
        case ForeignServer():
            code = "foreign_server"
        case Declined():
            code = "declined"
        case WireError() if error.status >= _SERVER_FAULT:
            code = "server_fails"
        case WireError() | MalformedAnswer():
            code = "strange_answer"
        case aiohttp.ClientConnectorCertificateError() if _out_of_time(error.certificate_error):
            code = "clock"
        case aiohttp.ClientSSLError():
            code = "tls"
        case _:
            code = "unreachable"
    return Trouble(code, server=server)


def _out_of_time(error: Exception) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _OUT_OF_TIME


def _server_of(agent_uri: str) -> str:
    try:
        return AgentLink.parse(agent_uri).server
    except Declined:
        return ""


def _check_time(card: ProvingCard, at: datetime) -> None:
    """Tell of a card that is out of its time before its PIN is asked.

    Raises:
        Trouble: `expired` or `not_yet_valid`.
    """
    certificate = card.certificate
    if certificate is None:
        return
    found = validity(certificate, at)
    if found == "expired":
        end = certificate.not_valid_after_utc
        raise Trouble("expired", holder=card.holder, date=_day(end))
    if found == "not_yet_valid":
        start = certificate.not_valid_before_utc
        raise Trouble("not_yet_valid", holder=card.holder, date=_day(start))


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%d-%m-%Y")
