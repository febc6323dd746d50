"""What the phone signs: the vectors, which both sides read, and that no detail can be changed."""

import hashlib
import json
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from clients.auth_request import AuthRequest as PhoneRequest
from clients.auth_request import approval_challenge
from pairing_server.approvals.auth_request import Shown
from pairing_server.approvals.evidence import CONTEXT, TRANSACTION_CONTEXT, challenge, details
from tests.approvals.requests import NOW, PENDING

FILES = Path(__file__).parents[1] / "vectors"
VECTORS = json.loads((FILES / "approval_challenge.json").read_text("utf-8"))["vectors"]
SIGNATURES = json.loads((FILES / "transaction_challenge.json").read_text("utf-8"))["vectors"]
MEMBERS = [field.name for field in fields(Shown)]
texts = st.text(st.characters(exclude_categories=["Cs"]))
shown = st.builds(Shown, **dict.fromkeys(MEMBERS, texts))


def stored(vector):
    return replace(
        PENDING,
        id=vector["request"]["id"],
        shown=Shown(**{name: vector["request"].get(name, "") for name in MEMBERS}),
        expires_at=NOW + timedelta(minutes=2),
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_server_computes_the_vectors(vector):
    signed = details(stored(vector), vector["code"])
    assert signed == vector["details"]
    assert challenge(signed).hex() == vector["challenge"]
    assert hashlib.sha256(CONTEXT + vector["jcs"].encode()).hexdigest() == vector["challenge"]


@pytest.mark.parametrize("vector", SIGNATURES, ids=[vector["name"] for vector in SIGNATURES])
def test_the_server_computes_the_vectors_of_a_transaction(vector):
    signed = details(stored(vector), vector["code"])
    assert signed == vector["details"]
    assert challenge(signed).hex() == vector["challenge"]
    made = hashlib.sha256(TRANSACTION_CONTEXT + vector["jcs"].encode()).hexdigest()
    assert made == vector["challenge"]


def test_no_login_can_be_taken_for_a_signature():
    signed = details(stored(SIGNATURES[0]), "1")
    as_login = hashlib.sha256(CONTEXT + rfc8785.dumps(signed)).digest()
    assert challenge(signed) != as_login
    assert "hashes" not in details(stored(VECTORS[0]), "1")


@given(shown, texts)
def test_phone_and_server_agree_on_any_text(what, code):
    request = replace(PENDING, shown=what)
    members = {name: getattr(what, name) for name in MEMBERS}
    phone = approval_challenge(PhoneRequest(id=request.id, **members), code)
    assert challenge(details(request, code)) == phone


@given(shown, texts, st.sampled_from(sorted(VECTORS[0]["details"])), texts)
def test_every_detail_counts(what, code, name, other):
    signed = details(replace(PENDING, shown=what), code)
    changed = signed | {name: other}
    assert (challenge(changed) == challenge(signed)) == (changed == signed)


def test_a_quote_does_not_move_text_from_one_member_to_another():
    signed = details(PENDING, "1")
    forged = signed | {"location": 'x","message":"y', "message": ""}
    honest = signed | {"location": "x", "message": "y"}
    assert challenge(forged) != challenge(honest)


def test_text_that_looks_alike_is_not_alike():
    composed, decomposed = {"message": "caf\u00e9"}, {"message": "cafe\u0301"}
    assert challenge(composed) != challenge(decomposed)


def test_members_are_sorted_by_utf_16():
    # RFC 8785 section 3.2.3: U+1F600 stands before U+FB33 though its code point is higher.
    signed = {"\ufb33": "1", "\U0001f600": "2", "\u20ac": "3", "\r": "4"}
    jcs = '{"\\r":"4","\u20ac":"3","\U0001f600":"2","\ufb33":"1"}'
    assert challenge(signed) == hashlib.sha256(CONTEXT + jcs.encode()).digest()
