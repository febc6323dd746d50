"""Vectors of the approval challenge, checked by an implementation of its own."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from clients.auth_request import (
    AuthRequest,
    approval_challenge,
    approval_details,
    unbind_challenge,
)

FILE = Path(__file__).parent.parent / "vectors" / "approval_challenge.json"
VECTORS = json.loads(FILE.read_text())["vectors"]
NAMES = [vector["name"] for vector in VECTORS]


def canonical(details):
    """RFC 8785 for an object of strings: UTF-16 order of names, the shortest escapes."""
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    short |= {'"': '\\"', "\\": "\\\\"}

    def text(value):
        escaped = (short.get(c, c if c >= " " else f"\\u{ord(c):04x}") for c in value)
        return '"' + "".join(escaped) + '"'

    names = sorted(details, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(text(name) + ":" + text(details[name]) for name in names) + "}"


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


@pytest.mark.parametrize("name", sorted(VECTORS[0]["details"]))
def test_every_detail_counts(name):
    details = VECTORS[0]["details"]
    changed = canonical(details | {name: details[name] + "x"})
    digest = hashlib.sha256(b"pairing_server/approval/v1\n" + changed.encode()).hexdigest()
    assert digest != VECTORS[0]["challenge"]


def test_an_unbinding_is_for_one_credential():
    text = b"pairing_server/unbind/v1\nabc"
    assert unbind_challenge("abc") == hashlib.sha256(text).digest()
