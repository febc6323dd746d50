"""The standard's own test vectors pass, or are refused for just what our policy does not take."""

import hashlib
import json
from pathlib import Path

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import decode_credential_public_key, parse_attestation_object

from pairing_server.keys.attestation.judge import judge
from pairing_server.keys.attestation.roots import CHAINED, AttestationRoots
from pairing_server.keys.attestation.statement import Subject
from pairing_server.keys.ceremony import (
    AssertionResponse,
    AuthenticationResponse,
    RegistrationResponse,
    RelyingParty,
    verify_assertion,
    verify_registration,
)
from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import (
    AttestationNotAccepted,
    InvalidAssertion,
    InvalidCredential,
)
from pairing_server.keys.responses import AttestationResponse
from pairing_server.tokens import b64url

FILE = Path(__file__).parents[1] / "vectors" / "webauthn_l3.json"
SPEC = json.loads(FILE.read_text("utf-8"))
VECTORS = {
    vector["section"].removeprefix("sctn-test-vectors-"): vector for vector in SPEC["vectors"]
}
ROOT = x509.load_der_x509_certificate(bytes.fromhex(SPEC["attestation_ca_cert"]))
ROOTS = AttestationRoots({kind: [ROOT] for kind in CHAINED})
RP = RelyingParty(SPEC["rp_id"], [SPEC["origin"]], lambda: ROOTS)
UV = 0x04

HARDWARE, UNKNOWN = AttestationVerdict.HARDWARE, AttestationVerdict.UNKNOWN
REGISTERED = {
    "packed-self-es256": ("packed", UNKNOWN),
    "packed-es256": ("packed", HARDWARE),
    "packed-rs256": ("packed", HARDWARE),
}
#: The vectors draw UV by chance, and we require it.
NOBODY_VERIFIED = "user was not verified"
NOT_REGISTERED = {
    "none-es256": NOBODY_VERIFIED,
    "none-es256-crossOrigin": "crossOrigin",
    "none-es256-topOrigin": "crossOrigin",
    "none-es256-long-credential-id": NOBODY_VERIFIED,
    "packed-es384": NOBODY_VERIFIED,
    "packed-es512": 'Unsupported credential public key alg "-36"',
    "packed-eddsa": NOBODY_VERIFIED,
    "packed-ed448": NOBODY_VERIFIED,
    # Its maker, id:00000000, is nobody's id.
    "tpm-es256": "Unrecognized TPM Manufacturer",
    # Its lists of authorisations are empty, so that nobody says where the key is from.
    "android-key-es256": "attestation of a key of another origin",
    "apple-es256": NOBODY_VERIFIED,
    "fido-u2f-es256": "fido-u2f",
}
ASSERTED = {"none-es256-long-credential-id", "packed-es256", "tpm-es256"}
NOT_ASSERTED = {
    "none-es256": NOBODY_VERIFIED,
    "packed-self-es256": NOBODY_VERIFIED,
    "none-es256-crossOrigin": "crossOrigin",
    "none-es256-topOrigin": "crossOrigin",
    "packed-es384": "Unrecognized EC2 signature alg -35",
    "packed-es512": NOBODY_VERIFIED,
    "packed-rs256": NOBODY_VERIFIED,
    "packed-eddsa": NOBODY_VERIFIED,
    "packed-ed448": "OKP public key with alg -53",
    "android-key-es256": NOBODY_VERIFIED,
    "apple-es256": NOBODY_VERIFIED,
    "fido-u2f-es256": NOBODY_VERIFIED,
}
JUDGED = {
    "packed-es256": HARDWARE,
    "packed-es384": HARDWARE,
    "packed-es512": HARDWARE,
    "packed-rs256": HARDWARE,
    "packed-eddsa": HARDWARE,
    "packed-ed448": HARDWARE,
    # The one attribute of its key is that it signs: it may leave the TPM.
    "tpm-es256": UNKNOWN,
    "apple-es256": HARDWARE,
}


def raw(part, name):
    return bytes.fromhex(part[name])


def registered(section, attested=None):
    part = VECTORS[section]["registration"]
    response = AttestationResponse(
        client_data_json=b64url(raw(part, "clientDataJSON")),
        attestation_object=b64url(attested or raw(part, "attestationObject")),
    )
    identifier = b64url(raw(part, "credential_id"))
    body = RegistrationResponse(identifier, identifier, "public-key", response)
    return verify_registration(RP, body, raw(part, "challenge"))


def credential(section):
    attested = parse_attestation_object(raw(VECTORS[section]["registration"], "attestationObject"))
    return attested.auth_data


