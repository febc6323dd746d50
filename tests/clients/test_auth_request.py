"""Vectors of the approval challenge, checked by an implementation of its own."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from clients.auth_request import AuthRequest, approval_challenge, approval_details
from tests.canonical import canonical

FILE = Path(__file__).parent.parent / "vectors" / "approval_challenge.json"
VECTORS = json.loads(FILE.read_text())["vectors"]
NAMES = [vector["name"] for vector in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_the_client_computes_the_vector(vector):
    request = msgspec.convert(vector["request"], AuthRequest)
    assert approval_details(request, vector["code"]) == vector["details"]
    assert approval_challenge(request, vector["code"]).hex() == vector["challenge"]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_an_independent_implementation_computes_the_vector(vector):
    jcs = canonical(vector["details"])
    assert jcs == vector["jcs"]
    digest = hashlib.sha256(b"pairing_server/approval/v1\n" + jcs.encode()).hexdigest()
    assert digest == vector["challenge"]


def test_the_client_computes_the_vectors_of_a_transaction():
    vectors = json.loads(FILE.with_name("transaction_challenge.json").read_text())["vectors"]
    for vector in vectors:
        request = msgspec.convert(vector["request"], AuthRequest)
        assert approval_details(request, vector["code"]) == vector["details"]
        assert approval_challenge(request, vector["code"]).hex() == vector["challenge"]
        made = b"pairing_server/transaction/v1\n" + canonical(vector["details"]).encode()
        assert hashlib.sha256(made).hexdigest() == vector["challenge"]


@pytest.mark.parametrize("name", sorted(VECTORS[0]["details"]))
def test_every_detail_counts(name):
    details = VECTORS[0]["details"]
    changed = canonical(details | {name: details[name] + "x"})
    digest = hashlib.sha256(b"pairing_server/approval/v1\n" + changed.encode()).hexdigest()
    assert digest != VECTORS[0]["challenge"]
