"""A proof says what was signed with; a signature of another key is not one."""

import base64
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

from clients.card_profile import Holder, Use
from clients.card_signature import DIGEST_INFO_SHA256, Proof, check_signature, sign
from clients.test_ca import KeyKind, Style, UziTestCa

KINDS = [KeyKind.RSA_2048, KeyKind.P_256, KeyKind.P_384, KeyKind.P_521]


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(datetime.now(UTC), Style(KeyKind.P_256))


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def issued(ca, request):
    return ca.issue(Holder(), datetime.now(UTC), request.param)


def test_a_signature_of_the_certificates_key_is_accepted(issued):
    signature, algorithm = sign(issued.authentication.key, b"data")

    check_signature(issued.authentication.certificate, b"data", signature, algorithm)


def test_another_keys_signature_is_refused(issued):
    signature, algorithm = sign(issued.signature.key, b"data")

    with pytest.raises(InvalidSignature):
        check_signature(issued.authentication.certificate, b"data", signature, algorithm)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made + b"\0",
        lambda made: made[:-1],
        # ECDSA's r and a longer way to write its s.
        lambda made: made[: len(made) // 2] + b"\0" + made[len(made) // 2 :],
    ],
    ids=("longer", "shorter", "padded"),
)
def test_a_signature_of_another_length_is_refused(issued, change):
    signature, algorithm = sign(issued.authentication.key, b"data")

    with pytest.raises(InvalidSignature):
        check_signature(issued.authentication.certificate, b"data", change(signature), algorithm)


def test_a_signature_over_other_data_is_refused(issued):
    signature, algorithm = sign(issued.authentication.key, b"data")

    with pytest.raises(InvalidSignature):
        check_signature(issued.authentication.certificate, b"other", signature, algorithm)


def test_pss_is_checked_with_a_salt_as_long_as_its_hash(ca):
    issued = ca.issue(Holder(), datetime.now(UTC))
    key, read = issued.authentication.key, issued.authentication.certificate
    digest = hashes.SHA256()
    made = {
        size: key.sign(b"data", padding.PSS(padding.MGF1(digest), size), digest)
        for size in (20, 32)
    }

    check_signature(read, b"data", made[32], "PS256")
    with pytest.raises(InvalidSignature):
        check_signature(read, b"data", made[20], "PS256")


def test_a_key_of_another_kind_signs_nothing_that_is_accepted(ca):
    key = ed25519.Ed25519PrivateKey.generate()
    profile = ca.profile(Holder(), Use.AUTHENTICATION, datetime.now(UTC))
    certificate = ca.certify(Holder(), profile, key).certificate

    with pytest.raises(InvalidSignature):
        check_signature(certificate, b"data", key.sign(b"data"), "EdDSA")


def test_an_unknown_curve_does_not_sign():
    with pytest.raises(ValueError, match="curve"):
        sign(ec.generate_private_key(ec.SECP256K1()), b"data")


def test_the_digest_info_is_that_of_the_standard():
    assert DIGEST_INFO_SHA256.hex() == "3031300d060960864801650304020105000420"


def test_a_proof_travels_as_padded_standard_base64(issued):
    part = issued.authentication
    proof = Proof(part.certificate, part.chain[:-1], b"\xfb\xff\xfe\0", "RS256")

    body = msgspec.json.decode(msgspec.json.encode(proof.json()))

    assert body == {
        "certificate": base64.b64encode(part.der).decode(),
        "chain": [base64.b64encode(issuer).decode() for issuer in part.chain_ders[:-1]],
        "signature": "+//+AA==",
        "algorithm": "RS256",
    }
