"""What a card's path must lead to: certificates, or SHA-256 fingerprints of certificates."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """What the operator trusts.

    Attributes:
        certificates: Known in full.
        fingerprints: SHA-256 of the DER of a certificate, which the presented chain must hold.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    fingerprints: frozenset[bytes] = frozenset()

    def among(self, presented: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
        """Return the anchors that may end a path of these certificates."""
        matched = (
            certificate
            for certificate in presented
            if certificate.fingerprint(hashes.SHA256()) in self.fingerprints
        )
        return tuple(dict.fromkeys((*self.certificates, *matched)))
