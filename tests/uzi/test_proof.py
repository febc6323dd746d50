"""What a card signs, and the check of its signature."""

import base64
import contextlib
from types import SimpleNamespace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from clients.test_ca import KeyKind
from pairing_server.uzi.proof import (
    ALGORITHMS,
    decode_base64,
    holder_key,
    proof_message,
    verify_proof,
)
from pairing_server.uzi.refusals import (
    BadSignature,
    MalformedCertificate,
    MalformedEncoding,
    UnknownAlgorithm,
    WeakKey,
    WrongAlgorithm,
)

MESSAGE = b"what the card signs"
DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES = {"ES256": KeyKind.P_256, "ES384": KeyKind.P_384, "ES512": KeyKind.P_521}
INTEGER_BYTES = {"ES256": 32, "ES384": 48, "ES512": 66}
RSA = [algorithm for algorithm in ALGORITHMS if algorithm not in CURVES]


def sign_rsa(key, algorithm, salt_length=None):
    digest = DIGESTS[algorithm[2:]]
    pss = padding.PSS(padding.MGF1(digest), salt_length or digest.digest_size)
    return key.sign(MESSAGE, pss if algorithm.startswith("PS") else padding.PKCS1v15(), digest)


def sign_ecdsa(key, algorithm, digest=None):
    der = key.sign(MESSAGE, ec.ECDSA(digest or DIGESTS[algorithm[2:]]))
    size = INTEGER_BYTES[algorithm]
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))


def certified(key):
    """A certificate as far as the check looks at one."""
    return SimpleNamespace(public_key=key.public_key)


@pytest.fixture(scope="session")
def keys(key_ring):
    new_key = key_ring.turn()
    return {
        **dict.fromkeys(RSA, new_key(KeyKind.RSA_2048)),
        **{algorithm: new_key(kind) for algorithm, kind in CURVES.items()},
    }


@pytest.fixture(scope="session")
def signature(keys):
    """Sign the message with a good key of the algorithm."""

    def signature(algorithm):
        sign = sign_ecdsa if algorithm in CURVES else sign_rsa
        return sign(keys[algorithm], algorithm)

    return signature


def test_the_message_is_the_wires():
    message = proof_message("https://uzi.example.nl", "id", "nonce", "login", "Inloggen bij é")

    assert message == (
        b"pairing_server/uzi-session/v1\nhttps://uzi.example.nl\nid\nnonce\nlogin\n"
        b"Inloggen bij \xc3\xa9"
    )


@pytest.mark.parametrize("part", range(5))
def test_no_part_of_the_message_holds_a_line_feed(part):
    parts = ["origin", "id", "nonce", "purpose", "statement"]
    parts[part] += "\nmore"

    with pytest.raises(ValueError, match="line feed"):
        proof_message(*parts)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_good_proof_is_believed(keys, signature, algorithm):
    verify_proof(certified(keys[algorithm]), signature(algorithm), algorithm, MESSAGE)


