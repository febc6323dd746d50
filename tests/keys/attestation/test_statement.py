"""A statement is signed by the key that its certificate has, with that key's algorithm."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pairing_server.keys.attestation.statement import (
    HASHES,
    Subject,
    require_same_key,
    require_signature,
)
from tests.keys.makers import AUTHENTICATOR, Authority, sign

EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()
RIGHT = {
    -7: (EC, hashes.SHA256()),
    -36: (EC, hashes.SHA512()),
    -8: (EDWARDS, None),
    -257: (RSA, hashes.SHA256()),
    -258: (RSA, hashes.SHA384()),
    -259: (RSA, hashes.SHA512()),
}


def of(key):
    return Authority.root().issue(AUTHENTICATOR, key)


@pytest.mark.parametrize("algorithm", RIGHT)
def test_what_the_key_signed_is_taken(algorithm):
    key, digest = RIGHT[algorithm]
    require_signature(of(key), algorithm, sign(key, b"data", digest), b"data")


@pytest.mark.parametrize("algorithm", RIGHT)
def test_what_the_key_did_not_sign_is_refused(algorithm):
    key, digest = RIGHT[algorithm]
    signature = sign(key, b"data", digest)
    with pytest.raises(ValueError, match="attestation signature"):
        require_signature(of(key), algorithm, signature, b"date")
    with pytest.raises(ValueError, match="attestation signature"):
        require_signature(of(key), algorithm, signature[:-1], b"data")
    with pytest.raises(ValueError, match="attestation signature"):
        require_signature(of(key), algorithm, b"", b"data")


@pytest.mark.parametrize("algorithm", [-35, -37, -65535, -47, 0, 7, 2**70])
def test_an_algorithm_that_no_maker_uses_is_refused(algorithm):
    with pytest.raises(ValueError, match="another algorithm"):
        require_signature(of(EC), algorithm, b"", b"")


WRONG = [
    (algorithm, key)
    for algorithm, (right, _) in RIGHT.items()
    for key in (EC, RSA, EDWARDS)
    if key is not right
]


@pytest.mark.parametrize(("algorithm", "key"), WRONG)
def test_the_algorithm_is_the_keys(algorithm, key):
    with pytest.raises(ValueError, match="another algorithm"):
        require_signature(of(key), algorithm, b"", b"")


def test_no_hash_is_older_than_sha_256():
    assert min(digest.digest_size for digest in HASHES.values()) == 32


def test_the_certificate_is_the_new_keys_own():
    attested = Subject(
        authenticator_data=b"", client_data_hash=b"", aaguid=b"", public_key=EC.public_key()
    )
    require_same_key(of(EC), attested)
    with pytest.raises(ValueError, match="another key"):
        require_same_key(of(RSA), attested)
