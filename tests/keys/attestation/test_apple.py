"""Apple's anonymous statement is believed, and each thing wrong refuses it."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pairing_server.keys.credential import AttestationVerdict
from pairing_server.keys.refusals import InvalidCredential
from tests.keys.makers import NO_AUTHORITY, Making
from tests.keys.statements import tlv

MAKING = Making()
RIGHT = tlv(4, hashlib.sha256(MAKING.signed).digest())
ANOTHER_NONCE = {
    "of something else": (tlv(0x30, tlv(0xA1, tlv(4, bytes(32)))), "attestation nonce"),
    "of another tag": (tlv(0x30, tlv(0xA2, RIGHT)), "form"),
    "not wrapped": (RIGHT, "form"),
    "with something behind it": (tlv(0x30, tlv(0xA1, RIGHT)) + RIGHT, "form"),
    "that ends early": (tlv(0x30, tlv(0xA1, RIGHT))[:-1], "early"),
    "that is not there": (b"", "form"),
}


def test_apples_key_earns_hardware(registered):
    made = registered("apple")
    assert made.attestation_format == "apple"
    assert made.attestation_verdict is AttestationVerdict.HARDWARE


@pytest.mark.parametrize(("nonce", "complaint"), ANOTHER_NONCE.values(), ids=ANOTHER_NONCE)
def test_another_nonce_is_refused(registered, nonce, complaint):
    with pytest.raises(InvalidCredential, match=complaint):
        registered("apple", MAKING, nonce=nonce)


def test_no_nonce_is_refused(registered):
    with pytest.raises(InvalidCredential, match="without a nonce"):
        registered("apple", extensions=[NO_AUTHORITY])


def test_another_key_is_refused(registered):
    with pytest.raises(InvalidCredential, match="another key"):
        registered("apple", key=ec.generate_private_key(ec.SECP256R1()))
