"""Whom an installation trusts: what ships and what its operator configures."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.uzi.hierarchy import Anchor, HierarchyError, load_hierarchy
from pairing_server.uzi.trust import AnchorError, choose_hierarchy, trust_anchors

STATE_ROOT = "3c4fb0b95ab8b30032f432b86f535fe172c185d0fd39865837cf36187fa6f428"


def sha_256(certificate):
    return certificate.fingerprint(hashes.SHA256())


@pytest.fixture
def file(tmp_path):
    def write(certificate, encoding=Encoding.PEM):
        path = tmp_path / f"{sha_256(certificate).hex()[:8]}.cer"
        path.write_bytes(certificate.public_bytes(encoding))
        return path

    return write


@pytest.fixture
def own_root(make_root):
    return make_root("Root of a hospital")


def refused(environment, *configured):
    with pytest.raises(AnchorError) as raised:
        trust_anchors(load_hierarchy(environment), configured)
    return "\n".join(raised.value.mistakes)


def test_production_trusts_the_states_root_where_a_card_presents_it():
    anchors = trust_anchors(load_hierarchy("production"), ())

    assert anchors.certificates == ()
    assert anchors.fingerprints == {bytes.fromhex(STATE_ROOT)}
    assert anchors.real_only


@pytest.mark.parametrize("environment", ["acceptance", "test"])
def test_elsewhere_the_root_of_the_test_card_is_trusted(environment, real):
    anchors = trust_anchors(load_hierarchy(environment), ())

    assert anchors.certificates == (real["root_ca"],)
    assert not anchors.real_only


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER], ids=["pem", "der"])
def test_a_configured_file_is_trusted_besides(own_root, file, encoding):
    anchors = trust_anchors(load_hierarchy("production"), [file(own_root, encoding)])

    assert anchors.certificates == (own_root,)
    assert anchors.fingerprints == {bytes.fromhex(STATE_ROOT)}
    assert anchors.among([]) == (own_root,)


def test_a_file_may_hold_several(own_root, make_root, tmp_path):
    other = make_root("Root of a clinic")
    path = tmp_path / "roots.pem"
    path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (own_root, other)))

    assert trust_anchors(load_hierarchy("production"), [path]).certificates == (own_root, other)


def test_what_ships_and_is_configured_is_trusted_once(real, file):
    anchors = trust_anchors(load_hierarchy("test"), [file(real["root_ca"])])

    assert anchors.certificates == (real["root_ca"],)


@pytest.mark.parametrize("write", [str.lower, str.upper], ids=["lower", "upper"])
def test_64_hex_digits_are_a_fingerprint(own_root, write):
    digest = sha_256(own_root)

    for text in (digest.hex(), digest.hex(":")):
        anchors = trust_anchors(load_hierarchy("production"), [Path(write(text))])
        assert digest in anchors.fingerprints


@pytest.mark.parametrize("length", [40, 62, 63, 65, 128])
def test_another_number_of_digits_is_no_fingerprint(length):
    assert "64 hex digits" in refused("production", Path("a" * length))


def test_what_is_no_certificate_is_told_with_all_the_others(tmp_path, real, file):
    (tmp_path / "none.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    (tmp_path / "empty").write_text("")
    told = refused(
        "test",
        tmp_path / "none.pem",
        tmp_path / "empty",
        tmp_path / "away",
        tmp_path,
        file(real["authenticiteit"]),
    )

    assert "none.pem holds no certificate that can be read." in told
    assert "empty holds no certificate that can be read." in told
    assert "away cannot be read (No such file or directory)" in told
    assert "cannot be read (Is a directory)" in told
    assert "holds a certificate that is no authority's." in told


@given(data=st.binary(max_size=100))
def test_no_bytes_raise_anything_else(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("anchors") / "file"
    path.write_bytes(data)

    with pytest.raises(AnchorError):
        trust_anchors(load_hierarchy("production"), [path])


@pytest.mark.parametrize("name", ["root_ca", "level_2_persoon_ca", "zorgverlener_ca"])
def test_production_refuses_an_anchor_for_tests_as_a_file_and_as_a_fingerprint(real, file, name):
    digest = sha_256(real[name]).hex()

    assert "never trusts it" in refused("production", file(real[name]))
    assert "never trusts it" in refused("production", file(real[name], Encoding.DER))
    assert "never trusts it" in refused("production", Path(digest))
    assert digest in refused("production", Path(digest.upper()))


def test_production_refuses_a_test_register_of_ones_own(ca, file):
    told = refused("production", file(ca.root.certificate))

    assert "TEST Zorg CSP Root CA G3" in told
    assert sha_256(ca.root.certificate).hex() in told


def test_production_refuses_a_test_register_even_when_its_fingerprint_is_not_known(ca):
    root = ca.root.certificate
    anchors = trust_anchors(load_hierarchy("production"), [Path(sha_256(root).hex())])

    assert anchors.among([root]) == ()


def test_a_hierarchy_of_production_cannot_ship_an_anchor_for_tests(real):
    root = real["root_ca"]
    pem = root.public_bytes(Encoding.PEM).decode()
    production = load_hierarchy("production")
    for certificate in (pem, None):
        anchor = Anchor("Root", sha_256(root).hex(), certificate)
        with pytest.raises(AnchorError, match="never trusts it"):
            trust_anchors(replace(production, anchors=(anchor,)), ())


def test_an_operators_own_hierarchy_is_taken_in_its_own_environment_alone(tmp_path):
    own = tmp_path / "own.toml"
    shipped = resources.files("pairing_server") / "uzi" / "hierarchies" / "acceptance.toml"
    own.write_text(shipped.read_text("utf-8").replace('"CIBG TEST"', '"own"'))

    assert choose_hierarchy("acceptance", own).name == "own"
    for environment in ("production", "test"):
        with pytest.raises(HierarchyError, match=r"own\.toml is of environment acceptance"):
            choose_hierarchy(environment, own)


def test_without_one_the_hierarchy_that_ships_is_taken():
    assert choose_hierarchy("production") == load_hierarchy("production")
