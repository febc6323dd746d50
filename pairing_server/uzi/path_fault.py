"""Which rule a refused path breaks, in words of our own.

Nothing is accepted or refused here: the two verifiers do that, and say why in sentences that
quote the card.  A help desk needs the rule, and the log may not have the card.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from pairing_server.uzi.certificate import UNREADABLE, find_extension
from pairing_server.uzi.refusals import (
    AuthorityNotValid,
    NameNotPermitted,
    NotAnAuthority,
    PathTooLong,
    PolicyNotAllowed,
    PurposeNotAllowed,
    UnknownCriticalExtension,
    UntrustedIssuer,
    UntrustedPath,
)
from pairing_server.uzi.second_opinion import allowed_policies

#: Authorities between the anchor and the card: two, and one to spare.
MAX_DEPTH = 3
#: Those that both verifiers heed wherever they stand.
_KNOWN = (
    x509.BasicConstraints,
    x509.CertificatePolicies,
    x509.ExtendedKeyUsage,
    x509.InhibitAnyPolicy,
    x509.KeyUsage,
    x509.NameConstraints,
    x509.PolicyConstraints,
    x509.SubjectAlternativeName,
)
_PURPOSES = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


def broken_rule(
    path: Sequence[x509.Certificate], policies: frozenset[str], at: datetime
) -> type[UntrustedPath] | None:
    """Return the refusal of the first rule that the path breaks, or `None` when none is seen.

    Args:
        path: From the card's certificate to the anchor.
        policies: Dotted OIDs, of which the card has one that all authorities allow.
        at: Aware; the time for which all is checked.
    """
    authorities = path[1:]
    # Before the others: what nobody signed, anybody wrote.
    if not all(is_signed_by(child, parent) for child, parent in pairwise(path)):
        return UntrustedIssuer
    rules = (
        (AuthorityNotValid, all(_is_valid(authority, at) for authority in authorities)),
        (NotAnAuthority, all(map(_may_sign, authorities))),
        (PathTooLong, not _too_long(authorities)),
        (UnknownCriticalExtension, not any(map(_has_unknown, path))),
        (PurposeNotAllowed, all(map(_may_issue_for_clients, authorities))),
        (PolicyNotAllowed, bool(policies & allowed_policies(path))),
        # Names are compared by the first verifier alone; what is left is their fault.
        (NameNotPermitted, not any(map(_constrains_names, authorities))),
    )
    return next((refusal for refusal, kept in rules if not kept), None)


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether a certificate bears the issuer's name and a signature of the issuer's key."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _is_valid(authority: x509.Certificate, at: datetime) -> bool:
    return authority.not_valid_before_utc <= at <= authority.not_valid_after_utc


def _may_sign(authority: x509.Certificate) -> bool:
    constraints = find_extension(authority.extensions, x509.BasicConstraints)
    usage = find_extension(authority.extensions, x509.KeyUsage)
    return bool(constraints and constraints.ca and usage and usage.key_cert_sign)


def _too_long(authorities: Sequence[x509.Certificate]) -> bool:
    """Self-issued certificates do not count for an authority (RFC 5280 section 6.1.4 (l))."""
    below = 0
    for authority in authorities:
        constraints = find_extension(authority.extensions, x509.BasicConstraints)
        if constraints and constraints.path_length is not None and constraints.path_length < below:
            return True
        below += authority.subject != authority.issuer
    return len(authorities) > MAX_DEPTH + 1


def _has_unknown(certificate: x509.Certificate) -> bool:
    return any(
        extension.critical and not isinstance(extension.value, _KNOWN)
        for extension in certificate.extensions
    )


def _may_issue_for_clients(authority: x509.Certificate) -> bool:
    purposes = find_extension(authority.extensions, x509.ExtendedKeyUsage)
    return purposes is None or any(purpose in purposes for purpose in _PURPOSES)


def _constrains_names(authority: x509.Certificate) -> bool:
    return find_extension(authority.extensions, x509.NameConstraints) is not None