def test_a_proof_with_a_card_is_believed(card):
    verify_proof(card.certificate, sign_rsa(card.key, "RS256"), "RS256", MESSAGE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proof_of_other_bytes_is_refused(keys, signature, algorithm):
    with pytest.raises(BadSignature):
        verify_proof(certified(keys[algorithm]), signature(algorithm), algorithm, MESSAGE + b".")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proof_with_another_key_is_refused(signature, key_ring, algorithm):
    new_key = key_ring.turn()
    kind = CURVES.get(algorithm, KeyKind.RSA_2048)
    other = [new_key(kind), new_key(kind)][-1]

    with pytest.raises(BadSignature):
        verify_proof(certified(other), signature(algorithm), algorithm, MESSAGE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("other", ALGORITHMS)
def test_an_algorithm_stands_for_itself_alone(keys, signature, algorithm, other):
    refusals = () if algorithm == other else (BadSignature, WrongAlgorithm)
    expected = pytest.raises(refusals) if refusals else contextlib.nullcontext()

    with expected:
        verify_proof(certified(keys[algorithm]), signature(algorithm), other, MESSAGE)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_an_algorithm_of_the_other_key_type_is_refused(keys, signature, algorithm):
    with pytest.raises(WrongAlgorithm):
        verify_proof(certified(keys["RS256"]), signature(algorithm), algorithm, MESSAGE)
    with pytest.raises(WrongAlgorithm):
        verify_proof(certified(keys[algorithm]), signature("RS256"), "RS256", MESSAGE)


def test_an_algorithm_of_another_curve_is_refused(keys):
    signature = sign_ecdsa(keys["ES384"], "ES384", hashes.SHA256())[: 2 * 32]

    with pytest.raises(WrongAlgorithm):
        verify_proof(certified(keys["ES384"]), signature, "ES256", MESSAGE)


@pytest.mark.parametrize("algorithm", ["none", "", "rs256", "RS1", "HS256", "EdDSA", "ES256K"])
def test_an_unknown_algorithm_is_refused(keys, signature, algorithm):
    with pytest.raises(UnknownAlgorithm):
        verify_proof(certified(keys["RS256"]), signature("RS256"), algorithm, MESSAGE)


def test_a_salt_of_another_length_is_refused(keys):
    signature = sign_rsa(keys["PS256"], "PS256", salt_length=20)

    with pytest.raises(BadSignature):
        verify_proof(certified(keys["PS256"]), signature, "PS256", MESSAGE)


@pytest.mark.parametrize("algorithm", CURVES)
def test_an_ecdsa_signature_in_der_is_refused(keys, algorithm):
    signature = keys[algorithm].sign(MESSAGE, ec.ECDSA(DIGESTS[algorithm[2:]]))

    with pytest.raises(BadSignature):
        verify_proof(certified(keys[algorithm]), signature, algorithm, MESSAGE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("change", [lambda s: s + b"\0", lambda s: b"\0" + s, lambda s: s[:-1]])
def test_a_signature_of_another_length_is_refused(keys, signature, algorithm, change):
    with pytest.raises(BadSignature):
        verify_proof(certified(keys[algorithm]), change(signature(algorithm)), algorithm, MESSAGE)


@pytest.mark.parametrize("algorithm", CURVES)
def test_an_ecdsa_signature_has_one_spelling(keys, signature, algorithm):
    r_and_s, half = signature(algorithm), INTEGER_BYTES[algorithm]

    with pytest.raises(BadSignature):
        verify_proof(
            certified(keys[algorithm]),
            r_and_s[:half] + b"\0" + r_and_s[half:],
            algorithm,
            MESSAGE,
        )


@pytest.mark.parametrize("algorithm", CURVES)
def test_an_ecdsa_signature_of_zeros_is_refused(keys, algorithm):
    zeros = bytes(2 * INTEGER_BYTES[algorithm])

    with pytest.raises(BadSignature):
        verify_proof(certified(keys[algorithm]), zeros, algorithm, MESSAGE)


@given(algorithm=st.sampled_from(ALGORITHMS), signature=st.binary(max_size=300))
def test_arbitrary_signatures_are_refused(keys, algorithm, signature):
    with pytest.raises(BadSignature):
        verify_proof(certified(keys[algorithm]), signature, algorithm, MESSAGE)


@pytest.mark.parametrize("bits", [2047, 8193])
def test_an_rsa_key_out_of_range_is_refused(bits):
    numbers = rsa.RSAPublicNumbers(65537, (1 << bits) - 1)

    with pytest.raises(WeakKey):
        holder_key(SimpleNamespace(public_key=numbers.public_key))


def test_a_weak_key_proves_nothing(key_ring):
    key = key_ring.turn()(KeyKind.RSA_1024)

    with pytest.raises(WeakKey):
        verify_proof(certified(key), sign_rsa(key, "RS256"), "RS256", MESSAGE)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()]
)
def test_a_key_of_another_kind_is_refused(key):
    with pytest.raises(WeakKey):
        holder_key(certified(key))


@pytest.mark.parametrize("error", [ValueError, UnsupportedAlgorithm])
def test_a_key_that_cannot_be_read_is_refused(error):
    def public_key():
        raise error("no key")

    with pytest.raises(MalformedCertificate):
        holder_key(SimpleNamespace(public_key=public_key))


@given(st.binary(max_size=100))
def test_base64_reads_back(data):
    assert data == decode_base64(base64.b64encode(data).decode())


@pytest.mark.parametrize(
    "text",
    ["YQ", "YQ=", "YR==", "YQ==\n", " YQ==", "Y Q==", "YQ==YQ==", "_-8=", "YQ==\0", "é", "===="],
)
def test_another_spelling_of_base64_is_refused(text):
    with pytest.raises(MalformedEncoding):
        decode_base64(text)


@given(st.text(max_size=30))
def test_arbitrary_text_is_read_or_refused(text):
    with contextlib.suppress(MalformedEncoding):
        assert base64.b64encode(decode_base64(text)).decode() == text
