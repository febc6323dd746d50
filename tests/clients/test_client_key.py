"""What a client signs with: who it is, and that its tokens' key is there."""

import base64
import hashlib

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clients.client_key import ClientKey, NoKey, ProofKey, read_key

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
PLAIN = serialization.NoEncryption()
TOKEN = "https://login.example/token"


def written(tmp_path, key, encryption=PLAIN):
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(PEM, PKCS8, encryption))
    return file


def b64url(digest):
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_a_key_is_read_from_its_file(tmp_path, client_key):
    read = read_key(written(tmp_path, client_key))
    assert read.private_numbers() == client_key.private_numbers()


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_key_that_signs_no_es256_is_refused(tmp_path, key):
    with pytest.raises(NoKey, match="not a P-256 key"):
        read_key(written(tmp_path, key))


def test_a_key_behind_a_password_is_refused(tmp_path, client_key):
    locked = written(tmp_path, client_key, serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(NoKey, match="unencrypted"):
        read_key(locked)


def test_what_is_no_key_is_refused_and_not_shown(tmp_path):
    (tmp_path / "key.pem").write_text("hunter2")
    with pytest.raises(NoKey) as refused:
        read_key(tmp_path / "key.pem")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(NoKey):
        read_key(tmp_path / "none.pem")


def test_an_assertion_is_for_one_server_and_a_minute(client_key):
    token = ClientKey("c", client_key, "k").assertion("https://login.example")
    assert jwt.get_unverified_header(token)["kid"] == "k"
    public = client_key.public_key()
    claims = jwt.decode(token, public, ["ES256"], audience="https://login.example")
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == ("c", "c", 60)


def test_a_proof_is_for_one_call_by_the_key_that_it_names():
    key = ProofKey()
    first, second = key.proof("POST", TOKEN), key.proof("POST", TOKEN)
    header = jwt.get_unverified_header(first)
    assert (header["typ"], header["alg"]) == ("dpop+jwt", "ES256")
    assert "d" not in header["jwk"]
    claims = jwt.decode(first, jwt.PyJWK(header["jwk"], "ES256"), ["ES256"])
    assert (claims["htm"], claims["htu"], claims.get("ath")) == ("POST", TOKEN, None)
    assert claims["jti"] != jwt.decode(second, options={"verify_signature": False})["jti"]


def test_a_proof_with_a_token_names_it_by_its_hash():
    proof = jwt.decode(
        ProofKey().proof("GET", TOKEN, "opaque"), options={"verify_signature": False}
    )
    assert proof["ath"] == b64url(hashlib.sha256(b"opaque").digest())


def test_the_thumbprint_is_that_of_the_key_in_the_proof():
    key = ProofKey()
    jwk = jwt.get_unverified_header(key.proof("POST", TOKEN))["jwk"]
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert key.thumbprint == b64url(hashlib.sha256(text.encode()).digest())
    assert ProofKey().thumbprint != key.thumbprint
