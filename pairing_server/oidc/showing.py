"""What a call shows of its sender: a certificate, a DPoP proof, an access token."""

import re

from aiohttp import web

from pairing_server.errors import Unauthenticated
from pairing_server.http import SETTINGS, check_same_origin
from pairing_server.oidc.access import DPOP
from pairing_server.oidc.sender import Shown
from pairing_server.uzi.client_cert import CLIENT_CERT, ClientCertificate
from pairing_server.uzi.shown import ClientCertNotAccepted, shown_certificate

#: RFC 6750 section 2.1, RFC 9449 section 7.1; schemes are the same in capitals (RFC 9110 11.1).
_TOKEN = re.compile(r"(Bearer|DPoP) ([A-Za-z0-9._~+/-]{1,1024}=*)", re.ASCII | re.IGNORECASE)
_OF_BROWSERS = ("Origin", "Sec-Fetch-Site")


def certificate_of(request: web.Request) -> ClientCertificate | None:
    """Return the certificate that a client showed, by TLS that ends here or by a proxy.

    Raises:
        CrossSite: a page of another site made a browser show it.
        ClientCertNotAccepted: it is handed on where nobody asks for one, or by somebody else.
        MalformedClientCert: a proxy hands it on in a form that cannot be read.
    """
    settings = request.app[SETTINGS]
    # An ordinary entrance that forgot to take the field out sends another Host.
    if CLIENT_CERT in request.headers and request.host != settings.mtls_host:
        raise ClientCertNotAccepted("not where certificates are shown")
    shown = shown_certificate(request, settings.client_cert_proxies)
    # A browser shows what its machine has, as it sends cookies; programs send neither field.
    if shown is not None and any(name in request.headers for name in _OF_BROWSERS):
        check_same_origin(request, settings.origin)
    return shown


def shown_by(request: web.Request) -> Shown:
    """Return all that came with a call to show a key."""
    proofs = request.headers.getall("DPoP", [])
    return Shown(request.method, request.path, proofs, certificate_of(request))


def access_token(request: web.Request) -> tuple[str, bool]:
    """Return the access token of a call, and whether it came under the scheme DPoP.

    Raises:
        Unauthenticated: there is none, or more than one.
    """
    values = request.headers.getall("Authorization", [])
    match = _TOKEN.fullmatch(values[0]) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated
    return match[2], match[1].lower() == DPOP.lower()
