"""Whether a card may be believed: the path from its certificate to a configured anchor.

The library builds the path and checks signatures, validity, names, lengths and critical
extensions.  What it leaves to its caller is checked here: key usage, extended key usage and
policies of the authorities (RFC 5280 section 6.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder

from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.certificate import Card, parsing, read_card
from pairing_server.uzi.hierarchy import Hierarchy
from pairing_server.uzi.proof import holder_key, is_quick
from pairing_server.uzi.refusals import (
    CardExpired,
    CardNotYetValid,
    MalformedCertificate,
    UntrustedIssuer,
    WeakKey,
)

#: A card's certificate has some 2,000 bytes.
MAX_CERTIFICATE_BYTES = 8192
#: A card holds three; room for an authority that was signed twice.
MAX_CHAIN = 5
#: Authorities between the anchor and the card: two, and one to spare.
MAX_DEPTH = 3

ANY_POLICY = "2.5.29.32.0"

_ANY_USE = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
#: Read by `read_card`, or without effect on a card.
_LEAF_EXTENSIONS: tuple[type[x509.ExtensionType], ...] = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.CertificatePolicies,
    x509.SubjectAlternativeName,
)


@dataclass(frozen=True, slots=True)
class VerifiedCard:
    """A card whose path leads to an anchor; whether it still holds is not looked at.

    Attributes:
        path: From the card's certificate to the anchor, both included.
    """

    card: Card
    path: tuple[x509.Certificate, ...]


class CardVerifier:
    """Verifies cards of one hierarchy that lead to one of the anchors."""

    def __init__(self, anchors: TrustAnchors, hierarchy: Hierarchy) -> None:
        self._anchors = anchors
        self._hierarchy = hierarchy

    def verify(self, leaf_der: bytes, chain_ders: Sequence[bytes], at: datetime) -> VerifiedCard:
        """Verify a card, or say which rule it fails.

        Does no I/O, but computes for some milliseconds.

        Args:
            leaf_der: The authentication certificate.
            chain_ders: The authorities' certificates, in any order, with or without the anchor.
            at: Aware; the time for which all is checked.

        Raises:
            CardRefused: One subclass per rule; see `refusals`.
        """
        leaf, chain = load_certificate(leaf_der), _load_chain(chain_ders)
        _require_valid(leaf, at)
        card = read_card(leaf, self._hierarchy)
        holder_key(leaf)
        return VerifiedCard(card, tuple(self._path(leaf, chain, at)))

    def _path(
        self, leaf: x509.Certificate, chain: list[x509.Certificate], at: datetime
    ) -> list[x509.Certificate]:
        """Return the path from the leaf to an anchor, both included."""
        anchors = self._anchors.among(chain)
        if not anchors:
            raise UntrustedIssuer("no anchor is configured or presented")
        policies = self._hierarchy.authenticity_policies & policy_oids(leaf)
        verifier = (
            PolicyBuilder()
            .store(verification.Store(list(anchors)))
            .time(at)
            .max_chain_depth(MAX_DEPTH)
            .extension_policies(
                ca_policy=_authority_policy(anchors, policies), ee_policy=_LEAF_POLICY
            )
            .build_client_verifier()
        )
        with parsing():
            try:
                path = verifier.verify(leaf, chain).chain
            except verification.VerificationError as error:
                raise UntrustedIssuer(str(error)) from error
        if len(path) < 2:  # noqa: PLR2004  (the card itself was configured as an anchor)
            raise UntrustedIssuer("no issuer")
        _require_policy(path[1:-1], policies)
        return path


def load_certificate(der: bytes) -> x509.Certificate:
    """Read one DER certificate.

    Raises:
        MalformedCertificate: It is none, bytes follow it, or it is too large.
        WeakKey: Its key is made to keep whoever checks a signature of it busy.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise MalformedCertificate("size", len(der))
    with parsing():
        certificate = x509.load_der_x509_certificate(der)
        # The library reads the parts when they are asked for; ask now, in one place.
        _ = certificate.extensions, certificate.subject, certificate.issuer
        key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and not is_quick(key):
        raise WeakKey("slow RSA key", key.key_size)
    return certificate


