"""A packed statement of a maker's key is believed, and each thing wrong refuses it."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import InvalidCredential
from tests.keys.makers import AUTHENTICATOR, NO_AUTHORITY, authority
from tests.keys.statements import AAGUID_OID, other, tlv


def named(**changed):
    """Name an authenticator, but for what is said; `None` leaves an attribute out."""
    held = AUTHENTICATOR | {getattr(NameOID, kind): value for kind, value in changed.items()}
    return {kind: value for kind, value in held.items() if value is not None}


AAGUID = tlv(4, bytes(range(16)))
ANOTHER_SUBJECT = {
    "no country": named(COUNTRY_NAME=None),
    "a country that is none": named(COUNTRY_NAME="nl"),
    "no organisation": named(ORGANIZATION_NAME=None),
    "no unit": named(ORGANIZATIONAL_UNIT_NAME=None),
    "another unit": named(ORGANIZATIONAL_UNIT_NAME="Authenticator attestation"),
    "no common name": named(COMMON_NAME=None),
}
ANOTHER_CERTIFICATE = {
    "that does not say it is no authority's": ([], "authority"),
    "of an authority": (authority(), "authority"),
    "of another model": ([NO_AUTHORITY, other(AAGUID_OID, tlv(4, bytes(16)))], "model"),
    "whose model is critical": ([NO_AUTHORITY, other(AAGUID_OID, AAGUID, critical=True)], "model"),
    "whose model is not wrapped": ([NO_AUTHORITY, other(AAGUID_OID, bytes(range(16)))], "DER"),
}


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["ES256", "EdDSA", "RS256"],
)
def test_a_makers_key_earns_hardware(registered, key):
    made = registered("packed", key=key)
    assert made.attestation_format == "packed"
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


def test_makers_use_stronger_keys_too(registered):
    key = ec.generate_private_key(ec.SECP521R1())
    made = registered("packed", key=key, digest=hashes.SHA512(), alg=-36)
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


def test_a_certificate_need_not_name_a_model(registered):
    made = registered("packed", extensions=[NO_AUTHORITY])
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


def test_a_signature_over_something_else_is_refused(registered):
    with pytest.raises(InvalidCredential, match="attestation signature"):
        registered("packed", signed=b"something else")


@pytest.mark.parametrize("alg", [-257, -8, -35, -37, -65535, 0, 7])
def test_an_algorithm_that_is_not_the_keys_is_refused(registered, alg):
    with pytest.raises(InvalidCredential, match="another algorithm"):
        registered("packed", alg=alg)


def test_sha_1_is_refused(registered):
    with pytest.raises(InvalidCredential, match="another algorithm"):
        registered("packed", key=rsa.generate_private_key(65537, 2048), alg=-65535)


@pytest.mark.parametrize("subject", ANOTHER_SUBJECT.values(), ids=ANOTHER_SUBJECT)
def test_a_certificate_with_another_subject_is_refused(registered, subject):
    with pytest.raises(InvalidCredential, match="subject"):
        registered("packed", subject=subject)


@pytest.mark.parametrize(
    ("extensions", "complaint"), ANOTHER_CERTIFICATE.values(), ids=ANOTHER_CERTIFICATE
)
def test_another_certificate_is_refused(registered, extensions, complaint):
    with pytest.raises(InvalidCredential, match=complaint):
        registered("packed", extensions=extensions)


def test_a_model_that_x509_knows_as_something_else_is_refused(registered, monkeypatch):
    monkeypatch.setattr(
        "pairing_server.keys.attestation.packed.AAGUID_OID", x509.BasicConstraints.oid
    )
    with pytest.raises(InvalidCredential, match="known"):
        registered("packed")


@pytest.mark.parametrize("name", ["alg", "sig", "x5c"])
@pytest.mark.parametrize("value", [None, "text", [b"list"], {"a": b"map"}, True, b"bytes", 1])
def test_a_statement_of_another_form_is_refused(registered, name, value):
    with pytest.raises(InvalidCredential):
        registered("packed", **{name: value})
