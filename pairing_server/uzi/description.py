"""What a certificate says, as far as it can be read: for a help desk, never for a decision.

`certificate.read_card` is strict and stops at the first rule that a card fails.  Here each piece
is read on its own, so that a card that is refused can still be told from another.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from pairing_server.clock import wire_time
from pairing_server.languages import Language
from pairing_server.uzi.card_name import ACCOUNT_NAME, CardName, read_card_name
from pairing_server.uzi.certificate import UNREADABLE, find_extension
from pairing_server.uzi.hierarchy import Hierarchy
from pairing_server.uzi.refusals import CardRefused
from pairing_server.uzi.roles import role_name

#: The names of RFC 5280 section 4.2.1.3, by the library's.
_KEY_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}

_T = TypeVar("_T")


def describe(certificate: x509.Certificate, hierarchy: Hierarchy) -> dict[str, Any]:
    """Return what a card's certificate says, as JSON values; `None` for what cannot be read."""
    subject = _read(lambda: certificate.subject)
    issuer = _read(lambda: certificate.issuer)
    extensions = _read(lambda: certificate.extensions)
    other_names = _other_names(extensions)
    return {
        "name": _attribute(subject, NameOID.COMMON_NAME),
        "first_names": _attribute(subject, NameOID.GIVEN_NAME),
        "last_name": _attribute(subject, NameOID.SURNAME),
        "title": _attribute(subject, NameOID.TITLE),
        "organisation": _attribute(subject, NameOID.ORGANIZATION_NAME),
        "subject_serial_number": _attribute(subject, NameOID.SERIAL_NUMBER),
        **_holder(_card_name(other_names, hierarchy)),
        "card_names": _texts(other_names, x509.ObjectIdentifier(hierarchy.card_name_type)),
        "account_names": _texts(other_names, ACCOUNT_NAME),
        "policies": _policies(extensions),
        "key_usage": _key_usage(extensions),
        "extended_key_usage": _extended_key_usage(extensions),
        "key": _read(lambda: _key(certificate)),
        "issuer": _attribute(issuer, NameOID.COMMON_NAME),
        "serial_number": _read(lambda: f"{certificate.serial_number:x}"),
        "valid_from": _read(lambda: wire_time(certificate.not_valid_before_utc)),
        "valid_until": _read(lambda: wire_time(certificate.not_valid_after_utc)),
        "sha256": sha_256(certificate),
    }


def common_name(certificate: x509.Certificate) -> str | None:
    """Return the subject's common name, if it has one that can be read."""
    return _attribute(_read(lambda: certificate.subject), NameOID.COMMON_NAME)


def sha_256(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate's DER in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _read(look: Callable[[], _T]) -> _T | None:
    """Look at a piece, which the library reads now and may not be able to."""
    try:
        return look()
    except UNREADABLE:
        return None


def _attribute(name: x509.Name | None, oid: x509.ObjectIdentifier) -> str | None:
    """Return the text of an attribute, all of them when there are several."""
    attributes = [] if name is None else name.get_attributes_for_oid(oid)
    return "; ".join(_text(attribute.value) for attribute in attributes) or None


def _holder(card_name: CardName | None) -> dict[str, str | None]:
    fields = ("uzi_number", "card_type", "ura", "role_code", "agb_code", "oid_ca")
    said = {field: getattr(card_name, field, None) for field in fields}
    role = None if card_name is None else role_name(card_name.role_code, Language.EN)
    return {**said, "role": role}


def _card_name(other_names: list[x509.OtherName], hierarchy: Hierarchy) -> CardName | None:
    try:
        return read_card_name(other_names, x509.ObjectIdentifier(hierarchy.card_name_type))
    except CardRefused:
        return None


def _other_names(extensions: x509.Extensions | None) -> list[x509.OtherName]:
    names = _extension(extensions, x509.SubjectAlternativeName)
    return [name for name in names or () if isinstance(name, x509.OtherName)]


def _texts(other_names: list[x509.OtherName], kind: x509.ObjectIdentifier) -> list[str]:
    """Return what stands in otherNames, without the two octets of tag and length."""
    return [_text(name.value[2:]) for name in other_names if name.type_id == kind]


def _text(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _policies(extensions: x509.Extensions | None) -> list[str] | None:
    policies = _extension(extensions, x509.CertificatePolicies)
    if policies is None:
        return None
    return [policy.policy_identifier.dotted_string for policy in policies]


def _key_usage(extensions: x509.Extensions | None) -> list[str] | None:
    usage = _extension(extensions, x509.KeyUsage)
    if usage is None:
        return None
    return [name for attribute, name in _KEY_USAGES.items() if getattr(usage, attribute)]


def _extended_key_usage(extensions: x509.Extensions | None) -> list[str] | None:
    usage = _extension(extensions, x509.ExtendedKeyUsage)
    return None if usage is None else [purpose.dotted_string for purpose in usage]


def _key(certificate: x509.Certificate) -> str:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey() as key:
            return f"EC {key.curve.name}"
        case key:
            return type(key).__name__.removesuffix("PublicKey")


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _extension(extensions: x509.Extensions | None, kind: type[_Extension]) -> _Extension | None:
    return None if extensions is None else find_extension(extensions, kind)
