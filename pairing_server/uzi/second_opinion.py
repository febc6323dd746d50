"""The second opinion on a path: `cryptography`'s verifier, with rules of our own.

It shares neither parser nor path validation with the first, `path_validation.py`.  What the
library leaves to its caller is checked here: key usage, extended key usage and policies of the
authorities (RFC 5280 section 6.1).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, PublicKeyAlgorithmOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder

from pairing_server.uzi.certificate import find_extension, parsing

ANY_POLICY: Final = "2.5.29.32.0"

_ANY_USE: Final = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)


def cannot_judge(path: Sequence[x509.Certificate]) -> str | None:
    """Name what in a path's authorities the library refuses whatever the card is, if anything.

    Both are read from the certificates, not from what the library says of them.

    Args:
        path: From the card's certificate to the anchor.
    """
    for authority in path[1:]:
        if authority.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS:
            return "a key for RSASSA-PSS alone"
        if _constrains_directory_names(authority):
            return "nameConstraints on directoryName"
    return None


def refuses(
    path: Sequence[x509.Certificate], policies: frozenset[str], at: datetime
) -> str | None:
    """Tell why a path is not valid, or `None` when it is.

    Args:
        path: From the card's certificate to the anchor, as the first verifier found it.
        policies: Dotted OIDs, of which the card has one that all authorities allow.
        at: Aware; the time for which all is checked.

    Returns:
        The rule; the library's own message quotes the card's names.
    """
    leaf, *authorities, anchor = path
    verifier = (
        PolicyBuilder()
        .store(verification.Store([anchor]))
        .time(at)
        .extension_policies(ca_policy=_AUTHORITY_POLICY, ee_policy=_LEAF_POLICY)
        .build_client_verifier()
    )
    try:
        with parsing():
            found = verifier.verify(leaf, authorities).chain
    except verification.VerificationError as error:
        return type(error).__name__
    if found != list(path):
        return "another path"
    return None if policies & allowed_policies(path) else "policy"


def allowed_policies(path: Sequence[x509.Certificate]) -> frozenset[str]:
    """Return the card's policies that all authorities allow (RFC 5280 section 6.1.3 (d)).

    An anchor allows what it is trusted for.  Mappings are not followed.

    Args:
        path: From the card's certificate to the anchor.
    """
    leaf, *authorities = path[:-1]
    allowed = _policies(leaf)
    any_counts_for = len(path)
    for authority in reversed(authorities):
        self_issued = authority.subject == authority.issuer
        named = _policies(authority)
        if ANY_POLICY not in named or (any_counts_for <= 0 and not self_issued):
            allowed &= named
        any_counts_for -= not self_issued
        inhibit = find_extension(authority.extensions, x509.InhibitAnyPolicy)
        if inhibit is not None:
            any_counts_for = min(any_counts_for, inhibit.skip_certs)
    return allowed


def _policies(certificate: x509.Certificate) -> frozenset[str]:
    policies = find_extension(certificate.extensions, x509.CertificatePolicies)
    return frozenset(policy.policy_identifier.dotted_string for policy in policies or ())


def _constrains_directory_names(authority: x509.Certificate) -> bool:
    """Only a critical extension stops the library; another that it cannot apply it ignores."""
    for extension in authority.extensions:
        constraints = extension.value
        if extension.critical and isinstance(constraints, x509.NameConstraints):
            subtrees = (
                *(constraints.permitted_subtrees or ()),
                *(constraints.excluded_subtrees or ()),
            )
            return any(isinstance(subtree, x509.DirectoryName) for subtree in subtrees)
    return False


def _authority_policy() -> ExtensionPolicy:
    """What every authority on the path must have."""

    def usage(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
        if not usage.key_cert_sign:
            raise ValueError("an authority without keyCertSign")

    def extended(_: Policy, __: x509.Certificate, uses: x509.ExtendedKeyUsage | None) -> None:
        if uses is not None and not any(use in uses for use in _ANY_USE):
            raise ValueError("an authority that may not issue for clientAuth")

    agnostic = Criticality.AGNOSTIC
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, agnostic, None)
        .require_present(x509.KeyUsage, agnostic, usage)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, extended)
        .may_be_present(x509.CertificatePolicies, agnostic, None)
        # Explicit policies are always required here and mappings never followed, so that
        # policyConstraints ask for nothing more; `_allowed_policies` heeds inhibitAnyPolicy.
        .may_be_present(x509.PolicyConstraints, agnostic, None)
        .may_be_present(x509.InhibitAnyPolicy, agnostic, None)
    )


def _leaf_policy() -> ExtensionPolicy:
    """What the card's certificate must have for a login; `read_card` asks for more."""

    def usage(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
        if not usage.digital_signature:
            raise ValueError("a card without digitalSignature")

    def extended(_: Policy, __: x509.Certificate, uses: x509.ExtendedKeyUsage) -> None:
        if ExtendedKeyUsageOID.CLIENT_AUTH not in uses:
            raise ValueError("a card that is not for clientAuth")

    agnostic = Criticality.AGNOSTIC
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.KeyUsage, agnostic, usage)
        .require_present(x509.ExtendedKeyUsage, agnostic, extended)
        .may_be_present(x509.BasicConstraints, agnostic, None)
        .may_be_present(x509.CertificatePolicies, agnostic, None)
        .may_be_present(x509.SubjectAlternativeName, agnostic, None)
    )


_AUTHORITY_POLICY: Final = _authority_policy()
_LEAF_POLICY: Final = _leaf_policy()
