"""Which of a card's certificates proves its holder, and whom it was issued by; rules alone.

A UZI-pas holds three certificates of its holder, for authentication, signature and
confidentiality, and those of the authorities above them (CPS tables 4 and 8).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from unicodedata import category

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: The otherName that holds the UZI number (CPS section 7.1.5).
CARD_NAME = x509.ObjectIdentifier("2.5.5.5")

#: What a certificate that somebody made can raise while its extensions are parsed.
_UNREADABLE = (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def is_authentication(certificate: x509.Certificate) -> bool:
    """Tell whether this is the certificate of a UZI-pas that proves its holder (CPS table 8).

    It has digitalSignature without nonRepudiation, clientAuth, and the holder's UZI number.  The
    server checks more; this only has to find the right one among a card's certificates.
    """
    try:
        extensions = certificate.extensions
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (*_UNREADABLE, x509.ExtensionNotFound):
        return False
    return (
        usage.digital_signature
        and not usage.content_commitment
        and ExtendedKeyUsageOID.CLIENT_AUTH in purposes
        and any(name.type_id == CARD_NAME for name in names.get_values_for_type(x509.OtherName))
    )


def choose_authentication(certificates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Choose a card's authentication certificate: of several the one that is valid longest."""
    fitting = filter(is_authentication, certificates)
    return max(fitting, key=lambda found: found.not_valid_after_utc, default=None)


def issuers(
    leaf: x509.Certificate, others: Iterable[x509.Certificate]
) -> Iterator[x509.Certificate]:
    """Order a card's other certificates from the leaf's issuer upward, leaving the root out.

    An authority that was signed twice comes with both of its certificates: which of them leads
    to an anchor is the server's to know.
    """
    left = [other for other in others if other.subject != other.issuer and other != leaf]
    wanted = {leaf.issuer}
    while level := [other for other in left if other.subject in wanted]:
        yield from level
        left = [other for other in left if other not in level]
        wanted = {other.issuer for other in level}


def holder_name(certificate: x509.Certificate) -> str:
    """Return whose card it is, as it may be shown: without control characters, 64 at most."""
    named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(named[0].value) if named else ""
    return showable(text)[:64] or "?"


def showable(text: str) -> str:
    """Make one line of what others wrote: a control would move, an override turn what is seen."""
    return " ".join("".join(" " if category(char)[0] in "CZ" else char for char in text).split())


def validity(certificate: x509.Certificate, now: datetime) -> str:
    """Tell `valid`, `expired` or `not_yet_valid` (RFC 5280 section 4.1.2.5)."""
    if now < certificate.not_valid_before_utc:
        return "not_yet_valid"
    return "valid" if now <= certificate.not_valid_after_utc else "expired"
