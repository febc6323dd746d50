"""Rules of clients that show a certificate (RFC 8705): its path, if it holds, and whose it is."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from pairing_server.registry.client_metadata import ClientMetadata, read_name
from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.client_cert import ClientCertificate
from pairing_server.uzi.path import MAX_CHAIN, load_certificate
from pairing_server.uzi.refusals import CardRefused, CardRevoked, RevocationUnknown
from pairing_server.uzi.revocation import RevocationList, check_revocation

_FOR_CLIENTS = frozenset(
    {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
)


class CertificateError(Exception):
    """The certificate is not believed, or not of this client; says why, to the log."""


def believed(
    shown: ClientCertificate,
    authorities: Sequence[x509.Certificate],
    now: datetime,
    lists: Sequence[RevocationList] = (),
) -> x509.Certificate:
    """Return the certificate if a path leads from it to an authority, today, for clients.

    Args:
        authorities: Roots or issuers; each ends a path.
        lists: All revocation lists that are known, whoever made them.

    Raises:
        CertificateError: it does not, or one of the path was revoked.
    """
    if len(shown.chain) > MAX_CHAIN:
        # The number of paths that the library may try grows with each certificate.
        raise CertificateError("chain too long")
    try:
        leaf, *chain = map(load_certificate, (shown.leaf, *shown.chain))
        usage = _extended_usage(leaf)
        path = _verify(leaf, chain, authorities, now)
    except (*UNREADABLE, CardRefused, VerificationError) as error:
        # Their words may quote what was shown.
        raise CertificateError(f"no path: {type(error).__name__}") from error
    if usage is not None and _FOR_CLIENTS.isdisjoint(usage):
        raise CertificateError("not for clients")
    _check_revocation(path, lists, now)
    return leaf


def check_name(certificate: x509.Certificate, metadata: ClientMetadata) -> None:
    """Check that the certificate has the name that the client is registered with.

    Raises:
        CertificateError: it has another, or the client is registered with none.
    """
    subject, host = metadata.tls_client_auth_subject_dn, metadata.tls_client_auth_san_dns
    if subject and certificate.subject == read_name(subject):
        return
    if host and host.lower() in _hosts(certificate):
        return
    common = metadata.tls_client_auth_subject_cn
    # One name: of several the authority may have looked at another.
    if common and _common_names(certificate) == [common.lower()]:
        return
    raise CertificateError("another name")


def _verify(
    leaf: x509.Certificate,
    chain: list[x509.Certificate],
    authorities: Sequence[x509.Certificate],
    now: datetime,
) -> Sequence[x509.Certificate]:
    # The XIS' certificates of the UZI-register have names that web browsers do not know of, so
    # that of the leaf no more is demanded than what is checked here by hand.
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities)))
        .time(now)
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
        .build_client_verifier()
    )
    return verifier.verify(leaf, chain).chain


def _check_revocation(
    path: Sequence[x509.Certificate], lists: Sequence[RevocationList], now: datetime
) -> None:
    """Check each certificate of a path against its issuer's lists, where there are any.

    Not every authority of programs makes them.  Where one does, a list that ran out clears nobody.
    """
    for certificate, issuer in pairwise(path):
        own = [one for one in lists if one.is_from(issuer)]
        try:
            if own:
                check_revocation(certificate, issuer, own, now, max_age=None)
        except (CardRevoked, RevocationUnknown) as error:
            raise CertificateError(error.code) from error


def _extended_usage(certificate: x509.Certificate) -> Sequence[x509.ObjectIdentifier] | None:
    try:
        found = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return None
    return list(found.value)


def _common_names(certificate: x509.Certificate) -> list[str]:
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [str(name.value).lower() for name in found]


def _hosts(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(name.lower() for name in found.value.get_values_for_type(x509.DNSName))
