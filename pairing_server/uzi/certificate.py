"""What a card says: the rules on an authentication certificate, each with its own refusal.

Whether the certificate may be believed is `path.py`'s question, whether it still holds is
`revocation.py`'s.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pairing_server.uzi.card_name import (
    CardName,
    read_account_name,
    read_card_name,
)
from pairing_server.uzi.hierarchy import Hierarchy, IssuingAuthority
from pairing_server.uzi.refusals import (
    CardTypeNotAccepted,
    CertificateOfAuthority,
    InconsistentAccountName,
    InconsistentIssuer,
    InconsistentSubject,
    InconsistentSubscriber,
    MalformedCertificate,
    MalformedSubject,
    MissingAccountName,
    ServerCertificate,
    UnknownCardType,
    UnknownIssuer,
    WrongExtendedKeyUsage,
    WrongKeyUsage,
    WrongPolicy,
)

#: Every usage but digitalSignature; the last two exist beside keyAgreement alone.
_OTHER_KEY_USAGES = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)

#: Why a letter that a hierarchy does not accept is not (CPS section 7.1.5).
_NOT_ACCEPTED = {
    "M": CardTypeNotAccepted,
    "N": CardTypeNotAccepted,
    "S": ServerCertificate,
    "Z": CardTypeNotAccepted,
}

#: Controls, formats (which reorder text), surrogates and line ends: a line feed would end the
#: line in the bytes that the card signs.
_UNSHOWABLE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Card:
    """A UZI card as its authentication certificate describes it.

    Attributes:
        uzi_number: Nine digits that name the person, on every card they have (CPS 7.1.4).
        card_type: `Z` (zorgverlener) or `N` (medewerker op naam).
        ura: Eight digits that name the organisation (subscriber) of this card.
        role_code: `NN.NNN`, title and specialism; `00.000` for type N.
        agb_code: Eight digits; `00000000` for none.
        oid_ca: The issuing authority, as a dotted OID.
        title: The formal term of address, which type Z alone has.
        serial_number: The certificate's, in lower-case hex.
    """

    uzi_number: str
    card_type: str
    ura: str
    role_code: str
    agb_code: str
    oid_ca: str
    first_names: str
    last_name: str
    title: str | None
    organisation_name: str
    not_valid_after: datetime
    serial_number: str


#: What the library raises on bytes that are no certificate and no revocation list.
UNREADABLE = (
    ValueError,
    TypeError,  # A name whose attribute is a BIT STRING.
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@contextmanager
def parsing() -> Iterator[None]:
    """Turn what the library raises on bytes that are no certificate into a refusal.

    The library reads a certificate piece by piece, so that each first look at one may raise.

    Raises:
        MalformedCertificate: The library could not read it.
    """
    try:
        yield
    except UNREADABLE as error:
        raise MalformedCertificate(type(error).__name__) from error


def read_card(certificate: x509.Certificate, hierarchy: Hierarchy) -> Card:
    """Read an authentication certificate.

    Raises:
        CardRefused: One subclass per rule; see `refusals`.
    """
    with parsing():
        issuer, subject = certificate.issuer, certificate.subject
        extensions = certificate.extensions
    authority = _issuing_authority(issuer, hierarchy)
    other_names = _other_names(extensions)
    card_name = read_card_name(other_names, x509.ObjectIdentifier(hierarchy.card_name_type))
    # Before the policy, which is another on a card that names nobody: its holder must hear that
    # it is the wrong card, not the wrong certificate.
    _require_product(card_name, authority, hierarchy)
    _require_authentication(extensions, hierarchy)
    if card_name.uzi_number != _attribute(subject, NameOID.SERIAL_NUMBER):
        raise InconsistentSubject
    _require_one_holder(card_name, other_names, needed=hierarchy.account_name_required)
    return Card(
        uzi_number=card_name.uzi_number,
        card_type=card_name.card_type,
        ura=card_name.ura,
        role_code=card_name.role_code,
        agb_code=card_name.agb_code,
        oid_ca=card_name.oid_ca,
        first_names=_attribute(subject, NameOID.GIVEN_NAME),
        last_name=_attribute(subject, NameOID.SURNAME),
        title=_optional_attribute(subject, NameOID.TITLE),
        organisation_name=_attribute(subject, NameOID.ORGANIZATION_NAME),
        not_valid_after=certificate.not_valid_after_utc,
        serial_number=f"{certificate.serial_number:x}",
    )


def _issuing_authority(issuer: x509.Name, hierarchy: Hierarchy) -> IssuingAuthority:
    """Return the UZI authority that the issuer claims to be.

    The anchor alone does not say so: under the State's root other providers issue, too.
    """
    expected = hierarchy.issuer
    shared = {
        NameOID.COUNTRY_NAME: expected.country,
        NameOID.ORGANIZATION_NAME: expected.organisation,
        NameOID.ORGANIZATION_IDENTIFIER: expected.organisation_identifier,
    }
    for oid, value in shared.items():
        if [attribute.value for attribute in issuer.get_attributes_for_oid(oid)] != [value]:
            raise UnknownIssuer("issuer name", oid.dotted_string)
    names = [str(name.value) for name in issuer.get_attributes_for_oid(NameOID.COMMON_NAME)]
    authority = hierarchy.authority(names[0]) if len(names) == 1 else None
    if authority is None:
        raise UnknownIssuer("issuer common name")
    return authority


def _require_authentication(extensions: x509.Extensions, hierarchy: Hierarchy) -> None:
    """Tell the authentication certificate from the others (CPS tables 4 and 8)."""
    constraints = find_extension(extensions, x509.BasicConstraints)
    if constraints is None or constraints.ca:
        raise CertificateOfAuthority
    policies = find_extension(extensions, x509.CertificatePolicies) or ()
    if hierarchy.authenticity_policies.isdisjoint(
        policy.policy_identifier.dotted_string for policy in policies
    ):
        raise WrongPolicy
    usage = find_extension(extensions, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise WrongKeyUsage("no digitalSignature")
    # nonRepudiation above all: what the qualified signature key signs binds its holder by law.
    if any(getattr(usage, other) for other in _OTHER_KEY_USAGES):
        raise WrongKeyUsage("not digitalSignature alone")
    extended = find_extension(extensions, x509.ExtendedKeyUsage) or ()
    if ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        raise WrongExtendedKeyUsage


def _require_product(
    card_name: CardName, authority: IssuingAuthority, hierarchy: Hierarchy
) -> None:
    """Card type, OID CA and issuer name one product, and one that is accepted."""
    if card_name.card_type not in hierarchy.accepted_card_types:
        raise _NOT_ACCEPTED.get(card_name.card_type, UnknownCardType)(card_name.card_type)
    if card_name.card_type != authority.card_type:
        raise InconsistentIssuer("card type", card_name.card_type)
    if card_name.oid_ca != authority.oid_ca:
        raise InconsistentIssuer("OID CA", card_name.oid_ca)


def _require_one_holder(
    card_name: CardName, other_names: list[x509.OtherName], *, needed: bool
) -> None:
    """The otherName and the user principal name speak of one holder and one subscriber."""
    account_name = read_account_name(other_names)
    if account_name is None:
        if needed:
            raise MissingAccountName
        return
    if account_name.uzi_number != card_name.uzi_number:
        raise InconsistentAccountName
    if account_name.ura != card_name.ura:
        raise InconsistentSubscriber


def _other_names(extensions: x509.Extensions) -> list[x509.OtherName]:
    names = find_extension(extensions, x509.SubjectAlternativeName) or ()
    return [name for name in names if isinstance(name, x509.OtherName)]


def _attribute(subject: x509.Name, oid: x509.ObjectIdentifier) -> str:
    value = _optional_attribute(subject, oid)
    if value is None:
        raise MalformedSubject("missing", oid.dotted_string)
    return value


def _optional_attribute(subject: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    """Return the attribute's text, which is shown to people and quoted in what they sign."""
    attributes = subject.get_attributes_for_oid(oid)
    if not attributes:
        return None
    value = attributes[0].value
    if len(attributes) > 1 or not isinstance(value, str):
        raise MalformedSubject("doubled or no text", oid.dotted_string)
    if not value.strip() or any(unicodedata.category(char) in _UNSHOWABLE for char in value):
        raise MalformedSubject("empty or not printable", oid.dotted_string)
    return value


def find_extension(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    """Return the extension of that kind, or `None` when there is none."""
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
