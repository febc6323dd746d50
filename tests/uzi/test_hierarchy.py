"""The hierarchies that come with the package, and those of operators."""

import re
from datetime import timedelta
from importlib import resources

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.settings import UziEnvironment
from pairing_server.uzi.hierarchy import (
    MAX_FILE_BYTES,
    HierarchyError,
    load_hierarchy,
    load_hierarchy_file,
    read_hierarchy,
)

ENVIRONMENTS = ["production", "acceptance", "test"]
ROOT = "66311cb10c39060b92b699b38887fd2bef18ba9fdaf99336196da0c38d90e79f"
TEXT = (
    resources.files("pairing_server")
    .joinpath("uzi", "hierarchies", "acceptance.toml")
    .read_text("utf-8")
)


def mistakes_of(text):
    with pytest.raises(HierarchyError) as raised:
        read_hierarchy(text.encode())
    return raised.value.mistakes


@pytest.mark.parametrize("environment", list(UziEnvironment), ids=str)
def test_each_environment_has_a_hierarchy(environment):
    assert environment == load_hierarchy(environment).environment


def test_there_is_no_fourth_hierarchy():
    with pytest.raises(FileNotFoundError):
        load_hierarchy("development")


@pytest.mark.parametrize(
    ("environment", "card_type", "oid_ca", "common_name"),
    [
        ("production", "Z", "2.16.528.1.1003.1.3.5.5.2", "UZI-register Zorgverlener CA G3"),
        ("production", "N", "2.16.528.1.1003.1.3.5.5.3", "UZI-register Medewerker op naam CA G3"),
        ("acceptance", "Z", "2.16.528.1.1007.99.217", "TEST UZI-register Zorgverlener CA G3"),
        (
            "acceptance",
            "N",
            "2.16.528.1.1007.99.218",
            "TEST UZI-register Medewerker op naam CA G3",
        ),
        ("test", "Z", "2.16.528.1.1007.99.217", "TEST UZI-register Zorgverlener CA G3"),
        ("test", "N", "2.16.528.1.1007.99.218", "TEST UZI-register Medewerker op naam CA G3"),
        ("test", "S", "2.16.528.1.1007.99.2110", "TEST UZI-register Private Server CA G1"),
    ],
)
def test_an_authority_is_found_by_its_name(environment, card_type, oid_ca, common_name):
    authority = load_hierarchy(environment).authority(common_name)

    assert (card_type, oid_ca) == (authority.card_type, authority.oid_ca)


@pytest.mark.parametrize("environment", ["acceptance", "test"])
def test_the_hierarchies_do_not_know_each_others_authorities(environment):
    production, other = load_hierarchy("production"), load_hierarchy(environment)
    names = {authority.common_name for authority in production.issuing_authorities}
    other_names = {authority.common_name for authority in other.issuing_authorities}

    assert names.isdisjoint(other_names)
    assert production.authenticity_policies.isdisjoint(other.authenticity_policies)
    assert production.known_anchors.keys().isdisjoint(other.known_anchors)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_only_cards_that_name_a_person_are_accepted(environment):
    assert {"Z", "N"} == load_hierarchy(environment).accepted_card_types


def test_the_authenticity_policies_are_those_of_the_cps():
    assert {"2.16.528.1.1003.1.2.5.1"} == load_hierarchy("production").authenticity_policies
    assert {"2.16.528.1.1007.99.211"} == load_hierarchy("test").authenticity_policies
    assert {"2.16.528.1.1007.99.211"} == load_hierarchy("acceptance").authenticity_policies


def test_production_names_its_root_by_its_fingerprint_alone():
    (anchor,) = load_hierarchy("production").anchors

    assert anchor.sha256 == "3c4fb0b95ab8b30032f432b86f535fe172c185d0fd39865837cf36187fa6f428"
    assert anchor.load() is None
    assert anchor.source == "http://cert.pkioverheid.nl/"


