"""What an attestation must lead to: makers' roots by format, and what was called back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cryptography import x509

PACKED: Final = "packed"
ANDROID_KEY: Final = "android-key"
APPLE: Final = "apple"
TPM: Final = "tpm"
#: The formats that come with a chain of certificates (WebAuthn Level 3 section 8).
CHAINED: Final = (PACKED, ANDROID_KEY, APPLE, TPM)


@dataclass(frozen=True, slots=True)
class AttestationRoots:
    """Whom the operator believes about keys.

    Attributes:
        by_format: The roots of each format; of a format without roots no chain is believed.
        called_back: Serial numbers of Android attestation certificates that no longer count.
    """

    by_format: Mapping[str, Sequence[x509.Certificate]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    called_back: frozenset[int] = frozenset()

    def of(self, name: str) -> Sequence[x509.Certificate]:
        """Return the roots of a format."""
        return self.by_format.get(name, ())


def no_roots() -> AttestationRoots:
    """Return nobody: every chain is refused."""
    return AttestationRoots()