def load_anchors(data: bytes) -> list[x509.Certificate]:
    """Read what an operator configures: one DER certificate or one or more in PEM.

    Raises:
        ValueError: There is none in it.
    """
    if data.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificates(data)
    return [x509.load_der_x509_certificate(data)]


def policy_oids(certificate: x509.Certificate) -> frozenset[str]:
    """Return the dotted OIDs of the certificate's policies, none when it has no such extension."""
    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(policy.policy_identifier.dotted_string for policy in policies)


def _load_chain(ders: Sequence[bytes]) -> list[x509.Certificate]:
    if len(ders) > MAX_CHAIN:
        raise MalformedCertificate("chain", len(ders))
    # The number of paths that the library may try grows with each certificate.
    return [load_certificate(der) for der in dict.fromkeys(ders)]


def _require_valid(leaf: x509.Certificate, at: datetime) -> None:
    """The library's one message for a time outside validity does not say which side."""
    with parsing():
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if at < begin:
        raise CardNotYetValid
    if at > end:
        raise CardExpired


def _authority_policy(
    anchors: tuple[x509.Certificate, ...], policies: frozenset[str]
) -> ExtensionPolicy:
    """What every authority on the path must have; a `ValueError` makes the library try another.

    Args:
        policies: Those of the card that are accepted, of which each authority must allow one.
    """

    def usage(_: Policy, __: x509.Certificate, usage: x509.KeyUsage) -> None:
        if not usage.key_cert_sign:
            raise ValueError("an authority without keyCertSign")

    def extended(_: Policy, __: x509.Certificate, uses: x509.ExtendedKeyUsage | None) -> None:
        if uses is not None and not any(use in uses for use in _ANY_USE):
            raise ValueError("an authority that may not issue for clientAuth")

    def allowed(
        _: Policy, certificate: x509.Certificate, __: x509.CertificatePolicies | None
    ) -> None:
        if certificate in anchors:
            return  # An anchor allows what it is trusted for (RFC 5280 section 6.1.1).
        if (policies | {ANY_POLICY}).isdisjoint(policy_oids(certificate)):
            raise ValueError("an authority that does not allow the card's policy")

    agnostic = Criticality.AGNOSTIC
    return (
        ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, agnostic, None)
        .require_present(x509.KeyUsage, agnostic, usage)
        .may_be_present(x509.ExtendedKeyUsage, agnostic, extended)
        .may_be_present(x509.CertificatePolicies, agnostic, allowed)
        # Explicit policies are always required here and mappings never followed, so that
        # policyConstraints ask for nothing more; `_require_policy` heeds inhibitAnyPolicy.
        .may_be_present(x509.PolicyConstraints, agnostic, None)
        .may_be_present(x509.InhibitAnyPolicy, agnostic, None)
    )


def _leaf_policy() -> ExtensionPolicy:
    policy = ExtensionPolicy.permit_all()
    for extension in _LEAF_EXTENSIONS:
        policy = policy.may_be_present(extension, Criticality.AGNOSTIC, None)
    return policy


_LEAF_POLICY = _leaf_policy()


def _require_policy(authorities: list[x509.Certificate], policies: frozenset[str]) -> None:
    """One policy of the card is allowed by all authorities (RFC 5280 section 6.1.3 (d))."""
    inhibited = any(
        isinstance(extension.value, x509.InhibitAnyPolicy)
        for authority in authorities
        for extension in authority.extensions
    )
    for authority in authorities:
        allowed = policy_oids(authority)
        if inhibited or ANY_POLICY not in allowed:
            policies &= allowed
    if not policies:
        raise UntrustedIssuer("the authorities do not allow the card's policy")
