"""`docs/phone-app.md` is enough to write an app: every call, every byte, every vector."""

import hashlib
import json
import re

import pytest
from webauthn import verify_authentication_response, verify_registration_response

from clients.client_data import client_data_json
from clients.wire import b64url, b64url_decode
from pairing_server.app import make_app
from tests.documents import ROOT, check_blocks, fenced, kinds, read

DOCUMENT = "docs/phone-app.md"
VECTORS = ROOT / "tests/vectors"
_ROUTE = re.compile(r"`(GET|POST|PUT|DELETE) (/phone/[^`\s]+)`")


def loaded(name):
    return json.loads((VECTORS / name).read_text())


ASSERTIONS, REGISTRATIONS = loaded("assertion_bytes.json"), loaded("registration_bytes.json")


def each(file):
    names = [vector["name"] for vector in file["vectors"]]
    return pytest.mark.parametrize("vector", file["vectors"], ids=names)


async def test_every_call_of_a_phone_is_named(house):
    app = make_app(house.settings, house.stores)
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource.canonical.startswith("/phone/")
    }

    table = read(DOCUMENT).partition("## Every call")[2].partition("\n## ")[0]
    assert set(_ROUTE.findall(table)) == served
    assert set(_ROUTE.findall(read(DOCUMENT))) == set(_ROUTE.findall(table))


def test_every_vector_file_is_named():
    named = set(re.findall(r"\.\./tests/vectors/(\w+\.json)", read(DOCUMENT)))

    assert named == {file.name for file in VECTORS.iterdir()}


def test_the_examples_of_challenges_are_vectors():
    made = {}
    for file in sorted(VECTORS.glob("*_challenge.json")):
        kind = file.name.removesuffix("_challenge.json")
        for vector in loaded(file.name)["vectors"]:
            made[f"{kind}: {vector['name']}"] = fenced("text", _shown(kind, vector))

    check_blocks(DOCUMENT, "vector", made)
    assert kinds(DOCUMENT) == {"vector"}


def _shown(kind, vector):
    if kind == "token":
        return f"challenge as text:\n{vector['text']}\n\nin hex:\n{vector['challenge']}"
    signed = vector["signed"].replace("\n", "\\n") if kind == "unbind" else vector["jcs"]
    what, hashed = "details (RFC 8785)", f'"pairing_server/{kind}/v1\\n" + details'
    if kind == "unbind":
        what, hashed = "text", "text"
    return f"{what}:\n{signed}\n\nSHA-256({hashed}), in hex:\n{vector['challenge']}"


@each(ASSERTIONS)
def test_an_assertion_of_the_vectors_verifies(vector):
    x, y = (b64url_decode(ASSERTIONS["private_key"][name]) for name in "xy")
    cose = bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y

    verified = verify_authentication_response(
        credential=vector["assertion"],
        expected_challenge=bytes.fromhex(vector["challenge"]),
        expected_rp_id=ASSERTIONS["rp_id"],
        expected_origin=vector["origin"],
        credential_public_key=cose,
        credential_current_sign_count=0,
        require_user_verification=True,
    )

    assert verified.new_sign_count == vector["sign_count"]


@each(ASSERTIONS)
def test_an_assertion_of_the_vectors_is_made_of_its_parts(vector):
    challenge = bytes.fromhex(vector["challenge"])
    client_data = client_data_json("webauthn.get", challenge, vector["origin"], cross_origin=False)
    data = hashlib.sha256(ASSERTIONS["rp_id"].encode()).digest()
    data += bytes.fromhex(vector["flags"]) + vector["sign_count"].to_bytes(4, "big")

    assert vector["client_data_json"] == client_data.decode()
    assert vector["authenticator_data"] == data.hex()
    assert vector["signed"] == (data + hashlib.sha256(client_data).digest()).hex()
    response = vector["assertion"]["response"]
    assert response["clientDataJSON"] == b64url(client_data)
    assert response["authenticatorData"] == b64url(data)
    assert response["signature"] == b64url(bytes.fromhex(vector["signature"]))


@each(ASSERTIONS)
def test_an_assertion_of_the_vectors_signs_a_challenge_of_the_vectors(vector):
    file, _, name = vector["challenge_of"].partition(": ")

    (signed,) = [each for each in loaded(file)["vectors"] if each["name"] == name]
    assert signed["challenge"] == vector["challenge"]


@each(REGISTRATIONS)
def test_a_registration_of_the_vectors_verifies(vector):
    verified = verify_registration_response(
        credential=vector["credential"],
        expected_challenge=b64url_decode(vector["challenge"]),
        expected_rp_id=REGISTRATIONS["rp_id"],
        expected_origin=vector["origin"],
        require_user_verification=True,
    )

    assert b64url(verified.credential_id) == REGISTRATIONS["credential_id"]
    assert verified.credential_public_key.hex() == vector["public_key_cose"]


@each(REGISTRATIONS)
def test_a_registration_of_the_vectors_is_made_of_its_parts(vector):
    identifier = b64url_decode(REGISTRATIONS["credential_id"])
    x, y = (b64url_decode(REGISTRATIONS["private_key"][name]) for name in "xy")
    cose = bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y
    data = hashlib.sha256(REGISTRATIONS["rp_id"].encode()).digest() + b"\x45" + bytes(4)
    data += bytes(16) + len(identifier).to_bytes(2, "big") + identifier + cose

    challenge = b64url_decode(vector["challenge"])
    client_data = client_data_json(
        "webauthn.create", challenge, vector["origin"], cross_origin=False
    )
    assert vector["client_data_json"] == client_data.decode()
    assert vector["client_data_hash"] == hashlib.sha256(client_data).hexdigest()
    assert vector["authenticator_data"] == data.hex()
    assert vector["public_key_cose"] == cose.hex()
    assert data in bytes.fromhex(vector["attestation_object"])
