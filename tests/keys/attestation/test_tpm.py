"""A TPM's statement is believed, and each thing wrong refuses it."""

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import InvalidCredential
from tests.keys.makers import AUTHENTICATOR, Making, authority
from tests.keys.statements import (
    AAGUID_OID,
    TPM_ATTRIBUTES,
    aik_extensions,
    certify_info,
    other,
    public_area,
    tlv,
    tpm_name,
)

RSA = rsa.generate_private_key(65537, 2048)
SERVER = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), False)
SHA_1_NAME = b"\0\x04" + hashlib.sha1(b"").digest()  # noqa: S324 - what is to be refused.
ONE_THING_WRONG = {
    "made outside a TPM": ({"magic": b"\xffTCH"}, "outside a TPM"),
    "that attests something else": ({"type": 0x8018}, "something else"),
    "of other data": ({"extra_data": bytes(32)}, "challenge"),
    "of another object": ({"name": b"\0\x0b" + bytes(32)}, "another object"),
    "named by another hash": ({"name": b"\0\x0c" + bytes(32)}, "another object"),
    "named by SHA-1": ({"name_algorithm": 0x0004, "name": SHA_1_NAME}, "another algorithm"),
    "of another key": ({"area": public_area(Making().key)}, "another key"),
    "of an RSA key": ({"area": public_area(RSA)}, "another key"),
    "of a key on another curve": ({"curve": 4}, "another key"),
    "of a key on no curve": ({"curve": 99}, "another key"),
    "signed by another": ({"signer": Making().key}, "attestation signature"),
    "by another algorithm": ({"alg": -257}, "algorithm"),
    "of an older version": ({"ver": "1.2"}, "Invalid enum"),
    "that says whose it is": ({"subject": AUTHENTICATOR}, "subject"),
    "without a name": ({"extensions": aik_extensions(names=None)}, "alternative name"),
    "for servers": ({"extensions": aik_extensions(usage=SERVER)}, "usage"),
    "for no usage": ({"extensions": aik_extensions(usage=None)}, "usage"),
    "of an authority": ({"extensions": aik_extensions(constraints=authority()[0])}, "authority"),
    "that is silent on it": ({"extensions": aik_extensions(constraints=None)}, "authority"),
    "of another model": (
        {"extensions": aik_extensions(model=other(AAGUID_OID, tlv(4, bytes(16))))},
        "model",
    ),
    "without a maker": ({"extensions": aik_extensions(names=tpm_name(_1=""))}, "no TPM"),
    "without a model": ({"extensions": aik_extensions(names=tpm_name(_2=""))}, "no TPM"),
    "without a version": ({"extensions": aik_extensions(names=tpm_name(_3=""))}, "no TPM"),
    "of a maker that nobody knows": (
        {"extensions": aik_extensions(names=tpm_name(_1="id:00000000"))},
        "Unrecognized TPM Manufacturer",
    ),
}


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), RSA], ids=["EC", "RSA"])
@pytest.mark.parametrize("signer", [None, RSA], ids=["EC", "RSA"])
def test_a_tpms_key_earns_hardware(registered, key, signer):
    made = registered("tpm", Making(key), key=signer)
    assert made.attestation_format == "tpm"
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


def test_an_exponent_is_compared(registered):
    assert registered("tpm", Making(RSA), exponent=65537)
    with pytest.raises(InvalidCredential, match="another key"):
        registered("tpm", Making(RSA), exponent=3)


@pytest.mark.parametrize("bit", [1, 4, 5], ids=["fixedTPM", "fixedParent", "sensitiveDataOrigin"])
def test_a_key_that_may_be_elsewhere_earns_nothing(registered, bit):
    made = registered("tpm", attributes=TPM_ATTRIBUTES & ~(1 << bit))
    assert made.attestation_verdict is AttestationVerdict.UNKNOWN


def test_a_model_that_is_named_and_right_is_taken(registered):
    named = other(AAGUID_OID, tlv(4, bytes(range(16))))
    assert registered("tpm", extensions=aik_extensions(model=named))


@pytest.mark.parametrize(("wrong", "complaint"), ONE_THING_WRONG.values(), ids=ONE_THING_WRONG)
def test_one_thing_wrong_refuses_a_key(registered, wrong, complaint):
    with pytest.raises(InvalidCredential, match=complaint):
        registered("tpm", **wrong)


def test_a_key_that_no_tpm_holds_is_refused(registered):
    making = Making(ed25519.Ed25519PrivateKey.generate())
    area = public_area(Making().key)
    with pytest.raises(InvalidCredential, match="another key"):
        registered("tpm", making, area=area)


def test_an_attestation_key_without_a_hash_is_refused(registered):
    making = Making()
    info = certify_info(making, public_area(making.key))
    with pytest.raises(InvalidCredential, match="another algorithm"):
        registered("tpm", making, key=ed25519.Ed25519PrivateKey.generate(), info=info)
