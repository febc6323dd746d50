"""The desktop agent: it proves a UZI card to the server that a page's link names.

`DesktopAgent` is the steps, for any program; `main` is the program `zorgid-desktop`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self
from unicodedata import category
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from clients import card_signature
from clients.card_certificates import issuers
from clients.card_signature import Proof
from clients.wire import Answer, JSONObject, MalformedAnswer, Wire, origin_of

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}
_PURPOSES = {"login", "register-organisation", "sign-registration"}
#: Characters of a statement that a person can be expected to read.
_READABLE = 4000


class Declined(Exception):  # noqa: N818 - the agent's own no.
    """The agent does not go on."""


class StrangeLink(Declined):
    """What was opened is no link to a session."""


class ForeignServer(Declined):
    """The server is not one of those that may be connected to."""


class SaidNo(Declined):
    """The person said no."""


@dataclass(frozen=True, slots=True)
class AgentLink:
    """What `zorgid://session?server=..&id=..&nonce=..` says; `server` is an origin."""

    server: str
    id: str
    nonce: str

    @classmethod
    def parse(cls, agent_uri: str) -> Self:
        """Read a link that anybody may have made.

        Raises:
            StrangeLink: any member missing, twice or strange, or a server without TLS.
        """
        # Python's parser silently drops the line feeds and tabs that a link hides behind.
        if not agent_uri.isascii() or not agent_uri.isprintable() or " " in agent_uri:
            raise StrangeLink("not a session link")
        try:
            parts = urlsplit(agent_uri)
            pairs = parse_qsl(parts.query, strict_parsing=True, max_num_fields=8)
            said = dict(pairs)
            named = (parts.scheme, parts.netloc, parts.path, parts.fragment)
            if named != ("zorgid", "session", "", "") or len(said) != len(pairs):
                raise StrangeLink("not a session link")
            link = cls(said["server"], said["id"], said["nonce"])
            canonical = origin_of(link.server) == link.server
        except (ValueError, KeyError) as error:
            raise StrangeLink("not a session link") from error
        if not canonical or not _TOKEN.fullmatch(link.id) or not _TOKEN.fullmatch(link.nonce):
            raise StrangeLink("not a session link")
        return link


class Session(msgspec.Struct, frozen=True):
    """What the person is asked to sign."""

    id: str
    purpose: str
    statement: str
    expires_in: int


class _Proved(msgspec.Struct):
    return_uri: str


@dataclass(frozen=True)
class Card:
    """A card's authentication key and certificate; `chain` has its issuer first, no root."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @classmethod
    def from_pkcs12(cls, file: Path, pin: str) -> Self:
        """Open a PKCS#12 file, with the PIN as its password.

        Raises:
            ValueError: the wrong PIN, or no RSA or elliptic curve key with its certificate.
        """
        key, leaf, others = pkcs12.load_key_and_certificates(file.read_bytes(), pin.encode())
        if leaf is None or not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise ValueError("no authentication key in this file")
        return cls(key, leaf, tuple(issuers(leaf, others)))

    def sign(self, data: bytes) -> tuple[bytes, str]:
        """Sign; the raw signature (ECDSA as r and s) and the name of its algorithm.

        Raises:
            ValueError: a curve that the wire does not know.
        """
        return card_signature.sign(self.key, data)

    def prove(self, data: bytes) -> Proof:
        """Sign as for a session.

        Raises:
            ValueError: a curve that the wire does not know.
        """
        return Proof(self.certificate, self.chain, *self.sign(data))


@dataclass(frozen=True, slots=True)
class Asked:
    """A session that the server asks a card for; `at` is the server's time."""

    link: AgentLink
    session: Session
    at: datetime

    @property
    def text(self) -> bytes:
        """The bytes to sign."""
        return session_text(self.link, self.session)


