"""What a test card's certificates say, imitated from a real TEST card of CIBG.

Everything in a profile can be changed before it is signed, so that a test can make a card that is
wrong in exactly one thing.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from cryptography import x509
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

#: Where the addresses in the certificates point: nowhere, so that nothing asks the real ones.
DISTRIBUTION = "http://uzi-register-test.invalid"
CPS_ADDRESS = f"{DISTRIBUTION}/cps/uzi-register.html"
NOTICE = (
    "Certificaat uitsluitend gebruiken ten behoeve van de TEST van het UZI-register. Het "
    "UZI-register is in geen geval aansprakelijk voor eventuele schade."
)

CARD_NAME = x509.ObjectIdentifier("2.5.5.5")
ACCOUNT_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12")
ENCRYPTING_FILE_SYSTEM = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.4")

#: The issuing authorities by card type; the OID for M follows the others' count and is not
#: confirmed by a public card.
OID_CA = {
    "Z": "2.16.528.1.1007.99.217",
    "N": "2.16.528.1.1007.99.218",
    "M": "2.16.528.1.1007.99.219",
}

LIFETIME = timedelta(days=3 * 365)


class Use(Enum):
    """The three certificates of a card, by their policy OID."""

    AUTHENTICATION = "2.16.528.1.1007.99.211"
    SIGNATURE = "2.16.528.1.1007.99.212"
    CONFIDENTIALITY = "2.16.528.1.1007.99.213"


_KEY_USAGES = {
    Use.AUTHENTICATION: ("digital_signature",),
    Use.SIGNATURE: ("content_commitment",),
    Use.CONFIDENTIALITY: ("key_encipherment", "data_encipherment"),
}
_EXTENDED_KEY_USAGES = {
    Use.AUTHENTICATION: (
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        DOCUMENT_SIGNING,
    ),
    Use.SIGNATURE: (ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENT_SIGNING),
    Use.CONFIDENTIALITY: (ExtendedKeyUsageOID.EMAIL_PROTECTION, ENCRYPTING_FILE_SYSTEM),
}


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose card it is: `card_type` Z, N or M, `ura` and `agb_code` eight digits."""

    first_names: str = "Jan"
    last_name: str = "Jansen"
    uzi_number: str = "900001234"
    ura: str = "90000382"
    organisation_name: str = "Tést Zorginstelling 03"
    role_code: str = "01.015"
    card_type: str = "Z"
    agb_code: str = "00000000"
    title: str | None = "Arts"

    @property
    def card_name(self) -> str:
        """The text of otherName 2.5.5.5."""
        fields = (
            OID_CA[self.card_type],
            "1",
            self.uzi_number,
            self.card_type,
            self.ura,
            self.role_code,
            self.agb_code,
        )
        return "-".join(fields)


@dataclass(frozen=True, slots=True)
class Profile:
    """A certificate before it is signed, but for its key."""

    subject: x509.Name
    issuer: x509.Name
    serial_number: int
    not_before: datetime
    not_after: datetime
    extensions: tuple[tuple[x509.ExtensionType, bool], ...]

    def replacing(self, value: x509.ExtensionType, *, critical: bool = False) -> Self:
        """Put an extension in the place of the one of its kind, or at the end."""
        others = self.without(type(value)).extensions
        return replace(self, extensions=(*others, (value, critical)))

    def without(self, kind: type[x509.ExtensionType]) -> Self:
        """Leave an extension out."""
        kept = tuple(pair for pair in self.extensions if not isinstance(pair[0], kind))
        return replace(self, extensions=kept)


def card_profile(
    holder: Holder, use: Use, issuer: x509.Certificate, serial_number: int, at: datetime
) -> Profile:
    """Describe one of a card's certificates; the authority adds the key identifiers."""
    names = [other_name(CARD_NAME, 0x16, holder.card_name)]
    if use is Use.AUTHENTICATION:
        names.insert(0, other_name(ACCOUNT_NAME, 0x0C, f"{holder.uzi_number}@{holder.ura}"))
    return Profile(
        subject=subject_name(holder),
        issuer=issuer.subject,
        serial_number=serial_number,
        not_before=at - timedelta(hours=1),
        not_after=at - timedelta(hours=1) + LIFETIME,
        extensions=(
            (x509.SubjectAlternativeName(names), False),
            (access_to(issuer.subject), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (card_policies(use), False),
            (lists_of(issuer.subject), False),
            (key_usage(*_KEY_USAGES[use]), True),
            (x509.ExtendedKeyUsage(_EXTENDED_KEY_USAGES[use]), False),
        ),
    )


def subject_name(holder: Holder) -> x509.Name:
    """Name the holder; the title stands on a zorgverlenerpas alone."""
    attributes = [
        (NameOID.COUNTRY_NAME, "NL"),
        (NameOID.ORGANIZATION_NAME, holder.organisation_name),
        (NameOID.TITLE, holder.title if holder.card_type == "Z" else None),
        (NameOID.SURNAME, holder.last_name),
        (NameOID.GIVEN_NAME, holder.first_names),
        (NameOID.SERIAL_NUMBER, holder.uzi_number),
        (NameOID.COMMON_NAME, f"{holder.first_names} {holder.last_name}"),
    ]
    return x509.Name(
        [x509.NameAttribute(oid, value) for oid, value in attributes if value is not None]
    )


def other_name(kind: x509.ObjectIdentifier, tag: int, text: str) -> x509.OtherName:
    """Make an otherName of a DER string of at most 127 bytes."""
    value = text.encode()
    return x509.OtherName(kind, bytes((tag, len(value))) + value)


def key_usage(*usages: str) -> x509.KeyUsage:
    """Make a key usage of the library's names for the bits."""
    bits = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in usages for bit in bits})


def card_policies(use: Use) -> x509.CertificatePolicies:
    """Name the policy of a card's certificate, with the notice that it is for tests."""
    notice = x509.UserNotice(notice_reference=None, explicit_text=NOTICE)
    policy = x509.ObjectIdentifier(use.value)
    return x509.CertificatePolicies([x509.PolicyInformation(policy, [CPS_ADDRESS, notice])])


def access_to(issuer: x509.Name) -> x509.AuthorityInformationAccess:
    """Say where the issuer's certificate and its OCSP responder would be."""
    certificate = f"{DISTRIBUTION}/cacerts/{file_name(issuer)}.cer"
    places = (
        (AuthorityInformationAccessOID.CA_ISSUERS, certificate),
        (AuthorityInformationAccessOID.OCSP, DISTRIBUTION.replace("//", "//ocsp.")),
    )
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(place))
            for method, place in places
        ]
    )


def lists_of(issuer: x509.Name) -> x509.CRLDistributionPoints:
    """Say where the issuer's revocation list would be."""
    place = x509.UniformResourceIdentifier(f"{DISTRIBUTION}/cdp/{file_name(issuer)}.crl")
    return x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)])


def file_name(name: x509.Name) -> str:
    """Spell an authority's common name as its files are called."""
    text = name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    return str(text).lower().replace(" ", "_")
