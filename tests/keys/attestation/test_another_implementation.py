"""What we take of an attestation, python-fido2 takes too; what only we refuse stands here."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fido2.attestation import (
    AppleAttestation,
    PackedAttestation,
    TpmAttestation,
)
from fido2.attestation.base import verify_x509_chain
from fido2.webauthn import AuthenticatorData
from hypothesis import given, settings
from hypothesis import strategies as st

from pairing_server.keys.ceremony import verify_registration
from pairing_server.keys.refusals import InvalidCredential
from tests.keys.attestation.test_tpm import ONE_THING_WRONG as TPM_WRONG
from tests.keys.handset import CHALLENGE
from tests.keys.makers import NO_AUTHORITY, Authority, Making, authority, ders, trusting
from tests.keys.statements import STATEMENTS, tlv

THEIRS = {"packed": PackedAttestation, "apple": AppleAttestation, "tpm": TpmAttestation}
ROOT = Authority.root()
BELIEVER = trusting(ROOT)
RSA = rsa.generate_private_key(65537, 2048)
#: What fido2 does not ask: whose key Apple's certificate has, and of a TPM its version, its model
#: and its maker.
OURS_ALONE = {
    ("apple", "another key"),
    ("tpm", "of a maker that nobody knows"),
    ("tpm", "of an older version"),
    ("tpm", "of another model"),
    ("tpm", "without a maker"),
    ("tpm", "without a model"),
    ("tpm", "without a version"),
}
RIGHT = {"honest", "an RSA key", "signed by RSA"}
WRONG = {
    ("packed", "honest"): {},
    ("packed", "an RSA key"): {"key": RSA},
    ("packed", "another signature"): {"signed": b"else"},
    ("packed", "another algorithm"): {"alg": -257},
    ("packed", "an authority"): {"extensions": authority()},
    ("packed", "another model"): {"aaguid": bytes(16)},
    ("apple", "honest"): {},
    ("apple", "another nonce"): {"nonce": tlv(0x30, tlv(0xA1, tlv(4, bytes(32))))},
    ("apple", "no nonce"): {"extensions": [NO_AUTHORITY]},
    ("apple", "another key"): {"key": RSA},
    ("tpm", "honest"): {},
    ("tpm", "signed by RSA"): {"key": RSA},
    **{("tpm", name): wrong for name, (wrong, _) in TPM_WRONG.items()},
}


def ours(kind, making, statement):
    try:
        verify_registration(BELIEVER, making.response(kind, statement), CHALLENGE)
    except InvalidCredential:
        return False
    return True


def theirs(kind, making, statement):
    data = AuthenticatorData(making.authenticator_data)
    try:
        THEIRS[kind]().verify(statement, data, making.client_data_hash)
        verify_x509_chain([*statement["x5c"], *ders(ROOT.certificate)])
    except Exception:  # noqa: BLE001 - of many kinds, and written nowhere.
        return False
    return True


@pytest.mark.parametrize(("kind", "name"), WRONG)
def test_both_say_the_same(kind, name):
    making = Making()
    statement = STATEMENTS[kind](making, ROOT, **WRONG[kind, name])
    is_right = name in RIGHT
    assert ours(kind, making, statement) is is_right
    assert theirs(kind, making, statement) is (is_right or (kind, name) in OURS_ALONE)


MADE = {kind: Making() for kind in THEIRS}
MADE_STATEMENTS = {kind: STATEMENTS[kind](MADE[kind], ROOT) for kind in THEIRS}


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(THEIRS)), st.data())
def test_of_a_statement_that_was_damaged_both_say_the_same(kind, data):
    encoded = bytearray(cbor2.dumps(MADE_STATEMENTS[kind], canonical=True))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        damaged = cbor2.loads(bytes(encoded))
    except Exception:  # noqa: BLE001 - no statement at all.
        return
    if ours(kind, MADE[kind], damaged):
        assert theirs(kind, MADE[kind], damaged)
