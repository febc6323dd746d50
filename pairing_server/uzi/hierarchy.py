"""Which cards are UZI cards: the hierarchy's names and numbers, which are data and not code.

No public document says under which hierarchy cards are issued after November 2025, so a new one
must need a new file under `hierarchies/` and nothing else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes


@dataclass(frozen=True, slots=True)
class IssuerName:
    """The attributes that the names of all issuing authorities share (CPS tables 7 and 8)."""

    country: str
    organisation: str
    organisation_identifier: str


@dataclass(frozen=True, slots=True)
class IssuingAuthority:
    """One product of the UZI-register, by its three names (CPS tables 8 and 10)."""

    card_type: str
    oid_ca: str
    common_name: str


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The facts by which a card is recognised.

    Attributes:
        name: `production` or `test`.
        issuer: What all issuing authorities are called.
        issuing_authorities: Every product, accepted here or not.
        authenticity_policies: Dotted OIDs, one of which the authentication certificate has.
        accepted_card_types: The letters of the cards that name a person.
        known_anchors: Names of published authorities by the SHA-256 of their DER, in hex.
        card_name_type: Dotted OID of the otherName that says whose card it is; the drafts of G4
            allow 1.3.6.1.4.1.1466.115.121.1.26, too.
        account_name_required: Whether each authentication certificate has a Microsoft UPN, as
            CPS table 8 says; in the drafts of G4 it may.
    """

    name: str
    issuer: IssuerName
    issuing_authorities: tuple[IssuingAuthority, ...]
    authenticity_policies: frozenset[str]
    accepted_card_types: frozenset[str]
    known_anchors: Mapping[str, str]
    card_name_type: str = "2.5.5.5"
    account_name_required: bool = True

    def authority(self, common_name: str) -> IssuingAuthority | None:
        """Return the issuing authority of that name."""
        for authority in self.issuing_authorities:
            if authority.common_name == common_name:
                return authority
        return None

    def anchor_name(self, certificate: x509.Certificate) -> str | None:
        """Return the published name of a certificate, or `None` when it is not a published one.

        An anchor without a name is what the operator chose to trust; start-up says so in the log.
        """
        return self.known_anchors.get(certificate.fingerprint(hashes.SHA256()).hex())


def load_hierarchy(name: str) -> Hierarchy:
    """Read the hierarchy `production` or `test` that comes with the package.

    Raises:
        FileNotFoundError: There is no hierarchy of that name.
    """
    file = resources.files("pairing_server") / "uzi" / "hierarchies" / f"{name}.toml"
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), Hierarchy)
