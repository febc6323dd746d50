"""Client authentication: by a signature (RFC 7523), or by a certificate (RFC 8705 section 2)."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from pairing_server.limits import Limiter, Rate
from pairing_server.oidc.client_certificate import CertificateError, believed, check_name
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.client_keys import Part, UnverifiedError, unverified
from pairing_server.oidc.metadata import BACKCHANNEL_PATH, PAR_PATH, TOKEN_PATH
from pairing_server.oidc.refusals import InvalidClient
from pairing_server.ports import Ports
from pairing_server.registry import clients
from pairing_server.registry.client_metadata import AuthMethod
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.tokens import digest
from pairing_server.uzi.client_cert import ClientCertificate
from pairing_server.uzi.revocation import RevocationList

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_CHARACTERS = 8192
#: How far ahead an assertion may expire; its `jti` is kept for as long.
MAX_LIFETIME = timedelta(minutes=10)
#: How far a client's clock may be ahead of ours (FAPI 2.0 Security Profile section 5.3.2.1).
SKEW = timedelta(seconds=10)

# RFC 6749 appendix A: what a client identifier may hold; no `jti` needs more.  Only such text can
# be looked up and digested: JSON carries lone surrogates and NUL, which no database takes.
_IDENTIFIER = re.compile(r"[\x20-\x7e]{1,256}", re.ASCII)

_REQUIRED = ("iss", "sub", "aud", "exp", "jti")


KnownLists = Callable[[], Awaitable[Sequence[RevocationList]]]


class ClientAuthentication:
    """Tells which client calls."""

    def __init__(  # noqa: PLR0913  (who is believed, and by what)
        self,
        ports: Ports,
        key_sets: ClientKeySets,
        issuer: str,
        *,
        aliases: str | None = None,
        authorities: Sequence[x509.Certificate] = (),
        lists: KnownLists | None = None,
        rate: Rate | None = None,
    ) -> None:
        """Build it.

        Args:
            aliases: The origin of the endpoints that ask for a certificate.
            authorities: Whose certificates clients may show.
            lists: Returns the revocation lists that are known.
            rate: How much each client may ask for.
        """
        self._asking = Limiter(time.monotonic, rate)
        self._registry = ports.registry
        self._store = ports.store
        self._clock = ports.clock
        self._key_sets = key_sets
        self._authorities = authorities
        self._lists = lists
        # CIBA Core section 7.1: the issuer, the token endpoint and the backchannel endpoint.
        paths = (TOKEN_PATH, BACKCHANNEL_PATH, PAR_PATH)
        origins = (issuer, aliases or issuer)
        self._audiences = frozenset({issuer, *(at + path for at in origins for path in paths)})

    async def authenticate(
        self, form: Mapping[str, str], shown: ClientCertificate | None = None
    ) -> Client:
        """Return the client that signed the assertion in the form, or that showed a certificate.

        Args:
            shown: What TLS or a proxy says that the client showed.

        Raises:
            InvalidClient: unknown, closed, not verified, too old, shown before, or registered
                for the other way.
            Unavailable: the client's keys cannot be fetched.
        """
        if "client_assertion" in form or "client_assertion_type" in form:
            return await self._by_assertion(form)
        if shown is not None:
            return await self._by_certificate(form, shown)
        raise InvalidClient("no private_key_jwt and no certificate")

    async def authenticate_to_ask(
        self, form: Mapping[str, str], shown: ClientCertificate | None = None
    ) -> Client:
        """Return the client that is about to ask something of people, and count that it does.

        Before it is looked whom it asks: who is unknown is counted as who is there.

        Raises:
            InvalidClient, Unavailable: as `authenticate`.
            TooManyRequests: the client is over its rate.
        """
        client = await self.authenticate(form, shown)
        self.count(client)
        return client

    def count(self, client: Client) -> None:
        """Count that a client asks something of people.

        Raises:
            TooManyRequests: it is over its rate.
        """
        self._asking.take(client.id)

    async def _by_assertion(self, form: Mapping[str, str]) -> Client:
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient("no private_key_jwt")
        if len(assertion) > MAX_ASSERTION_CHARACTERS:
            raise InvalidClient("assertion too long")
        client_id = _claimed_client(assertion)
        if form.get("client_id", client_id) != client_id:
            raise InvalidClient("client_id is another")
        client = await self._registered(client_id, AuthMethod.PRIVATE_KEY_JWT)
        try:
            claims = await self._key_sets.verified(assertion, client, _REQUIRED)
        except UnverifiedError as error:
            raise InvalidClient(str(error)) from error
        now = self._clock()
        expires_at = check_claims(claims, client_id, self._audiences, now)
        # (last) Only what verified may use up a `jti`.
        key = f"client-assertion:{client_id}:{digest(claims['jti'])}"
        if not await self._store.create(key, b"", expires_at - now + SKEW):
            raise InvalidClient("jti shown before")
        return client

    async def _by_certificate(self, form: Mapping[str, str], shown: ClientCertificate) -> Client:
        # RFC 8705 section 2: `client_id` says who, so that the names of all need not be searched.
        client_id = form.get("client_id", "")
        if not _IDENTIFIER.fullmatch(client_id):
            raise InvalidClient("no client_id of use")
        client = await self._registered(client_id, AuthMethod.TLS_CLIENT_AUTH)
        lists = await self._lists() if self._lists is not None else ()
        try:
            certificate = believed(shown, self._authorities, self._clock(), lists)
            check_name(certificate, client.metadata)
        except CertificateError as error:
            raise InvalidClient(str(error)) from error
        return client

    async def _registered(self, client_id: str, method: AuthMethod) -> Client:
        client = await self._registry.read(lambda tx: clients.get(tx, client_id))
        if client is None or client.status is not ClientStatus.ACTIVE:
            raise InvalidClient("unknown client")
        if client.metadata.token_endpoint_auth_method is not method:
            raise InvalidClient("registered for another method")
        return client


def check_claims(
    claims: Mapping[str, Any], client_id: str, audiences: frozenset[str], now: datetime
) -> datetime:
    """Check the claims of a verified assertion (RFC 7523 section 3) and return its expiry.

    Raises:
        InvalidClient: one is missing, of the wrong type or out of range.
    """
    # (1, 2) iss and sub
    if claims["iss"] != client_id or claims["sub"] != client_id:
        raise InvalidClient("iss and sub are not the client")
    # (3) aud
    audience = claims["aud"]
    # All of them: whoever else is named could show it to us as his own.
    named = audience if isinstance(audience, list) else [audience]
    if not named or not all(isinstance(name, str) and name in audiences for name in named):
        raise InvalidClient("aud is another")
    # (4) exp
    expires_at = _time(claims, "exp")
    if expires_at is None or not now < expires_at <= now + MAX_LIFETIME + SKEW:
        raise InvalidClient("exp is over or too far ahead")
    # (5, 6) nbf and iat
    for name in ("nbf", "iat"):
        moment = _time(claims, name)
        if moment is not None and moment > now + SKEW:
            raise InvalidClient(f"{name} is ahead")
    # (7) jti
    jti = claims["jti"]
    if not isinstance(jti, str) or not _IDENTIFIER.fullmatch(jti):
        raise InvalidClient("jti is not a string of use")
    return expires_at


def _claimed_client(assertion: str) -> str:
    try:
        claims = unverified(assertion, Part.CLAIMS)
    except ValueError as error:
        raise InvalidClient(repr(error)) from error
    client_id = claims.get("sub")
    if not isinstance(client_id, str) or not _IDENTIFIER.fullmatch(client_id):
        raise InvalidClient("no sub of use")
    return client_id


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    """Read a NumericDate (RFC 7519 section 2).

    Raises:
        InvalidClient: it is there and is not one.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidClient(f"{name} is not a number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidClient(f"{name} is out of range") from error