@pytest.mark.parametrize("environment", ["acceptance", "test"])
def test_the_root_of_the_test_card_ships(environment, real):
    (anchor,) = load_hierarchy(environment).anchors

    assert anchor.load() == real["root_ca"]
    assert anchor.sha256 == ROOT


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("root_ca", "TEST Zorg CSP Root CA G3"),
        ("level_2_persoon_ca", "TEST Zorg CSP Level 2 Persoon CA G3"),
        ("zorgverlener_ca", "TEST UZI-register Zorgverlener CA G3"),
    ],
)
def test_a_published_anchor_is_known_by_its_fingerprint(real, hierarchy, file, name):
    assert name == hierarchy.anchor_name(real[file])


def test_an_anchor_of_the_operators_own_has_no_name(ca, hierarchy):
    assert hierarchy.anchor_name(ca.root.certificate) is None


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_anchor_has_a_published_name(environment):
    hierarchy = load_hierarchy(environment)

    assert [hierarchy.known_anchors[anchor.sha256] for anchor in hierarchy.anchors] == [
        anchor.name for anchor in hierarchy.anchors
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_list_of_an_issuing_authority_is_believed_for_48_hours(environment):
    assert load_hierarchy(environment).revocation.crl_max_age == timedelta(hours=48)


def test_what_the_test_cards_certificates_name_may_be_called_and_is_fetched(real):
    revocation = load_hierarchy("acceptance").revocation
    lists, responders = set(), set()
    for certificate in real.values():
        for extension in certificate.extensions:
            if isinstance(extension.value, x509.CRLDistributionPoints):
                lists |= {name.value for point in extension.value for name in point.full_name}
            if isinstance(extension.value, x509.AuthorityInformationAccess):
                responders |= {
                    access.access_location.value
                    for access in extension.value
                    if access.access_method == AuthorityInformationAccessOID.OCSP
                }

    assert lists == set(revocation.crl_urls)
    assert responders == set(revocation.ocsp_urls)
    assert {re.split("[/:]+", url)[1] for url in lists | responders} == set(revocation.hosts)


def test_in_test_nothing_is_fetched_ahead():
    revocation = load_hierarchy("test").revocation

    assert (revocation.crl_urls, revocation.ocsp_urls) == ((), ())
    assert revocation.hosts == load_hierarchy("acceptance").revocation.hosts


def test_production_fetches_what_the_cps_names():
    revocation = load_hierarchy("production").revocation

    assert revocation.crl_urls == (
        "http://www.csp.uzi-register.nl/cdp/uzi-register_zorgverlener_ca_g3.crl",
        "http://www.csp.uzi-register.nl/cdp/uzi-register_medewerker_op_naam_ca_g3.crl",
    )
    assert revocation.ocsp_urls == ("http://ocsp.uzi-register.nl",)
    assert revocation.hosts == (
        "www.csp.uzi-register.nl",
        "ocsp.uzi-register.nl",
        "crl.pkioverheid.nl",
    )


def test_a_new_hierarchy_is_a_new_file(tmp_path):
    file = tmp_path / "g4.toml"
    file.write_text(
        """
        name = "a hierarchy to come"
        environment = "production"
        authenticity_policies = ["2.16.528.1.1003.1.2.44.16.14.8"]
        accepted_card_types = ["Z"]
        card_name_type = "1.3.6.1.4.1.1466.115.121.1.26"
        account_name_required = false
        [issuer]
        country = "NL"
        organisation = "CIBG"
        organisation_identifier = "NTRNL-50000535"
        [[issuing_authorities]]
        card_type = "Z"
        oid_ca = "2.16.528.1.1003.1.3.5.5.2"
        common_name = "S-CIBG"
        """
    )

    hierarchy = load_hierarchy_file(file)

    assert hierarchy.authority("S-CIBG").card_type == "Z"
    assert hierarchy.anchors == ()
    assert hierarchy.revocation.hosts == ()
    assert hierarchy.revocation.crl_max_age == timedelta(hours=48)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('environment = "acceptance"', 'environment = "demo"', "another form: Invalid enum value"),
        ('name = "CIBG TEST"', "", "another form: Object missing required field `name`"),
        ('country = "NL"', "country = 31", "another form: Expected `str`, got `int`"),
        ("accepted_card_types", "accepted_cards", "missing required field `accepted_card_types`"),
        ("crl_max_age", "crl_age", "'crl_age' is no member of RevocationSources"),
        ('card_type = "S"', 'card_type = "S"\nkind = "S"', "'kind' is no member of Issuing"),
        ("source =", "from =", "'from' is no member of Anchor"),
        ('country = "NL"', 'country = "NL"\nplace = "x"', "'place' is no member of IssuerName"),
        ('name = "CIBG TEST"', 'name = "x"\nanchor = 1', "'anchor' is no member of Hierarchy"),
        ('["Z", "N"]', '["Z", "N", "M"]', "Card type M cannot be accepted"),
        ('["Z", "N"]', '["Z", "N", "S"]', "Card type S cannot be accepted"),
        ('["Z", "N"]', '["Z", "Q"]', "Card type 'Q' is accepted and no issuing authority has it"),
        ('["Z", "N"]', "[]", "No card type is accepted"),
        ('["2.16.528.1.1007.99.211"]', "[]", "There is no authenticity policy"),
        ('["2.16.528.1.1007.99.211"]', '["2.5.29.32.0"]', "anyPolicy is no authenticity policy"),
        ('["2.16.528.1.1007.99.211"]', '["2.16.528."]', "'2.16.528.' is not a dotted OID"),
        ('"2.16.528.1.1007.99.217"', '"217"', "'217' is not a dotted OID"),
        ("rker op naam CA", "rker niet op naam CA", "There are two issuing authorities 'TEST UZI"),
        (f'sha256 = "{ROOT}"', f'sha256 = "{"0" * 64}"', "a certificate with another SHA-256"),
        (f'sha256 = "{ROOT}"', f'sha256 = "{ROOT[:40]}"', "is not a SHA-256 in 64 lower-case"),
        (f'"{ROOT}" =', f'"{ROOT.upper()}" =', "is not a SHA-256 in 64 lower-case hex digits"),
        ("-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAA", "none in PEM"),
        ('"www.uzi-register-test.nl"', '"WWW.uzi-register-test.nl"', "is not a host's name"),
        ('"www.uzi-register-test.nl", ', "", "on one of the hosts that may be called"),
        ('["http://ocsp.', '["ftp://ocsp.', "is not an http URL on one of the hosts"),
        ('["http://ocsp.', '["http://[ocsp.', "is not an http URL on one of the hosts"),
        ('"PT48H"', '"PT0S"', "crl_max_age must be longer than nothing"),
        ('"PT48H"', '"2 days"', "Invalid ISO8601 duration"),
        ("[issuer]", "[issuer", "It is not TOML in UTF-8"),
    ],
)
def test_each_mistake_is_told_in_a_sentence(old, new, told):
    assert old in TEXT

    assert told in "\n".join(mistakes_of(TEXT.replace(old, new)))


def test_all_mistakes_are_told_at_once():
    text = TEXT.replace('["Z", "N"]', '["M"]').replace('"PT48H"', '"PT0S"')

    assert len(mistakes_of(text)) == 2


def test_a_file_that_is_away_or_too_large_is_told_by_its_name(tmp_path):
    with pytest.raises(HierarchyError, match=r"none\.toml cannot be read: No such file"):
        load_hierarchy_file(tmp_path / "none.toml")
    large = tmp_path / "large.toml"
    large.write_text(f"#{'x' * MAX_FILE_BYTES}")
    with pytest.raises(HierarchyError, match=r"large\.toml is too large"):
        load_hierarchy_file(large)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_hierarchy_are_told_and_nothing_else(data):
    with pytest.raises(HierarchyError):
        read_hierarchy(data)


def test_fingerprints_are_those_of_the_certificates(real, hierarchy):
    known = {real[name].fingerprint(hashes.SHA256()).hex() for name in AUTHORITIES}

    assert known == hierarchy.known_anchors.keys()


AUTHORITIES = ("root_ca", "level_2_persoon_ca", "zorgverlener_ca")