def asserted(section, **changed):
    part = VECTORS[section]["authentication"] | changed
    data = credential(section)
    response = AssertionResponse(
        client_data_json=b64url(raw(part, "clientDataJSON")),
        authenticator_data=b64url(raw(part, "authenticatorData")),
        signature=b64url(raw(part, "signature")),
    )
    identifier = b64url(data.attested_credential_data.credential_id)
    return verify_assertion(
        RP,
        AuthenticationResponse(identifier, identifier, "public-key", response),
        challenge=raw(part, "challenge"),
        credential_id=identifier,
        public_key=data.attested_credential_data.credential_public_key,
        sign_count=data.sign_count,
        backup_eligible=data.flags.be,
    )


def test_each_vector_is_expected_to_pass_or_to_be_refused():
    assert len(VECTORS) == 15
    assert set(REGISTERED) | set(NOT_REGISTERED) == set(VECTORS)
    assert ASSERTED | set(NOT_ASSERTED) == set(VECTORS)


@pytest.mark.parametrize("section", REGISTERED)
def test_a_registration_passes(section):
    key = registered(section)
    assert (key.attestation_format, key.attestation_verdict) == REGISTERED[section]
    assert key.credential_id == b64url(raw(VECTORS[section]["registration"], "credential_id"))
    flags = credential(section).flags
    assert (key.backup_eligible, key.backed_up) == (flags.be, flags.bs)


@pytest.mark.parametrize("section", NOT_REGISTERED)
def test_a_registration_is_refused_for_just_this(section):
    with pytest.raises(InvalidCredential) as refused:
        registered(section)
    assert NOT_REGISTERED[section] in refused.value.args[0]


def test_a_format_that_is_not_taken_is_told_as_such():
    with pytest.raises(AttestationNotAccepted):
        registered("fido-u2f-es256")


@pytest.mark.parametrize("section", ["none-es256", "none-es256-long-credential-id"])
def test_nothing_else_is_wrong_where_nobody_signed_the_flags(section):
    attested = cbor2.loads(raw(VECTORS[section]["registration"], "attestationObject"))
    data = attested["authData"]
    verified = data[:32] + bytes([data[32] | UV]) + data[33:]
    key = registered(section, cbor2.dumps({**attested, "authData": verified}))
    assert key.attestation_verdict is UNKNOWN


@pytest.mark.parametrize("section", sorted(ASSERTED))
def test_an_authentication_passes(section):
    verified = asserted(section)
    assert verified.sign_count == 0
    assert verified.backed_up is False


@pytest.mark.parametrize("section", sorted(ASSERTED))
def test_the_authentication_of_another_vector_does_not(section):
    another = VECTORS["none-es256"]["authentication"]["signature"]
    with pytest.raises(InvalidAssertion, match="signature"):
        asserted(section, signature=another)


@pytest.mark.parametrize("section", NOT_ASSERTED)
def test_an_authentication_is_refused_for_just_this(section):
    with pytest.raises(InvalidAssertion) as refused:
        asserted(section)
    assert NOT_ASSERTED[section] in refused.value.args[0]


def subject(section):
    """Say what is attested; whose key it is matters to Apple's, Android's and TPMs', all P-256."""
    part = VECTORS[section]["registration"]
    attested = cbor2.loads(raw(part, "attestationObject"))
    held = credential(section).attested_credential_data
    key = ROOT.public_key()
    if section.endswith("es256"):
        cose = decode_credential_public_key(held.credential_public_key)
        x, y = int.from_bytes(cose.x), int.from_bytes(cose.y)
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    return attested, Subject(
        authenticator_data=attested["authData"],
        client_data_hash=hashlib.sha256(raw(part, "clientDataJSON")).digest(),
        aaguid=held.aaguid,
        public_key=key,
    )


@pytest.mark.parametrize("section", JUDGED)
def test_a_statement_passes(section):
    attested, about = subject(section)
    judged = judge(attested["fmt"], attested["attStmt"], about, ROOTS)
    assert judged.verdict is JUDGED[section]
    assert judged.chain.root == ROOT


@pytest.mark.parametrize("section", JUDGED)
def test_a_statement_of_another_ceremony_does_not(section):
    attested, about = subject(section)
    _, other = subject("none-es256")
    with pytest.raises(ValueError, match="attestation"):
        judge(
            attested["fmt"],
            attested["attStmt"],
            Subject(
                authenticator_data=about.authenticator_data,
                client_data_hash=other.client_data_hash,
                aaguid=about.aaguid,
                public_key=about.public_key,
            ),
            ROOTS,
        )
