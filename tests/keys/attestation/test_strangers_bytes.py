"""Whatever a stranger sends as an attestation is refused, and at a bounded cost."""

import contextlib
import sys
import time

import cbor2
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.authenticator import Attestation, Authenticator
from pairing_server.errors import Refusal
from pairing_server.keys.attestation.roots import CHAINED
from pairing_server.keys.ceremony import verify_registration
from pairing_server.tokens import b64url, b64url_decode
from tests.keys.handset import CHALLENGE, registration
from tests.keys.makers import AUTHENTICATOR, Authority, Making, ders, trusting
from tests.keys.statements import ANDROID_OID, STATEMENTS, other

#: Calls of functions, in Python or below: an honest attestation takes some 2,000, and CBOR three
#: for each of a stranger's bytes at the most.
MAX_CALLS = 100_000
#: An honest one takes a hundredth of it, on a machine that has nothing else to do.
MAX_SECONDS = 2.0
#: As many bytes as come in.
MAX_BYTES = 32_768

ROOT = Authority.root()
MIDDLE = ROOT.below()
BELIEVER = trusting(ROOT)
MAKING = Making()
KINDS = (*CHAINED, "none", "self")


def made(kind):
    if kind in CHAINED:
        chain = [MIDDLE.certificate, ROOT.certificate]
        return MAKING.response(kind, STATEMENTS[kind](MAKING, MIDDLE, chain=chain))
    attestation = Attestation.NONE if kind == "none" else Attestation.PACKED
    return registration(Authenticator(attestation=attestation))


MADE = {kind: made(kind) for kind in KINDS}
BYTES = {kind: b64url_decode(one.response.attestation_object) for kind, one in MADE.items()}


def judged(kind, attestation):
    """Verify an attestation; tell what it cost."""
    response = msgspec.structs.replace(MADE[kind].response, attestation_object=b64url(attestation))
    body = msgspec.structs.replace(MADE[kind], response=response)
    calls = 0

    def count(_, event, __):
        nonlocal calls
        calls += event in {"call", "c_call"}

    began = time.thread_time()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with contextlib.suppress(Refusal):
            verify_registration(BELIEVER, body, CHALLENGE)
    finally:
        sys.setprofile(before)
    assert calls < MAX_CALLS
    assert time.thread_time() - began < MAX_SECONDS
    return calls


CBOR = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.binary()
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
MEMBERS = ["alg", "sig", "x5c", "ver", "certInfo", "pubArea", "response", "ecdaaKeyId"]
often = settings(max_examples=200, deadline=None)


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_one_costs_what_it_costs(kind):
    assert 0 < judged(kind, BYTES[kind]) < MAX_CALLS / 20


@often
@given(st.sampled_from(KINDS), st.binary(max_size=400))
def test_arbitrary_bytes(kind, data):
    judged(kind, data)


@often
@given(st.sampled_from(KINDS), st.data())
def test_bytes_that_were_damaged(kind, data):
    damaged = bytearray(BYTES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        put = data.draw(st.binary(max_size=3))
        damaged[place : place + data.draw(st.integers(0, 3))] = put
    judged(kind, bytes(damaged)[:MAX_BYTES])


@often
@given(st.sampled_from(CHAINED), st.dictionaries(st.sampled_from(MEMBERS), CBOR, min_size=1))
def test_statements_of_another_form(kind, members):
    attested = cbor2.loads(BYTES[kind])
    statement = attested["attStmt"] | members
    judged(kind, cbor2.dumps({**attested, "attStmt": statement}, canonical=True)[:MAX_BYTES])


@often
@given(st.sampled_from(CHAINED), st.integers(0, 2), st.data())
def test_certificates_that_were_damaged(kind, which, data):
    attested = cbor2.loads(BYTES[kind])
    chain = [bytearray(one) for one in attested["attStmt"]["x5c"]]
    place = data.draw(st.integers(0, len(chain[which]) - 1))
    chain[which][place] ^= 1 << data.draw(st.integers(0, 7))
    statement = {**attested["attStmt"], "x5c": [bytes(one) for one in chain]}
    judged(kind, cbor2.dumps({**attested, "attStmt": statement}, canonical=True))


@often
@given(st.sampled_from(["certInfo", "pubArea"]), st.data())
def test_tpm_structures_that_were_damaged(name, data):
    attested = cbor2.loads(BYTES["tpm"])
    damaged = bytearray(attested["attStmt"][name])
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    statement = {**attested["attStmt"], name: bytes(damaged)}
    judged("tpm", cbor2.dumps({**attested, "attStmt": statement}, canonical=True))


@often
@given(st.binary(max_size=200))
def test_key_descriptions_of_another_form(data):
    """A maker's own certificate, so that everything before has passed."""
    extensions = [other(ANDROID_OID, data)]
    statement = STATEMENTS["android-key"](MAKING, ROOT, extensions=extensions)
    attested = {**cbor2.loads(BYTES["android-key"]), "attStmt": statement}
    judged("android-key", cbor2.dumps(attested, canonical=True))


COSTLY = {
    "thousands of empty certificates": [b""] * 10_000,
    "thousands of numbers": [0] * 30_000,
    "dozens of certificates": ders(MIDDLE.certificate) * 60,
    "one that is all extensions": [b"\x30\x82\x7f\x00" + b"\x30\x00" * 15_000],
    "one that nests": [b"\x30\x80" * 15_000],
}


@pytest.mark.parametrize("chain", COSTLY.values(), ids=COSTLY)
@pytest.mark.parametrize("kind", CHAINED)
def test_chains_that_are_meant_to_cost(kind, chain):
    attested = cbor2.loads(BYTES[kind])
    statement = {**attested["attStmt"], "x5c": chain}
    judged(kind, cbor2.dumps({**attested, "attStmt": statement}, canonical=True)[:MAX_BYTES])


@pytest.mark.parametrize("kind", CHAINED)
def test_the_slowest_keys_that_may_come(kind):
    """Six authorities with the largest keys, all of which a stranger made himself."""
    key = rsa.generate_private_key(65537, 4096)
    root = Authority.root(key=key)
    signed = [root.issue(AUTHENTICATOR, key) for _ in range(6)]
    attested = cbor2.loads(BYTES[kind])
    statement = {**attested["attStmt"], "x5c": ders(*signed)}
    judged(kind, cbor2.dumps({**attested, "attStmt": statement}, canonical=True))
