"""Rules of what a client is registered with (RFC 7591, and what OpenID, RFC 8705 and 9449 add).

Members have the standards' names, so that a vendor's own registration document can be handed in;
`tls_client_auth_subject_cn` alone is ours, for the XIS that ZORG-ID knows by that name.
What is not known here is refused: a mistyped `dpop_bound_access_tokens` would bind nothing.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from pairing_server.destination import EgressError, read_url


class AuthMethod(StrEnum):
    """How a client shows who it is (`token_endpoint_auth_method`)."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    #: RFC 8705 section 2.1.
    TLS_CLIENT_AUTH = "tls_client_auth"


class DeliveryMode(StrEnum):
    """How a client hears of an answer (CIBA Core section 5)."""

    POLL = "poll"
    PING = "ping"


class Algorithm(StrEnum):
    """Signature algorithms of clients (RFC 7518 section 3.1, RFC 8037)."""

    ES256 = "ES256"
    PS256 = "PS256"
    EDDSA = "EdDSA"
    #: Only where the client's policy takes it.
    RS256 = "RS256"


class ServerAlgorithm(StrEnum):
    """Signature algorithms of this server."""

    ES256 = "ES256"


class GrantType(StrEnum):
    """What a client may ask for (`grant_types`)."""

    CIBA = "urn:openid:params:grant-type:ciba"
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    AUTHORIZATION_CODE = "authorization_code"
    #: RFC 6749 section 4.4.
    CLIENT_CREDENTIALS = "client_credentials"


#: Where people log in; what a client does by itself has to be named.
LOGIN_GRANTS = (GrantType.CIBA, GrantType.DEVICE_CODE, GrantType.AUTHORIZATION_CODE)


class ClientMetadata(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a client is registered with, beside its keys and its redirect URIs.

    Attributes:
        tls_client_auth_subject_cn: The host that is the one common name of its certificate.
        grant_types: What it may ask for; where none is named, all in which a person logs in.
        ssf_delivery_endpoint: Where security events may be pushed to; this one is ours and of no
            standard, for a client names the endpoint itself when it makes its stream.
    """

    token_endpoint_auth_method: AuthMethod = AuthMethod.PRIVATE_KEY_JWT
    tls_client_auth_subject_dn: str = ""
    tls_client_auth_san_dns: str = ""
    tls_client_auth_subject_cn: str = ""
    tls_client_certificate_bound_access_tokens: bool = False
    dpop_bound_access_tokens: bool = False
    jwks_uri: str = ""
    grant_types: tuple[GrantType, ...] = LOGIN_GRANTS
    require_pushed_authorization_requests: bool = False
    backchannel_token_delivery_mode: DeliveryMode = DeliveryMode.POLL
    backchannel_client_notification_endpoint: str = ""
    backchannel_authentication_request_signing_alg: Algorithm | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    ssf_delivery_endpoint: str = ""
    id_token_signed_response_alg: ServerAlgorithm = ServerAlgorithm.ES256
    userinfo_signed_response_alg: ServerAlgorithm | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ValueError: says which member.
        """
        for name in _CALLED:
            _check_called(name, getattr(self, name))
        for uri in self.post_logout_redirect_uris:
            check_redirect("post_logout_redirect_uris", uri)
        names = [getattr(self, name) for name in _CERTIFICATE_NAMES]
        by_certificate = self.token_endpoint_auth_method is AuthMethod.TLS_CLIENT_AUTH
        # RFC 8705 section 2.1.2: exactly one.
        if sum(map(bool, names)) != int(by_certificate):
            raise ValueError(
                f"tls_client_auth takes one of {', '.join(_CERTIFICATE_NAMES)}, "
                "and no other method takes any"
            )
        if self.tls_client_auth_subject_dn:
            read_name(self.tls_client_auth_subject_dn)
        if self.tls_client_auth_subject_cn:
            _check_host_name(self.tls_client_auth_subject_cn)
        is_ping = self.backchannel_token_delivery_mode is DeliveryMode.PING
        if is_ping != bool(self.backchannel_client_notification_endpoint):
            raise ValueError(
                "backchannel_client_notification_endpoint belongs to the delivery mode ping"
            )
        if self.tls_client_certificate_bound_access_tokens and self.dpop_bound_access_tokens:
            raise ValueError("tokens are bound to a certificate or by DPoP, not both")


_CERTIFICATE_NAMES = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_subject_cn",
)
# RFC 1123 section 2.1, with at least two labels; a common name has 64 characters (RFC 5280).
_HOST_NAME = re.compile(
    r"(?=.{1,64}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+",
    re.ASCII | re.IGNORECASE,
)

#: What this server calls, and calls only in the one strict spelling.
_CALLED = (
    "jwks_uri",
    "backchannel_client_notification_endpoint",
    "backchannel_logout_uri",
    "ssf_delivery_endpoint",
)

#: What names of organisations' certificates have beyond RFC 4514 section 3.
_ATTRIBUTES = {
    "serialNumber": NameOID.SERIAL_NUMBER,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}


def read(members: Mapping[str, Any]) -> ClientMetadata:
    """Read metadata.

    Raises:
        ValueError: a member is unknown, of another type, or cannot work; says which.
    """
    try:
        return msgspec.convert(members, ClientMetadata)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def check_redirect(name: str, uri: str) -> None:
    """Check where a browser may be sent: https without a fragment, or plain http on loopback.

    Raises:
        ValueError: says which member.
    """
    parts = urlsplit(uri)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
    if not uri.isascii() or not is_safe or not parts.hostname or "#" in uri or "@" in parts.netloc:
        raise ValueError(f"{name} takes https URLs without a fragment (http on loopback)")


def read_name(subject: str) -> x509.Name:
    """Read a subject's name as RFC 4514 writes it.

    Raises:
        ValueError: it is none.
    """
    try:
        return x509.Name.from_rfc4514_string(subject, _ATTRIBUTES)
    except ValueError as error:
        raise ValueError("tls_client_auth_subject_dn takes a name as RFC 4514 has it") from error


def _check_host_name(name: str) -> None:
    # Authorities that name hosts so have seen that they are their owner's; what else stands in a
    # common name, people's names among it, is nobody's alone.
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("tls_client_auth_subject_cn takes the name of a host, whole")


def _check_called(name: str, url: str) -> None:
    if not url:
        return
    try:
        target = read_url(url)
    except EgressError as error:
        raise ValueError(f"{name} is no URL that this server calls") from error
    if target.scheme != "https" and not _is_loopback(target.host):
        raise ValueError(f"{name} takes an https URL (http on localhost)")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
