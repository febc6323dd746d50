"""TLS that ends here: a listener that asks a browser for its card's certificate.

OpenSSL checks in the handshake that the browser has the key and that the certificate leads to an
anchor; everything else about a card is said by rules that have words for it.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

import structlog
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

#: A browser that has asked its person for the PIN is still within it.
HANDSHAKE_SECONDS = 120
#: A connection is for one form; who has sent none by then sends none.
CONNECTION_SECONDS = 180

#: NCSC guidelines for TLS 2.1 and 2025-05, "good" with TLS 1.2; those of TLS 1.3 all are.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
#: X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python does not name: an expired card is told so in
#: words, where a failed handshake would show an error page of the browser.
_NO_CHECK_TIME = 0x200000
#: PEM and DER in CPython's `_ssl`.
_ENCODING_DER = 2

_log = structlog.get_logger("tls")


class TlsError(OSError):
    """The listener's certificate or key cannot be used; says which file."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many may come before they have said a word.

    A connection takes 70 KB, and 2 ms of the loop that everybody shares.  Whoever opens more of
    them keeps others from this listener, and nobody from the rest of the server.
    """

    at_once: int = 1000
    per_second: int = 100


class CardContext(ssl.SSLContext):
    """A context that hands each connection to a context of its own.

    No session outlives its connection, by cache or by ticket: a resumed one would carry the
    card's certificate without its key (RFC 8446 section 2.2).  Python can turn tickets off, but
    not the session cache of TLS 1.2.  It also makes a renewed certificate count from the next
    connection on.
    """

    _make: Callable[[], ssl.SSLContext]
    _crowd: Crowd
    _open: WeakSet[ssl.SSLObject]
    _begun: deque[float]

    def __new__(cls, make: Callable[[], ssl.SSLContext], crowd: Crowd | None = None) -> Self:
        """Take how a context is made; see `make_context`."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._make = make
        made._crowd = crowd or Crowd()
        made._open = WeakSet()
        made._begun = deque(maxlen=made._crowd.per_second)
        return made

    def is_full(self) -> bool:
        """Whether nobody is let in just now."""
        begun, most = self._begun, self._crowd.per_second
        hurried = len(begun) == most and time.monotonic() - begun[0] < 1
        return hurried or len(self._open) >= self._crowd.at_once

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Begin a connection, or close it unheard when there are too many."""
        if self.is_full():
            raise TlsError(0, "too many connections")
        self._begun.append(time.monotonic())
        try:
            tls = self._make().wrap_bio(*args, **options)
        except OSError as error:
            _log.error("no TLS", error=str(error))
            raise
        self._open.add(tls)
        return tls


@cache
def system_trust() -> ssl.SSLContext:
    """Return what believes the authorities of this system, read once: they are hundreds."""
    return ssl.create_default_context()


def make_context(
    certificate: Path, key: Path, trusted: Sequence[x509.Certificate]
) -> ssl.SSLContext:
    """Make the context of one connection: TLS 1.2 or 1.3, a certificate asked for, not demanded.

    Args:
        certificate: PEM of the listener's certificate and its issuers; `key` unencrypted PEM.
        trusted: Anchors and issuers of cards.

    Raises:
        TlsError: a file cannot be read, or they do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise TlsError(0, f"no certificate with its key ({reason or error})", certificate) from (
            error
        )
    context.load_verify_locations(
        cadata=b"".join(each.public_bytes(Encoding.DER) for each in trusted)
    )
    context.verify_mode = ssl.CERT_OPTIONAL
    # An anchor need not be a root.  That issuers end a path here, too, decides nothing: `path.py`
    # follows it to an anchor.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context


def card_context(
    certificate: Path,
    key: Path,
    trusted: Sequence[x509.Certificate],
    crowd: Crowd | None = None,
) -> CardContext:
    """Return the context to listen with.

    Raises:
        TlsError: a file cannot be read, or they do not belong together.
    """

    def make() -> ssl.SSLContext:
        return make_context(certificate, key, trusted)

    make()  # A mistake is told at start.
    return CardContext(make, crowd)


def shown_certificates(tls: ssl.SSLObject) -> list[bytes]:
    """Return the certificates that the client sent in DER, its own first; none when it sent none.

    Its own is one whose key it was shown to have, in this connection's handshake.
    """
    own = tls.getpeercert(binary_form=True)
    if own is None:
        return []
    return [own, *(der for der in _unverified_chain(tls) if der != own)]


def _unverified_chain(tls: ssl.SSLObject) -> list[bytes]:
    if hasattr(tls, "get_unverified_chain"):  # Public from Python 3.13 on.
        return list(tls.get_unverified_chain())
    # Python 3.11 and 3.12 have it below; without it the issuers have to be configured.
    inner: Any = getattr(tls, "_sslobj", None)
    found: Any = getattr(inner, "get_unverified_chain", list)()
    return [each.public_bytes(_ENCODING_DER) for each in found or ()]


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close the connection for which there was room only a moment later."""
        transport.close()


class CardSite(web.BaseSite):
    """Listens for browsers with a card: patient with people, not with silence."""

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        context: CardContext,
        patience: float = CONNECTION_SECONDS,
    ) -> None:
        super().__init__(runner, ssl_context=context, backlog=128)
        self._context = context
        self._host = host
        self._port = port
        self._patience = patience

    @property
    def name(self) -> str:
        """The address."""
        return f"https://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is taken.
        """
        await super().start()
        loop = asyncio.get_running_loop()
        make = self._runner.server
        assert make is not None  # noqa: S101  (the runner is set up)

        def connection() -> asyncio.Protocol:
            if self._context.is_full():
                return _Refused()  # Nothing is made for it that would outlive it.
            handler = make()
            loop.call_later(self._patience, handler.force_close)
            return handler

        self._server = await loop.create_server(
            connection,
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=self._backlog,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )


@web.middleware
async def one_request(
    request: web.Request, handler: Callable[[web.Request], Any]
) -> web.StreamResponse:
    """Close the connection after the answer: the card may be pulled out before the next one."""
    response: web.StreamResponse = await handler(request)
    response.force_close()
    return response


def _no_password() -> str:
    """Refuse an encrypted key instead of asking the terminal for its password."""
    raise TlsError(0, "the key is encrypted")
