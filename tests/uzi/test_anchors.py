"""Anchors: certificates that are known, fingerprints that the presented chain must hold."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pairing_server.uzi.anchors import TrustAnchors, is_for_tests


def sha_256(certificate):
    return certificate.fingerprint(hashes.SHA256())


def test_a_certificate_is_an_anchor_whatever_is_presented(ca):
    root = ca.root.certificate

    assert TrustAnchors((root,)).among([]) == (root,)


def test_a_fingerprint_is_an_anchor_where_its_certificate_is_presented(ca):
    root, level_2 = ca.root.certificate, ca.level_2.certificate
    anchors = TrustAnchors(fingerprints=frozenset({sha_256(root)}))

    assert anchors.among([level_2, root]) == (root,)
    assert anchors.among([level_2]) == ()


def test_what_is_known_and_presented_is_one_anchor(ca):
    root = ca.root.certificate
    anchors = TrustAnchors((root,), frozenset({sha_256(root)}))

    assert anchors.among([root]) == (root,)


def test_a_part_of_a_fingerprint_is_none(ca):
    root = ca.root.certificate

    assert TrustAnchors(fingerprints=frozenset({sha_256(root)[:20]})).among([root]) == ()


def test_among_real_ones_there_is_never_one_for_tests(ca, real):
    for root in (ca.root.certificate, real["root_ca"]):
        known = TrustAnchors((root,), real_only=True)
        fingerprint = TrustAnchors(fingerprints=frozenset({sha_256(root)}), real_only=True)

        assert known.among([root]) == ()
        assert fingerprint.among([root]) == ()


@pytest.mark.parametrize(
    ("name", "for_tests"),
    [
        ("TEST Zorg CSP Root CA G3", True),
        ("TRIAL PKIoverheid - G4 Root Priv G-TLS", True),
        ("ACCEPTATIE UZI Server - G4", True),
        ("test root", True),
        ("Staat der Nederlanden Root CA - G3", False),
        ("Testament Ziekenhuis Root", False),
        ("Root of a TEST", False),
    ],
)
def test_an_authority_for_tests_says_so_in_its_name(make_root, name, for_tests):
    assert is_for_tests(make_root(name)) == for_tests


def test_an_authority_whose_name_cannot_be_read_is_not_real(make_root):
    der = make_root("Root of a hospital").public_bytes(Encoding.DER)
    unreadable = x509.load_der_x509_certificate(der.replace(b"Root of", b"\xff\xff\xff\xff of"))

    assert is_for_tests(unreadable)
    assert TrustAnchors((unreadable,), real_only=True).among([]) == ()
