"""Whom an installation trusts: what ships and what its operator configures."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clients.card_profile import ACCOUNT_NAME, CARD_NAME, Use, other_name
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from pairing_server.uzi.hierarchy import Anchor, HierarchyError, load_hierarchy
from pairing_server.uzi.path import CardVerifier
from pairing_server.uzi.refusals import UntrustedIssuer
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

    assert "none.pem holds no certificate that can be read: name a PEM" in told
    assert "empty holds no certificate that can be read: name a PEM" in told
    assert "away cannot be read (No such file or directory)" in told
    assert "cannot be read (Is a directory)" in told
    assert "holds a certificate that is no authority's." in told


@pytest.fixture
def unreadable(own_root, tmp_path):
    """A certificate whose subject is text in no encoding."""
    der = own_root.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der.replace(b"Root of", b"\xff\xff\xff\xff of"))


@pytest.mark.parametrize("environment", ["production", "test"])
def test_an_anchor_must_be_readable_in_every_part(unreadable, file, environment):
    told = refused(environment, file(unreadable))

    assert "holds no certificate that can be read: name a PEM" in told


def test_an_anchor_of_a_hierarchy_must_be_readable_in_every_part(unreadable):
    pem = unreadable.public_bytes(Encoding.PEM).decode()

    with pytest.raises(ValueError, match="unreadable"):
        Anchor("Root", sha_256(unreadable).hex(), pem).load()


def test_a_root_of_the_oldest_kind_has_no_extensions(at, file):
    key = make_key(KeyKind.P_256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old root")])
    old = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at)
        .sign(key, hashes.SHA256())
    )

    assert trust_anchors(load_hierarchy("production"), [file(old)]).certificates == (old,)


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


@pytest.fixture(scope="module")
def production_register(at, key_ring):
    """A register that is the real one in everything but its keys."""
    names = {
        "TEST Zorg CSP Root CA G3": "Staat der Nederlanden Root CA - G3",
        "TEST Zorg CSP Level 2 Persoon CA G3": "Staat der Nederlanden Organisatie Persoon CA - G3",
        "TEST UZI-register Zorgverlener CA G3": "UZI-register Zorgverlener CA G3",
    }

    def real_name(name):
        return x509.Name(
            x509.NameAttribute(part.oid, names.get(part.value, part.value)) for part in name
        )

    def real(_, profile):
        profile = replace(
            profile, subject=real_name(profile.subject), issuer=real_name(profile.issuer)
        )
        policy = x509.PolicyInformation(x509.ObjectIdentifier("2.16.528.1.1003.1.2.5.1"), None)
        return profile.replacing(x509.CertificatePolicies([policy]))

    style = Style(KeyKind.P_256, new_key=key_ring.turn(), change=real)
    return UziTestCa.create(at, style), real


@pytest.fixture(scope="module")
def production_card(production_register, holder, at, card_key):
    ca, real = production_register
    text = holder.card_name.replace("2.16.528.1.1007.99.217", "2.16.528.1.1003.1.3.5.5.2")
    names = [
        other_name(CARD_NAME, 0x16, text),
        other_name(ACCOUNT_NAME, 0x0C, f"{holder.uzi_number}@{holder.ura}"),
    ]
    profile = real("card", ca.profile(holder, Use.AUTHENTICATION, at))
    return ca.certify(holder, profile.replacing(x509.SubjectAlternativeName(names)), card_key)


@pytest.fixture(scope="module")
def production(production_register):
    """The hierarchy that ships, but for the SHA-256 of its root."""
    ca, _ = production_register
    (shipped,) = load_hierarchy("production").anchors
    anchor = replace(shipped, sha256=sha_256(ca.root.certificate).hex())
    return replace(load_hierarchy("production"), anchors=(anchor,))


def test_in_production_a_card_that_presents_its_whole_chain_needs_no_file(
    production, production_card, at
):
    verifier = CardVerifier(trust_anchors(production, ()), production)

    verified = verifier.verify(production_card.der, production_card.chain_ders, at)

    assert verified.card.uzi_number == "900001234"
    assert verified.path == (production_card.certificate, *production_card.chain)


def test_in_production_a_card_that_leaves_the_root_out_needs_its_file(
    production, production_card, at, file
):
    der, chain = production_card.der, production_card.chain_ders[:-1]
    without = CardVerifier(trust_anchors(production, ()), production)
    configured = [file(production_card.chain[-1])]
    having = CardVerifier(trust_anchors(production, configured), production)

    with pytest.raises(UntrustedIssuer):
        without.verify(der, chain, at)
    assert having.verify(der, chain, at).card.uzi_number == "900001234"


def test_a_root_of_the_same_name_and_another_key_is_not_the_one_of_the_fingerprint(
    production_card, at
):
    shipped = load_hierarchy("production")
    verifier = CardVerifier(trust_anchors(shipped, ()), shipped)

    with pytest.raises(UntrustedIssuer):
        verifier.verify(production_card.der, production_card.chain_ders, at)


def test_in_production_a_test_card_is_not_believed_whatever_it_presents(ca, card, at):
    """Even where the names of the issuers were taken for real ones."""
    test = load_hierarchy("test")
    digest = sha_256(ca.root.certificate).hex()
    anchors = (Anchor("Root", digest),)
    trusting = replace(test, environment="production", anchors=anchors)
    verifier = CardVerifier(trust_anchors(trusting, ()), trusting)

    with pytest.raises(UntrustedIssuer):
        verifier.verify(card.der, card.chain_ders, at)
    assert (
        CardVerifier(trust_anchors(replace(test, anchors=anchors), ()), test)
        .verify(card.der, card.chain_ders, at)
        .card.uzi_number
        == "900001234"
    )
