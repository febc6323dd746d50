"""What a card's path must lead to: certificates, or SHA-256 fingerprints of certificates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

#: How the authorities of tests are called: by CIBG, by Logius in the trials of G4.
_TEST_NAME = re.compile(r"(?:TEST|TRIAL|ACCEPTATIE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """What the operator trusts.

    Attributes:
        certificates: Known in full.
        fingerprints: SHA-256 of the DER of a certificate, which the presented chain must hold.
        real_only: Whether an authority for tests is never among them, whoever put it there.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    fingerprints: frozenset[bytes] = frozenset()
    real_only: bool = False

    def among(self, presented: Sequence[x509.Certificate]) -> tuple[x509.Certificate, ...]:
        """Return the anchors that may end a path of these certificates."""
        matched = (
            certificate
            for certificate in presented
            if certificate.fingerprint(hashes.SHA256()) in self.fingerprints
        )
        anchors = dict.fromkeys((*self.certificates, *matched))
        return tuple(one for one in anchors if not (self.real_only and is_for_tests(one)))


def is_for_tests(certificate: x509.Certificate) -> bool:
    """Whether an authority's own name says that it issues for tests."""
    try:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, TypeError):
        return True  # What cannot be read cannot be shown to be real.
    return any(_TEST_NAME.match(str(name.value).strip()) for name in names)
