"""The certificate that a browser showed, as TLS or a proxy in front hands it on (RFC 9440).

That whoever shows it has its key was checked in the handshake and is not visible here; whether it
may be believed is `path.py`'s question.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pairing_server.errors import InvalidRequest
from pairing_server.uzi.path import MAX_CERTIFICATE_BYTES, MAX_CHAIN, load_certificate
from pairing_server.uzi.proof import decode_base64
from pairing_server.uzi.refusals import MalformedCertificate, MalformedEncoding

#: The fields of RFC 9440 section 2.
CLIENT_CERT = "Client-Cert"
CLIENT_CERT_CHAIN = "Client-Cert-Chain"

_BASE64 = r"[A-Za-z0-9+/]*={0,2}"
_MAX_BASE64 = (MAX_CERTIFICATE_BYTES + 2) // 3 * 4
#: A Byte Sequence (RFC 8941 section 3.3.5), with nothing but spaces around it.
_ITEM = re.compile(rf" *:({_BASE64}): *", re.ASCII)
#: What may stand around the members of a List (RFC 8941 section 3.1).
_BLANKS = " \t"


class MalformedClientCert(InvalidRequest):
    """The fields are not those of RFC 9440 section 2, or stand there twice."""

    description = (
        "The server in front of this one handed your card on in a form that cannot be read. Ask "
        "your IT department to check its Client-Cert header."
    )


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate whose key was shown to be there, in DER.

    Attributes:
        chain: What came with it, without the certificate itself; may be empty or incomplete.
    """

    leaf: bytes
    chain: tuple[bytes, ...] = ()


def read_fields(leaf: Sequence[str], chain: Sequence[str]) -> ClientCertificate:
    """Read the fields `Client-Cert` and `Client-Cert-Chain` (RFC 9440 sections 2.2 and 2.3).

    Stricter than RFC 8941 demands: no parameters, no second spelling of the same bytes, and the
    chain in one line, since a line that a proxy adds its own to is not the proxy's.

    Args:
        leaf: The values of all lines of the first field, of the second `chain`.

    Raises:
        MalformedClientCert: Not one certificate and at most one list of at most five.
    """
    if len(leaf) != 1 or len(chain) > 1:
        raise MalformedClientCert(None, "lines", len(leaf), len(chain))
    members = [member.strip(_BLANKS) for member in chain[0].split(",")] if chain else []
    if len(members) > MAX_CHAIN:
        raise MalformedClientCert(None, "members", len(members))
    return ClientCertificate(_bytes_of(leaf[0]), tuple(_bytes_of(member) for member in members))


def complete(shown: ClientCertificate, issuers: Sequence[x509.Certificate]) -> ClientCertificate:
    """Add the authorities that a path from the certificate may go through.

    Browsers and proxies send the certificate alone, or whatever they think leads to its issuer.

    Args:
        issuers: Those that are known; only those are added that are named on the way up.

    Raises:
        CardRefused: A certificate that cannot be read, or too many of them.
    """
    if len(shown.chain) > MAX_CHAIN:
        raise MalformedCertificate("chain", len(shown.chain))
    chain = dict.fromkeys(shown.chain)
    names = [load_certificate(der).issuer for der in (shown.leaf, *shown.chain)]
    for name in names:  # Grows by the issuers of what is added.
        for issuer in issuers:
            der = issuer.public_bytes(Encoding.DER)
            if issuer.subject == name and der not in chain:
                chain[der] = None
                names.append(issuer.issuer)
    return replace(shown, chain=tuple(chain))


def _bytes_of(item: str) -> bytes:
    match = _ITEM.fullmatch(item) if len(item) <= _MAX_BASE64 + 16 else None
    if match is None or not match[1]:
        raise MalformedClientCert(None, "no Byte Sequence", len(item))
    try:
        return decode_base64(match[1])
    except MalformedEncoding as error:
        raise MalformedClientCert(None, "base64") from error
