"""Vectors of what a phone signs about its key, checked by an implementation of its own."""

import hashlib
import json
from pathlib import Path

import pytest

from clients.phone_challenge import (
    change_challenge,
    renewal_challenge,
    renewal_details,
    unbind_challenge,
    unblock_challenge,
    unblock_details,
)
from clients.transfer import transfer_challenge
from clients.wire import b64url_decode
from tests.canonical import canonical

VECTORS = Path(__file__).parent.parent / "vectors"
CHALLENGES = {
    "change": change_challenge,
    "renewal": renewal_challenge,
    "transfer": transfer_challenge,
    "unblock": unblock_challenge,
}


def vectors(kind):
    return json.loads((VECTORS / f"{kind}_challenge.json").read_text())["vectors"]


def each(*kinds):
    pairs = [(kind, vector) for kind in kinds for vector in vectors(kind)]
    names = [f"{kind}: {vector['name']}" for kind, vector in pairs]
    return pytest.mark.parametrize(("kind", "vector"), pairs, ids=names)


@each(*CHALLENGES)
def test_the_client_computes_the_vector(kind, vector):
    assert CHALLENGES[kind](vector["details"]).hex() == vector["challenge"]


@each(*CHALLENGES)
def test_an_independent_implementation_computes_the_vector(kind, vector):
    jcs = canonical(vector["details"])
    assert jcs == vector["jcs"]
    signed = f"pairing_server/{kind}/v1\n{jcs}".encode()
    assert hashlib.sha256(signed).hexdigest() == vector["challenge"]


@pytest.mark.parametrize("kind", CHALLENGES)
def test_every_detail_counts(kind):
    details = vectors(kind)[0]["details"]
    changed = {name: details | {name: details[name] + "x"} for name in details}
    challenges = {CHALLENGES[kind](each) for each in [details, *changed.values()]}
    assert len(challenges) == 1 + len(details)


def test_the_same_details_are_another_challenge_in_another_context():
    details = vectors("renewal")[0]["details"]
    challenges = {challenge(details) for challenge in CHALLENGES.values()}
    assert len(challenges) == len(CHALLENGES)


@each("unblock")
def test_the_details_of_an_unblocking_are_those_of_the_vector(kind, vector):
    assert kind == "unblock"
    made = unblock_details(vector["drawn"], credential=vector["credential"], code=vector["code"])
    assert made == vector["details"]


def test_the_details_of_a_renewal_are_those_of_the_vector():
    details = vectors("renewal")[0]["details"]
    made = renewal_details(
        details["renewal"],
        credential=details["credential"],
        new_credential=details["new_credential"],
        nonce=details["nonce"],
    )
    assert made == details


@each("unbind")
def test_an_unbinding_is_for_one_credential(kind, vector):
    signed = f"pairing_server/{kind}/v1\n{vector['credential_id']}"
    assert vector["signed"] == signed
    assert vector["challenge"] == hashlib.sha256(signed.encode()).hexdigest()
    assert unbind_challenge(vector["credential_id"]).hex() == vector["challenge"]


@each("token")
def test_the_challenge_for_a_token_is_signed_as_it_is(kind, vector):
    assert kind == "token"
    assert b64url_decode(vector["text"]).hex() == vector["challenge"]
