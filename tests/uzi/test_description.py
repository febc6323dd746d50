"""What a certificate says, as far as it can be read."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clients.card_profile import CARD_NAME, other_name
from pairing_server.uzi.certificate import UNREADABLE, read_card
from pairing_server.uzi.description import common_name, describe, sha_256


def test_of_a_card_that_is_believed_it_says_what_the_card_says(card, hierarchy):
    said, strict = describe(card.certificate, hierarchy), read_card(card.certificate, hierarchy)

    for name in (
        *("uzi_number", "card_type", "ura", "role_code", "agb_code", "oid_ca"),
        *("first_names", "last_name", "title", "serial_number"),
    ):
        assert said[name] == getattr(strict, name)
    assert said["organisation"] == strict.organisation_name
    assert said["role"] == "physician, general practitioner"
    assert said["key_usage"] == ["digitalSignature"]
    assert said["subject_serial_number"] == strict.uzi_number


@pytest.mark.parametrize(
    ("file", "usage"),
    [
        ("handtekening", ["nonRepudiation"]),
        ("vertrouwelijkheid", ["keyEncipherment", "dataEncipherment"]),
        ("zorgverlener_ca", ["keyCertSign", "cRLSign"]),
    ],
)
def test_other_certificates_are_told_apart_by_their_usage(real, hierarchy, file, usage):
    assert describe(real[file], hierarchy)["key_usage"] == usage


def test_what_is_not_there_is_none(real, hierarchy):
    said = describe(real["root_ca"], hierarchy)

    assert (said["uzi_number"], said["policies"], said["extended_key_usage"]) == (None,) * 3
    assert (said["card_names"], said["account_names"], said["first_names"]) == ([], [], None)
    assert said["name"] == common_name(real["root_ca"]) == "TEST Zorg CSP Root CA G3"


@pytest.mark.parametrize("text", ["900001234", "x\xe9y"])
def test_a_card_name_of_another_layout_is_shown_as_it_stands(certify, profile, hierarchy, text):
    odd = x509.OtherName(CARD_NAME, b"\x16" + bytes([len(text)]) + text.encode("latin-1"))
    card = certify(profile.replacing(x509.SubjectAlternativeName([odd])))

    said = describe(card.certificate, hierarchy)

    assert said["uzi_number"] is None
    assert said["card_names"] == [text.replace("\xe9", "\\xe9")]


def test_all_card_names_are_shown_where_there_are_two(certify, profile, hierarchy, holder):
    names = [other_name(CARD_NAME, 0x16, holder.card_name)] * 2
    card = certify(profile.replacing(x509.SubjectAlternativeName(names)))

    said = describe(card.certificate, hierarchy)

    assert said["card_names"] == [holder.card_name] * 2
    assert said["uzi_number"] is None


def test_a_doubled_attribute_is_shown_with_both_values(make_root, hierarchy, at):
    assert describe(make_root("One"), hierarchy)["name"] == "One"
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text) for text in ("One", "Two")])
    both = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at)
        .sign(key, None)
    )

    said = describe(both, hierarchy)

    assert (said["name"], said["key"]) == ("One; Two", "Ed25519")


@given(
    file=st.sampled_from(["authenticiteit", "handtekening", "zorgverlener_ca", "root_ca"]),
    place=st.integers(0, 3000),
    byte=st.integers(0, 255),
)
def test_whatever_can_be_loaded_can_be_described(real, hierarchy, file, place, byte):
    der = bytearray(real[file].public_bytes(Encoding.DER))
    der[place % len(der)] = byte
    try:
        certificate = x509.load_der_x509_certificate(bytes(der))
    except UNREADABLE:
        return

    said = describe(certificate, hierarchy)

    assert json.loads(json.dumps(said)) == said
    assert said["sha256"] == sha_256(certificate)
