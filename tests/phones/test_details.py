"""What a phone signs is what the vectors say, and each member counts."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.phones import details
from pairing_server.phones.details import challenge, renewal_details, unblock_details
from tests.documents import ROOT

CONTEXTS = {
    "change": details.CHANGE,
    "renewal": details.RENEWAL,
    "transfer": details.TRANSFER,
    "unblock": details.UNBLOCK,
}
texts = st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=6)


@pytest.mark.parametrize("name", CONTEXTS)
def test_the_vectors_of_the_documents_are_computed(name):
    vectors = json.loads((ROOT / f"tests/vectors/{name}_challenge.json").read_text())
    cases = vectors["vectors"]
    computed = [challenge(CONTEXTS[name], case["details"]).hex() for case in cases]
    assert computed == [case["challenge"] for case in cases]
    assert f"{vectors['context']}\n".encode() == CONTEXTS[name]


@given(texts, st.sampled_from(sorted(CONTEXTS)), st.sampled_from(sorted(CONTEXTS)))
def test_one_act_never_passes_for_another(shown, one, other):
    same = challenge(CONTEXTS[one], shown) == challenge(CONTEXTS[other], shown)
    assert same is (one == other)


@given(texts, texts)
def test_other_details_have_another_challenge(one, other):
    equal = challenge(details.CHANGE, one) == challenge(details.CHANGE, other)
    assert equal is (one == other)
    assert len(challenge(details.CHANGE, one)) == hashlib.sha256().digest_size


def test_the_members_are_those_of_the_wire():
    assert list(renewal_details(renewal="r", credential="c", new_credential="n", nonce="o")) == [
        "renewal",
        "credential",
        "new_credential",
        "nonce",
    ]
    assert list(unblock_details(challenge="a", credential="c", code="1")) == [
        "challenge",
        "credential",
        "code",
    ]
