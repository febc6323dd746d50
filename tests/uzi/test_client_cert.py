"""The fields of RFC 9440: what is read of them, and that nothing else is."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from clients.card_profile import Holder
from pairing_server.errors import Refusal
from pairing_server.uzi.client_cert import (
    ClientCertificate,
    MalformedClientCert,
    complete,
    read_fields,
)
from pairing_server.uzi.path import MAX_CHAIN
from pairing_server.uzi.refusals import MalformedCertificate

LEAF = b"\x30\x03leaf"
ITEM = ":MANsZWFm:"


def item(data):
    return f":{base64.b64encode(data).decode()}:"


def ders(certificates):
    return [each.public_bytes(Encoding.DER) for each in certificates]


@given(
    leaf=st.binary(min_size=1, max_size=60),
    chain=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=MAX_CHAIN),
    comma=st.sampled_from([",", ", ", " ,\t"]),
)
def test_what_a_proxy_writes_is_read(leaf, chain, comma):
    listed = comma.join(map(item, chain))

    assert read_fields([item(leaf)], []) == ClientCertificate(leaf)
    assert read_fields([item(leaf)], [listed]) == ClientCertificate(leaf, tuple(chain))


def test_the_example_of_this_file_is_one():
    assert read_fields([ITEM], []) == ClientCertificate(LEAF)


WRONG = [
    "",
    ":",
    "::",
    "MANsZWFm",
    ":MANsZWFm",
    "MANsZWFm:",
    f"{ITEM} x",
    f"{ITEM};a=1",
    f"x{ITEM}",
    f"{ITEM}\n",
    ":MAN sZWFm:",
    ":MANsZWFm=:",
    ":MANsZWE:",
    ":MANsZWF=:",
    ":MANs-WF_:",
    '"MANsZWFm"',
    "-----BEGIN CERTIFICATE-----",
    "unreadable",
    "(null)",
    item(b"x" * 8193 * 2),
]


def shown(value):
    return value[:24].encode("unicode_escape").decode() or "empty"


@pytest.mark.parametrize("value", [*WRONG, f"{ITEM},{ITEM}", f"\t{ITEM}"], ids=shown)
def test_a_field_that_is_not_one_byte_sequence_is_refused(value):
    with pytest.raises(MalformedClientCert):
        read_fields([value], [])


@pytest.mark.parametrize("value", WRONG, ids=shown)
def test_a_list_with_anything_else_in_it_is_refused(value):
    with pytest.raises(MalformedClientCert):
        read_fields([ITEM], [f"{ITEM}, {value}"])


@pytest.mark.parametrize(
    ("leaf", "chain"),
    [
        ([ITEM, ITEM], []),
        ([ITEM, item(b"other")], []),
        ([], [ITEM]),
        ([], []),
        ([ITEM], [ITEM, ITEM]),
        ([ITEM], [""]),
        ([ITEM], [", ".join([ITEM] * (MAX_CHAIN + 1))]),
    ],
    ids=["doubled", "two", "chain alone", "none", "two chains", "empty chain", "six issuers"],
)
def test_doubled_and_missing_fields_are_refused(leaf, chain):
    with pytest.raises(MalformedClientCert):
        read_fields(leaf, chain)


def test_blanks_keep_nobody_busy():
    """As many as a field has room for; a pattern of blanks and a comma took a quarter second."""
    began = time.perf_counter()
    for blanks in (" " * 16000, "\t " * 8000):
        with pytest.raises(MalformedClientCert):
            read_fields([ITEM], [f"{ITEM}{blanks}{ITEM}"])
    assert time.perf_counter() - began < 0.1


@given(leaf=st.lists(st.text(max_size=30), max_size=2), chain=st.lists(st.text(), max_size=2))
def test_no_text_is_more_than_refused(leaf, chain):
    try:
        read = read_fields(leaf, chain)
    except Refusal:
        return
    assert isinstance(read, ClientCertificate)


def test_a_card_without_its_issuers_is_completed_by_those_on_its_path(ca, card):
    other = ca.issuing("N").certificate
    known = [ca.root.certificate, other, ca.level_2.certificate, ca.issuing("Z").certificate]
    leaf = ders([card.certificate])[0]

    full = complete(ClientCertificate(leaf), known)

    assert full.leaf == leaf
    assert sorted(full.chain) == sorted(ders(card.chain))


def test_what_came_with_the_card_stays_in_front(ca, card):
    leaf, *chain = ders([card.certificate, *card.chain])

    full = complete(ClientCertificate(leaf, (chain[0],)), [ca.level_2.certificate, *card.chain])

    assert full.chain == tuple(chain)


def test_both_certificates_of_an_authority_that_was_signed_again_are_added(make_ca, at):
    first, second = make_ca(), make_ca()
    issued = first.issue(Holder(), at).authentication
    both = [first.issuing("Z").certificate, second.issuing("Z").certificate]

    full = complete(ClientCertificate(ders([issued.certificate])[0]), both)

    assert full.chain == tuple(ders(both))


def test_too_many_issuers_are_refused_before_they_are_read(card):
    leaf = ders([card.certificate])[0]

    with pytest.raises(MalformedCertificate, match="chain"):
        complete(ClientCertificate(leaf, (b"x",) * (MAX_CHAIN + 1)), [])


@pytest.mark.parametrize("place", [0, 1], ids=["leaf", "chain"])
def test_what_is_no_certificate_is_refused(card, place):
    leaf = ders([card.certificate])[0]
    shown = [ClientCertificate(b"x"), ClientCertificate(leaf, (b"x",))][place]

    with pytest.raises(MalformedCertificate):
        complete(shown, [])
