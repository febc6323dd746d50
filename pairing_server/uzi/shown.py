"""Whence a certificate is taken that somebody showed in a TLS handshake.

There are two ways to it, and a request has one of them: TLS that ends here, or a proxy that ends
it and says so in `Client-Cert` (RFC 9440).
"""

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from pairing_server.errors import Refusal
from pairing_server.limits import Network
from pairing_server.tls import shown_certificates
from pairing_server.uzi.client_cert import (
    CLIENT_CERT,
    CLIENT_CERT_CHAIN,
    ClientCertificate,
    read_fields,
)


class ClientCertNotAccepted(Refusal):
    """A `Client-Cert` field from who is not a configured proxy (RFC 9440 section 4)."""

    code = "client_cert_not_accepted"
    status = 403
    description = (
        "A Client-Cert header is taken from the configured proxies only. Ask your IT department "
        "to name the proxy in PAIRING_CLIENT_CERT_PROXIES."
    )


def shown_certificate(
    request: web.Request, proxies: Sequence[Network]
) -> ClientCertificate | None:
    """Return the certificate that came with a request, `None` where none was shown.

    Args:
        proxies: Who may hand certificates on.

    Raises:
        ClientCertNotAccepted: somebody else hands one on.
        MalformedClientCert: a proxy does, in a form that cannot be read.
    """
    leaf = request.headers.getall(CLIENT_CERT, [])
    chain = request.headers.getall(CLIENT_CERT_CHAIN, [])
    tls = request.get_extra_info("ssl_object")
    if leaf or chain:
        # Never passed over in silence: who sends it means to be believed.
        if tls is not None or not _is_among(request.remote, proxies):
            raise ClientCertNotAccepted("on the own listener" if tls else "not a proxy")
        return read_fields(leaf, chain)
    shown = shown_certificates(tls) if tls is not None else []
    return ClientCertificate(shown[0], tuple(shown[1:])) if shown else None


def _is_among(peer: str | None, networks: Sequence[Network]) -> bool:
    """Tell whether the TCP peer is in one of the networks; no header says who that is."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:  # A Unix socket has no address.
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
