"""What a XIS asks is read as it was meant, or refused."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.errors import InvalidRequest
from pairing_server.xis.signing import ALGORITHMS, MOST, lowered, signing

algorithms = st.sampled_from(sorted(ALGORITHMS))
spellings = st.sampled_from([str.lower, str.upper, str.capitalize])


def body(*entries, **members):
    made = {"sessionid": "s", "hashalgorithm": "sha-256", "entries": list(entries)}
    return made | members


def entry(data, identifier="one"):
    return {"id": identifier, "data": data}


@given(algorithms, st.binary(max_size=40), spellings, st.booleans())
def test_a_hash_is_signed_as_it_came(algorithm, data, spelling, is_hex):
    digest = ALGORITHMS[algorithm](data).digest()
    sent = digest.hex() if is_hex else base64.b64encode(digest).decode()
    made = {
        spelling("SessionId"): "s",
        spelling("HashAlgorithm"): spelling(algorithm),
        spelling("Entries"): [{spelling("Id"): "one", spelling("Data"): sent}],
    }
    read = signing(lowered(made))
    assert read.hashes == {"one": f"{algorithm}:{digest.hex()}"}
    assert (read.session_id, read.message) == ("s", "hash")


@given(algorithms, st.text(min_size=1, max_size=200), st.sampled_from(["token-1", "token-2"]))
def test_a_token_is_hashed_here(algorithm, token, profile):
    read = signing(body(entry(token), hashalgorithm=algorithm, profile=profile))
    expected = hashlib.new(algorithm.replace("-", ""), token.encode()).hexdigest()
    assert read.hashes == {"one": f"{algorithm}:{expected}"}
    assert read.message == profile


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=MOST))
def test_all_hashes_stand_in_what_is_signed(digests):
    entries = [entry(each.hex(), str(n)) for n, each in enumerate(digests)]
    read = signing(body(*entries, text="Recept"))
    assert read.signed == " ".join(f"sha-256:{each.hex()}" for each in digests)
    assert read.message == "Recept"


GOOD = "00" * 32


@pytest.mark.parametrize(
    "bad",
    [
        body(entry("00" * 20), hashalgorithm="sha-1"),
        body(entry("token"), hashalgorithm="sha-1", profile="token-1"),
        body(entry("00" * 16), hashalgorithm="md5"),
        body(entry(GOOD), hashalgorithm=""),
        body(entry(GOOD), profile="token-3"),
        body(entry(GOOD[:-2])),
        body(entry(GOOD + "00")),
        body(entry("zz" * 32)),
        body(entry(" " * 64)),
        body(entry("0" * 40)),
        body(entry("")),
        body(entry(GOOD), hashalgorithm="sha-512"),
        body(entry(GOOD), entry(GOOD)),
        body(*(entry(GOOD, str(n)) for n in range(MOST + 1))),
        body(),
        body(entry(GOOD, "")),
        body(entry(GOOD, "x" * 101)),
        body(entry(GOOD), text="\u202e"),
        body(entry(GOOD), text="x" * 101),
        body(entry(GOOD), text="042917"),
        body(entry(GOOD), sessionid=3),
        body(entry(GOOD), entries="x"),
        body(entry(GOOD), entries=["x"]),
        {"sessionid": "s", "hashalgorithm": "sha-256"},
    ],
)
def test_what_cannot_be_signed_is_refused(bad):
    with pytest.raises(InvalidRequest):
        signing(bad)


@pytest.mark.parametrize("bad", [[], "x", None, 3])
def test_a_body_is_an_object(bad):
    with pytest.raises(InvalidRequest):
        lowered(bad)
