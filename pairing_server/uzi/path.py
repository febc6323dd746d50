"""Whether a card may be believed: the path from its certificate to a configured anchor.

Two verifiers are asked about each path, and both must accept it: the first is the authority,
the second shares no line with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from pairing_server.uzi import path_validation, second_opinion
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.certificate import UNREADABLE, Card, parsing, read_card
from pairing_server.uzi.hierarchy import Hierarchy
from pairing_server.uzi.path_fault import MAX_DEPTH, broken_rule, is_signed_by
from pairing_server.uzi.proof import holder_key, is_quick
from pairing_server.uzi.refusals import (
    CardExpired,
    CardNotYetValid,
    MalformedCertificate,
    PathDisputed,
    PathTooLong,
    UntrustedIssuer,
    UntrustedPath,
    WeakKey,
)

#: A card's certificate has some 2,000 bytes.
MAX_CERTIFICATE_BYTES = 8192
#: A card holds three; room for an authority that was signed twice.
MAX_CHAIN = 5


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
        return VerifiedCard(card, self._path(leaf, chain, at))

    def _path(
        self, leaf: x509.Certificate, chain: list[x509.Certificate], at: datetime
    ) -> tuple[x509.Certificate, ...]:
        """Return the first path that both verifiers accept, from the leaf to an anchor."""
        anchors = self._anchors.among(chain)
        issuers = _signed_below(anchors, chain)
        if not any(is_signed_by(leaf, issuer) for issuer in issuers):
            raise UntrustedIssuer("no signature below an anchor")
        known = {_der(one): one for one in (leaf, *issuers)}
        candidates = path_validation.candidates(
            _der(leaf),
            [_der(issuer) for issuer in issuers if issuer not in anchors],
            [_der(anchor) for anchor in anchors],
        )
        refusal: UntrustedPath = UntrustedIssuer("no path to an anchor")
        for candidate in candidates:
            path = tuple(known[der] for der in candidate.ders)
            refused = self._refusal(candidate, path, at)
            if refused is None:
                return path
            if type(refusal) is UntrustedIssuer:
                refusal = refused
        raise refusal

    def _refusal(
        self,
        candidate: path_validation.Candidate,
        path: tuple[x509.Certificate, ...],
        at: datetime,
    ) -> UntrustedPath | None:
        """Ask both about one path."""
        if len(path) > MAX_DEPTH + 2:
            return PathTooLong("depth", len(path))
        policies = self._hierarchy.authenticity_policies
        unnamed: type[UntrustedPath] = UntrustedIssuer
        reason = path_validation.refuses(candidate, policies, at)
        if reason is None and second_opinion.cannot_judge(path) is None:
            unnamed = PathDisputed
            reason = second_opinion.refuses(path, policies, at)
        if reason is None:
            return None
        return (broken_rule(path, policies, at) or unnamed)(reason)


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
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and not is_quick(key):
        raise WeakKey("slow RSA key", key.key_size)
    return certificate


def load_anchors(data: bytes) -> list[x509.Certificate]:
    """Read what an operator configures: one DER certificate or one or more in PEM.

    Raises:
        ValueError: There is none in it, or one that cannot be read in every part.
    """
    try:
        if data.lstrip().startswith(b"-----BEGIN"):
            certificates = x509.load_pem_x509_certificates(data)
        else:
            certificates = [x509.load_der_x509_certificate(data)]
        for one in certificates:
            # As in `load_certificate`: a mistake is told at start, and not to a card's holder.
            _ = one.subject, one.issuer, one.extensions, one.public_key()
    except UNREADABLE as error:
        raise ValueError(type(error).__name__) from error
    return certificates


def _load_chain(ders: Sequence[bytes]) -> list[x509.Certificate]:
    if len(ders) > MAX_CHAIN:
        raise MalformedCertificate("chain", len(ders))
    # The number of paths that the library may try grows with each certificate.
    return [load_certificate(der) for der in dict.fromkeys(ders)]


def _signed_below(
    anchors: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return the anchors and what is signed with a key that they vouch for, rules apart.

    Certificates that name each other in circles keep who looks for paths busy; a stranger can
    make those, but none that is signed below an anchor.
    """
    signed, left = list(anchors), [one for one in chain if one not in anchors]
    while found := [one for one in left if any(is_signed_by(one, issuer) for issuer in signed)]:
        signed += found
        left = [one for one in left if one not in found]
    return signed


def _require_valid(leaf: x509.Certificate, at: datetime) -> None:
    """First of all: a card that is too old is not wrong in anything else that matters."""
    if at < leaf.not_valid_before_utc:
        raise CardNotYetValid
    if at > leaf.not_valid_after_utc:
        raise CardExpired


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