class DesktopAgent:
    """The agent on one desktop.

    Args:
        servers: Origins that may be connected to.  While there is none, `confirm_server` asks
            the person about the first one, which then stands in `servers`.
        accept: Shows the server and the statement; whether the person entered "Ja".
        language: In which the server describes what it refuses.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        servers: Iterable[str] = (),
        confirm_server: Callable[[str], bool] = lambda _server: False,
        accept: Callable[[str, Session], bool] = lambda _server, _session: True,
        language: str = "nl",
    ) -> None:
        self.servers = set(servers)
        self._headers = {"Accept-Language": language}
        self._http = http
        self._confirm_server = confirm_server
        self._accept = accept

    async def prove(self, agent_uri: str, card: Card) -> str:
        """Prove the card to the session; the `return_uri` to open in the default browser.

        Raises:
            Declined: a strange link, a server that is not allowed, or the person said no.
            MalformedAnswer: the server answers another session, or with a foreign return URI.
            WireError: the server refuses; its `error` names the rule that failed.
        """
        asked = await self.ask(agent_uri)
        if not self._accept(asked.link.server, asked.session):
            raise SaidNo("the person said no")
        return await self.deliver(asked, card.prove(asked.text))

    async def ask(self, agent_uri: str) -> Asked:
        """Ask the link's server what is to be signed.

        Raises:
            Declined: a strange link, or a server that is not allowed.
            MalformedAnswer: the server answers another session, or what cannot be shown.
            WireError: the server refuses: the session is over, used or unknown.
        """
        link = AgentLink.parse(agent_uri)
        self._allow(link.server)
        headers = self._headers | {"X-Nonce": link.nonce}
        answer = await self._wire(link).call("GET", _path(link), headers=headers)
        session = answer.read(Session)
        if session.id != link.id or session.purpose not in _PURPOSES:
            raise MalformedAnswer("another session than the link's")
        # A line feed would begin another field; a bidirectional control shows another sentence.
        if {category(character) for character in session.statement} & _INVISIBLE:
            raise MalformedAnswer("a statement with control characters")
        if len(session.statement) > _READABLE:
            raise MalformedAnswer("a statement that nobody reads")
        return Asked(link, session, _time_of(answer))

    async def deliver(self, asked: Asked, proof: Proof) -> str:
        """Send what the card signed; the `return_uri` to open in the default browser.

        Raises:
            MalformedAnswer: the server answers with a foreign return URI.
            WireError: the server refuses; its `error` names the rule that failed.
        """
        link = asked.link
        path = f"{_path(link)}/proof"
        answer = await self._wire(link).call("POST", path, proof.json(), headers=self._headers)
        return_uri = answer.read(_Proved).return_uri
        # The agent opens this in a browser: never another page than the one of this session.
        completion = return_uri.removeprefix(f"{link.server}/uzi/return#{link.id}.")
        if completion == return_uri or not _TOKEN.fullmatch(completion):
            raise MalformedAnswer("a foreign return URI")
        return return_uri

    def _wire(self, link: AgentLink) -> Wire:
        return Wire(self._http, link.server)

    def _allow(self, server: str) -> None:
        if not self.servers and self._confirm_server(server):
            self.servers.add(server)
        if server not in self.servers:
            raise ForeignServer(server)


def session_text(link: AgentLink, session: Session) -> bytes:
    """Compose the bytes that the card signs, with the origin that was connected to."""
    fields = (link.server, link.id, link.nonce, session.purpose, session.statement)
    return "\n".join(("pairing_server/uzi-session/v1", *fields)).encode()


def _proof(card: Card, signed: bytes) -> JSONObject:
    return card.prove(signed).json()


def _path(link: AgentLink) -> str:
    return f"/uzi/sessions/{link.id}"


def _time_of(answer: Answer) -> datetime:
    """Read the server's clock: the one of a workstation may be wrong (RFC 9110 section 6.6.1)."""
    try:
        at = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def main() -> int:
    """Run `zorgid-desktop`, and return its exit code."""
    from clients.desktop_command import run  # noqa: PLC0415 - who only needs the steps.

    return run()
