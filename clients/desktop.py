"""The desktop agent: it proves a UZI card to the server that a page's link names."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from unicodedata import category
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from clients.wire import JSONObject, MalformedAnswer, Wire, origin_of

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
_CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ES256", hashes.SHA256()),
    "secp384r1": ("ES384", hashes.SHA384()),
    "secp521r1": ("ES512", hashes.SHA512()),
}
_INVISIBLE = {"Cc", "Cf", "Zl", "Zp"}
_PURPOSES = {"login", "register-organisation", "sign-registration"}


class Declined(Exception):  # noqa: N818 - the agent's own no.
    """The agent does not go on: a foreign server, a strange link, or the person said no."""


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
            Declined: any member missing, twice or strange, or a server without TLS.
        """
        # Python's parser silently drops the line feeds and tabs that a link hides behind.
        if not agent_uri.isascii() or not agent_uri.isprintable() or " " in agent_uri:
            raise Declined("not a session link")
        try:
            parts = urlsplit(agent_uri)
            pairs = parse_qsl(parts.query, strict_parsing=True, max_num_fields=8)
            said = dict(pairs)
            named = (parts.scheme, parts.netloc, parts.path, parts.fragment)
            if named != ("zorgid", "session", "", "") or len(said) != len(pairs):
                raise Declined("not a session link")
            link = cls(said["server"], said["id"], said["nonce"])
            canonical = origin_of(link.server) == link.server
        except (ValueError, KeyError) as error:
            raise Declined("not a session link") from error
        if not canonical or not _TOKEN.fullmatch(link.id) or not _TOKEN.fullmatch(link.nonce):
            raise Declined("not a session link")
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
        return cls(key, leaf, tuple(_issuers(leaf, others)))

    def sign(self, data: bytes) -> tuple[bytes, str]:
        """Sign; the raw signature (ECDSA as r and s) and the name of its algorithm.

        Raises:
            ValueError: a curve that the wire does not know.
        """
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()), "RS256"
        if self.key.curve.name not in _CURVES:
            raise ValueError("a curve that the wire does not know")
        algorithm, digest = _CURVES[self.key.curve.name]
        size = (self.key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big"), algorithm


class DesktopAgent:
    """The agent on one desktop.

    Args:
        servers: Origins that may be connected to.  While there is none, `confirm_server` asks
            the person about the first one, which then stands in `servers`.
        accept: Shows the server and the statement; whether the person entered "Ja".
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        servers: Iterable[str] = (),
        confirm_server: Callable[[str], bool] = lambda _server: False,
        accept: Callable[[str, Session], bool] = lambda _server, _session: True,
    ) -> None:
        self.servers = set(servers)
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
        link = AgentLink.parse(agent_uri)
        self._allow(link.server)
        wire = Wire(self._http, link.server)
        path = f"/uzi/sessions/{link.id}"
        session = (await wire.call("GET", path, headers={"X-Nonce": link.nonce})).read(Session)
        if session.id != link.id or session.purpose not in _PURPOSES:
            raise MalformedAnswer("another session than the link's")
        # A line feed would begin another field; a bidirectional control shows another sentence.
        if {category(character) for character in session.statement} & _INVISIBLE:
            raise MalformedAnswer("a statement with control characters")
        if not self._accept(link.server, session):
            raise Declined("the person said no")
        body = _proof(card, session_text(link, session))
        proved = (await wire.call("POST", f"{path}/proof", body)).read(_Proved)
        # The agent opens this in a browser: never another page than the one of this session.
        if not proved.return_uri.startswith(f"{link.server}/uzi/return#{link.id}."):
            raise MalformedAnswer("a foreign return URI")
        return proved.return_uri

    def _allow(self, server: str) -> None:
        if not self.servers and self._confirm_server(server):
            self.servers.add(server)
        if server not in self.servers:
            raise Declined(f"{server} is not an allowed server")


def session_text(link: AgentLink, session: Session) -> bytes:
    """Compose the bytes that the card signs, with the origin that was connected to."""
    fields = (link.server, link.id, link.nonce, session.purpose, session.statement)
    return "\n".join(("pairing_server/uzi-session/v1", *fields)).encode()


def _proof(card: Card, signed: bytes) -> JSONObject:
    signature, algorithm = card.sign(signed)
    # msgspec writes bytes as padded standard base64, which is what this wire asks for.
    return {
        "certificate": card.certificate.public_bytes(Encoding.DER),
        "chain": [certificate.public_bytes(Encoding.DER) for certificate in card.chain],
        "signature": signature,
        "algorithm": algorithm,
    }


def _issuers(
    leaf: x509.Certificate, others: Iterable[x509.Certificate]
) -> Iterable[x509.Certificate]:
    """Order what the file holds from the leaf's issuer upward, leaving the root out."""
    by_subject = {other.subject: other for other in others if other.subject != other.issuer}
    issuer = by_subject.pop(leaf.issuer, None)
    while issuer is not None:
        yield issuer
        issuer = by_subject.pop(issuer.issuer, None)
